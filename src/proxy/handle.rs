//! The outside of a request: its arrival, its id, and the one line and the metrics that tell of it, also when its client
//! leaves before the answer.

use super::ask::Carried;
use super::failure::Failure;
use super::key_shown;
use super::reply::Reply;
use super::serve::serve;
use super::{Ask, Proxy, Rules};
use crate::body::{Body, Watch};
use crate::clock::Moment;
use crate::headers::X_REQUEST_ID;
use crate::interim::Outlet;
use crate::observe::Served;
use crate::outcome::{Kind, Outcome, Reason};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// The place of no route: of what is refused before it falls under one.
const NOWHERE: usize = usize::MAX;

impl Proxy {
    /// Answers one request, and tells its visitor meanwhile what the origin says in the interim. Whatever goes wrong is an answer, or
    /// a body that visibly breaks off.
    pub async fn handle(self: Arc<Self>, request: Request<Body>, peer: IpAddr, interim: Outlet) -> Response<Body> {
        let rules = self.rules.load_full();
        let id = HeaderValue::from(self.new_request_id());
        let mut told = Told::arrived(self.clone(), rules.clone(), &request, peer, id.clone());
        let taken = Ask::take(request, peer, &rules, id, told.arrived.now);
        let result = match taken {
            Err(bad) => Err(Failure::from(bad)),
            Ok((ask, _)) if !rules.serves(&ask.target.host) => Err(Failure::Misdirected),
            Ok((ask, carried)) => {
                let routed = rules.router.route(&ask.method, &ask.target);
                told.falls_under(&ask, routed.place);
                let key = key_shown::of(&rules, routed.rule, &ask);
                let mut result = serve(&self, &rules, &ask, &routed, Carried { interim, ..carried }).await;
                if let (Ok(reply), Some(key)) = (&mut result, key) {
                    key_shown::tell(reply.response.headers_mut(), &key);
                }
                result
            }
        };
        told.answered(result)
    }
}

/// What is told of a request when it has ended, however it ends: dropping it tells.
struct Told {
    proxy: Arc<Proxy>,
    rules: Arc<Rules>,
    arrived: Moment,
    id: HeaderValue,
    client: IpAddr,
    method: Method,
    /// As they came, uncopied: nothing is told of them where there is no access log.
    host: Option<HeaderValue>,
    uri: Uri,
    place: usize,
    status: StatusCode,
    outcome: Outcome,
    origin_time: Option<Duration>,
    saved: Option<Duration>,
    bytes: u64,
    complete: bool,
}

impl Told {
    fn arrived(proxy: Arc<Proxy>, rules: Arc<Rules>, request: &Request<Body>, peer: IpAddr, id: HeaderValue) -> Told {
        Told {
            arrived: proxy.clock.moment(),
            place: NOWHERE,
            id,
            client: peer,
            method: request.method().clone(),
            host: request.headers().get(header::HOST).cloned(),
            uri: request.uri().clone(),
            // What is told if the client leaves before there is an answer; 499 is what other proxies log for it.
            status: StatusCode::from_u16(499).unwrap_or_default(),
            outcome: Outcome::new(Kind::Error, Reason::ClientGone),
            origin_time: None,
            saved: None,
            bytes: 0,
            complete: false,
            proxy,
            rules,
        }
    }

    fn falls_under(&mut self, ask: &Ask, place: usize) {
        self.place = place;
        self.id = ask.id.clone();
        self.client = ask.visitor;
    }

    fn answered(mut self, result: Result<Reply, Failure>) -> Response<Body> {
        let reply = result.unwrap_or_else(|failure| {
            tracing::debug!(%failure, reason = %failure.reason(), target = self.target(), "not answered as asked");
            let (response, outcome) = failure.response();
            Reply::new(response, outcome)
        });
        self.status = reply.response.status();
        self.outcome = reply.outcome;
        self.origin_time = reply.origin_time;
        self.saved = reply.saved_time;
        let (mut head, body) = reply.response.into_parts();
        head.headers.insert(X_REQUEST_ID, self.id.clone());
        Response::from_parts(head, body.watched(self))
    }

    fn target(&self) -> &str {
        self.uri.path_and_query().map_or("", PathAndQuery::as_str)
    }
}

impl Watch for Told {
    fn sent(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    fn completed(&mut self) {
        self.complete = true;
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.proxy.observer.served(&Served {
            time: self.arrived.wall,
            duration: self.arrived.elapsed(),
            id: self.id.to_str().unwrap_or_default(),
            client: self.client,
            method: &self.method,
            host: self.host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or_default(),
            target: self.target(),
            route: self.rules.figures.at(self.place),
            status: self.status,
            bytes: self.bytes,
            complete: self.complete,
            outcome: self.outcome,
            origin_time: self.origin_time,
            saved: self.saved,
        });
    }
}
