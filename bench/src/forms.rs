//! What a page with form tokens costs beside a plain one of the same size, as it is and in gzip.

use super::load::{Ask, Connection, round};
use super::measure::{median, micros_each};
use super::process::Server;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

const LINES: &str = "log: { access: off }\nstore: { backend: memory }\ncsrf: { scheme: django }";
/// A page of a shop, in bytes.
const PAGE_BYTES: usize = 16 * 1024;
const COOKIE: &str = "Cookie: csrftoken=abcdefghijklmnopqrstuvwxyzABCDEF\r\n";
const ROUNDS: usize = 7;
/// What Django's secrets are made of.
const ALPHABET: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

pub(crate) async fn run() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::vitrine(folder.path(), origin().await?, LINES).await?;
    for tokens in [1, 20] {
        for (what, coding) in [("as it is", ""), ("in gzip", "Accept-Encoding: gzip\r\n")] {
            let page = Ask { target: format!("/forms/{tokens}"), fields: format!("{COOKIE}{coding}") };
            let mut connection = Connection::open(server.public).await?;
            connection.ask("GET", &page.target, &page.fields).await?;
            let (head, body) = connection.ask_whole("GET", &page.target, &page.fields).await?;
            if !head.contains("HIT") || head.contains("content-encoding: gzip") == coding.is_empty() {
                return Err(io::Error::other(format!("no such hit: {head}")));
            }
            let plain = Ask { target: format!("/plain/{}", body.len()), fields: page.fields.clone() };
            connection.ask("GET", &plain.target, &plain.fields).await?;
            let [with, without] = costs(&server, [page, plain]).await?;
            println!(
                "hit on a page with {tokens} form tokens, {what}, {} bytes, 64 connections: {:.2} x a plain hit (goal 1.5); \
                 {with:.1} us CPU and {without:.1} us",
                body.len(),
                with / without
            );
        }
    }
    Ok(())
}

/// CPU of hits on each, rounds in turn.
pub(crate) async fn costs<const N: usize>(server: &Server, pages: [Ask; N]) -> io::Result<[f64; N]> {
    let pages = pages.map(|page| Arc::from([page]));
    let mut costs = [const { Vec::new() }; N];
    for _ in 0..ROUNDS {
        for (page, costs) in pages.iter().zip(&mut costs) {
            let before = server.cpu()?;
            let round = round(server.public, page, 64, Duration::from_secs(2)).await?;
            costs.push(micros_each(server.cpu()?.saturating_sub(before), round.requests));
        }
    }
    Ok(costs.map(median))
}

/// `/forms/N` is a page with N tokens of the secret in its cookie, `/plain/N` is N bytes.
async fn origin() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let serve = service_fn(|request: Request<Incoming>| async move { Ok::<_, Infallible>(answer(&request)) });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), serve));
        }
    });
    Ok(address)
}

fn answer(request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let (kind, count) = request.uri().path()[1..].split_once('/').unwrap_or_default();
    let count: usize = count.parse().unwrap_or_default();
    if kind == "plain" {
        let mut response = Response::new(Full::new(vec![b'x'; count].into()));
        response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/octet-stream"));
        return response;
    }
    let cookie = request.headers().get("cookie").and_then(|line| line.to_str().ok()).unwrap_or_default();
    let secret = cookie.split("; ").find_map(|pair| pair.strip_prefix("csrftoken=")).unwrap_or_default();
    let mut response = Response::new(Full::new(page(count, secret).into()));
    let fields = response.headers_mut();
    fields.insert("content-type", http::HeaderValue::from_static("text/html; charset=utf-8"));
    if let Ok(line) = format!("csrftoken={secret}; Max-Age=31449600; Path=/; SameSite=Lax").try_into() {
        fields.insert("set-cookie", line);
    }
    response
}

/// A list of products, each with a form; the rest of it is words.
fn page(tokens: usize, secret: &str) -> String {
    // A mask of the alphabet's second letter moves each on by one.
    let next = |own: char| ALPHABET.chars().cycle().skip_while(|other| *other != own).nth(1).unwrap_or(own);
    let masked: String = secret.chars().map(next).collect();
    let mut page = String::with_capacity(PAGE_BYTES + 200);
    for number in 0..tokens {
        let _ =
            write!(page, "<li><form><input name=\"csrfmiddlewaretoken\" value=\"{}{masked}\"></form>", "b".repeat(32));
        while page.len() < PAGE_BYTES * (number + 1) / tokens {
            let _ = write!(page, "<p class=\"pod-{number}\">Product {} of some shop</p>", page.len() * 7919 % 10_007);
        }
    }
    page
}
