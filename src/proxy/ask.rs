//! A request, taken apart once: what is asked, by whom, under which id.

use super::Rules;
use crate::body::Body;
use crate::clock::Timestamp;
use crate::fetch::{ForwardedBy, Tunnel};
use crate::headers::{Fields, X_FORWARDED_FOR, X_FORWARDED_PROTO, X_REQUEST_ID, list_items};
use crate::interim::Outlet;
use crate::key::{BadTarget, Scheme, Target};
use http::{HeaderMap, HeaderValue, Method, Request, header};
use std::net::IpAddr;

/// A request, without its body.
#[derive(Debug)]
pub struct Ask {
    /// Its method.
    pub method: Method,
    /// Its fields as they came.
    pub fields: HeaderMap,
    /// What it asks for.
    pub target: Target,
    /// The peer.
    pub peer: IpAddr,
    /// Whether the peer's forwarding fields are believed.
    pub peer_is_trusted: bool,
    /// The visitor: the peer, or whom a trusted peer forwards for.
    pub visitor: IpAddr,
    /// Its id in our log; a trusted peer's own, where it sent one.
    pub id: HeaderValue,
    /// Steady time when its head had come.
    pub arrived: Timestamp,
    /// Whether it has a body.
    pub has_body: bool,
}

/// What of a request counts for the cache, wherever its fields are held.
#[derive(Debug)]
pub(super) struct Asked<'a, F> {
    /// Its method.
    pub method: &'a Method,
    /// What it asks for.
    pub target: &'a Target,
    /// Its fields.
    pub fields: &'a F,
    /// Whether it has a body.
    pub has_body: bool,
}

impl<F> Clone for Asked<'_, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for Asked<'_, F> {}

/// What of a request can be used only once.
#[derive(Debug)]
pub struct Carried {
    /// Its body.
    pub body: Body,
    /// The client's side of an upgrade, where it asks for one.
    pub tunnel: Option<Tunnel>,
    /// Where interim responses for its visitor go; whoever has an outlet for them puts it here.
    pub interim: Outlet,
}

impl Ask {
    /// Takes a request apart.
    ///
    /// # Errors
    /// Its target is not one.
    pub fn take(
        mut request: Request<Body>,
        peer: IpAddr,
        rules: &Rules,
        id: HeaderValue,
        arrived: Timestamp,
    ) -> Result<(Ask, Carried), BadTarget> {
        let peer_is_trusted = rules.trusts(peer);
        let scheme = if peer_is_trusted { told_scheme(request.headers()) } else { Scheme::Http };
        let target = Target::of(&request, scheme)?;
        let tunnel = request.headers().contains_key(header::UPGRADE).then(|| Tunnel::of_request(&mut request));
        let (head, body) = request.into_parts();
        let ask = Ask {
            method: head.method,
            target,
            peer,
            peer_is_trusted,
            visitor: if peer_is_trusted { told_visitor(&head.headers, rules).unwrap_or(peer) } else { peer },
            id: if peer_is_trusted { told_id(&head.headers).unwrap_or(id) } else { id },
            arrived,
            has_body: !http_body::Body::is_end_stream(&body),
            fields: head.headers,
        };
        Ok((ask, Carried { body, tunnel, interim: Outlet::nowhere() }))
    }

    /// What of it counts for the cache.
    pub(super) fn asked(&self) -> Asked<'_, HeaderMap> {
        Asked { method: &self.method, target: &self.target, fields: &self.fields, has_body: self.has_body }
    }

    /// A span that tells which request a message is about, where what is told of single requests is listened to: at `debug`. Made for
    /// those that leave for the origin: a hit has nothing to say that its log line does not.
    pub fn span(&self) -> tracing::Span {
        tracing::debug_span!("request", id = self.id.to_str().unwrap_or_default())
    }

    /// On whose behalf it is forwarded.
    pub fn forwarded_by(&self) -> ForwardedBy<'_> {
        ForwardedBy {
            peer: self.peer,
            peer_is_trusted: self.peer_is_trusted,
            scheme: self.target.scheme,
            host: &self.target.host,
            id: &self.id,
        }
    }
}

/// The scheme that a trusted peer says the visitor used.
pub(super) fn told_scheme(fields: &impl Fields) -> Scheme {
    match list_items(fields, &X_FORWARDED_PROTO).last() {
        Some(proto) if proto.eq_ignore_ascii_case("https") => Scheme::Https,
        _ => Scheme::Http,
    }
}

/// Whom a trusted peer forwards for: the last address in the list that is not itself a trusted proxy's.
pub(super) fn told_visitor(fields: &impl Fields, rules: &Rules) -> Option<IpAddr> {
    let hops: Vec<&str> = list_items(fields, &X_FORWARDED_FOR).collect();
    hops.iter().rev().map_while(|hop| hop.parse().ok()).find(|hop| !rules.trusts(*hop))
}

/// The id that a trusted peer has given a request.
pub(super) fn told_id(fields: &impl Fields) -> Option<HeaderValue> {
    let is_plain = |id: &&[u8]| {
        (1..=64).contains(&id.len())
            && id.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    HeaderValue::from_bytes(fields.lines(&X_REQUEST_ID).next().filter(is_plain)?).ok()
}
