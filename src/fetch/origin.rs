//! One origin: its servers, a pool of connections with a bound, deadlines on every wait, and another try where it is safe.

use super::body::{Lent, Place};
use super::roster::Choice;
use super::servers::{Attempt, Servers};
use super::{FetchFailure, OriginBody, ServerFigures, Settings, interim};
use crate::body::{Body, BodyError};
use crate::clock::{Clock, Timestamp};
use crate::headers::list_items;
use crate::interim::Outlet;
use crate::policy::Framing;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, Version, header};
use http_body::Body as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{HttpConnector, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Bytes of one response head, with what hyper reads ahead.
const READ_BUFFER_BYTES_MAX: usize = 128 * 1024;
/// Fields of one response.
const FIELDS_MAX: usize = 128;
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
    pub(super) client: Client<HttpConnector, Lent>,
    places: Arc<Semaphore>,
    clock: Clock,
}

impl Origin {
    /// A pool for this origin; nothing is connected yet.
    pub fn new(settings: Settings, clock: Clock) -> Origin {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(settings.connect_timeout));
        connector.set_nodelay(true);
        connector.set_keepalive(Some(Duration::from_mins(1)));
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(settings.idle_timeout)
            .http1_max_buf_size(READ_BUFFER_BYTES_MAX)
            .http1_max_headers(FIELDS_MAX)
            .set_host(false)
            .build(connector);
        let places = Arc::new(Semaphore::new(settings.connections_max));
        let servers = Arc::new(Servers::new(&settings, clock.clone()));
        Origin { settings, servers, client, places, clock }
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
    /// `fields` are sent as they are, with `Host`; the body decides the framing. A server that cannot be reached has got
    /// nothing: the next one is tried. A request that can be repeated (RFC 9110 9.2.2) and has no body is sent once more when
    /// its connection died before anything came back, to another server where one is up.
    ///
    /// # Errors
    /// See [`FetchFailure`]. Dropping the future gives the connection up.
    pub async fn send(
        &self,
        method: &Method,
        path_and_query: &str,
        fields: &HeaderMap,
        body: Body,
    ) -> Result<Answered, FetchFailure> {
        self.send_for(&Outlet::nowhere(), method, path_and_query, fields, body).await
    }

    /// The same, for somebody who is told of interim responses as they come. They hold no deadline up: the final head is to
    /// come in the time that it has (row S43).
    ///
    /// # Errors
    /// See [`FetchFailure`]. Dropping the future gives the connection up.
    pub async fn send_for(
        &self,
        outlet: &Outlet,
        method: &Method,
        path_and_query: &str,
        fields: &HeaderMap,
        body: Body,
    ) -> Result<Answered, FetchFailure> {
        let repeatable = method.is_idempotent() && body.size_hint().exact() == Some(0);
        let first = if repeatable { Choice::MayProbe } else { Choice::Any };
        let mut attempt = self.servers.choose(&[], first).ok_or(FetchFailure::Down)?;
        let connection = self.place().await?;
        let (requested, watch, body) = (self.clock.now(), self.clock.stopwatch(), Lent::new(body));
        let (mut tried, mut dropped) = (Vec::new(), None);
        let response = loop {
            let mut request = request(attempt.begin(), method, path_and_query, fields, body.clone())?;
            interim::relay(&mut request, outlet);
            let failure = match self.exchange(request).await {
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
        match timeout(self.settings.connect_timeout, self.places.clone().acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(FetchFailure::Busy),
        }
    }

    pub(super) async fn exchange(
        &self,
        mut request: Request<Lent>,
    ) -> Result<Response<hyper::body::Incoming>, FetchFailure> {
        let connection = capture_connection(&mut request);
        let asked_to_upgrade = request.headers().contains_key(header::UPGRADE);
        match timeout(self.settings.response_timeout, self.client.request(request)).await {
            Err(_) => Err(FetchFailure::Timeout(self.settings.response_timeout)),
            Ok(Err(error)) if error.is_connect() => Err(FetchFailure::Unreachable(innermost(&error))),
            Ok(Err(error)) if is_of_the_request(&error) => Err(FetchFailure::Request(innermost(&error))),
            Ok(Err(error)) if was_dropped(&error) => Err(FetchFailure::Dropped(innermost(&error))),
            Ok(Err(error)) => Err(FetchFailure::Broken(innermost(&error))),
            Ok(Ok(response)) if response.status().as_u16() > 599 => {
                Err(FetchFailure::Broken(format!("the status {} is not one", response.status().as_u16())))
            }
            // S43
            Ok(Ok(response)) if response.status() == StatusCode::SWITCHING_PROTOCOLS && !asked_to_upgrade => {
                Err(FetchFailure::Broken("it switched protocols unasked".into()))
            }
            Ok(Ok(response)) => {
                if framing(&response) == Framing::Contradictory {
                    // Where its body ends is a guess: what comes after it must not be the next visitor's answer (S40, S41).
                    connection.connection_metadata().as_ref().inspect(|connection| connection.poison());
                }
                Ok(response)
            }
        }
    }

    fn answered(
        &self,
        mut response: Response<hyper::body::Incoming>,
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

/// A request to one server.
pub(super) fn request(
    server: &Uri,
    method: &Method,
    path_and_query: &str,
    fields: &HeaderMap,
    body: Lent,
) -> Result<Request<Lent>, FetchFailure> {
    let broken = |error: http::Error| FetchFailure::Broken(error.to_string());
    let mut parts = server.clone().into_parts();
    parts.path_and_query = Some(path_and_query.parse().map_err(|error: http::uri::InvalidUri| broken(error.into()))?);
    let uri = Uri::from_parts(parts).map_err(|error| broken(error.into()))?;
    let mut request =
        Request::builder().method(method).uri(uri).version(Version::HTTP_11).body(body).map_err(broken)?;
    *request.headers_mut() = fields.clone();
    Ok(request)
}

/// How the end of a response's body is told (rows S40, S41, F5).
fn framing(response: &Response<hyper::body::Incoming>) -> Framing {
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
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
