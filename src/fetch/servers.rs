//! An origin's servers as they stand: who is asked, what came of it, and one log line for each that goes down or comes back.

use super::roster::{Choice, Chosen, Roster};
use super::{FetchFailure, ServerState, Settings};
use crate::clock::{Clock, millis};
use http::{StatusCode, Uri};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How a request to a server failed; the `kind` label of `vitrine_origin_server_failures_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerFailure {
    /// No connection.
    Unreachable,
    /// No answer in time.
    Timeout,
    /// The connection ended before an answer.
    Dropped,
    /// The answer was no HTTP.
    Broken,
    /// A status that the configuration counts as a failure.
    Status,
}

impl ServerFailure {
    /// All kinds, in the order of their index.
    pub const ALL: [ServerFailure; 5] = [
        ServerFailure::Unreachable,
        ServerFailure::Timeout,
        ServerFailure::Dropped,
        ServerFailure::Broken,
        ServerFailure::Status,
    ];

    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            ServerFailure::Unreachable => "unreachable",
            ServerFailure::Timeout => "timeout",
            ServerFailure::Dropped => "dropped",
            ServerFailure::Broken => "broken",
            ServerFailure::Status => "status",
        }
    }

    /// What a failure says of the server; none where the fault is not its own.
    fn of(failure: &FetchFailure) -> Option<ServerFailure> {
        match failure {
            FetchFailure::Unreachable(_) => Some(ServerFailure::Unreachable),
            FetchFailure::Timeout(_) => Some(ServerFailure::Timeout),
            FetchFailure::Dropped(_) => Some(ServerFailure::Dropped),
            FetchFailure::Broken(_) => Some(ServerFailure::Broken),
            FetchFailure::Request(_) | FetchFailure::Busy | FetchFailure::Down | FetchFailure::Lost => None,
        }
    }
}

/// A server at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFigures {
    /// Its host and port.
    pub server: Arc<str>,
    /// Whether it is asked.
    pub state: ServerState,
    /// For how long it is still left alone.
    pub pause_left: Duration,
    /// Requests whose responses have not ended.
    pub under_way: usize,
    /// Requests sent to it.
    pub requests: u64,
    /// Those that failed, by [`ServerFailure::ALL`].
    pub failures: [u64; ServerFailure::ALL.len()],
    /// Why it is not up, in words for an operator.
    pub trouble: Option<String>,
}

/// The servers of one origin.
#[derive(Debug)]
pub(super) struct Servers {
    origin: Arc<str>,
    list: Box<[Server]>,
    failing: Box<[StatusCode]>,
    failures_max: u32,
    state: Mutex<State>,
    clock: Clock,
}

#[derive(Debug)]
struct Server {
    url: Uri,
    name: Arc<str>,
}

#[derive(Debug)]
struct State {
    roster: Roster,
    told: Box<[Told]>,
}

/// What is told of a server.
#[derive(Clone, Debug, Default)]
struct Told {
    requests: u64,
    failures: [u64; ServerFailure::ALL.len()],
    /// Why it is left alone.
    failing: Option<String>,
    /// Why it is not well.
    unhealthy: Option<String>,
}

impl Servers {
    pub(super) fn new(settings: &Settings, clock: Clock) -> Servers {
        let name = |url: &Uri| url.authority().map_or_else(|| url.to_string(), ToString::to_string);
        let list = settings.servers.iter().map(|url| Server { url: url.clone(), name: name(url).into() });
        let count = settings.servers.len();
        let roster = Roster::new(count, settings.breaker.clone());
        Servers {
            origin: settings.name.clone(),
            list: list.collect(),
            failing: settings.breaker.statuses.clone(),
            failures_max: settings.breaker.failures,
            state: Mutex::new(State { roster, told: vec![Told::default(); count].into() }),
            clock,
        }
    }

    /// A server for a request that has been tried at these; none: no server is up, and one request is finding out already
    /// whether that still holds.
    pub(super) fn choose(self: &Arc<Servers>, tried: &[usize], choice: Choice) -> Option<Attempt> {
        let mut state = self.lock();
        let chosen = state.roster.choose(self.clock.now(), tried, choice)?;
        let under_way = UnderWay { servers: self.clone(), place: chosen.place };
        Some(Attempt { claim: Claim { servers: self.clone(), chosen, is_told: false }, under_way })
    }

    /// Whether no server is up, as far as is known.
    pub(super) fn is_down(&self) -> bool {
        self.lock().roster.is_down()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Where one of them is.
    pub(super) fn url(&self, place: usize) -> &Uri {
        &self.list[place].url
    }

    /// All of them, in the configuration's order.
    pub(super) fn figures(&self) -> Vec<ServerFigures> {
        let (now, state) = (self.clock.now(), self.lock());
        let figures = |(place, server): (usize, &Server)| {
            let (standing, pause_left, under_way) = state.roster.state(place, now);
            let told = &state.told[place];
            ServerFigures {
                server: server.name.clone(),
                state: standing,
                pause_left,
                under_way,
                requests: told.requests,
                failures: told.failures,
                trouble: match standing {
                    ServerState::Up => None,
                    ServerState::Unhealthy => told.unhealthy.clone(),
                    ServerState::Open | ServerState::HalfOpen => told.failing.clone(),
                },
            }
        };
        self.list.iter().enumerate().map(figures).collect()
    }

    /// The health checks found a server well from now on, or not, and why.
    pub(super) fn checked(&self, place: usize, found: Result<(), String>) {
        let (origin, server) = (&self.origin, &self.list[place].name);
        match &found {
            Ok(()) => tracing::info!(%origin, %server, "the health checks find the server well again"),
            Err(why) => {
                tracing::warn!(%origin, %server, why, "the health checks find the server not to be well");
            }
        }
        let mut state = self.lock();
        state.roster.set_healthy(place, found.is_ok());
        state.told[place].unhealthy = found.err();
    }

    fn answered(&self, chosen: Chosen) {
        let mut state = self.lock();
        if state.roster.succeeded(chosen) {
            state.told[chosen.place].failing = None;
            drop(state);
            tracing::info!(origin = %self.origin, server = %self.list[chosen.place].name, "the server answers again");
        }
    }

    fn failed(&self, chosen: Chosen, kind: ServerFailure, why: &str) {
        let mut state = self.lock();
        let pause = state.roster.failed(chosen, self.clock.now());
        let told = &mut state.told[chosen.place];
        told.failures[kind as usize] += 1;
        if pause.is_some() || told.failing.is_some() {
            told.failing = Some(why.to_string());
        }
        drop(state);
        if let Some(pause) = pause {
            let (origin, server) = (&self.origin, &self.list[chosen.place].name);
            tracing::warn!(%origin, %server, failures = self.failures_max, pause_ms = millis(pause), why,
                "the server is left alone until it answers again");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under the lock; a poisoned one holds sound data.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request to one server, which may be sent to it twice. Dropped without an outcome it says nothing of the server.
#[derive(Debug)]
pub(super) struct Attempt {
    claim: Claim,
    under_way: UnderWay,
}

/// What the breaker let through, until it is told what came of it.
#[derive(Debug)]
struct Claim {
    servers: Arc<Servers>,
    chosen: Chosen,
    is_told: bool,
}

impl Attempt {
    /// The server's place in the configuration.
    pub(super) fn place(&self) -> usize {
        self.claim.chosen.place
    }

    /// The request is sent now.
    pub(super) fn begin(&self) {
        self.claim.servers.lock().told[self.place()].requests += 1;
    }

    /// The head of an answer has come; a body that breaks off later says too little of the server. What is left lasts as
    /// long as the response.
    pub(super) fn answered(mut self, status: StatusCode) -> UnderWay {
        self.claim.is_told = true;
        let (servers, chosen) = (&self.claim.servers, self.claim.chosen);
        if servers.failing.contains(&status) {
            servers.failed(chosen, ServerFailure::Status, &format!("it answered {}", status.as_u16()));
        } else {
            servers.answered(chosen);
        }
        self.under_way
    }

    /// No answer came.
    pub(super) fn failed(&mut self, failure: &FetchFailure) {
        if let Some(kind) = ServerFailure::of(failure) {
            self.claim.is_told = true;
            self.claim.servers.failed(self.claim.chosen, kind, &failure.to_string());
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.is_told {
            self.servers.lock().roster.abandoned(self.chosen);
        }
    }
}

/// Counts a request among those under way at its server for as long as it lives.
#[derive(Debug)]
pub(super) struct UnderWay {
    servers: Arc<Servers>,
    place: usize,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.servers.lock().roster.ended(self.place);
    }
}
