//! The same requests to a proxy with the front and to one without it: the same answers, byte for byte, the same log, and the origin
//! hears the same. Listed differences: the order of lines of different names, and the heads that the front alone refuses
//! (`requests`, rows S1, S3, S9, S13).

use crate::coded::once_coded;
use crate::django_shop::{FORM, SECRET, django};
use crate::stage::{Asked, Client, Stage, answer, find, page, raw, request};
use std::fmt::Write;

const ROUTES: &str = r#"
csrf: { scheme: django }
cookies: { session: [sessionid], personal: [basket], key: [currency], drop: [seen] }
query: { ignore: [utm_*] }
session_key: "0123456789abcdef0123456789abcdef"
routes:
  - { name: home, match: "/", ttl: 5m, csrf: false }
  - { name: product, match: "/products/{product}", ttl: 30m, negative_ttl: 1m, csrf: false, cache: products }
  - { name: form, match: "/form", ttl: 5m }
  - { name: account, match: "/account/", ttl: 1h, audience: session }
  - { name: checkout, match: "/checkout/{*path}", pass: true }
"#;
const ALICE: &str = "Cookie: sessionid=alice";
/// What is asked for when the play begins: how often pages were asked for before is not always the same.
const OPENED: &str = "/opened";
const CLOSE: &str = "Connection: close";
const HTML: &str = "content-type: text/html; charset=utf-8";

/// A proxy whose pages have been asked for once.
struct Proxy {
    stage: Stage,
    log: std::path::PathBuf,
}

impl Proxy {
    async fn open(front: &str) -> Proxy {
        let stage = Stage::with(&format!("front: {front}\nstore: {{ backend: memory }}\n{ROUTES}")).await;
        let log = stage.data.path().join("access.log");
        let stage = stage.restarted_with(|config| config.replace("access: off", &format!("access: {log:?}"))).await;
        let home = [
            "etag: \"1\"",
            "last-modified: Mon, 23 Nov 2026 12:00:00 GMT",
            "link: <a>",
            "x-shop: 1",
            "link: <b>",
            "via: 1.1 upstream",
        ];
        stage.origin.says("/", [page("home", &home)]);
        let long: String = (0..300).map(|number| format!("<p>{}</p>\n", number * 7_919 % 1_009)).collect();
        stage.origin.says("/products/coded", [page(&long, &[HTML, "content-md5: AA=="])]);
        stage.origin.says("/products/gone", [answer("404 Not Found", "gone", &[])]);
        stage.origin.says("/products/empty", [page("", &[])]);
        stage.origin.says("/account/", [page("alice's", &[HTML, "cdn-cache-control: max-age=5"])]);
        stage.origin.says("/form", [django(FORM)]);
        stage.get("/").await;
        stage.get("/products/gone").await;
        stage.get("/products/empty").await;
        stage.get_with("/account/", &[ALICE]).await;
        stage.get_with("/form", &[&token()]).await;
        for coding in ["br", "zstd", "gzip"] {
            once_coded(&stage, "/products/coded", &[&format!("accept-encoding: {coding}")]).await;
        }
        stage.origin.says("/checkout/own", [page("own", &["cache-control: private"])]);
        stage.origin.says("/checkout/save", [page("saved", &[])]);
        stage.origin.says(
            "/checkout/parts",
            [raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")],
        );
        let hint = "HTTP/1.1 103 Early Hints\r\nlink: <a.css>\r\n\r\n";
        stage.origin.says("/checkout/hinted", [raw(format!("{hint}HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx"))]);
        let switch = "HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\n";
        stage.origin.says("/checkout/socket", [raw(switch).then("hello from the origin").then_closes()]);
        for target in ["/?", "//evil/x", "/products/%zz%00", "*", "/;x", "/products/1", "/products/2", "/products/a'b"]
        {
            stage.origin.says(target, [page("as it came", &[])]);
        }
        stage.get(OPENED).await;
        Proxy { stage, log }
    }

    /// What comes back for these bytes, up to the end of the connection.
    async fn answers(&self, asked: &[(&str, String)]) -> Vec<Answer> {
        let mut client: Client = self.stage.client().await;
        let bytes: String = asked.iter().map(|(_, bytes)| &**bytes).collect();
        client.send(bytes).await;
        let mut rest = client.bytes(usize::MAX).await;
        let mut answers = Vec::new();
        for (method, _) in asked {
            while !rest.is_empty() {
                let answer = Answer::take(method, &mut rest);
                let is_final = answer.status() >= 200 || answer.status() == 101;
                answers.push(answer);
                if is_final {
                    break;
                }
            }
        }
        assert!(rest.is_empty(), "more than was asked for: {}", String::from_utf8_lossy(&rest));
        answers
    }

    /// The lines of its log, without what is another one each time.
    async fn log(self) -> Vec<String> {
        self.stage.app.stop().await;
        let text = std::fs::read_to_string(&self.log).expect("it was written");
        let own = |line: &str| {
            let mut line: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).expect("JSON");
            line.retain(|name, _| name != "id" && name != "time" && !name.ends_with("ms"));
            serde_json::to_string(&line).expect("JSON")
        };
        text.lines().skip_while(|line| !line.contains(OPENED)).map(own).collect()
    }
}

fn token() -> String {
    format!("Cookie: csrftoken={SECRET}")
}

/// An answer as it stood on the wire: its status line, its lines in the order of their names, its content.
#[derive(Debug, PartialEq)]
struct Answer {
    line: String,
    fields: Vec<(String, String)>,
    content: Vec<u8>,
}

impl Answer {
    /// Takes one from the beginning of what came.
    fn take(method: &str, bytes: &mut Vec<u8>) -> Answer {
        let end = find(bytes, b"\r\n\r\n").unwrap_or_else(|| panic!("no head: {}", String::from_utf8_lossy(bytes)));
        let head: Vec<u8> = bytes.drain(..end + 4).collect();
        let head = String::from_utf8(head).expect("text");
        let mut lines = head.trim_end_matches("\r\n").split("\r\n");
        let line = lines.next().expect("a status line").to_string();
        let mut fields: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").map(|(name, value)| (name.into(), value.into())).expect(line))
            .collect();
        let field = |name: &str| fields.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone());
        let (length, coding) = (field("content-length"), field("transfer-encoding"));
        // Other each time.
        fields.retain(|(name, _)| name != "date" && name != "x-request-id");
        fields.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut answer = Answer { line, fields, content: Vec::new() };
        let has_none = method == "HEAD" || matches!(answer.status(), 100 | 102..=199 | 204 | 304);
        answer.content = match (has_none, coding, length) {
            (true, ..) => Vec::new(),
            (false, Some(_), _) => chunked(bytes),
            (false, None, Some(length)) => bytes.drain(..length.parse::<usize>().expect("a number")).collect(),
            (false, None, None) => std::mem::take(bytes),
        };
        answer
    }

    fn status(&self) -> u16 {
        self.line.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
    }

    /// The same with what is another one for each visitor taken out of it.
    fn without_tokens(mut self) -> Answer {
        const BEFORE: &[u8] = b"value=\"";
        if let Some(at) = find(&self.content, BEFORE) {
            self.content.drain(at + BEFORE.len()..at + BEFORE.len() + 64);
        }
        self
    }
}

/// The content of chunks, whose borders say nothing.
fn chunked(bytes: &mut Vec<u8>) -> Vec<u8> {
    let mut content = Vec::new();
    loop {
        let end = find(bytes, b"\r\n").expect("a chunk");
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).expect("text"), 16).expect("a size");
        content.extend_from_slice(&bytes[end + 2..end + 2 + size]);
        bytes.drain(..end + 2 + size + 2);
        if size == 0 {
            return content;
        }
    }
}

/// A play: what is sent on one connection, and the statuses that come back before it ends.
type Row = (&'static str, Vec<(&'static str, String)>, Vec<u16>);

fn get(target: &str, fields: &[&str]) -> (&'static str, String) {
    ("GET", request("GET", target, fields))
}

fn head(target: &str, fields: &[&str]) -> (&'static str, String) {
    ("HEAD", request("HEAD", target, fields))
}

fn bytes(bytes: &str) -> (&'static str, String) {
    ("GET", bytes.to_string())
}

fn post(fields: &[&str], body: &str) -> (&'static str, String) {
    ("POST", request("POST", "/checkout/save", fields) + body)
}

fn hits() -> Vec<Row> {
    vec![
        ("hits", vec![get("/", &[]), head("/", &[]), get("/", &[CLOSE])], vec![200, 200, 200]),
        (
            "conditions",
            vec![
                get("/", &["If-None-Match: \"1\""]),
                get("/", &["If-None-Match: \"0\", W/\"1\""]),
                get("/", &["If-None-Match: \"2\""]),
                head("/", &["If-None-Match: *"]),
                get("/", &["If-Modified-Since: Mon, 23 Nov 2026 12:00:00 GMT"]),
                get("/", &["If-Modified-Since: Mon, 23 Nov 2026 11:00:00 GMT"]),
                get("/", &["If-Unmodified-Since: Mon, 23 Nov 2026 11:00:00 GMT", "If-Match: \"2\""]),
                get("/products/gone", &["If-None-Match: *", CLOSE]),
            ],
            vec![304, 304, 200, 304, 304, 200, 200, 404],
        ),
        (
            "codings",
            vec![
                get("/products/coded", &["Accept-Encoding: gzip, deflate, br, zstd"]),
                get("/products/coded", &["Accept-Encoding: gzip"]),
                head("/products/coded", &["Accept-Encoding: zstd"]),
                get("/products/coded", &["Accept-Encoding: br", "Cache-Control: no-transform"]),
                get("/products/coded", &["Accept-Encoding: br", "Range: bytes=0-9"]),
                get("/products/coded", &["Accept-Encoding: br", "If-None-Match: *"]),
                get("/products/coded", &[CLOSE]),
            ],
            vec![200, 200, 200, 200, 206, 304, 200],
        ),
        (
            "of one's own",
            vec![
                get("/account/", &[ALICE]),
                head("/account/", &[ALICE]),
                get("/account/", &[ALICE, "If-None-Match: *"]),
                get("/", &[ALICE]),
                get("/", &["Cookie: seen=1; currency=chf"]),
                get("/", &["Cookie: basket=1"]),
                get("/", &["Cookie: odd; ;=", CLOSE]),
            ],
            vec![200, 200, 304, 200, 200, 200, 200],
        ),
        (
            "forms",
            vec![get("/form", &[&token()]), head("/form", &[&token()]), get("/form", &[&token(), CLOSE])],
            vec![200, 200, 200],
        ),
        (
            "ranges",
            vec![
                get("/", &["Range: bytes=0-1"]),
                get("/", &["Range: bytes=99-"]),
                get("/", &["Range: bytes=0-1", "If-Range: \"2\""]),
                head("/", &["Range: bytes=0-1"]),
                get("/products/empty", &[]),
                get("/", &["Range: lines=1", CLOSE]),
            ],
            vec![206, 416, 200, 200, 200, 200],
        ),
        (
            "what is said of the cache and the visitor",
            vec![
                get("/", &["Cache-Control: no-cache", "Pragma: no-cache"]),
                get("/", &["Cache-Control: only-if-cached"]),
                get("/", &["Authorization: Basic eA=="]),
                get("/", &["X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https", "X-Request-Id: told"]),
                get("/", &["X-Vitrine-Token: guessed"]),
                get("/", &["Accept-Language: de", "X_Odd: 1", "X-Odd: \u{e9}"]),
                get("/", &[CLOSE]),
            ],
            vec![200; 7],
        ),
    ]
}

fn forms_of_requests() -> Vec<Row> {
    let old = "GET / HTTP/1.0\r\nHost: shop.example\r\n";
    vec![
        ("HTTP/1.0", vec![bytes(&format!("{old}\r\n"))], vec![200]),
        (
            "HTTP/1.0 that goes on",
            vec![bytes(&format!("{old}Connection: keep-alive\r\n\r\n")), bytes(&format!("{old}\r\n"))],
            vec![200, 200],
        ),
        (
            "targets",
            vec![
                bytes("GET http://shop.example/ HTTP/1.1\r\nHost: shop.example\r\n\r\n"),
                bytes("GET / HTTP/1.1\r\nHost: SHOP.example:80\r\n\r\n"),
                get("/?", &[]),
                get("/?utm_source=x", &[]),
                get("/#a", &[]),
                get("//evil/x", &[]),
                get("/products/%zz%00", &[]),
                get("/products/a'b", &[]),
                get("/;x", &[]),
                ("OPTIONS", request("OPTIONS", "*", &[])),
                bytes("\r\n\r\nGET / HTTP/1.1\r\nhOsT:shop.example\r\n\r\n"),
                get("/", &[CLOSE]),
            ],
            vec![200; 12],
        ),
        ("both", vec![get("/", &["Connection: keep-alive, close"])], vec![200]),
        ("two lines", vec![get("/", &["Connection: keep-alive", CLOSE])], vec![200]),
        ("an odd option", vec![get("/", &["Connection: x-odd", "X-Odd: 1"]), get("/", &[CLOSE])], vec![200, 200]),
        (
            "hits among misses, passes and bodies",
            vec![
                get("/", &[]),
                get("/products/1", &[]),
                get("/", &[]),
                get("/checkout/own", &[]),
                head("/", &[]),
                post(&["Content-Length: 3"], "a=b"),
                get("/", &[]),
                post(&["Transfer-Encoding: chunked"], "3;x=y\r\na=b\r\n0\r\nX-Odd: 1\r\n\r\n"),
                get("/products/1", &[]),
                get("/checkout/parts", &[]),
                get("/checkout/hinted", &[]),
                get("/products/2", &[]),
                get("/", &[CLOSE]),
            ],
            vec![200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 103, 200, 200, 200],
        ),
        ("a hit with no body, and said so", vec![get("/", &["Content-Length: 0"]), get("/", &[CLOSE])], vec![200, 200]),
        (
            "an expectation",
            vec![get("/", &[]), post(&["Expect: 100-continue", "Content-Length: 3", CLOSE], "a=b")],
            vec![200, 100, 200],
        ),
        (
            "a tunnel after hits",
            vec![get("/", &[]), get("/", &[]), get("/checkout/socket", &["Connection: upgrade", "Upgrade: echo"])],
            vec![200, 200, 101],
        ),
        (
            "an upgrade that is none",
            vec![get("/", &["Connection: upgrade", "Upgrade: h2c"]), get("/", &[CLOSE])],
            vec![200, 200],
        ),
    ]
}

fn refused() -> Vec<Row> {
    let mut rows = Vec::new();
    for (bytes, status) in [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        ("GET http://evil/x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET foo HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\u{1}\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nX: a\r\n b\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nExpect: y\r\n\r\n", 417),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 400),
    ] {
        // Some of these are answers like any other, after which the connection would go on.
        let last = bytes.replacen("\r\n", "\r\nConnection: close\r\n", 1);
        rows.push((bytes, vec![get("/", &[]), ("GET", last)], vec![200, status]));
    }
    rows
}

#[tokio::test]
async fn the_same_is_answered_logged_and_asked_with_and_without() {
    let (on, off) = (Proxy::open("on").await, Proxy::open("off").await);
    let asked_before = (on.stage.origin.asked().len(), off.stage.origin.asked().len());
    for (name, asked, statuses) in [hits(), forms_of_requests(), refused()].concat() {
        let (with, without) = (on.answers(&asked).await, off.answers(&asked).await);
        let told: Vec<u16> = without.iter().map(Answer::status).collect();
        assert_eq!(told, statuses, "{name}");
        assert_eq!(with.len(), without.len(), "{name}: {with:?}");
        for (number, (with, without)) in with.into_iter().zip(without).enumerate() {
            assert_eq!(with.without_tokens(), without.without_tokens(), "{name}: answer {number}");
        }
    }
    let heard = |proxy: &Proxy, after: usize| proxy.stage.origin.asked()[after..].iter().map(heard).collect::<Vec<_>>();
    assert_eq!(heard(&on, asked_before.0), heard(&off, asked_before.1));
    let (with, without) = (on.log().await, off.log().await);
    assert!(with.len() > 60 && with.len() == without.len(), "{with:?}");
    for (with, without) in with.iter().zip(&without) {
        assert_eq!(with, without);
        assert!(!with.contains("cut"), "it was sent whole: {with}");
    }
}

/// What the origin heard, without what is another one each time.
fn heard(asked: &Asked) -> String {
    let mut told = String::new();
    for line in asked.head.lines().filter(|line| !line.starts_with("x-request-id")) {
        let _ = writeln!(told, "{line}");
    }
    told + &String::from_utf8_lossy(&asked.body)
}
