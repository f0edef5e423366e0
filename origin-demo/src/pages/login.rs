//! Signing in and out.

use std::fmt::Write as _;

use axum::extract::Query;
use axum::response::Response;
use serde::Deserialize;

use super::forms::Input;
use super::html::Text;
use super::refusal::Refusal;
use super::replies::{found, private, with_cookie};
use super::visit::Visit;
use crate::cookies::Cookies;
use crate::database::Customer;
use crate::time::now_ms;

const AFTER_LOGIN: &str = "/account/";

#[derive(Deserialize)]
pub(super) struct LoginQuery {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct LoginForm {
    username: String,
    password: String,
    next: String,
}

/// `GET /login`
pub(super) async fn form(visit: Visit, Query(query): Query<LoginQuery>) -> Response {
    let main = format!(
        r#"<section class="narrow"><h1>Sign in</h1>
<p class="quiet">There are three customers: alice, bob and carol. The password is “demo”.</p>
<form method="post" action="/login" class="stack">
<label>Name <input name="username" autocomplete="username" required></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<input type="hidden" name="next" value="{}">
<button>Sign in</button></form></section>"#,
        Text(local(&query.next))
    );
    private(visit.page("Sign in", &main))
}

/// `POST /login`
pub(super) async fn enter(visit: Visit, Input(form): Input<LoginForm>) -> Result<Response, Refusal> {
    if form.username.is_empty() || form.password.is_empty() {
        return Err(Refusal::BadInput("Both a name and a password are needed.".to_owned()));
    }
    let place = found(local(&form.next));
    let id = session_id()?;
    let cookie = Cookies::session(&id);
    let known = visit.ask(move |q| Customer::sign_in(q, &id, &form.username, &form.password)).await?;
    if known { Ok(private(with_cookie(place, cookie))) } else { Err(Refusal::WrongPassword) }
}

/// `GET` and `POST /logout`
pub(super) async fn leave(visit: Visit) -> Result<Response, Refusal> {
    if let Some(id) = visit.cookies.session.clone() {
        let told = visit.ask(move |q| Customer::sign_out(q, &id, now_ms())).await?;
        if let Some(place) = told {
            visit.committed(place).await;
        }
    }
    Ok(private(with_cookie(found("/"), Cookies::session(""))))
}

/// `next` if it is a page of this shop, so that nobody is led elsewhere.
fn local(next: &str) -> &str {
    let path = next.strip_prefix('/').unwrap_or("/");
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if plain && !path.starts_with('/') { next } else { AFTER_LOGIN }
}

fn session_id() -> Result<String, Refusal> {
    let mut bytes = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Refusal::Broken("the system gives no random bytes".to_owned()))?;
    Ok(bytes.iter().fold(String::new(), |mut id, byte| {
        // Writing to a String does not fail.
        let _ = write!(id, "{byte:02x}");
        id
    }))
}

#[cfg(test)]
mod tests {
    use super::local;

    #[test]
    fn only_our_own_pages_come_next() {
        for (next, place) in [
            ("/account/orders", "/account/orders"),
            ("/", "/"),
            ("", "/account/"),
            ("//evil.example", "/account/"),
            ("/\\evil.example", "/account/"),
            ("https://evil.example", "/account/"),
            ("/a\r\nSet-Cookie: a=b", "/account/"),
        ] {
            assert_eq!(local(next), place, "{next}");
        }
    }
}
