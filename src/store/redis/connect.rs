//! A plain connection to the process that is the master now. It never renews itself: whoever holds it learns that it is
//! gone, and asks anew who the master is.
//!
//! Finding, connecting and being accepted take no longer than the connect timeout, all together; what is asked afterwards
//! has no deadline here, the asker sets one. Nothing in an error is secret.

use super::connect_error::ConnectError;
use super::discover;
use super::settings::{Address, Secret, Servers, Settings, Tls};
use crate::clock::millis;
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, Pipeline, RedisConnectionInfo,
    RedisError, ServerErrorKind, TlsCertificates, Value,
};
use std::time::Duration;
use tokio::time::timeout;

/// What the server's list of clients shows.
const CLIENT_NAME: &str = "vitrine";

/// Who we are to a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Login<'a> {
    pub(super) username: Option<&'a str>,
    pub(super) password: Option<&'a Secret>,
    pub(super) database: i64,
}

impl Login<'_> {
    /// To the servers that keep the data.
    pub(super) fn of(settings: &Settings) -> Login<'_> {
        Login {
            username: settings.username.as_deref(),
            password: settings.password.as_ref(),
            database: settings.database,
        }
    }
}

/// Connects to the master; in a cluster to the one that has the slot of the key `slot_of`.
pub(super) async fn connect_to_master(
    settings: &Settings,
    slot_of: &str,
) -> Result<MultiplexedConnection, ConnectError> {
    within(settings.connect_timeout, async {
        match &settings.servers {
            Servers::One(address) => connect(settings, address).await,
            Servers::Sentinel { .. } => discover::master_by_sentinels(settings).await,
            Servers::Cluster { nodes } => {
                let owner = discover::Cluster::ask(settings, nodes, Some(slot_of)).await?.owner;
                connect(settings, &owner.ok_or(ConnectError::NoMaster)?).await
            }
        }
    })
    .await
}

/// A connection of its own to each master there is.
pub(super) async fn connect_to_masters(settings: &Settings) -> Result<Vec<MultiplexedConnection>, ConnectError> {
    let Servers::Cluster { nodes } = &settings.servers else {
        return Ok(vec![connect_to_master(settings, "").await?]);
    };
    within(settings.connect_timeout, async {
        let masters = discover::Cluster::ask(settings, nodes, None).await?.masters;
        let mut connections = Vec::with_capacity(masters.len());
        for master in &masters {
            connections.push(connect(settings, master).await?);
        }
        Ok(connections)
    })
    .await
}

async fn within<T>(
    limit: Duration,
    connecting: impl Future<Output = Result<T, ConnectError>>,
) -> Result<T, ConnectError> {
    timeout(limit, connecting).await.unwrap_or(Err(ConnectError::Timeout(millis(limit))))
}

/// Connects to a server that keeps data, whatever its role.
pub(super) async fn connect(settings: &Settings, address: &Address) -> Result<MultiplexedConnection, ConnectError> {
    let mut connection = open(settings.tls.as_ref(), address, Login::of(settings)).await?;
    introduce(&mut connection).await.map_err(|error| ConnectError::of(&error, address, settings.tls.is_some()))?;
    Ok(connection)
}

/// Connects and logs in.
pub(super) async fn open(
    tls: Option<&Tls>,
    address: &Address,
    login: Login<'_>,
) -> Result<MultiplexedConnection, ConnectError> {
    let connecting = async {
        // Every caller has a deadline of its own, around more than this.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        client(tls, address, login)?.get_multiplexed_async_connection_with_config(&config).await
    };
    connecting.await.map_err(|error: RedisError| ConnectError::of(&error, address, tls.is_some()))
}

fn client(tls: Option<&Tls>, address: &Address, login: Login<'_>) -> Result<Client, RedisError> {
    let mut info = RedisConnectionInfo::default().set_db(login.database);
    if let Some(username) = login.username {
        // A user without a password has an empty one; without one the library would not log in at all.
        info = info.set_username(username).set_password("");
    }
    if let Some(password) = login.password {
        info = info.set_password(password.reveal());
    }
    let info = endpoint(tls, address)?.set_redis_settings(info);
    match tls {
        Some(tls) if !matches!(address, Address::Unix(_)) => {
            Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert: authorities(tls) })
        }
        _ => Client::open(info),
    }
}

/// Where a connection goes, as the library has it.
pub(super) fn endpoint(tls: Option<&Tls>, address: &Address) -> Result<ConnectionInfo, RedisError> {
    let to = match address {
        Address::Unix(path) => ConnectionAddr::Unix(path.clone()),
        Address::Tcp(host) if tls.is_none() => ConnectionAddr::Tcp(host.name.clone(), host.port),
        Address::Tcp(host) => {
            ConnectionAddr::TcpTls { host: host.name.clone(), port: host.port, insecure: false, tls_params: None }
        }
    };
    Ok(to.into_connection_info()?.set_tcp_settings(tcp()))
}

/// Small commands must not wait for the acknowledgement of the last ones.
pub(super) fn tcp() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

pub(super) fn authorities(tls: &Tls) -> Option<Vec<u8>> {
    tls.ca.as_deref().map(<[u8]>::to_vec)
}

/// Gives our name, and finds out whether the server takes commands from us.
async fn introduce(connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
    let mut both = Pipeline::new();
    both.cmd("CLIENT").arg("SETNAME").arg(CLIENT_NAME).cmd("PING").ignore_errors();
    let answers: Vec<Result<Value, RedisError>> = both.query_async(connection).await?;
    match answers.into_iter().last() {
        // Who may not ask may still read and write.
        Some(Err(error)) if error.kind() != ServerErrorKind::NoPerm.into() => Err(error),
        _ => Ok(()),
    }
}
