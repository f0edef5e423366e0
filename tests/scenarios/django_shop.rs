//! A shop as Django makes it: pages with tokens of whatever secret they were asked for with, and visitors who look at them.

use crate::stage::{Asked, Got, Line, Stage, made, page};
use vitrine::csrf::Secret;

pub(crate) const ROUTES: &str = r#"
csrf: { scheme: django }
cookies: { session: [sessionid], personal: [basket, messages], key: [currency], drop: [seen] }
session_key: "0123456789abcdef0123456789abcdef"
routes:
  - { name: home, match: "/", ttl: 5m, stale_while_revalidate: 1m, stale_if_error: 1h }
  - { name: product, match: "/products/{product}", ttl: 30m, tags: ["product:{product}"] }
  - { name: raw, match: "/raw/{*path}", ttl: 5m, csrf: false }
  - { name: guarded, match: "/guarded", ttl: 5m, guard: sample }
  - { name: account, match: "/account/", ttl: 1h, audience: session }
"#;
pub(crate) const SECRET: &str = "abcdefghijklmnopqrstuvwxyzABCDEF";
pub(crate) const OTHER: &str = "0123456789abcdefghijklmnopqrstuv";
pub(crate) const FORM: &str = "<form><input type=\"hidden\" name=\"csrfmiddlewaretoken\" value=\"TOKEN\"></form>";

pub(crate) async fn open() -> Stage {
    Stage::with(&format!("store: {{ backend: memory }}\n{ROUTES}")).await
}

pub(crate) fn masked(secret: &Secret) -> String {
    String::from_utf8(secret.token().unwrap().to_vec()).unwrap()
}

/// The secret in a request's cookie.
pub(crate) fn sent_secret(asked: &Asked) -> Option<Secret> {
    let cookies = asked.field("cookie").unwrap_or_default();
    cookies.split("; ").find_map(|pair| Secret::of_cookie(pair.strip_prefix("csrftoken=")?))
}

/// A page as Django renders it: with tokens of the secret that was sent, or of a new one, which it sets again each time.
pub(crate) fn rendered(asked: &Asked, template: &str, fields: &[&str]) -> Line {
    let secret = sent_secret(asked).unwrap_or_else(|| Secret::random().unwrap());
    let mut body = template.to_string();
    while body.contains("TOKEN") {
        body = body.replacen("TOKEN", &masked(&secret), 1);
    }
    let cookie = format!(
        "set-cookie: csrftoken={}; expires=Sun, 28 Nov 2027 12:00:00 GMT; Max-Age=31449600; Path=/; SameSite=Lax",
        secret.to_cookie()
    );
    // It covers a random mask: never the same again.
    let etag = format!("etag: \"{}\"", masked(&secret));
    let usual = ["content-type: text/html; charset=utf-8", "vary: Cookie", &cookie, &etag];
    page(&body, &[&usual[..], fields].concat())
}

pub(crate) fn django(template: &'static str) -> Line {
    made(move |asked| rendered(asked, template, &[]))
}

/// The tokens of a page, each of which has to be of this secret; the rest of it.
#[track_caller]
pub(crate) fn tokens(got: &Got, secret: &Secret) -> (Vec<String>, String) {
    let (mut tokens, mut rest) = (Vec::new(), String::new());
    let text = got.text();
    for (at, part) in text.split("value=\"").enumerate() {
        let (token, after) = if at == 0 { ("", part) } else { part.split_at(64) };
        if at > 0 {
            assert_eq!(Secret::of_cookie(token).as_ref(), Some(secret), "{token}");
            tokens.push(token.to_string());
        }
        rest += after;
    }
    (tokens, rest)
}

/// The secret that a visitor was given.
#[track_caller]
pub(crate) fn given(got: &Got) -> Secret {
    let line = got.field("set-cookie").unwrap_or_else(|| panic!("no cookie in {got:?}"));
    let (value, attributes) = line.strip_prefix("csrftoken=").and_then(|line| line.split_once("; ")).unwrap();
    assert_eq!(attributes, "Max-Age=31449600; Path=/; SameSite=Lax", "as the shop sets it, without its date");
    Secret::of_cookie(value).unwrap()
}
