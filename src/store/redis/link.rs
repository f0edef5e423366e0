//! A connection that is renewed whenever it is lost, or said to be of no use.
//!
//! One task makes the connections, and nobody waits for it longer than he wants to: while there is none because the last attempt
//! failed, whoever asks is told why at once. Each connection has a number, so that many who find the same one useless
//! throw it away once, and never its successor.

use super::connect;
use super::connect_error::ConnectError;
use super::settings::{Address, Servers, Settings};
use crate::crypto;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::{ClusterClient, TlsMode};
use redis::cluster_async::ClusterConnection;
use redis::{Cmd, ErrorKind, RedisError, RedisFuture, TlsCertificates, Value};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Between two attempts to connect.
const RETRY: Duration = Duration::from_millis(300);
/// The same where only an operator can mend it: each attempt is a line in the server's log.
const RETRY_REFUSED: Duration = Duration::from_millis(1_500);

/// What connects.
#[derive(Debug)]
pub(super) struct Link {
    settings: Settings,
    state: watch::Sender<State>,
}

#[derive(Clone, Debug)]
enum State {
    /// Nothing is known to be wrong.
    Connecting,
    Up(Live),
    Down(ConnectError),
}

/// A connection, and which one it is.
#[derive(Clone)]
pub(super) struct Live {
    pub(super) number: u64,
    connection: Connection,
}

#[derive(Clone)]
enum Connection {
    /// To the one server that is the master.
    One(MultiplexedConnection),
    /// To all of a cluster.
    Cluster(ClusterConnection),
}

impl Link {
    pub(super) fn new(settings: Settings) -> Link {
        Link { settings, state: watch::Sender::new(State::Connecting) }
    }

    /// Connects whenever there is no connection; never ends.
    pub(super) async fn keep(&self) {
        let mut changes = self.state.subscribe();
        let mut number = 0;
        loop {
            // The sender is ours: it cannot be gone.
            let _ = changes.wait_for(|state| !matches!(state, State::Up(_))).await;
            number += 1;
            match connection(&self.settings).await {
                Ok(connection) => {
                    self.state.send_replace(State::Up(Live { number, connection }));
                }
                Err(error) => self.failed(error).await,
            }
        }
    }

    /// The connection; waits while one is being made for the first time, or after the last was lost.
    pub(super) async fn live(&self) -> Result<Live, ConnectError> {
        if let State::Up(live) = &*self.state.borrow() {
            return Ok(live.clone());
        }
        let mut changes = self.state.subscribe();
        let settled = changes.wait_for(|state| !matches!(state, State::Connecting)).await;
        match settled.as_deref() {
            Ok(State::Up(live)) => Ok(live.clone()),
            Ok(State::Down(error)) => Err(error.clone()),
            Ok(State::Connecting) | Err(_) => Err(ConnectError::NoMaster),
        }
    }

    /// Why there is no connection; none where there is one or may be soon.
    pub(super) fn trouble(&self) -> Option<ConnectError> {
        match &*self.state.borrow() {
            State::Down(error) => Some(error.clone()),
            State::Connecting | State::Up(_) => None,
        }
    }

    /// Throws a connection away; of no number, whichever it is.
    pub(super) fn let_go(&self, number: Option<u64>) {
        self.state.send_if_modified(|state| {
            let is_it = matches!(state, State::Up(live) if number.is_none_or(|number| number == live.number));
            if is_it {
                *state = State::Connecting;
            }
            is_it
        });
    }

    async fn failed(&self, error: ConnectError) {
        let pause = if error.needs_an_operator() { RETRY_REFUSED } else { RETRY };
        let is_news = self.trouble().as_ref() != Some(&error);
        if is_news {
            tracing::warn!(%error, "no connection to Redis");
        }
        self.state.send_replace(State::Down(error));
        sleep(jittered(pause)).await;
    }
}

impl Live {
    /// Sends a command and waits for its answer; the deadline is the caller's.
    pub(super) async fn query(&mut self, command: &Cmd) -> Result<Value, RedisError> {
        let answer: RedisFuture<'_, Value> = match &mut self.connection {
            Connection::One(connection) => connection.req_packed_command(command),
            Connection::Cluster(connection) => connection.req_packed_command(command),
        };
        // An error of the server's may come as a value.
        answer.await?.extract_error()
    }

    /// Whether what fails on it is one of several servers, and the others go on.
    pub(super) fn is_many(&self) -> bool {
        matches!(self.connection, Connection::Cluster(_))
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("number", &self.number).finish_non_exhaustive()
    }
}

/// A time that is up to a quarter shorter or longer, so that several proxies do not all come at once.
pub(super) fn jittered(time: Duration) -> Duration {
    // Without randomness it is the same each time, and that is all.
    let [byte] = crypto::random::<1>().unwrap_or([128]);
    time * 3 / 4 + time * u32::from(byte) / 512
}

async fn connection(settings: &Settings) -> Result<Connection, ConnectError> {
    let Servers::Cluster { nodes } = &settings.servers else {
        return connect::connect_to_master(settings, "").await.map(Connection::One);
    };
    let limit = settings.connect_timeout;
    let some_node = Address::Tcp(nodes.first().ok_or(ConnectError::NoMaster)?.clone());
    let client = cluster(settings).map_err(|error| ConnectError::of(&error, &some_node, settings.tls.is_some()))?;
    match timeout(limit, client.get_async_connection()).await {
        Ok(Ok(connection)) => Ok(Connection::Cluster(connection)),
        // The library tells little of why; asked directly, a node says it.
        Ok(Err(_)) => {
            let why = connect::connect_to_masters(settings).await.err();
            Err(why.unwrap_or(ConnectError::NoMaster))
        }
        Err(_) => Err(ConnectError::Timeout(crate::clock::millis(limit))),
    }
}

/// The library's client for clusters. It finds moved slots and new masters by itself; the waits are ours, so it is held to
/// few attempts.
fn cluster(settings: &Settings) -> Result<ClusterClient, RedisError> {
    const ATTEMPTS: u32 = 2;
    const PAUSE_MS: (u64, u64) = (5, 25);
    let Servers::Cluster { nodes } = &settings.servers else {
        return Err(RedisError::from((ErrorKind::InvalidClientConfig, "not a cluster")));
    };
    let nodes = nodes.iter().map(|node| connect::endpoint(settings.tls.as_ref(), &Address::Tcp(node.clone())));
    let mut builder = ClusterClient::builder(nodes.collect::<Result<Vec<_>, _>>()?)
        .retries(ATTEMPTS)
        .min_retry_wait(PAUSE_MS.0)
        .max_retry_wait(PAUSE_MS.1)
        .connection_timeout(settings.connect_timeout)
        .response_timeout(settings.write_timeout.max(settings.read_timeout))
        .tcp_settings(connect::tcp());
    if let Some(username) = &settings.username {
        builder = builder.username(username).password("");
    }
    if let Some(password) = &settings.password {
        builder = builder.password(password.reveal());
    }
    if let Some(tls) = &settings.tls {
        let certificates = TlsCertificates { client_tls: None, root_cert: connect::authorities(tls) };
        builder = builder.tls(TlsMode::Secure).certs(certificates);
    }
    builder.build()
}
