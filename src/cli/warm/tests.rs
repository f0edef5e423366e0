//! Rounds against a scripted proxy.

use super::*;
use clap::Parser;
use std::collections::BTreeMap;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Answers by `host` and path; notes each request and how many connections there were.
struct Proxy {
    address: String,
    notes: Arc<Mutex<Notes>>,
}

#[derive(Default)]
struct Notes {
    asked: Vec<String>,
    connections: usize,
}

type Script = BTreeMap<&'static str, (u16, &'static str, &'static str)>;

impl Proxy {
    async fn start(script: Script) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let notes = Arc::new(Mutex::new(Notes::default()));
        let (of_task, script) = (notes.clone(), Arc::new(script));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                lock(&of_task).connections += 1;
                tokio::spawn(serve(stream, script.clone(), of_task.clone()));
            }
        });
        Proxy { address, notes }
    }

    fn asked(&self) -> Vec<String> {
        let mut asked = lock(&self.notes).asked.clone();
        asked.sort();
        asked
    }

    async fn warm(&self, arguments: &[&str]) -> Result<(), Failure> {
        let words = [&["vitrine", "warm", "--base", self.address.as_str()], arguments].concat();
        let super::super::Command::Warm(warm) = super::super::Arguments::try_parse_from(words).unwrap().command else {
            panic!("{arguments:?}");
        };
        run(&warm, Path::new("/no/proxy.yaml"), true).await
    }
}

async fn serve(stream: TcpStream, script: Arc<Script>, notes: Arc<Mutex<Notes>>) {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut path, mut host, mut line) = (String::new(), String::new(), String::new());
        loop {
            line.clear();
            if stream.read_line(&mut line).await.unwrap_or_default() == 0 {
                return;
            }
            match line.trim_end().split_once(' ') {
                None => break,
                Some(("host:", value)) => value.clone_into(&mut host),
                Some(("GET", rest)) => rest.split(' ').next().unwrap().clone_into(&mut path),
                Some(_) => {}
            }
        }
        let asked = format!("{host}{path}");
        let (status, cache_status, body) =
            script.get(asked.as_str()).copied().unwrap_or((404, "vitrine; fwd=uri-miss", "not there"));
        lock(&notes).asked.push(asked);
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status} X\r\nCache-Status: {cache_status}\r\nContent-Length: {length}\r\n\r\n{body}");
        if stream.get_mut().write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn words(done: Result<(), Failure>) -> String {
    match done {
        Ok(()) => "done".into(),
        Err(Failure::Failed(words) | Failure::Usage(words)) => words,
        Err(Failure::Unread) => "unread".into(),
    }
}

#[tokio::test]
async fn an_index_is_followed_through_the_proxy_and_each_page_asked_once() {
    const MISS: &str = "vitrine; fwd=uri-miss";
    let proxy = Proxy::start(Script::from([
        (
            "shop.example/sitemap.xml",
            (
                200,
                MISS,
                "<sitemapindex><sitemap><loc>https://shop.example/one.xml</loc></sitemap>\
                 <sitemap><loc>https://shop.example/gone.xml</loc></sitemap>\
                 <sitemap><loc>https://shop.example/sitemap.xml</loc></sitemap>\
                 <sitemap><loc>/etc/passwd</loc></sitemap></sitemapindex>",
            ),
        ),
        (
            "shop.example/one.xml",
            (
                200,
                MISS,
                "<urlset><url><loc>https://shop.example/a</loc></url><url><loc>https://shop.example/b?c&amp;d</loc></url>\
                 <url><loc>https://shop.example/a</loc></url><url><loc>file:///etc/passwd</loc></url></urlset>",
            ),
        ),
        ("shop.example/a", (200, "vitrine; hit", "a")),
        ("shop.example/b?c&d", (200, MISS, "b")),
    ]))
    .await;
    let done = proxy.warm(&["--sitemap", "https://shop.example/sitemap.xml"]).await;
    assert_eq!(words(done), "3 of 5 pages could not be warmed");
    assert_eq!(
        proxy.asked(),
        [
            "shop.example/a",
            "shop.example/b?c&d",
            "shop.example/gone.xml",
            "shop.example/one.xml",
            "shop.example/sitemap.xml",
        ]
    );
}

#[tokio::test]
async fn no_sitemap_names_a_file_of_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let (index, named) = (folder.path().join("index.xml"), folder.path().join("named.xml"));
    std::fs::write(&named, "<urlset><url><loc>http://shop.example/secret</loc></url></urlset>").unwrap();
    let text = format!("<sitemapindex><sitemap><loc>{}</loc></sitemap></sitemapindex>", named.display());
    std::fs::write(&index, text).unwrap();
    let proxy = Proxy::start(Script::new()).await;
    let done = proxy.warm(&["--sitemap", index.to_str().unwrap()]).await;
    assert_eq!((words(done).as_str(), proxy.asked().len()), ("1 of 1 pages could not be warmed", 0));
}

#[tokio::test]
async fn a_list_is_asked_on_no_more_connections_than_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list");
    let lines: Vec<String> = (0..50).map(|n| format!("http://shop.example/{n}")).collect();
    std::fs::write(&list, format!("# pages\n\n{}\n", lines.join("\n"))).unwrap();
    let proxy = Proxy::start(Script::new()).await;
    let done = proxy.warm(&["--list", list.to_str().unwrap(), "--concurrency", "3"]).await;
    assert_eq!(words(done), "50 of 50 pages could not be warmed", "each is a 404");
    let notes = lock(&proxy.notes);
    assert_eq!(notes.asked.len(), 50);
    assert!((1..=3).contains(&notes.connections), "{} connections", notes.connections);
}

#[tokio::test]
async fn what_cannot_be_read_is_named() {
    let proxy = Proxy::start(Script::from([
        ("shop.example/page", (200, "vitrine; hit", "<html></html>")),
        ("shop.example/moved.xml", (301, "vitrine; hit", "")),
        ("shop.example/empty.xml", (200, "vitrine; hit", "<urlset/>")),
    ]))
    .await;
    for (arguments, expected) in [
        (["--list", "/no/list"], "cannot read the list /no/list: "),
        (["--sitemap", "/no/sitemap.xml"], "cannot read the sitemap /no/sitemap.xml: "),
        (["--sitemap", "http://shop.example/gone"], "cannot read the sitemap http://shop.example/gone: 404"),
        (["--sitemap", "http://shop.example/moved.xml"], "cannot read the sitemap http://shop.example/moved.xml: 301"),
        (
            ["--sitemap", "http://shop.example/page"],
            "cannot read the sitemap http://shop.example/page: line 1: the root",
        ),
        (["--sitemap", "http://shop.example/empty.xml"], "there is nothing to warm"),
    ] {
        let told = words(proxy.warm(&arguments).await);
        assert!(told.starts_with(expected), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn turns_are_apart_by_the_pace() {
    let round = Round {
        base: Base::at("127.0.0.1:1".parse().unwrap(), "127.0.0.1:1"),
        left: Mutex::default(),
        pace: Duration::from_millis(250),
        next_start: Mutex::new(Instant::now()),
        progress: Mutex::new(Progress::begin(0)),
    };
    let begun = Instant::now();
    let turns = [round.next_turn(), round.next_turn(), round.next_turn()];
    assert_eq!(turns.map(|turn| turn - begun), [0, 250, 500].map(Duration::from_millis));
    // Time that nobody used is not made up for.
    tokio::time::advance(Duration::from_secs(9)).await;
    let turns = [round.next_turn(), round.next_turn()];
    assert_eq!(turns.map(|turn| turn - begun), [9_000, 9_250].map(Duration::from_millis));
}
