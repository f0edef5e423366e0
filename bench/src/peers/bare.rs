//! The servers without a cache, run as children of their own so that their CPU time is their own: a bare epoll loop, copying or
//! with `sendfile`, and a bare hyper server that send given bytes, and the relay.

use super::load::STRIDE;
use super::wire::{self, Always, Answers, Filed, Idle, head_end};
use crate::relay;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;

/// Runs as such a child where the arguments say so.
pub(crate) fn child(arguments: &[String]) -> Option<ExitCode> {
    let (command, rest) = arguments.split_first()?;
    let ended = match command.as_str() {
        "bare-epoll" => epoll(rest, |sample, copies| Ok(Always::new(sample, copies))),
        "bare-sendfile" => epoll(rest, |sample, _| Filed::new(sample)),
        "bare-hyper" => on_one_thread(hyper(rest)),
        "relay" => on_one_thread(relay::child(rest)),
        _ => return None,
    };
    Some(match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{command}: {error}");
            ExitCode::FAILURE
        }
    })
}

fn on_one_thread(serve: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve)
}

/// From `ADDRESS=COPIES=FILE` where to listen, the bytes of a whole answer, and from how many places in memory it is sent in turn.
fn samples(arguments: &[String]) -> io::Result<Vec<(SocketAddr, Vec<u8>, usize)>> {
    let read = |argument: &String| {
        let needed = || io::Error::other("ADDRESS=COPIES=FILE is needed");
        let (address, rest) = argument.split_once('=').ok_or_else(needed)?;
        let (copies, file) = rest.split_once('=').ok_or_else(needed)?;
        let copies = copies.parse().map_err(io::Error::other)?;
        Ok((address.parse().map_err(io::Error::other)?, std::fs::read(Path::new(file))?, copies))
    };
    arguments.iter().map(read).collect()
}

/// One thread for each address; one of them works at a time.
fn epoll<A: Answers + Send + 'static>(
    arguments: &[String],
    answers: impl Fn(&[u8], usize) -> io::Result<A>,
) -> io::Result<()> {
    let mut threads = Vec::new();
    for (address, sample, copies) in samples(arguments)? {
        let listener = std::net::TcpListener::bind(address)?;
        let answers = answers(&sample, copies)?;
        threads.push(std::thread::spawn(move || wire::serve(listener, Duration::ZERO, Idle::Sleeps, answers)));
    }
    threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| io::Error::other("a thread panicked"))?)
}

async fn hyper(arguments: &[String]) -> io::Result<()> {
    let mut servers = Vec::new();
    for (address, sample, copies) in samples(arguments)? {
        let listener = TcpListener::bind(address).await?;
        let (fields, body) = parts(&sample).ok_or_else(|| io::Error::other("the sample cannot be read"))?;
        let bodies = (0..copies.max(1)).map(|_| Bytes::copy_from_slice(&body)).collect();
        servers.push(tokio::spawn(accept(listener, Arc::new((fields, bodies)))));
    }
    for server in servers {
        server.await.map_err(io::Error::other)??;
    }
    Ok(())
}

async fn accept(listener: TcpListener, sample: Arc<(HeaderMap, Vec<Bytes>)>) -> io::Result<()> {
    let next = Arc::new(AtomicUsize::new(0));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (sample, next) = (sample.clone(), next.clone());
        let serve = service_fn(move |_: Request<Incoming>| {
            let mut response =
                Response::new(Full::new(sample.1[next.fetch_add(STRIDE, Ordering::Relaxed) % sample.1.len()].clone()));
            response.headers_mut().clone_from(&sample.0);
            async move { Ok::<_, Infallible>(response) }
        });
        tokio::spawn(server().serve_connection(TokioIo::new(stream), serve));
    }
}

/// As vitrine has it: with a deadline for heads.
fn server() -> http1::Builder {
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(Duration::from_mins(1));
    server
}

/// The fields, but for the length, which hyper writes itself, and the body.
fn parts(sample: &[u8]) -> Option<(HeaderMap, Bytes)> {
    let (head, body) = sample.split_at(head_end(sample)?);
    let mut fields = HeaderMap::new();
    for line in std::str::from_utf8(head).ok()?.lines().skip(1) {
        if let Some((name, value)) = line.split_once(": ") {
            fields.append(HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?);
        }
    }
    fields.remove(CONTENT_LENGTH);
    Some((fields, Bytes::copy_from_slice(body)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_taken_apart() {
        let sample = b"HTTP/1.1 200 OK\r\nvary: a\r\ncontent-length: 2\r\nvary: b\r\n\r\nhi";
        let (fields, body) = parts(sample).unwrap();
        assert_eq!(fields.get_all("vary").iter().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((fields.len(), &body[..]), (2, &b"hi"[..]));
        assert!(parts(b"HTTP/1.1 200 OK\r\n").is_none());
    }
}
