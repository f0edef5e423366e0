//! One origin: its servers, a bound on connections, deadlines on every wait, and another try where it is safe.

use super::body::{Lent, Place};
use super::line::{Arriving, DrivenBy, Line, Unanswered};
use super::pool::{Home, Pool};
use super::roster::Choice;
use super::servers::{Attempt, Servers};
use super::{FetchFailure, OriginBody, ServerFigures, Settings, interim};
use crate::body::{Body, BodyError};
use crate::clock::{Clock, Timestamp};
use crate::headers::list_items;
use crate::interim::Outlet;
use crate::policy::Framing;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header};
use http_body::Body as _;
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

/// Servers that one request is tried at: each that cannot be reached costs it up to `connect_timeout`.
const TRIES_MAX: usize = 3;

/// The origin, as far as its head has come.
#[derive(Debug)]
pub struct Answered {
    /// The final status.
    pub status: StatusCode,
    /// All fields as they came, but for a Content-Length that Transfer-Encoding makes void (RFC 9112 6.3).
    pub fields: HeaderMap,
    /// How the body's end is told.
    pub framing: Framing,
    /// The body.
    pub body: OriginBody,
    /// What a 101 switched to.
    pub upgrade: Option<super::Tunnel>,
    /// From the request sent until the head had come.
    pub took: Duration,
    /// Steady time when the request was sent.
    pub requested: Timestamp,
    /// Steady time when the head had come.
    pub received: Timestamp,
    /// Wall time then.
    pub received_wall: Timestamp,
}

/// An origin and the connections to it.
pub struct Origin {
    pub(super) settings: Settings,
    pub(super) servers: Arc<Servers>,
    pub(super) pool: Arc<Pool>,
    pub(super) places: Arc<Semaphore>,
    clock: Clock,
}

impl Origin {
    /// A pool for this origin; nothing is connected yet.
    pub fn new(settings: Settings, clock: Clock) -> Origin {
        let pool = Arc::new(Pool::new(&settings));
        let places = Arc::new(Semaphore::new(settings.connections_max));
        let servers = Arc::new(Servers::new(&settings, clock.clone()));
        Origin { settings, servers, pool, places, clock }
    }

    /// What is known of its servers.
    pub(super) fn figures(&self) -> Vec<ServerFigures> {
        self.servers.figures()
    }

    /// How long somebody waits for it who can be given something stale instead; none: until it has failed. Nobody waits for
    /// an origin that is known to be down.
    pub(super) fn patience(&self) -> Option<Duration> {
        if self.servers.is_down() { Some(Duration::ZERO) } else { self.settings.stale_after }
    }

    /// Sends a request and waits for the head of the final response.
    ///
    /// The body decides the framing. A server that cannot be reached has got nothing: the next one is tried. A request that can be
    /// repeated (RFC 9110 9.2.2) and has no body is sent once more when its connection died before anything came back, to another
    /// server where one is up, over a new connection: what waits may be as dead as the one that was tried. Interim responses hold no
    /// deadline up: the final head is to come in the time that it has (row S43).
    ///
    /// # Errors
    /// See [`FetchFailure`]. Dropping the future gives the connection up.
    pub async fn send(&self, outgoing: Outgoing<'_>, body: Body) -> Result<Answered, FetchFailure> {
        let repeatable = outgoing.method.is_idempotent() && body.size_hint().exact() == Some(0);
        let first = if repeatable { Choice::MayProbe } else { Choice::Any };
        let mut attempt = self.servers.choose(&[], first).ok_or(FetchFailure::Down)?;
        let connection = Arc::new(self.place().await?);
        let (requested, watch, body) = (self.clock.now(), self.clock.stopwatch(), Lent::new(body));
        let (mut tried, mut dropped) = (Vec::new(), None);
        let response = loop {
            attempt.begin();
            let request = outgoing.with(body.clone())?;
            let failure = match self.exchange(attempt.place(), request, Some(&connection), dropped.is_none()).await {
                Ok(response) => break response,
                Err(failure) => failure,
            };
            tried.push(attempt.place());
            if is_of_the_sending(&failure, &body) {
                return Err(failure);
            }
            match self.another(attempt, &failure, &tried, repeatable && dropped.is_none()) {
                Some(next) => attempt = next,
                // The first server has got it, whatever the second did not.
                None if failure.is_before_sending() => return Err(dropped.unwrap_or(failure)),
                None => return Err(failure),
            }
            if matches!(failure, FetchFailure::Dropped(_)) {
                dropped = Some(failure);
            }
        };
        let server = attempt.answered(response.status());
        Ok(self.answered(response, requested, watch.elapsed(), Place::new(connection, server)))
    }

    /// Where a request goes that has failed at the last of the servers it was `tried` at; none: nowhere.
    fn another(
        &self,
        mut attempt: Attempt,
        failure: &FetchFailure,
        tried: &[usize],
        may_repeat: bool,
    ) -> Option<Attempt> {
        if may_repeat && matches!(failure, FetchFailure::Dropped(_)) {
            let Some(next) = self.servers.choose(tried, Choice::OnlyUp) else {
                // What may have been a connection that died in the pool counts as nothing until the server was asked again.
                return Some(attempt);
            };
            attempt.failed(failure);
            return Some(next);
        }
        attempt.failed(failure);
        let is_unsent = matches!(failure, FetchFailure::Unreachable(_)) && tried.len() < TRIES_MAX;
        is_unsent.then(|| self.servers.choose(tried, Choice::Any)).flatten()
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, FetchFailure> {
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            return Ok(place);
        }
        match timeout(self.settings.connect_timeout, self.places.clone().acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(FetchFailure::Busy),
        }
    }

    /// Sends a request to one server and waits for the head of the response; all of it has one deadline. What was not sent at all,
    /// because a connection that waited had died, goes to the next one. `place` is the one that it has among the connections; none:
    /// a health check, which is not among them. Unless it `may_reuse` one that waits, it gets a new one.
    pub(super) async fn exchange(
        &self,
        server: usize,
        mut request: Request<Lent>,
        place: Option<&Arc<OwnedSemaphorePermit>>,
        may_reuse: bool,
    ) -> Result<Response<Arriving>, FetchFailure> {
        let asks_to_upgrade = request.headers().contains_key(header::UPGRADE);
        let deadline = Instant::now() + self.settings.response_timeout;
        let late = || FetchFailure::Timeout(self.settings.response_timeout);
        loop {
            let home = self.pool.home(server);
            let waiting = if may_reuse { self.pool.take(&home) } else { None };
            let (mut line, is_used) = if let Some(line) = waiting {
                (line, true)
            } else {
                // A health check needs the room of one that waits as much.
                let at_work = self.at_work() + usize::from(place.is_none());
                let connecting = self.pool.connect(self.servers.url(server), at_work);
                (Box::pin(timeout_at(deadline, connecting)).await.map_err(|_| late())??, false)
            };
            let answer = if request.body().is_end_stream() && !asks_to_upgrade {
                line.ask(request, deadline).await.map(|response| bound(response, Some(DrivenBy::Reader(line)), home))
            } else {
                let answer = Box::pin(timeout_at(deadline, self.on_its_own(line, request, home, place.cloned()))).await;
                answer.unwrap_or(Err(Unanswered::Late))
            };
            match answer {
                Ok(response) => return is_one(&response, asks_to_upgrade).map(|()| response),
                Err(Unanswered::Late) => return Err(late()),
                Err(Unanswered::Failed(_, Some(unsent))) if is_used => request = *unsent,
                Err(Unanswered::Failed(error, _)) => return Err(of_hyper(&error)),
            }
        }
    }

    /// An exchange whose connection has a task of its own.
    async fn on_its_own(
        &self,
        line: Line,
        request: Request<Lent>,
        home: Home,
        place: Option<Arc<OwnedSemaphorePermit>>,
    ) -> Result<Response<Arriving>, Unanswered> {
        if request.headers().contains_key(header::UPGRADE) {
            return line.ask_to_upgrade(request).await.map(|response| bound(response, None, home));
        }
        let ((heard, told), idle_timeout) = (oneshot::channel(), self.settings.body_idle_timeout);
        let response = line.ask_apart(request, home.clone(), told, idle_timeout, place).await?;
        Ok(bound(response, Some(DrivenBy::Task(heard)), home))
    }

    /// Connections that have an exchange under way, or are about to.
    fn at_work(&self) -> usize {
        self.settings.connections_max.saturating_sub(self.places.available_permits())
    }

    fn answered(
        &self,
        mut response: Response<Arriving>,
        requested: Timestamp,
        took: Duration,
        place: Place,
    ) -> Answered {
        let framing = framing(&response);
        if response.headers().contains_key(header::TRANSFER_ENCODING) {
            response.headers_mut().remove(header::CONTENT_LENGTH);
        }
        let (upgrade, place) = if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            (Some(super::Tunnel::of_response(&mut response, place.of_tunnel())), None)
        } else {
            (None, Some(place))
        };
        let (parts, body) = response.into_parts();
        Answered {
            status: parts.status,
            fields: parts.headers,
            framing,
            body: OriginBody::new(body, self.settings.body_idle_timeout, place),
            upgrade,
            took,
            requested,
            received: self.clock.now(),
            received_wall: self.clock.wall(),
        }
    }
}

/// What is asked of an origin, without its body.
#[derive(Clone, Copy)]
pub struct Outgoing<'a> {
    method: &'a Method,
    path_and_query: &'a str,
    fields: &'a (dyn Fn() -> HeaderMap + Sync),
    interim: Option<&'a Outlet>,
}

impl<'a> Outgoing<'a> {
    /// A request. Its fields, `Host` among them, are made anew for each time it is sent, and go as they are.
    pub fn new(
        method: &'a Method,
        path_and_query: &'a str,
        fields: &'a (dyn Fn() -> HeaderMap + Sync),
    ) -> Outgoing<'a> {
        Outgoing { method, path_and_query, fields, interim: None }
    }

    /// The same, for somebody who is told of interim responses as they come.
    #[must_use]
    pub fn relaying(self, interim: &'a Outlet) -> Outgoing<'a> {
        Outgoing { interim: Some(interim), ..self }
    }

    /// It, as a server is sent it.
    pub(super) fn with(&self, body: Lent) -> Result<Request<Lent>, FetchFailure> {
        let target: PathAndQuery = self
            .path_and_query
            .parse()
            .map_err(|error: http::uri::InvalidUri| FetchFailure::Broken(error.to_string()))?;
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = Uri::from(target);
        *request.headers_mut() = (self.fields)();
        if let Some(outlet) = self.interim {
            interim::relay(&mut request, outlet);
        }
        Ok(request)
    }
}

/// Whether a response is one to what was asked.
fn is_one(response: &Response<Arriving>, asked_to_upgrade: bool) -> Result<(), FetchFailure> {
    if response.status().as_u16() > 599 {
        return Err(FetchFailure::Broken(format!("the status {} is not one", response.status().as_u16())));
    }
    // S43
    if response.status() == StatusCode::SWITCHING_PROTOCOLS && !asked_to_upgrade {
        return Err(FetchFailure::Broken("it switched protocols unasked".into()));
    }
    Ok(())
}

/// A response that gives its connection back when all of it has come; unless its head leaves that doubtful.
fn bound(response: Response<Incoming>, driven: Option<DrivenBy>, home: Home) -> Response<Arriving> {
    // Where its body ends is a guess: what comes after it must not be the next visitor's answer (S40, S41).
    let may_return = framing(&response) != Framing::Contradictory;
    response.map(|body| Arriving::new(body, driven, may_return.then_some(home)))
}

/// How the end of a response's body is told (rows S40, S41, F5).
fn framing<B: http_body::Body>(response: &Response<B>) -> Framing {
    let fields = response.headers();
    let codings: Vec<&str> = list_items(fields, &header::TRANSFER_ENCODING).collect();
    let has_length = fields.contains_key(header::CONTENT_LENGTH);
    match (codings.as_slice(), fields.contains_key(header::TRANSFER_ENCODING)) {
        ([coding], true) if coding.eq_ignore_ascii_case("chunked") && !has_length => Framing::Chunked,
        (_, true) => Framing::Contradictory,
        _ => match response.body().size_hint().exact() {
            Some(bytes) => Framing::Length(bytes),
            None => Framing::UntilClose,
        },
    }
}

/// Whether a request failed while its body was still coming: a visitor who sends slowly, or more than a server takes, must not
/// make it look as if that were down. It cannot be repeated either.
fn is_of_the_sending(failure: &FetchFailure, body: &Lent) -> bool {
    matches!(failure, FetchFailure::Timeout(_) | FetchFailure::Dropped(_)) && !body.is_end_stream()
}

fn of_hyper(error: &hyper::Error) -> FetchFailure {
    match innermost(error) {
        why if is_of_the_request(error) => FetchFailure::Request(why),
        why if was_dropped(error) => FetchFailure::Dropped(why),
        why => FetchFailure::Broken(why),
    }
}

/// Whether a request failed because its own body did.
fn is_of_the_request(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .any(|cause| matches!(cause.downcast_ref(), Some(BodyError::Client(_))))
}

/// Whether a connection ended before it had brought a head: a pooled one that had died, or one that was cut.
fn was_dropped(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(own) = cause {
        let by_hyper = own.downcast_ref::<hyper::Error>();
        if by_hyper.is_some_and(|own| own.is_incomplete_message() || own.is_canceled() || own.is_closed()) {
            return true;
        }
        if own.is::<std::io::Error>() {
            return true;
        }
        cause = own.source();
    }
    false
}

/// The last cause of an error: the outer ones only say that there was one.
pub(super) fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
