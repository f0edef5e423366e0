//! What a hit in a content coding costs beside a plain one, and how large pages of a shop are in each.

use super::forms::costs;
use super::load::{Ask, Connection};
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
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

const LINES: &str = "log: { access: off }\nstore: { backend: memory }";
const CODINGS: [&str; 3] = ["gzip", "br", "zstd"];
/// What a visitor's browser says.
const BROWSER: &str = "gzip, deflate, br, zstd";
/// A list of products, and a long page of one.
const PAGES_KIB: [usize; 2] = [16, 100];
/// Words of descriptions, and of names and paths.
const WORDS: &str = "the a of and to in is with for on from this that as by soft cotton leather wool linen steel oak glass brushed woven \
    light heavy warm water resistant washable classic modern everyday travel winter summer seam collar pocket lining sole lace \
    buckle strap handle zip button waist sleeve hem fit size colour finish edge grain weight width height length care designed \
    tested crafted stitched cut printed pressed packed shipped returned within days free delivery orders customers love reviews \
    rated stars quality comfort style shape season limited recycled organic certified natural durable repair warranty years \
    spare parts included battery charger cable adapter display kitchen garden office bedroom studio table chair lamp shelf \
    drawer mirror carpet cushion blanket candle vase bottle cup plate bowl knife board";

pub(crate) async fn run() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::vitrine(folder.path(), origin().await?, LINES).await?;
    for kib in PAGES_KIB {
        let page =
            |coding: &str| Ask { target: format!("/page/{kib}"), fields: format!("Accept-Encoding: {coding}\r\n") };
        let mut connection = Connection::open(server.public).await?;
        let plain = page("identity");
        let plain_bytes = connection.ask_whole("GET", &plain.target, "").await?.1.len();
        for coding in CODINGS {
            let coded = page(coding);
            let bytes = once_coded(&mut connection, &coded, coding).await?;
            println!("page of {plain_bytes} bytes in {coding}: {bytes} bytes, {} %", bytes * 100 / plain_bytes);
        }
        let coded = page(BROWSER);
        let bytes = once_coded(&mut connection, &coded, "br").await?;
        // As many bytes that are never coded: what is left of the difference is what the choice costs.
        let same = Ask { target: format!("/bytes/{bytes}"), fields: coded.fields.clone() };
        connection.ask("GET", &same.target, &same.fields).await?;
        let [coded, plain, same] = costs(&server, [coded, plain, same]).await?;
        println!(
            "hit on a page of {kib} KiB for a browser, in br, 64 connections: {:.2} x the page plain (goal 1.0), {:.2} x as many \
             plain bytes; {coded:.1} us CPU, {plain:.1} us and {same:.1} us",
            coded / plain,
            coded / same
        );
    }
    Ok(())
}

/// Asks until the coded form is there, which is made behind the first answer; its length.
async fn once_coded(connection: &mut Connection, page: &Ask, coding: &str) -> io::Result<usize> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(20) {
        let (head, body) = connection.ask_whole("GET", &page.target, &page.fields).await?;
        if head.contains(&format!("content-encoding: {coding}\r\n")) {
            return Ok(body.len());
        }
    }
    Err(io::Error::other(format!("no hit in {coding} within 20 s")))
}

/// `/page/N` is a page of N KiB of a shop, `/bytes/N` is N bytes of a picture.
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
    let (body, told) = match kind {
        "bytes" => (vec![b'x'; count].into(), "image/png"),
        _ => (page(count * 1024).into(), "text/html; charset=utf-8"),
    };
    let mut response = Response::new(Full::new(body));
    response.headers_mut().insert("content-type", http::HeaderValue::from_static(told));
    response
}

/// A page of so many bytes: navigation, a description, and cards of other products, no two alike.
fn page(bytes: usize) -> String {
    let mut dice = Dice(0x1234_5678_9abc_def1);
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Lamp</title>\
         <link rel=\"stylesheet\" href=\"/static/shop.4f1b2a.css\"><script defer src=\"/static/shop.9c1d.js\"></script></head>\
         <body class=\"product\"><nav class=\"main-nav\"><ul>",
    );
    for _ in 0..12 {
        let word = dice.one_of(&words);
        let _ = write!(page, "<li class=\"main-nav__item\"><a href=\"/c/{word}/\">{word}</a></li>");
    }
    page.push_str("</ul></nav><main>");
    for _ in 0..24 {
        let _ = write!(page, "<p class=\"product__text\">{}</p>", dice.sentence(&words));
    }
    while page.len() < bytes {
        let (id, one, other) = (dice.below(90_000) + 10_000, dice.one_of(&words), dice.one_of(&words));
        let (picture, price, text) = (dice.below(usize::MAX), dice.below(30_000), dice.sentence(&words));
        let _ = writeln!(
            page,
            "<article class=\"product-card\" data-sku=\"{one}-{id:x}\"><a class=\"product-card__link\" \
             href=\"/products/{one}-{other}-{id}/\"><img class=\"product-card__image\" loading=\"lazy\" \
             src=\"/media/{picture:016x}/{one}.webp\" width=\"320\" height=\"320\" alt=\"{one} {other}\"></a><h3 \
             class=\"product-card__title\">{one} {other}</h3><p class=\"price\">EUR {}.{:02}</p><p>{text}</p></article>",
            price / 100,
            price % 100,
        );
    }
    page.truncate(bytes);
    page
}

/// The same numbers each time (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0).unwrap_or_default() % bound
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }

    fn sentence(&mut self, words: &[&str]) -> String {
        let count = 8 + self.below(14);
        (0..count).map(|_| self.one_of(words)).collect::<Vec<_>>().join(" ")
    }
}
