//! Requests whose bodies are still coming when they have been answered.

use super::*;
use crate::body::BodyError;
use crate::fetch::Origins;
use bytes::Bytes;
use http_body::Frame;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// A server that answers each request when its head has come. What comes of a body then it reads where it `reads_on`, up to a
/// last chunk, and else not.
async fn hasty(reads_on: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, reads_on));
        }
    });
    address
}

async fn answer(mut stream: TcpStream, reads_on: bool) {
    let mut heard = Vec::new();
    while let Some(head) = read_to(b"\r\n\r\n", &mut stream, &mut heard).await {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
        match (head.starts_with(b"POST "), reads_on) {
            (true, true) => drop(read_to(b"0\r\n\r\n", &mut stream, &mut heard).await),
            (true, false) => std::future::pending().await,
            (false, _) => {}
        }
    }
}

/// What comes up to such an end; none where the connection ends before.
async fn read_to(end: &[u8], stream: &mut TcpStream, heard: &mut Vec<u8>) -> Option<Vec<u8>> {
    loop {
        if let Some(place) = heard.windows(end.len()).position(|own| own == end) {
            return Some(heard.drain(..place + end.len()).collect());
        }
        stream.read_buf(heard).await.ok().filter(|bytes| *bytes > 0)?;
    }
}

/// A body of what is fed to it, which ends with its feed.
struct Fed(mpsc::Receiver<Bytes>);

fn fed() -> (mpsc::Sender<Bytes>, Body) {
    let (feed, parts) = mpsc::channel(1);
    (feed, Body::streamed(Fed(parts)))
}

impl http_body::Body for Fed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.0.poll_recv(cx).map(|part| part.map(|part| Ok(Frame::data(part))))
    }
}

/// An origin that may have one connection.
fn narrow(server: SocketAddr, connect_timeout: Duration, body_idle_timeout: Duration) -> Origin {
    Origin::new(Settings { connect_timeout, body_idle_timeout, ..settings(&[server], 1, LONG) }, Clock::system())
}

/// Waits until a request may be sent.
async fn has_room(origin: &Origin) {
    drop(timeout(Duration::from_secs(10), origin.places.acquire()).await.expect("a place is given back").unwrap());
}

#[tokio::test]
async fn an_answered_upload_that_the_server_does_not_read_is_given_up_and_makes_room() {
    let origin = narrow(hasty(false).await, Duration::from_secs(10), Duration::from_millis(100));
    let (feed, body) = fed();
    ask(&origin, Method::POST, body).await;
    let feeding = tokio::spawn(async move {
        // It ends when nobody takes what is fed any more.
        while feed.send(Bytes::from_static(&[b'a'; 16 * 1024])).await.is_ok() {}
    });
    has_room(&origin).await;
    timeout(Duration::from_secs(10), feeding).await.expect("nobody takes anything").unwrap();
    assert!(origin.pool.lock().is_empty());
}

#[tokio::test]
async fn an_answered_upload_keeps_its_place_until_it_is_over() {
    let origin = narrow(hasty(true).await, Duration::from_millis(50), Duration::from_secs(10));
    let (feed, body) = fed();
    ask(&origin, Method::POST, body).await;
    let early = origin.send(Outgoing::new(&Method::GET, "/", &HeaderMap::new), Body::empty()).await;
    assert!(matches!(early, Err(FetchFailure::Busy)), "{early:?}");
    drop(feed);
    has_room(&origin).await;
    ask(&origin, Method::GET, Body::empty()).await;
}

#[tokio::test]
async fn the_end_waits_for_an_answered_upload() {
    let origins = Origins::new(&[settings(&[hasty(true).await], 8, LONG)], &Clock::system());
    let ((feed, body), fields) = (fed(), HeaderMap::new);
    is_ok(origins.send("shop", Outgoing::new(&Method::POST, "/", &fields), body).await).await;
    let mut finish = pin!(origins.finish());
    let is_early = poll_fn(|cx| Poll::Ready(finish.as_mut().poll(cx).is_ready())).await;
    assert!(!is_early, "more of it may come");
    drop(feed);
    timeout(Duration::from_secs(10), finish).await.expect("all of it was sent");
}

#[tokio::test]
async fn an_answered_upload_goes_on_for_as_long_as_something_of_it_is_taken() {
    let origin = narrow(hasty(true).await, Duration::from_secs(10), Duration::from_secs(10));
    let (feed, body) = fed();
    ask(&origin, Method::POST, body).await;
    for _ in 0..5 {
        // Nobody does anything meanwhile, so that no time passes but this.
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(8)).await;
        tokio::time::resume();
        feed.send(Bytes::from_static(b"a")).await.unwrap();
        timeout(Duration::from_secs(10), feed.reserve()).await.expect("it is taken").unwrap();
    }
    drop(feed);
    wait(&origin, 1).await;
}
