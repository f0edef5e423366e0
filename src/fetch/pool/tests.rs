//! Which connections are used again, where, and how many there are.

mod uploads;

use super::*;
use crate::body::Body;
use crate::clock::Clock;
use crate::fetch::{Answered, BreakerSettings, Origin, Outgoing};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;

/// A server that says `ok` to whatever ends as requests here do, nothing where it is asked to hang, and hangs up where it is asked
/// for what it gives only once on a connection; it knows how many came and went.
#[derive(Clone, Default)]
struct Server {
    opened: Arc<AtomicUsize>,
    closed: Arc<AtomicUsize>,
    changed: Arc<Notify>,
}

impl Server {
    async fn open() -> (Server, SocketAddr) {
        let (server, listener) = (Server::default(), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let (own, address) = (server.clone(), listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                own.opened.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(own.clone().answer(stream));
            }
        });
        (server, address)
    }

    async fn answer(self, mut stream: TcpStream) {
        let (mut heard, mut is_used) = (Vec::new(), false);
        while matches!(stream.read_buf(&mut heard).await, Ok(bytes) if bytes > 0) {
            let hangs = heard.starts_with(b"GET /hang ");
            if is_used && heard.starts_with(b"GET /once ") {
                break;
            }
            is_used = true;
            if !hangs && (heard.ends_with(b"\r\n\r\n") || heard.ends_with(b"form")) {
                heard.clear();
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
            }
        }
        drop(stream);
        self.closed.fetch_add(1, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }

    async fn has_closed(&self, count: usize) {
        let closed = async {
            loop {
                let changed = self.changed.notified();
                if self.closed.load(Ordering::SeqCst) == count {
                    return;
                }
                changed.await;
            }
        };
        timeout(Duration::from_secs(10), closed).await.expect("a connection is closed");
    }
}

fn settings(servers: &[SocketAddr], connections_max: usize, idle_timeout: Duration) -> Settings {
    let servers = servers.iter().map(|address| format!("http://{address}").parse().unwrap());
    Settings {
        name: "shop".into(),
        servers: servers.collect(),
        connect_timeout: Duration::from_secs(10),
        response_timeout: RESPONSE_TIMEOUT,
        body_idle_timeout: Duration::from_secs(10),
        connections_max,
        idle_timeout,
        stale_after: None,
        breaker: BreakerSettings::default(),
        health: None,
    }
}

fn origin(servers: &[SocketAddr], connections_max: usize, idle_timeout: Duration) -> Origin {
    Origin::new(settings(servers, connections_max, idle_timeout), Clock::system())
}

async fn ask(origin: &Origin, method: Method, body: Body) {
    let fields = || HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("shop.example"))]);
    is_ok(origin.send(Outgoing::new(&method, "/", &fields), body).await).await;
}

async fn is_ok(answered: Result<Answered, FetchFailure>) {
    let answered = answered.unwrap();
    assert_eq!(answered.status, StatusCode::OK);
    assert_eq!(answered.body.collect().await.unwrap().to_bytes(), "ok");
}

/// Has so many connections wait, by requests at once.
async fn have_waiting(origin: &Origin, count: usize) {
    let mut answers = Vec::new();
    for _ in 0..count {
        answers.push(origin.send(Outgoing::new(&Method::GET, "/", &HeaderMap::new), Body::empty()).await);
    }
    for answer in answers {
        is_ok(answer).await;
    }
    assert_eq!(origin.pool.lock().len(), count);
}

/// Waits until so many connections wait: those of requests with bodies come back by themselves.
async fn wait(origin: &Origin, count: usize) {
    let waiting = async {
        while origin.pool.lock().len() != count {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), waiting).await.expect("so many connections wait");
}

/// The origins' own here.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
const LONG: Duration = Duration::from_hours(1);

#[tokio::test]
async fn one_request_after_the_other_uses_one_connection_whatever_it_carries() {
    let (server, address) = Server::open().await;
    let origin = origin(&[address], 8, LONG);
    for _ in 0..3 {
        ask(&origin, Method::GET, Body::empty()).await;
        wait(&origin, 1).await;
        ask(&origin, Method::POST, Body::whole("form")).await;
        wait(&origin, 1).await;
    }
    assert_eq!(server.opened(), 1);
}

#[tokio::test]
async fn a_body_that_nobody_reads_to_its_end_gives_its_connection_back_where_it_has_come() {
    let (server, address) = Server::open().await;
    let origin = origin(&[address], 8, LONG);
    for _ in 0..3 {
        let outgoing = Outgoing::new(&Method::GET, "/", &HeaderMap::new);
        drop(origin.send(outgoing, Body::empty()).await.unwrap());
    }
    assert_eq!(server.opened(), 1);
}

#[tokio::test]
async fn no_more_are_open_than_may_be_those_that_wait_among_them() {
    let ((first, one), (second, two)) = (Server::open().await, Server::open().await);
    let origin = origin(&[one, two], 1, LONG);
    // In turn: each takes the place of the other's.
    for round in 1..=3 {
        ask(&origin, Method::GET, Body::empty()).await;
        ask(&origin, Method::GET, Body::empty()).await;
        assert_eq!((first.opened(), second.opened()), (round, round));
        first.has_closed(round).await;
    }
    assert_eq!(origin.pool.lock().len(), 1);
}

#[tokio::test]
async fn what_has_waited_too_long_is_not_used_and_is_let_go_of() {
    let (server, address) = Server::open().await;
    let origin = origin(&[address], 8, Duration::ZERO);
    ask(&origin, Method::GET, Body::empty()).await;
    ask(&origin, Method::GET, Body::empty()).await;
    assert_eq!(server.opened(), 2);
    origin.pool.sweep();
    server.has_closed(2).await;
    assert!(origin.pool.lock().is_empty());
}

#[tokio::test]
async fn what_is_good_outlasts_a_sweep_and_what_has_ended_does_not() {
    let (server, address) = Server::open().await;
    let origin = origin(&[address], 8, LONG);
    ask(&origin, Method::GET, Body::empty()).await;
    origin.pool.sweep();
    ask(&origin, Method::GET, Body::empty()).await;
    assert_eq!(server.opened(), 1);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let home = origin.pool.home(0);
    let address = listener.local_addr().unwrap();
    let line = origin.pool.connect(&format!("http://{address}").parse().unwrap(), 1).await.unwrap();
    origin.pool.put(Waiting { line, server: 0, runtime: home.runtime, since: Instant::now() });
    drop(listener.accept().await.unwrap());
    drop(listener);
    let ended = async {
        while origin.pool.lock().len() != 1 {
            tokio::task::yield_now().await;
            origin.pool.sweep();
        }
    };
    timeout(Duration::from_secs(10), ended).await.expect("its end is noticed");
}

/// Answers one request on a new connection, by hand.
async fn answers_one(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut heard = Vec::new();
    while !heard.ends_with(b"\r\n\r\n") {
        assert_ne!(stream.read_buf(&mut heard).await.unwrap(), 0, "{heard:?}");
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    stream
}

/// Waits until this runtime knows of all that has come on any socket: it hears of it in the order in which it came.
async fn has_heard_all() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (mut far, _) = listener.accept().await.unwrap();
    far.write_all(b"!").await.unwrap();
    near.read_u8().await.unwrap();
}

#[tokio::test]
async fn s42_a_connection_that_brought_what_nobody_asked_for_is_not_taken_swept_or_not() {
    for stray in ["HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", "x"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = origin(&[listener.local_addr().unwrap()], 8, LONG);
        let ((), mut first) = tokio::join!(ask(&origin, Method::GET, Body::empty()), answers_one(&listener));
        assert_eq!(origin.pool.lock().len(), 1);
        first.write_all(stray.as_bytes()).await.unwrap();
        has_heard_all().await;
        assert!(origin.pool.take(&origin.pool.home(0)).is_none(), "{stray:?}");
        assert_eq!(first.read(&mut [0]).await.unwrap_or(0), 0, "it is closed");
    }
}

#[tokio::test]
async fn a_sweep_takes_away_nothing_good_whoever_takes_and_puts_meanwhile() {
    let (server, address) = Server::open().await;
    let origin = Arc::new(origin(&[address], 64, LONG));
    let (swept, is_over) = (origin.clone(), Arc::new(AtomicBool::new(false)));
    let told = is_over.clone();
    let sweeper = std::thread::spawn(move || {
        while !told.load(Ordering::SeqCst) {
            swept.pool.sweep();
        }
    });
    for _ in 0..100 {
        let [one, two, three, four] = [(); 4].map(|()| ask(&origin, Method::GET, Body::empty()));
        tokio::join!(one, two, three, four);
    }
    is_over.store(true, Ordering::SeqCst);
    sweeper.join().unwrap();
    assert_eq!(origin.pool.lock().len(), server.opened(), "each that was made waits");
}

#[tokio::test]
async fn what_is_repeated_goes_over_a_fresh_connection_whatever_waits() {
    let ((one, first), (two, second)) = (Server::open().await, Server::open().await);
    for servers in [&[first][..], &[first, second]] {
        let origin = origin(servers, 8, LONG);
        have_waiting(&origin, 4).await;
        let opened = one.opened() + two.opened();
        // It ends the connection that carries it, and would end each other that waits.
        is_ok(origin.send(Outgoing::new(&Method::GET, "/once", &HeaderMap::new), Body::empty()).await).await;
        assert_eq!(one.opened() + two.opened(), opened + 1);
        assert_eq!(origin.pool.lock().len(), 4, "three that wait still, and the new one");
    }
}

#[tokio::test]
async fn each_exchange_on_a_connection_has_all_of_its_time_and_no_more() {
    let (server, address) = Server::open().await;
    let origin = origin(&[address], 8, LONG);
    ask(&origin, Method::GET, Body::empty()).await;
    wait(&origin, 1).await;
    // From here on time passes when everybody waits. That of the first exchange is nearly over.
    tokio::time::pause();
    tokio::time::advance(RESPONSE_TIMEOUT.saturating_sub(Duration::from_millis(1))).await;
    let asked = Instant::now();
    let hanging = origin.send(Outgoing::new(&Method::GET, "/hang", &HeaderMap::new), Body::empty()).await;
    assert!(matches!(hanging, Err(FetchFailure::Timeout(RESPONSE_TIMEOUT))), "{hanging:?}");
    let waited = asked.elapsed();
    assert!((RESPONSE_TIMEOUT..RESPONSE_TIMEOUT + Duration::from_millis(2)).contains(&waited), "{waited:?}");
    assert_eq!(server.opened(), 1);
}

#[tokio::test]
async fn a_connection_stays_on_the_runtime_that_it_was_made_on() {
    let (server, address) = Server::open().await;
    let origin = Arc::new(origin(&[address], 8, LONG));
    ask(&origin, Method::GET, Body::empty()).await;
    let elsewhere = origin.clone();
    let other = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            ask(&elsewhere, Method::GET, Body::empty()).await;
            ask(&elsewhere, Method::GET, Body::empty()).await;
        });
    });
    other.await.unwrap();
    assert_eq!(server.opened(), 2);
    ask(&origin, Method::GET, Body::empty()).await;
    assert_eq!(server.opened(), 2, "and the one here is still its own");
}
