//! What holds for each answer, whatever its row is about: its framing, its Date and Age, and a Cache-Status (RFC 9211) that tells
//! the truth about what the origin was asked.

use crate::script::{Exchange, Says};
use crate::stage::Got;
use sfv::{BareItem, List, ListEntry, Parameters, Parser};

/// Fields of one connection that no answer may hand on.
const OF_A_CONNECTION: [&str; 7] =
    ["keep-alive", "proxy-authenticate", "proxy-authentication-info", "proxy-connection", "te", "trailer", "upgrade"];

/// Looks an answer over.
///
/// # Errors
/// What is wrong with it.
pub fn holds(exchange: &Exchange, got: &Got) -> Result<(), String> {
    let once = |name: &str| got.fields.iter().filter(|(own, _)| own == name).count();
    if let Some(name) = OF_A_CONNECTION.into_iter().find(|name| once(name) > 0) {
        return Err(format!("{name} is of one connection (9110 7.6.1)"));
    }
    if let Some(name) = ["content-length", "etag", "content-range"].into_iter().find(|name| once(name) > 1) {
        return Err(format!("{name} stands there twice"));
    }
    if once("date") == 0 {
        return Err("there is no Date (9110 6.6.1)".into());
    }
    if matches!(got.status, 204 | 304) && once("transfer-encoding") > 0 {
        return Err("what has no content has a coding (9112 6.1)".into());
    }
    let own = got.field("via").is_some_and(|_| got.all("via").ends_with("1.1 vitrine"));
    let is_ours = matches!(got.status, 400 | 500..=504);
    if !own && !is_ours {
        return Err("Via does not tell who answered (9110 7.6.3)".into());
    }
    status(exchange, got)
}

/// Cache-Status: a hit was not forwarded, and what was forwarded is no hit.
fn status(exchange: &Exchange, got: &Got) -> Result<(), String> {
    let told = got.all("cache-status");
    let list: List = Parser::new(&told).parse().map_err(|error| format!("{told:?} is no list: {error}"))?;
    let Some(ListEntry::Item(item)) = list.last() else { return Err(format!("{told:?} has no member of ours")) };
    if item.bare_item.as_token().map(sfv::TokenRef::as_str) != Some("vitrine") {
        return Err(format!("the last member of {told:?} is not ours"));
    }
    let parameters = &item.params;
    let (hit, fwd) = (is_set(parameters, "hit"), parameters.contains_key("fwd"));
    if hit && got.status == 412 {
        return Err("a cache judges no If-Match and no If-Unmodified-Since (9111 4.3.2)".into());
    }
    if exchange.answers.iter().any(|answer| answer.perhaps) {
        return Ok(());
    }
    let in_front = exchange.answers.iter().rfind(|answer| !answer.behind);
    if hit && (fwd || in_front.is_some()) {
        return Err(format!("{told:?} is no hit: it was forwarded (9211 2.1)"));
    }
    if hit && got.fields.iter().filter(|(name, _)| name == "age").count() != 1 {
        return Err("a hit has one Age (9111 5.1)".into());
    }
    // Where nobody listened, what is stale answers.
    if fwd && in_front.is_none() && got.status < 500 && !told.contains("stale-if-error") {
        return Err(format!("{told:?} was forwarded to nobody (9211 2.2)"));
    }
    let fwd_status = parameters.get("fwd-status").and_then(BareItem::as_integer).map(i64::from);
    match in_front.map(|answer| &answer.says) {
        Some(Says::Status(status, _)) if fwd_status.is_some_and(|told| told != i64::from(*status)) => {
            Err(format!("{told:?}, but the origin said {status} (9211 2.3)"))
        }
        None if fwd_status.is_some() => Err(format!("{told:?}, but the origin said nothing (9211 2.3)")),
        _ => Ok(()),
    }
}

fn is_set(parameters: &Parameters, name: &str) -> bool {
    parameters.get(name).and_then(BareItem::as_boolean) == Some(true)
}
