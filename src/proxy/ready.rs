//! The short way of a hit: a request whose answer is in memory, fresh and whole, is answered at once, as bytes. Each question on the
//! way is asked of the module that answers it on the long way (`handle`, `serve`) too; where one of them says anything but yes,
//! nothing has happened, and the request goes the long way from its beginning.

use super::admit::{Wanted, admit};
use super::ask::{Asked, told_id, told_scheme, told_visitor};
use super::lookup::standing;
use super::{Proxy, RequestId, Rules};
use crate::accept::{Content, Sent};
use crate::cache_name::CacheName;
use crate::clock::{Moment, Timestamp};
use crate::fetch::ForwardedBy;
use crate::headers::{Fields, X_VITRINE_TOKEN};
use crate::key::{Scheme, Target};
use crate::observe::Served;
use crate::outcome::{Kind, Outcome, Reason};
use crate::policy::{self, Reuse, vary};
use crate::respond::{self, Whole};
use crate::route::Routed;
use crate::stored::StoredResponse;
use http::{HeaderValue, Method, StatusCode};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// A plain request: GET or HEAD for a resource of ours in origin form, without a body.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a, F> {
    /// Its method.
    pub method: &'a Method,
    /// The raw path and query.
    pub path_and_query: &'a str,
    /// Its fields.
    pub fields: &'a F,
    /// Who sent it.
    pub peer: IpAddr,
}

/// A request's id.
enum Id {
    Own(RequestId),
    /// A trusted peer's.
    Told(HeaderValue),
}

impl Id {
    fn as_bytes(&self) -> &[u8] {
        match self {
            Id::Own(id) => id.as_bytes(),
            Id::Told(id) => id.as_bytes(),
        }
    }
}

/// What is to be told of a hit once it has been sent.
pub struct Receipt {
    rules: Arc<Rules>,
    place: usize,
    arrived: Moment,
    id: Id,
    client: IpAddr,
    method: Method,
    status: StatusCode,
    outcome: Outcome,
    saved: Duration,
}

impl Proxy {
    /// Answers a request from memory: writes the head to the end of `head`, whole but for the empty line, and gives the content. None,
    /// and nothing has happened, where it is not a plain hit.
    #[expect(clippy::needless_pass_by_value, reason = "it is four references")]
    pub fn ready<F: Fields>(&self, request: Plain<'_, F>, head: &mut Vec<u8>) -> Option<(Content, Receipt)> {
        let arrived = self.clock.moment();
        let Plain { method, path_and_query, fields, peer } = request;
        let rules = self.rules.load();
        let peer_is_trusted = rules.trusts(peer);
        let scheme = if peer_is_trusted { told_scheme(fields) } else { Scheme::Http };
        let target = Target::of_origin_form(path_and_query, fields, scheme).ok()?;
        if !rules.serves(&target.host) || fields.has(&X_VITRINE_TOKEN) {
            return None;
        }
        let routed = rules.router.route(method, &target);
        if rules.guards.suspect(&routed) {
            return None;
        }
        let asked = Asked { method, target: &target, fields, has_body: false };
        let wanted = admit(&rules, routed.rule, asked).ok()?;
        let stored = self.fresh(&rules, &routed, asked, &wanted, peer, arrived.now)?;
        if stored.form_cookie().is_some() {
            return None;
        }

        let now = arrived.now;
        let outcome = Outcome {
            ttl_secs: Some(stored.lifetime().ttl_ms(now).div_euclid(1000)),
            ..Outcome::new(Kind::Hit, Reason::Fresh)
        };
        let whole = respond::ready(&stored, method, fields, &outcome, now, head)?;
        let id = if peer_is_trusted { told_id(fields) } else { None };
        let id = id.map_or_else(|| Id::Own(self.new_request_id()), Id::Told);
        for part in [b"x-request-id: ", id.as_bytes(), b"\r\n"] {
            head.extend_from_slice(part);
        }
        let receipt = Receipt {
            place: routed.place,
            arrived,
            id,
            client: if peer_is_trusted { told_visitor(fields, &rules).unwrap_or(peer) } else { peer },
            method: method.clone(),
            status: whole.status,
            outcome,
            saved: stored.origin_time(),
            rules: rules.clone(),
        };
        Some((self.as_sent(&stored, whole), receipt))
    }

    /// A content in the form in which it is sent at the least cost.
    fn as_sent(&self, stored: &StoredResponse, whole: Whole) -> Content {
        // A session's own page is asked for by one visitor, and must not outlive the session, nor in a file.
        let is_shared = stored.cache != CacheName::Sessions;
        let file = is_shared.then(|| self.files.of(stored.generation, whole.coding, &whole.body)).flatten();
        file.map_or(Content::Bytes(whole.body), Content::File)
    }

    /// What memory has for a request, if it may be served as it is.
    fn fresh<F: Fields>(
        &self,
        rules: &Rules,
        routed: &Routed<'_>,
        asked: Asked<'_, F>,
        wanted: &Wanted,
        peer: IpAddr,
        now: Timestamp,
    ) -> Option<Arc<StoredResponse>> {
        // Asked before anything is looked at: see `Ledger::trust`.
        let trust = self.ledger.trust(now);
        let variants = self.memory.get(wanted.cache, &wanted.key)?;
        let by = ForwardedBy {
            peer,
            peer_is_trusted: rules.trusts(peer),
            scheme: asked.target.scheme,
            host: &asked.target.host,
            // It has none yet. No trusted peer can send this one (`told_id`), so that a Vary on the id matches nothing here.
            id: &HeaderValue::from_static("."),
        };
        let as_sent = |name: &_| vary::normalised(wanted.as_sent(rules, routed.rule, &asked.fields.to_map(), by), name);
        let stored = vary::select(&variants, as_sent).ok()?;
        let standing = standing(self, stored);
        let reuse = policy::reuse::decide(stored, trust, standing, routed.rule.fingerprint, &wanted.wishes, now);
        (reuse == Reuse::Serve).then(|| stored.clone())
    }

    /// Tells of a hit that went the short way.
    pub fn tell(&self, receipt: &Receipt, sent: &Sent<'_>) {
        // All of them are ASCII. Nobody reads these where there is no access log.
        let is_logged = self.observer.logs_access();
        let text = |part| if is_logged { str::from_utf8(part).unwrap_or_default() } else { "" };
        self.observer.served(&Served {
            time: receipt.arrived.wall,
            duration: receipt.arrived.elapsed(),
            id: str::from_utf8(receipt.id.as_bytes()).unwrap_or_default(),
            client: receipt.client,
            method: &receipt.method,
            host: text(sent.host),
            target: text(sent.target),
            route: receipt.rules.figures.at(receipt.place),
            status: receipt.status,
            bytes: sent.bytes,
            complete: sent.complete,
            outcome: receipt.outcome,
            origin_time: None,
            saved: Some(receipt.saved),
        });
    }
}
