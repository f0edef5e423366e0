//! The only fork: PURGE and its kin, calls of purge APIs and webhooks go to `invalidate`, everything else to `proxy`. One
//! service for each kind of address.

use crate::accept::{Head, Ready, Refusal, Sent, Service, Visitor};
use crate::admin::{Admin, Backstage};
use crate::body::Body;
use crate::invalidate::{Dialect, Invalidator};
use crate::observe::Observer;
use crate::outcome::{Kind, Outcome, Reason};
use crate::proxy::{Plain, Proxy, Receipt};
use crate::respond;
use http::{Request, Response};
use std::any::Any;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

/// The outcome of what has a head that may not be acted on.
const BAD_REQUEST: Outcome = Outcome::new(Kind::Error, Reason::BadRequest);

type Answer = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// A public address.
pub struct Public {
    /// What answers visitors.
    pub proxy: Arc<Proxy>,
    /// What answers PURGE and webhooks.
    pub invalidator: Arc<Invalidator>,
    /// Whether these have an address of their own, and are not served here.
    pub invalidation_is_elsewhere: bool,
    /// Where connections and refusals are counted.
    pub observer: Arc<Observer>,
}

/// The address for PURGE and webhooks alone.
pub struct Invalidation(pub Arc<Invalidator>);

/// The admin address.
pub struct Administration<B>(pub Arc<Admin<B>>);

impl Service for Public {
    type Receipt = Receipt;

    fn ready(&self, request: &Head<'_>, peer: SocketAddr, head: &mut Vec<u8>) -> Option<Ready<Receipt>> {
        let (path, _) = request.target.split_once('?').unwrap_or((request.target, ""));
        let is_for_invalidator =
            self.invalidator.is_webhook(path) || self.invalidator.api(&request.method, path).is_some();
        if is_for_invalidator {
            return None;
        }
        let Head { method, target, .. } = request;
        let plain = Plain { method, path_and_query: target, fields: request, peer: peer.ip() };
        self.proxy.ready(plain, head).map(|(content, receipt)| Ready { content, receipt })
    }

    fn sent(&self, receipt: Receipt, sent: &Sent<'_>) {
        self.proxy.tell(&receipt, sent);
    }

    fn answer(self: Arc<Self>, request: Request<Body>, visitor: Visitor) -> Answer {
        if self.invalidator.is_purge_like(request.method()) {
            return purge(&self.invalidator, request, visitor.peer.ip(), !self.invalidation_is_elsewhere);
        }
        if !self.invalidation_is_elsewhere && self.invalidator.is_webhook(request.uri().path()) {
            return webhook(&self.invalidator, request);
        }
        let api = self.invalidator.api(request.method(), request.uri().path());
        if let Some(api) = api.filter(|_| !self.invalidation_is_elsewhere) {
            return call(&self.invalidator, api, request, visitor.peer.ip());
        }
        Box::pin(self.proxy.clone().handle(request, visitor.peer.ip(), visitor.interim))
    }

    fn refuse(&self, refusal: Refusal, _visitor: Visitor) -> Response<Body> {
        self.observer.refused(&BAD_REQUEST);
        refused(refusal)
    }

    fn connected(&self) -> Box<dyn Any + Send> {
        Box::new(self.observer.connection())
    }
}

impl Service for Invalidation {
    type Receipt = ();

    fn answer(self: Arc<Self>, request: Request<Body>, visitor: Visitor) -> Answer {
        if self.0.is_webhook(request.uri().path()) {
            return webhook(&self.0, request);
        }
        match self.0.api(request.method(), request.uri().path()) {
            Some(api) => call(&self.0, api, request, visitor.peer.ip()),
            None => purge(&self.0, request, visitor.peer.ip(), true),
        }
    }

    fn refuse(&self, refusal: Refusal, _visitor: Visitor) -> Response<Body> {
        refused(refusal)
    }
}

impl<B: Backstage> Service for Administration<B> {
    type Receipt = ();

    fn answer(self: Arc<Self>, request: Request<Body>, visitor: Visitor) -> Answer {
        Box::pin(async move {
            let (head, body) = request.into_parts();
            self.0.answer(visitor.peer.ip(), &head, body).await
        })
    }

    fn refuse(&self, refusal: Refusal, _visitor: Visitor) -> Response<Body> {
        refused(refusal)
    }
}

fn purge(invalidator: &Arc<Invalidator>, request: Request<Body>, peer: IpAddr, here: bool) -> Answer {
    let invalidator = invalidator.clone();
    // A PURGE's body says nothing; it is read and dropped with the connection.
    let (head, _) = request.into_parts();
    Box::pin(async move { invalidator.purge(&head, peer, here).await })
}

fn call(invalidator: &Arc<Invalidator>, api: Dialect, request: Request<Body>, peer: IpAddr) -> Answer {
    let invalidator = invalidator.clone();
    Box::pin(async move {
        let (head, body) = request.into_parts();
        invalidator.answer_call(api, &head, body, peer).await
    })
}

fn webhook(invalidator: &Arc<Invalidator>, request: Request<Body>) -> Answer {
    let invalidator = invalidator.clone();
    Box::pin(async move {
        let (head, body) = request.into_parts();
        invalidator.webhook(&head, body).await
    })
}

fn refused(refusal: Refusal) -> Response<Body> {
    respond::error(refusal.status, &BAD_REQUEST, refusal.message)
}
