//! Who the master is: asked of the sentinels, or of a cluster's nodes. An answer is only ever a hint; a server that is said
//! to be the master is asked for its role, and all are asked at once, so that none that hangs delays the others' answer.
//!
//! Whoever was cut off from the others names a master of the past, which may think itself one still. So of the sentinels the
//! newest word counts, and a cluster's node that finds the cluster down is not believed.

use super::connect::{self, Login};
use super::connect_error::ConnectError;
use super::settings::{Address, Host, Servers, Settings};
use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, InfoDict, Pipeline, RedisError, ServerErrorKind, Value, from_redis_value};
use std::collections::HashMap;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// How long the other sentinels are listened to once one has answered.
const OTHERS_WAIT: Duration = Duration::from_millis(50);

/// A connection to the master that the sentinels name.
pub(super) async fn master_by_sentinels(settings: &Settings) -> Result<MultiplexedConnection, ConnectError> {
    let Servers::Sentinel { nodes, .. } = &settings.servers else { return Err(ConnectError::NoMaster) };
    let master = newest_of(nodes, |node| {
        let settings = settings.clone();
        async move { ask_sentinel(&settings, node).await }
    })
    .await?;
    let mut connection = connect::connect(settings, &master).await?;
    is_master(&mut connection, &master, settings.tls.is_some()).await?;
    Ok(connection)
}

/// Asks all at once and takes the newest word, the one of the highest number, of those that come soon; else what the last
/// one said.
async fn newest_of<A>(nodes: &[Host], ask: impl Fn(Host) -> A) -> Result<Address, ConnectError>
where
    A: Future<Output = Result<(u64, Address), ConnectError>> + Send + 'static,
{
    let mut asked: JoinSet<_> = nodes.iter().cloned().map(ask).collect();
    let mut newest: Option<(u64, Address)> = None;
    let mut failed = ConnectError::NoMaster;
    let mut until = None;
    loop {
        let next = match until {
            None => asked.join_next().await,
            Some(until) => timeout_at(until, asked.join_next()).await.unwrap_or_default(),
        };
        match next {
            Some(Ok(Ok(word))) => {
                until = until.or(Some(Instant::now() + OTHERS_WAIT));
                if newest.as_ref().is_none_or(|known| word.0 > known.0) {
                    newest = Some(word);
                }
            }
            Some(Ok(Err(error))) => failed = error,
            // Nobody aborts these; a panic in one leaves the others.
            Some(Err(_)) => {}
            None => return newest.map(|(_, master)| master).ok_or(failed),
        }
    }
}

/// Asks all at once and takes the first that is any good; else what the last one said.
async fn first_of<T: Send + 'static, A>(nodes: &[Host], ask: impl Fn(Host) -> A) -> Result<T, ConnectError>
where
    A: Future<Output = Result<T, ConnectError>> + Send + 'static,
{
    let mut asked: JoinSet<_> = nodes.iter().cloned().map(ask).collect();
    let mut failed = ConnectError::NoMaster;
    while let Some(answer) = asked.join_next().await {
        match answer {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(error)) => failed = error,
            // Nobody aborts these; a panic in one leaves the others.
            Err(_) => {}
        }
    }
    Err(failed)
}

/// The master by the word of one sentinel, and which failover that word comes from: each has a higher number.
async fn ask_sentinel(settings: &Settings, node: Host) -> Result<(u64, Address), ConnectError> {
    let Servers::Sentinel { master, username, password, .. } = &settings.servers else {
        return Err(ConnectError::NoMaster);
    };
    let login = Login { username: username.as_deref(), password: password.as_ref(), database: 0 };
    let address = Address::Tcp(node);
    let mut sentinel = connect::open(settings.tls.as_ref(), &address, login).await?;
    let mut questions = Pipeline::new();
    questions.cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(master);
    questions.cmd("SENTINEL").arg("MASTER").arg(master).ignore_errors();
    let failed = |error: RedisError| ConnectError::of(&error, &address, settings.tls.is_some());
    let answers: Vec<Result<Value, RedisError>> = questions.query_async(&mut sentinel).await.map_err(failed)?;
    let mut answers = answers.into_iter();
    let named = answers.next().ok_or(ConnectError::NoMaster)?.map_err(failed)?;
    let named: Option<(String, u16)> = from_redis_value(named).map_err(|error| failed(error.into()))?;
    let (name, port) = named.ok_or(ConnectError::NoMaster)?;
    // One who may not ask that believes whoever answers first.
    let more =
        answers.next().and_then(Result::ok).and_then(|more| from_redis_value::<HashMap<String, String>>(more).ok());
    let number = more.and_then(|more| more.get("config-epoch")?.parse().ok()).unwrap_or(0);
    Ok((number, Address::Tcp(Host { name, port })))
}

/// A sentinel that was cut off names the old master.
async fn is_master(
    connection: &mut MultiplexedConnection,
    address: &Address,
    encrypted: bool,
) -> Result<(), ConnectError> {
    let role: Result<Vec<Value>, RedisError> = redis::cmd("ROLE").query_async(connection).await;
    match role {
        Ok(role) => match role.into_iter().next() {
            Some(Value::BulkString(word)) if word == b"master" => Ok(()),
            _ => Err(ConnectError::NotMaster(address.to_string())),
        },
        // Who may not ask learns it when he writes.
        Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm) => Ok(()),
        Err(error) => Err(ConnectError::of(&error, address, encrypted)),
    }
}

/// What a node of a cluster tells of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cluster {
    /// Each once.
    pub(super) masters: Vec<Address>,
    /// The one with the slot that was asked for.
    pub(super) owner: Option<Address>,
}

impl Cluster {
    /// Asks the nodes for the masters, and for the owner of a key's slot.
    pub(super) async fn ask(
        settings: &Settings,
        nodes: &[Host],
        slot_of: Option<&str>,
    ) -> Result<Cluster, ConnectError> {
        first_of(nodes, |node| {
            let (settings, slot_of) = (settings.clone(), slot_of.unwrap_or_default().to_string());
            async move {
                let address = Address::Tcp(node.clone());
                let mut connection = connect::connect(&settings, &address).await?;
                let mut questions = Pipeline::new();
                questions.cmd("CLUSTER").arg("KEYSLOT").arg(slot_of).cmd("CLUSTER").arg("SLOTS");
                questions.cmd("CLUSTER").arg("INFO");
                let answer: Result<(u16, Vec<Vec<Value>>, InfoDict), RedisError> =
                    questions.query_async(&mut connection).await;
                let (slot, ranges, info) =
                    answer.map_err(|error| ConnectError::of(&error, &address, settings.tls.is_some()))?;
                if info.get::<String>("cluster_state").is_some_and(|state| state == "fail") {
                    let why = "the cluster is down".into();
                    return Err(ConnectError::Protocol { address: address.to_string(), why });
                }
                Ok(Cluster::of(&ranges, slot, &node))
            }
        })
        .await
    }

    fn of(ranges: &[Vec<Value>], slot: u16, asked: &Host) -> Cluster {
        let mut cluster = Cluster { masters: Vec::new(), owner: None };
        for range in ranges {
            let Some((first, last, master)) = read_range(range, asked) else { continue };
            if (first..=last).contains(&slot) {
                cluster.owner = Some(master.clone());
            }
            if !cluster.masters.contains(&master) {
                cluster.masters.push(master);
            }
        }
        cluster
    }
}

/// The slots of one range and who is their master: the first of its nodes.
fn read_range(range: &[Value], asked: &Host) -> Option<(u16, u16, Address)> {
    let [first, last, Value::Array(master), ..] = range else { return None };
    let [name, port, ..] = &master[..] else { return None };
    let name: Option<String> = from_redis_value(name.clone()).ok()?;
    // A node that does not know its own name is where it was found.
    let name = name.filter(|name| !name.is_empty() && name != "?").unwrap_or_else(|| asked.name.clone());
    let port = from_redis_value(port.clone()).ok()?;
    let number = |value: &Value| from_redis_value::<u16>(value.clone()).ok();
    Some((number(first)?, number(last)?, Address::Tcp(Host { name, port })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: Value, port: i64) -> Value {
        Value::Array(vec![name, Value::Int(port), Value::BulkString(b"id".to_vec())])
    }

    fn address(name: &str, port: u16) -> Address {
        Address::Tcp(Host { name: name.into(), port })
    }

    #[test]
    fn ranges_tell_the_masters_and_the_owner_of_a_slot() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let ranges = [
            vec![Value::Int(0), Value::Int(9), node(text("a"), 1), node(text("replica"), 9)],
            vec![Value::Int(10), Value::Int(19), node(text(""), 2)],
            vec![Value::Int(20), Value::Int(29), node(Value::Nil, 2)],
            vec![Value::Int(30), Value::Int(39), node(text("a"), 1)],
            vec![Value::Int(40), text("nonsense")],
        ];
        let asked = Host { name: "asked".into(), port: 7 };
        let both = vec![address("a", 1), address("asked", 2)];
        let of = |slot| Cluster::of(&ranges, slot, &asked);
        assert_eq!(of(19), Cluster { masters: both.clone(), owner: Some(address("asked", 2)) });
        assert_eq!(of(35), Cluster { masters: both.clone(), owner: Some(address("a", 1)) });
        assert_eq!(of(45), Cluster { masters: both, owner: None });
    }
}
