//! What the configuration says about requests; swapped whole on reload, so that a request sees one state of it.

use crate::invalidate::Network;
use crate::key::{CookieClasses, Languages, QueryRules, Target, UrlText};
use crate::observe::RouteTable;
use crate::route::{Audience, Router};
use http::Method;
use std::net::IpAddr;
use std::sync::Arc;

/// The reloadable part of the configuration that requests see.
#[derive(Clone)]
pub struct Rules {
    /// The routes.
    pub router: Router,
    /// Their figures, in the router's order: a request is never counted under another configuration's route.
    pub figures: Arc<RouteTable>,
    /// What cookies mean.
    pub cookies: Arc<CookieClasses>,
    /// Which query parameters count.
    pub query: Arc<QueryRules>,
    /// What `Accept-Language` is reduced to.
    pub languages: Arc<Languages>,
    /// Hosts that are ours, as in keys; empty: every host.
    pub hosts: Box<[Box<str>]>,
    /// Peers whose forwarding fields are believed.
    pub trusted: Box<[Network]>,
}

impl Rules {
    /// Whether a normalised host is ours. A port other than the scheme's own has to be named.
    pub fn serves(&self, host: &str) -> bool {
        self.hosts.is_empty() || self.hosts.iter().any(|own| &**own == host)
    }

    /// Whether a GET of a URL on the target's host could be stored.
    pub fn may_store(&self, target: &Target, url: &UrlText) -> bool {
        let target = Target { path: url.path.clone(), query: None, ..target.clone() };
        let rule = self.router.route(&Method::GET, &target).rule;
        !rule.pass && rule.audience != Audience::Session
    }

    /// Whether what this peer says about whom it forwards for is believed.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(peer))
    }
}
