//! One address with several doors.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// Answers everybody with its own number.
struct Numbered(AtomicUsize);

impl Service for Numbered {
    type Receipt = ();

    fn answer(
        self: Arc<Self>,
        _request: Request<Body>,
        _visitor: Visitor,
    ) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Response::new(Body::whole("ok")) })
    }

    fn refuse(&self, refusal: super::super::Refusal, _visitor: Visitor) -> Response<Body> {
        panic!("{refusal:?}")
    }
}

/// Two lanes with a door each, as they are served.
struct Lanes {
    address: SocketAddr,
    runtimes: Vec<Runtime>,
    served: Vec<Arc<Numbered>>,
    stops: Vec<CancellationToken>,
    doors: Vec<JoinHandle<()>>,
}

impl Lanes {
    fn open(connections_max: usize) -> Lanes {
        let lane = || {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(1).enable_all().build().unwrap()
        };
        let runtimes = vec![lane(), lane()];
        let handles: Vec<Handle> = runtimes.iter().map(|own| own.handle().clone()).collect();
        let doors = Door::open_on(ANY, &handles).unwrap();
        let mut lanes =
            Lanes { address: doors[0].address(), runtimes, served: Vec::new(), stops: Vec::new(), doors: Vec::new() };
        let (limits, places) = (Arc::new(Limits::default()), Arc::new(Semaphore::new(connections_max)));
        for (door, handle) in doors.into_iter().zip(&handles) {
            assert_eq!(door.address(), lanes.address);
            let (service, stop) = (Arc::new(Numbered(AtomicUsize::new(0))), CancellationToken::new());
            let serving = door.serve(service.clone(), limits.clone(), places.clone(), stop.clone().cancelled_owned());
            lanes.doors.push(handle.spawn(serving));
            lanes.served.push(service);
            lanes.stops.push(stop);
        }
        lanes
    }

    fn served(&self) -> Vec<usize> {
        self.served.iter().map(|own| own.0.load(Ordering::SeqCst)).collect()
    }

    /// Asks once, on a connection of its own, which is left to the caller.
    async fn ask(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        ask_on(&mut stream).await;
        stream
    }

    /// Closes one, and waits until it is.
    async fn close(&mut self, door: usize) {
        self.stops[door].cancel();
        let closed = &mut self.doors[door];
        if !closed.is_finished() {
            within("the door is closed", closed).await.unwrap();
        }
    }

    /// Ends them, from outside of any runtime.
    async fn end(mut self) {
        for door in 0..self.doors.len() {
            self.close(door).await;
        }
        self.runtimes.into_iter().for_each(Runtime::shutdown_background);
    }
}

async fn ask_on(stream: &mut TcpStream) {
    let mut heard = Vec::new();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let answered = async {
        while !heard.ends_with(b"\r\n\r\nok") {
            assert!(stream.read_buf(&mut heard).await.unwrap() > 0, "the connection was closed");
        }
    };
    within("an answer comes", answered).await;
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), future).await.unwrap_or_else(|_| panic!("waited 20 s until {what}"))
}

#[tokio::test]
async fn all_doors_of_an_address_are_used_and_closed() {
    let lanes = Lanes::open(1_000);
    // Chance decides where each goes: that 64 all go to one is as likely as never.
    let mut streams = Vec::new();
    for _ in 0..64 {
        streams.push(lanes.ask().await);
    }
    let served = lanes.served();
    assert!(served.iter().all(|own| *own > 0) && served.iter().sum::<usize>() == 64, "{served:?}");
    for mut stream in streams {
        ask_on(&mut stream).await;
    }
    let address = lanes.address;
    lanes.end().await;
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn what_is_open_at_one_door_outlasts_the_end_of_another() {
    let mut lanes = Lanes::open(1_000);
    let mut streams = Vec::new();
    while lanes.served()[1] < 4 {
        streams.push(lanes.ask().await);
    }
    let before = lanes.served()[1];
    lanes.close(0).await;
    // Those of the first have ended, those of the other are answered; and whoever comes now is.
    let mut answered = 0;
    for mut stream in streams {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap_or_default();
        let heard = within("it is answered or closed", stream.read(&mut [0; 512])).await;
        answered += usize::from(heard.is_ok_and(|bytes| bytes > 0));
    }
    assert_eq!(answered, before);
    for _ in 0..16 {
        lanes.ask().await;
    }
    assert_eq!(lanes.served()[1], 2 * before + 16);
    lanes.end().await;
}

#[tokio::test]
async fn a_door_that_nobody_comes_to_holds_no_place() {
    let lanes = Lanes::open(1);
    for _ in 0..32 {
        drop(lanes.ask().await);
    }
    assert!(lanes.served().iter().all(|own| *own > 0), "{:?}", lanes.served());
    lanes.end().await;
}

#[tokio::test]
async fn an_address_that_is_shared_is_still_in_use_for_others() {
    let here = Handle::current();
    let doors = Door::open_on(ANY, &[here.clone(), here.clone()]).unwrap();
    let address = doors[0].address();
    let in_use = |refused: io::Error| assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
    in_use(Door::open_on(address, &[here.clone(), here.clone()]).unwrap_err());
    in_use(Door::open(address).unwrap_err());
    drop(doors);
    let alone = Door::open(address).unwrap();
    in_use(Door::open_on(address, std::slice::from_ref(&here)).unwrap_err());
    drop(alone);
    assert_eq!(Door::open_on(address, &[here]).unwrap().len(), 1);
}
