//! What the configuration says about requests; swapped whole on reload, so that a request sees one state of it.

use super::Guards;
use crate::crypto;
use crate::headers::{Fields, X_VITRINE_TOKEN, text};
use crate::invalidate::Network;
use crate::key::{Globs, IdFrom, Languages, QueryRules, SessionHash, SessionKey, Target, UrlText, all_values_of};
use crate::observe::RouteTable;
use crate::route::{Audience, Router, WithoutSession};
use http::{HeaderMap, HeaderName, Method};
use std::net::IpAddr;
use std::sync::Arc;

/// The reloadable part of the configuration that requests see.
#[derive(Clone)]
pub struct Rules {
    /// The routes.
    pub router: Router,
    /// Their figures, in the router's order: a request is never counted under another configuration's route.
    pub figures: Arc<RouteTable>,
    /// The guarded routes among them.
    pub guards: Guards,
    /// How sessions are told apart.
    pub sessions: SessionRules,
    /// Which query parameters count.
    pub query: Arc<QueryRules>,
    /// What `Accept-Language` is reduced to.
    pub languages: Arc<Languages>,
    /// Hosts that are ours, as in keys; empty: every host.
    pub hosts: Box<[Box<str>]>,
    /// Peers whose forwarding fields are believed.
    pub trusted: Box<[Network]>,
    /// The SHA-256 of the admin token; none: there is none to show.
    pub admin_token: Option<[u8; 32]>,
}

/// How sessions are told apart.
#[derive(Clone, Debug, Default)]
pub struct SessionRules {
    /// What ids are hashed with; none: nothing is kept for a session.
    pub key: Option<SessionKey>,
    /// Every cookie that holds an id, under whichever rule.
    pub cookies: Arc<Globs>,
    /// The field that holds an id, where one does.
    pub header: Option<HeaderName>,
}

impl SessionRules {
    /// Every session that a request could belong to, however its cookies are read; for what must not be missed.
    pub fn all_of(&self, request: &HeaderMap) -> Vec<SessionHash> {
        let Some(key) = &self.key else { return Vec::new() };
        let of_header = self.header.iter().flat_map(|name| request.get_all(name)).filter_map(|id| id.to_str().ok());
        let ids = all_values_of(&self.cookies, request).into_iter().chain(of_header.map(str::trim));
        ids.filter(|id| !id.is_empty()).map(|id| key.hash(id)).collect()
    }

    /// The id in the header; none where there is none, or no header is configured.
    ///
    /// # Errors
    /// It is there twice, or is no text.
    pub fn header_id<'a>(&self, request: &'a impl Fields) -> Result<Option<(IdFrom<'static>, &'a str)>, NoText> {
        let Some(name) = &self.header else { return Ok(None) };
        let mut values = request.lines(name);
        let (first, second) = (values.next(), values.next());
        if second.is_some() {
            return Err(NoText);
        }
        let id = first.map(|id| text(id).ok_or(NoText)).transpose()?.map(str::trim);
        Ok(id.filter(|id| !id.is_empty()).map(|id| (IdFrom::Header, id)))
    }
}

/// A field that should hold one text does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoText;

impl Rules {
    /// Whether a normalised host is ours. A port other than the scheme's own has to be named.
    pub fn serves(&self, host: &str) -> bool {
        self.hosts.is_empty() || self.hosts.iter().any(|own| &**own == host)
    }

    /// Whether a GET of a URL on the target's host could be stored for others than the one who asks. A session's own pages are
    /// let go by their session.
    pub fn may_store(&self, target: &Target, url: &UrlText) -> bool {
        let target = Target { path: url.path.clone(), query: None, ..target.clone() };
        let rule = self.router.route(&Method::GET, &target).rule;
        let is_shared = rule.audience != Audience::Session || rule.without_session == WithoutSession::Anonymous;
        !rule.pass && is_shared
    }

    /// Whether a request shows the admin token. Compared by digest, so that neither content nor length tells by time (row C3).
    pub fn shows_admin_token(&self, request: &impl Fields) -> bool {
        let shown = self.admin_token.as_ref().zip(request.lines(&X_VITRINE_TOKEN).next());
        shown.is_some_and(|(own, shown)| crypto::equal_in_constant_time(&crypto::sha256(shown), own))
    }

    /// Whether what this peer says about whom it forwards for is believed.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(peer))
    }
}
