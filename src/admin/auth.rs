//! Who may use the admin API (rows C1 to C3).
//!
//! With a token, whoever bears it. Without one, only peers on this machine, and then the Host must be a loopback name: a
//! page whose name was made to resolve to 127.0.0.1 (DNS rebinding) still sends its own name. What changes something must
//! come as JSON, which no form can send, and not from a page of another origin.

use super::routes::Access;
use super::{Refusal, Settings};
use crate::crypto;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, ORIGIN};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, StatusCode};
use std::net::IpAddr;

/// Whether this request may use an endpoint of that kind.
pub(super) fn check(settings: &Settings, access: Access, peer: IpAddr, head: &Parts) -> Result<(), Refusal> {
    if access == Access::Open {
        return Ok(());
    }
    if settings.token.is_empty() {
        on_this_machine(peer, head)?;
    } else {
        bears_token(&settings.token, &head.headers)?;
    }
    if access == Access::Change {
        is_json(&head.headers)?;
        comes_from_here(head)?;
    }
    Ok(())
}

fn on_this_machine(peer: IpAddr, head: &Parts) -> Result<(), Refusal> {
    if !peer.to_canonical().is_loopback() {
        return Err(forbidden("without admin.token only this machine may ask; set one in proxy.yaml"));
    }
    if !host(head).is_some_and(|host| is_loopback_name(host.host())) {
        return Err(forbidden(
            "without admin.token the Host must be localhost or a loopback address; use one, or set a token in proxy.yaml",
        ));
    }
    Ok(())
}

/// Compared by digest, so that neither content nor length tells by time.
fn bears_token(token: &str, fields: &HeaderMap) -> Result<(), Refusal> {
    let shown = only(fields, &AUTHORIZATION).and_then(bearer).unwrap_or_default();
    if crypto::equal_in_constant_time(&crypto::sha256(shown.as_bytes()), &crypto::sha256(token.as_bytes())) {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::UNAUTHORIZED,
        "the admin token is missing or wrong; send Authorization: Bearer with admin.token of proxy.yaml",
    ))
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_matches(' '))
}

fn is_json(fields: &HeaderMap) -> Result<(), Refusal> {
    let media_type = only(fields, &CONTENT_TYPE).and_then(|value| value.split(';').next()).map(str::trim);
    if media_type.is_some_and(|media_type| media_type.eq_ignore_ascii_case("application/json")) {
        return Ok(());
    }
    Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send Content-Type: application/json"))
}

/// Browsers name the page's origin on each POST; other clients name none.
fn comes_from_here(head: &Parts) -> Result<(), Refusal> {
    if !head.headers.contains_key(ORIGIN) {
        return Ok(());
    }
    let origin = only(&head.headers, &ORIGIN);
    let authority = origin.and_then(|origin| origin.strip_prefix("http://").or(origin.strip_prefix("https://")));
    match (authority, host(head)) {
        (Some(origin), Some(host)) if origin.eq_ignore_ascii_case(host.as_str()) => Ok(()),
        _ => Err(forbidden("the Origin is not this address: pages of other sites may change nothing here")),
    }
}

/// The authority that was asked for: of the target where it has one (HTTP/2, absolute form), else of Host.
fn host(head: &Parts) -> Option<Authority> {
    let authority = match head.uri.authority() {
        Some(authority) => authority.clone(),
        None => only(&head.headers, &HOST)?.parse().ok()?,
    };
    (!authority.as_str().contains('@')).then_some(authority)
}

fn is_loopback_name(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host);
    let is_address = address.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
    is_address || host.eq_ignore_ascii_case("localhost")
}

/// The value of a field that is there exactly once.
fn only<'a>(fields: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = fields.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.to_str().ok())?
}

fn forbidden(detail: &str) -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    const HERE: &str = "127.0.0.1";
    const AWAY: &str = "192.0.2.1";

    fn asked(token: &str, access: Access, peer: &str, fields: &[(&str, &str)]) -> u16 {
        let settings = Settings { address: "127.0.0.1:0".parse().unwrap(), token: token.into() };
        let mut request = Request::get("/api/v1/x");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        check(&settings, access, peer.parse().unwrap(), &head).err().map_or(200, |refusal| refusal.status.as_u16())
    }

    #[test]
    fn without_a_token_only_this_machine_by_its_own_name() {
        for (peer, host, expected) in [
            (HERE, "localhost:8081", 200),
            (HERE, "LOCALHOST", 200),
            (HERE, "127.0.0.1:8081", 200),
            (HERE, "127.1.2.3", 200),
            ("::1", "[::1]:8081", 200),
            ("::ffff:127.0.0.1", "127.0.0.1", 200),
            (AWAY, "127.0.0.1", 403),
            ("::ffff:192.0.2.1", "localhost", 403),
            (HERE, "rebound.example", 403),
            (HERE, "localhost.evil.example", 403),
            (HERE, "127.0.0.1.evil.example:8081", 403),
            (HERE, "192.0.2.1", 403),
            (HERE, "0.0.0.0", 403),
            (HERE, "user@localhost", 403),
            (HERE, "local host", 403),
            (HERE, "", 403),
        ] {
            assert_eq!(asked("", Access::Read, peer, &[("host", host)]), expected, "{peer} {host}");
        }
        assert_eq!(asked("", Access::Read, HERE, &[]), 403, "no Host");
        assert_eq!(asked("", Access::Read, HERE, &[("host", "localhost"), ("host", "evil.example")]), 403, "two Hosts");
    }

    #[test]
    fn with_a_token_whoever_bears_it() {
        for (authorization, expected) in [
            ("Bearer s3cret", 200),
            ("bearer  s3cret", 200),
            ("Bearer s3cre", 401),
            ("Bearer s3cret2", 401),
            ("Bearer S3CRET", 401),
            ("Bearer ", 401),
            ("Bearer", 401),
            ("Basic s3cret", 401),
            ("s3cret", 401),
        ] {
            let fields = [("host", "shop.example"), ("authorization", authorization)];
            assert_eq!(asked("s3cret", Access::Read, AWAY, &fields), expected, "{authorization}");
        }
        assert_eq!(asked("s3cret", Access::Read, HERE, &[("host", "localhost")]), 401, "this machine is no excuse");
        let twice = [("authorization", "Bearer s3cret"), ("authorization", "Bearer s3cret")];
        assert_eq!(asked("s3cret", Access::Read, HERE, &twice), 401);
    }

    #[test]
    fn changes_come_as_json_and_from_no_other_page() {
        let json = ("content-type", "application/json; charset=utf-8");
        for (fields, expected) in [
            (vec![json], 200),
            (vec![json, ("origin", "http://localhost:8081")], 200),
            (vec![json, ("origin", "https://localhost:8081")], 200),
            (vec![json, ("origin", "http://localhost:9000")], 403),
            (vec![json, ("origin", "http://evil.example")], 403),
            (vec![json, ("origin", "null")], 403),
            (vec![json, ("origin", "")], 403),
            (vec![json, ("origin", "http://localhost:8081"), ("origin", "http://localhost:8081")], 403),
            (vec![], 415),
            (vec![("content-type", "text/plain")], 415),
            (vec![("content-type", "application/x-www-form-urlencoded")], 415),
            (vec![("content-type", "text/plain; application/json")], 415),
        ] {
            let fields = [&[("host", "localhost:8081")], &fields[..]].concat();
            assert_eq!(asked("", Access::Change, HERE, &fields), expected, "{fields:?}");
            let fields = [&[("authorization", "Bearer s3cret")], &fields[..]].concat();
            assert_eq!(asked("s3cret", Access::Change, AWAY, &fields), expected, "with a token: {fields:?}");
        }
    }

    #[test]
    fn what_is_open_asks_for_nothing() {
        assert_eq!(asked("s3cret", Access::Open, AWAY, &[("host", "any.example")]), 200);
    }
}
