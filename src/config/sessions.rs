//! How sessions are told apart, and what an operator should look at twice where pages are personal.

use super::reader::Section;
use crate::key::{CookieClass, Globs};
use crate::route::{Audience, Router, Rule};
use http::{HeaderName, header};
use std::sync::Arc;

/// Bytes of a session key, at least: 24 random ones in base64.
const SECRET_BYTES_MIN: usize = 32;
/// What paths of personal pages begin with in most shops.
const PERSONAL_PATHS: [&str; 14] = [
    "account",
    "accounts",
    "basket",
    "cart",
    "checkout",
    "customer",
    "dashboard",
    "login",
    "logout",
    "my",
    "orders",
    "profile",
    "user",
    "wishlist",
];

/// How sessions are told apart.
#[derive(Clone, Debug, Default)]
pub struct SessionSettings {
    /// What ids are hashed with, as the file has it; none: made at the first start, where one proxy is alone.
    pub secret: Option<Secret>,
    /// The field that holds an id beside the cookies.
    pub header: Option<HeaderName>,
    /// Every cookie that holds an id, under whichever rule.
    pub cookies: Arc<Globs>,
}

impl SessionSettings {
    /// Whether the same sessions are told apart as by others.
    pub fn are_as(&self, other: &SessionSettings) -> bool {
        let parts = |own: &SessionSettings| (own.secret.clone(), own.header.clone());
        parts(self) == parts(other) && self.cookies.names() == other.cookies.names()
    }
}

/// A secret; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Box<str>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

pub(super) fn settings(file: &Section<'_>, header: Option<HeaderName>, router: &Router) -> SessionSettings {
    let secret = file.text("session_key").map(|text| text.text).filter(|text| !text.is_empty());
    if secret.as_ref().is_some_and(|secret| secret.len() < SECRET_BYTES_MIN) {
        file.tell(
            "session_key",
            "is too short for a secret; write at least 32 random characters, made for example with: openssl rand -hex 32",
        );
    }
    SessionSettings {
        secret: secret.map(|secret| Secret(secret.into())),
        header,
        // They are the same under every rule.
        cookies: Arc::new(router.rules().next().map(|rule| rule.cookies.session.clone()).unwrap_or_default()),
    }
}

/// The field that holds a session's id beside the cookies.
pub(super) fn header(file: &Section<'_>) -> Option<HeaderName> {
    let taken = [header::COOKIE, header::AUTHORIZATION, header::HOST, header::RANGE];
    let field = |text: &str| text.parse::<HeaderName>().ok().filter(|name| !taken.contains(name));
    file.parsed("session_header", "a request field that can hold a session's id", field)
}

/// What looks as if a personal page could be shared.
pub(super) fn cautions(router: &Router) -> Vec<String> {
    router
        .rules()
        .filter(|rule| !rule.pass && rule.audience != Audience::Session)
        .flat_map(|rule| caution(rule))
        .collect()
}

fn caution(rule: &Rule) -> Vec<String> {
    let mut cautions = Vec::new();
    let path = rule.pattern.as_ref().map(ToString::to_string).unwrap_or_default();
    if path.split('/').any(|segment| PERSONAL_PATHS.contains(&segment)) {
        cautions.push(format!(
            "the rule {} shares pages under {path} among all visitors; if they are personal, write audience: session or pass: true",
            rule.name
        ));
    }
    let kept = rule.cookies.key.names().iter();
    let personal = kept.filter(|name| matches!(rule.cookies.class(name), CookieClass::Session | CookieClass::Personal));
    for name in personal {
        cautions.push(format!(
            "the rule {} names the cookie {name} as part of its key, but it tells visitors apart: it is not sent, and with it a \
             page for audience: anonymous is passed",
            rule.name
        ));
    }
    cautions
}
