//! Shared pages with forms: one fetch, and each visitor's own tokens in it, as Django makes and checks them.

use crate::django_shop::{FORM, OTHER, ROUTES, SECRET, django, given, masked, open, rendered, sent_secret, tokens};
use crate::stage::{Asked, Gate, Got, Line, Stage, answer, find, in_time, made, page, raw};
use std::time::Duration;
use vitrine::csrf::Secret;

#[tokio::test]
async fn two_fresh_visitors_have_forms_of_their_own_from_one_fetch() {
    let stage = open().await;
    stage.origin.says("/", [django(FORM)]);
    let first = stage.get("/").await;
    first.cache_status(&["fwd=uri-miss", "stored"]);
    let second = stage.get("/").await;
    second.hit();
    assert_eq!(stage.origin.times_asked("/"), 1);
    let (one, other) = (given(&first), given(&second));
    let fetched_with = sent_secret(&stage.origin.asked()[0]).unwrap();
    assert!(one != other && one != fetched_with && other != fetched_with);
    let ((of_one, rest), (of_other, other_rest)) = (tokens(&first, &one), tokens(&second, &other));
    assert_eq!((of_one.len(), of_other.len(), &rest), (1, 1, &other_rest));
    assert_eq!(rest, FORM.replace("value=\"TOKEN", ""));
    for got in [&first, &second] {
        assert_eq!(got.field("cache-control"), Some("private, no-cache"));
        assert_eq!(got.all("vary"), "Cookie");
        assert!(got.field("etag").unwrap().starts_with("W/\"v-"), "{got:?}");
    }
    assert_ne!(first.field("etag"), second.field("etag"));
    let explained = stage.admin("/api/v1/explain?url=http://shop.example/").await.text();
    assert!(explained.contains("\"form_tokens\":1,"), "{explained}");
}

#[tokio::test]
async fn who_has_a_secret_keeps_it_and_gets_another_token_each_time() {
    let stage = open().await;
    stage.origin.says("/", [django(FORM)]);
    stage.get("/").await;
    let plain = Secret::of_cookie(SECRET).unwrap();
    let old_form = masked(&plain);
    let mut seen = Vec::new();
    for cookie in [SECRET, SECRET, &old_form] {
        let got = stage.get_with("/", &[&format!("cookie: seen=1; csrftoken={cookie}")]).await;
        got.hit();
        assert_eq!(got.field("set-cookie"), None);
        seen.extend(tokens(&got, &plain).0);
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 3);
}

#[tokio::test]
async fn a_repeat_view_costs_a_304_until_page_or_secret_change() {
    let stage = open().await;
    stage.origin.says("/products/lamp", [django(FORM), django(FORM), django("another page TOKEN")]);
    let (mine, other) = (format!("cookie: csrftoken={SECRET}"), format!("cookie: csrftoken={OTHER}"));
    let etag = |got: &Got| format!("if-none-match: {}", got.field("etag").unwrap());
    let known = etag(&stage.get_with("/products/lamp", &[&mine]).await);
    let again = stage.get_with("/products/lamp", &[&mine, &known]).await;
    assert_eq!((again.status, again.field("set-cookie")), (304, None));
    assert_eq!(stage.get_with("/products/lamp", &[&other, &known]).await.status, 200);
    assert_eq!(stage.get_with("/products/lamp", &[&known]).await.status, 200, "who lost the cookie needs another page");
    let since = "if-modified-since: Sat, 28 Nov 2026 12:00:00 GMT";
    assert_eq!(stage.get_with("/products/lamp", &[&other, since]).await.status, 200);
    stage.purge("/products/lamp").await;
    assert_eq!(stage.get_with("/products/lamp", &[&mine]).await.status, 200);
    assert_eq!(stage.get_with("/products/lamp", &[&mine, &known]).await.status, 304, "fetched anew, and the same page");
    stage.purge("/products/lamp").await;
    assert_eq!(stage.get_with("/products/lamp", &[&mine, &known]).await.status, 200);
}

#[tokio::test]
async fn a_crowd_shares_one_fetch_and_nobody_a_token() {
    let stage = open().await;
    let gate = Gate::shut();
    stage.origin.says("/", [django(FORM).held_by(&gate)]);
    let crowd = (0..20).map(|_| stage.get("/"));
    let (answers, ()) = tokio::join!(futures(crowd), async {
        gate.reached_by(1).await;
        gate.open();
    });
    assert_eq!(stage.origin.times_asked("/"), 1);
    let mut secrets: Vec<String> = answers.iter().map(|got| given(got).to_cookie()).collect();
    for got in &answers {
        tokens(got, &given(got));
    }
    secrets.sort_unstable();
    secrets.dedup();
    assert_eq!(secrets.len(), 20);
    assert!(answers.iter().any(|got| got.field("x-cache") == Some("COLLAPSED")));
}

async fn futures<F: Future<Output = Got>>(all: impl Iterator<Item = F>) -> Vec<Got> {
    let mut pending: Vec<_> = all.map(Box::pin).collect();
    let mut answers = Vec::new();
    in_time("all are answered", async {
        std::future::poll_fn(|cx| {
            pending.retain_mut(|own| match own.as_mut().poll(cx) {
                std::task::Poll::Ready(got) => {
                    answers.push(got);
                    false
                }
                std::task::Poll::Pending => true,
            });
            if pending.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    })
    .await;
    answers
}

#[tokio::test]
async fn tokens_are_found_wherever_they_stand_and_however_they_come() {
    let stage = open().await;
    let everywhere = "<meta name=\"csrf-token\" content=\"TOKEN\"><body hx-headers='{\"X-CSRFToken\": \"TOKEN\"}'>\
        <script>const csrfToken = 'TOKEN';</script><!-- TOKEN --><input name=csrfmiddlewaretoken value=TOKEN>";
    stage.origin.says("/", [made(move |asked| in_chunks(asked, everywhere))]);
    stage.get("/").await;
    let hit = stage.get_with("/", &[&format!("cookie: csrftoken={SECRET}")]).await;
    hit.hit();
    let (mut at, text, secret) = (0, hit.text(), Secret::of_cookie(SECRET).unwrap());
    for (number, part) in everywhere.split("TOKEN").enumerate() {
        if number > 0 {
            assert_eq!(Secret::of_cookie(&text[at..at + 64]).as_ref(), Some(&secret), "token {number}");
            at += 64;
        }
        assert_eq!(&text[at..at + part.len()], part);
        at += part.len();
    }
    assert_eq!(at, text.len());
}

/// The same page in chunks of 37 bytes, which cut every token.
fn in_chunks(asked: &Asked, template: &str) -> Line {
    let secret = sent_secret(asked).unwrap();
    let mut body = template.to_string();
    while body.contains("TOKEN") {
        body = body.replacen("TOKEN", &masked(&secret), 1);
    }
    let mut bytes = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nset-cookie: csrftoken={}; Path=/\r\ntransfer-encoding: chunked\r\n\r\n",
        secret.to_cookie()
    )
    .into_bytes();
    for chunk in body.as_bytes().chunks(37) {
        bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    raw(bytes)
}

#[tokio::test]
async fn the_origin_is_asked_without_a_coding_and_with_one_secret_for_each_fetch() {
    let stage = open().await;
    stage.origin.says("/products/a", [django(FORM)]);
    stage.origin.says("/products/b", [django(FORM)]);
    let fields =
        ["accept-encoding: br, gzip", "cookie: currency=EUR; csrftoken=abcdefghijklmnopqrstuvwxyzABCDEF; _ga=1"];
    stage.get_with("/products/a", &fields).await;
    stage.get_with("/products/b", &fields).await;
    stage.get_with("/products/a", &["accept-encoding: zstd", fields[1]]).await.hit();
    let asked = stage.origin.asked();
    for own in &asked {
        assert_eq!(own.field("accept-encoding").as_deref(), Some("identity"));
        let cookies = own.field("cookie").unwrap();
        assert!(cookies.starts_with("currency=EUR; csrftoken=") && !cookies.contains(SECRET), "{cookies}");
    }
    assert!(sent_secret(&asked[0]) != sent_secret(&asked[1]));
}

#[tokio::test]
async fn a_page_that_is_not_of_our_secret_is_each_visitors_own() {
    let stage = open().await;
    let theirs = masked(&Secret::of_cookie(OTHER).unwrap());
    // A fragment that the shop keeps in a cache of its own, with the token of whoever came first.
    let cached = FORM.replace("TOKEN", &theirs);
    let both = format!("{FORM}{cached}");
    stage.origin.says("/products/fragment", [page(&cached, &["content-type: text/html"])]);
    stage.origin.says("/products/both", [made(move |asked| rendered(asked, &both, &[]))]);
    stage.origin.says(
        "/products/other",
        [page("x", &["content-type: text/html", "set-cookie: csrftoken=0123456789abcdefghijklmnopqrstuv"])],
    );
    stage.origin.says("/products/deleted", [page("x", &["set-cookie: csrftoken=; Max-Age=0"])]);
    stage.origin.says(
        "/products/bare",
        [made(|asked| rendered(asked, &sent_secret(asked).map(|own| own.to_cookie()).unwrap_or_default(), &[]))],
    );
    stage.origin.says("/products/flood", [made(|asked| rendered(asked, &"TOKEN ".repeat(1_001), &[]))]);
    stage.origin.says("/products/coded", [made(|asked| rendered(asked, FORM, &["content-encoding: gzip"]))]);
    stage.origin.says("/products/session", [made(|asked| rendered(asked, FORM, &["set-cookie: sessionid=abc"]))]);
    for (path, reason) in [
        ("fragment", "form-token-foreign"),
        ("both", "form-token-foreign"),
        ("other", "form-token-foreign"),
        ("deleted", "form-token-foreign"),
        ("bare", "form-token-bare"),
        ("flood", "form-token-limit"),
        ("coded", "form-token-coded"),
        ("session", "set-cookie"),
    ] {
        let path = format!("/products/{path}");
        let mine = format!("cookie: csrftoken={SECRET}");
        for fields in [&[][..], &[&*mine], &[&*mine]] {
            let got = stage.get_with(&path, fields).await;
            assert_eq!(got.status, 200, "{path}");
            assert!(!got.all("cache-status").contains("; hit"), "{path}: {got:?}");
        }
        // One fetch for all, and after it each their own, with the cookie that they have.
        let asked: Vec<Asked> = stage.origin.asked().into_iter().filter(|asked| asked.target == path).collect();
        let of_visitors = asked.iter().filter(|asked| asked.field("cookie").as_deref() == Some(&mine[8..])).count();
        assert_eq!((asked.len(), of_visitors), (4, 2), "{path}: {asked:?}");
        assert_eq!(asked[1].field("cookie"), None, "{path}: the first visitor has none");
        let metrics = stage.admin("/metrics").await.text();
        assert!(metrics.contains(&format!("reason=\"{reason}\"")), "{reason}");
    }
}

#[tokio::test]
async fn whose_token_it_would_be_has_to_be_clear() {
    let stage = open().await;
    stage.origin.says("/", [django(FORM)]);
    stage.get("/").await;
    for bad in ["", "x", "\"abcdefghijklmnopqrstuvwxyzABCDEF\"", &"a".repeat(4_096), "abcdefghijklmnopqrstuvwxyzABCDE-"]
    {
        let got = stage.get_with("/", &[&format!("cookie: csrftoken={bad}")]).await;
        got.hit();
        tokens(&got, &given(&got));
    }
    let two = format!("cookie: csrftoken={SECRET}; csrftoken={OTHER}");
    let got = stage.get_with("/", &[&two]).await;
    got.cache_status(&["fwd=bypass", "detail=cookie-unclear"]);
    assert_eq!(stage.origin.asked()[1].field("cookie").as_deref(), Some(&two[8..]), "the shop decides");
    let same = format!("cookie: csrftoken={SECRET}; csrftoken={SECRET}");
    stage.get_with("/", &[&same]).await.hit();
}

#[tokio::test]
async fn what_has_no_token_is_shared_as_ever() {
    let stage = open().await;
    let text = "<p>A csrfmiddlewaretoken guards our forms; this page has none.</p>";
    stage.origin.says("/", [page(text, &["content-type: text/html", "etag: \"1\""])]);
    stage.origin.says("/products/style", [page("a {}", &["content-type: text/css", "set-cookie: seen=1"])]);
    stage.get("/").await.expect(200, text).cache_status(&["fwd=uri-miss", "stored"]);
    let hit = stage.get("/").await;
    hit.expect(200, text).hit();
    assert_eq!(
        (hit.field("cache-control"), hit.field("etag"), hit.field("set-cookie")),
        (Some("no-cache"), Some("\"1\""), None)
    );
    stage.get("/products/style").await.expect(200, "a {}");
    stage.get("/products/style").await.expect(200, "a {}").hit();
}

#[tokio::test]
async fn a_page_may_need_the_cookie_without_showing_a_token() {
    // As with ensure_csrf_cookie: its script reads the cookie.
    let stage = open().await;
    stage.origin.says("/", [django("a page with a script")]);
    let (first, second) = (stage.get("/").await, stage.get("/").await);
    second.expect(200, "a page with a script").hit();
    assert!(given(&first) != given(&second));
    let mine = stage.get_with("/", &[&format!("cookie: csrftoken={SECRET}")]).await;
    assert_eq!((mine.field("set-cookie"), mine.field("cache-control")), (None, Some("private, no-cache")));
}

#[tokio::test]
async fn head_and_ranges_of_such_a_page_are_of_the_whole() {
    let stage = open().await;
    stage.origin.says("/", [django(FORM)]);
    let length = stage.get("/").await.body.len().to_string();
    let head = stage.ask("HEAD", "/", &[]).await;
    head.hit();
    assert_eq!((head.status, head.field("content-length")), (200, Some(&*length)));
    given(&head);
    let range = stage.get_with("/", &["range: bytes=0-9"]).await;
    assert_eq!((range.status, range.body.len().to_string(), range.field("accept-ranges")), (200, length, None));
}

#[tokio::test]
async fn the_store_holds_neither_secret_nor_token_and_a_restart_loses_nothing() {
    let stage = Stage::with(&format!("store: {{ backend: sqlite }}\n{ROUTES}")).await;
    stage.origin.says("/", [django(FORM)]);
    let first = stage.get("/").await;
    let fetched_with = sent_secret(&stage.origin.asked()[0]).unwrap().to_cookie();
    let visitors = given(&first).to_cookie();
    let stage = stage.restart().await;
    let hit = stage.get_with("/", &[&format!("cookie: csrftoken={SECRET}")]).await;
    hit.hit();
    tokens(&hit, &Secret::of_cookie(SECRET).unwrap());
    let fresh = stage.get("/").await;
    fresh.hit();
    tokens(&fresh, &given(&fresh));
    assert_eq!(stage.origin.times_asked("/"), 1);
    for entry in std::fs::read_dir(stage.data.path()).unwrap() {
        let file = std::fs::read(entry.unwrap().path()).unwrap_or_default();
        for secret in [&fetched_with, &visitors, &SECRET.to_string()] {
            assert!(find(&file, secret.as_bytes()).is_none());
        }
    }
}

#[tokio::test]
async fn a_stale_page_is_spliced_like_a_fresh_one_and_covers_for_a_shop_that_is_down() {
    let stage = open().await;
    stage.origin.says("/", [django(FORM), answer("500 Oops", "oops", &["content-type: text/html"])]);
    stage.get("/").await;
    stage.pass(Duration::from_mins(7));
    let stale = stage.get("/").await;
    assert_eq!((stale.status, stale.field("x-cache")), (200, Some("STALE")), "{stale:?}");
    tokens(&stale, &given(&stale));
}

#[tokio::test]
async fn a_page_that_breaks_off_is_nobodys() {
    let stage = open().await;
    let whole = format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 9999\r\n\r\n{FORM}");
    stage.origin.says("/products/a", [raw(whole.clone()).then_closes(), django(FORM)]);
    let got = stage.get("/products/a").await;
    assert_eq!(got.status, 502, "before anybody got a byte: {got:?}");
    let after = stage.get("/products/a").await;
    tokens(&after, &given(&after));
}

#[tokio::test]
async fn where_tokens_are_not_spliced_a_page_with_their_cookie_is_not_kept() {
    let stage = open().await;
    for path in ["/raw/a", "/elsewhere"] {
        stage.origin.says(path, [made(|asked| rendered(asked, FORM, &["cache-control: max-age=60"]))]);
        for _ in 0..2 {
            let got = stage.get(path).await;
            tokens(&got, &Secret::of_cookie(&got.field("set-cookie").unwrap()[10..42]).unwrap());
        }
        assert!(stage.origin.times_asked(path) >= 2, "{path}");
    }
    assert_eq!(sent_secret(&stage.origin.asked()[0]), None);
}

#[tokio::test]
async fn a_form_is_sent_on_as_it_is() {
    let stage = open().await;
    stage.origin.says("/basket/add", [answer("302 Found", "", &["location: /"])]);
    let cookie = format!("csrftoken={SECRET}; basket=2");
    stage.ask("POST", "/basket/add", &[&format!("cookie: {cookie}"), "content-length: 0"]).await;
    assert_eq!(stage.origin.asked()[0].field("cookie").as_deref(), Some(&*cookie));
}

#[tokio::test]
async fn a_guarded_route_compares_pages_without_their_tokens() {
    let stage = open().await;
    stage.origin.says("/guarded", [django(FORM)]);
    stage.get("/guarded").await.cache_status(&["detail=guard-unproven"]);
    in_time("the sample is alike", async {
        while !stage.admin("/api/v1/explain?url=http://shop.example/guarded").await.text().contains("\"proven\"") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    stage.get("/guarded").await;
    let hit = stage.get("/guarded").await;
    hit.hit();
    tokens(&hit, &given(&hit));
}

#[tokio::test]
async fn no_field_that_the_configuration_obeys_tells_a_cache_on_the_way_to_keep_a_visitors_own_form() {
    let caching = "caching: { targeted: [Shop-Cache-Control] }";
    let stage = Stage::with(&format!("store: {{ backend: memory }}\n{caching}\n{ROUTES}")).await;
    stage.origin.says("/", [made(|asked| rendered(asked, FORM, &["shop-cache-control: max-age=600"]))]);
    for _ in 0..2 {
        let got = stage.get("/").await;
        assert_eq!((got.field("cache-control"), got.field("shop-cache-control")), (Some("private, no-cache"), None));
    }
    assert_eq!(stage.origin.times_asked("/"), 1);
}
