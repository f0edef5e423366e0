//! Following the log: a connection that reads and one that commands, both to the same process, until either fails.
//!
//! Nothing here hides a lost connection. A session that ends for whatever reason is followed by a whole new one, which looks
//! again whether the log is the one that was followed before. Meanwhile the lease runs out by itself.

use super::control::{Control, ControlError, Joined, Known, Says};
use super::entry::{Broken, Place};
use super::isolation::Isolation;
use super::proxies::{LEASE, MARGIN};
use super::replicas::Replicas;
use super::{Live, Shared, lock};
use crate::clock::Timestamp;
use crate::ledger::{Adopted, Epoch, Ledger, Position, Record};
use crate::store::redis::connect::connect_to_master;
use crate::store::redis::{ConnectError, Servers};
use redis::aio::MultiplexedConnection;
use redis::streams::{StreamId, StreamRangeReply, StreamReadReply};
use redis::{InfoDict, RedisError};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// A lease is renewed so often at least.
const RENEW_EVERY: Duration = Duration::from_millis(500);
/// How long one read waits for news.
const BLOCK: Duration = Duration::from_millis(250);
/// For an answer to a read, past its own wait.
const READ_TIMEOUT: Duration = Duration::from_secs(1);
/// Between two attempts to open a session.
const RETRY: Duration = Duration::from_millis(200);
/// How long a session goes on with a server whose replicas do not say that they have anything. Another may be the master by
/// now, and this one not know it.
const WITHOUT_REPLICAS: Duration = LEASE.saturating_mul(2);
/// Between two looks into the outbox. A purge goes there also while a session is up, if its command failed.
const REDELIVER_EVERY: Duration = Duration::from_millis(500);
/// Epochs that are known to be over.
const LEFT_MAX: usize = 1_000;
/// Entries that one read brings.
const ENTRIES: usize = 1_000;

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error("reading: {0}")]
    Read(#[from] RedisError),
    #[error("no answer to a read")]
    Hangs,
    #[error("two connections came to two servers")]
    TwoServers,
    #[error(transparent)]
    Broken(#[from] Broken),
    #[error("no random name: {0}")]
    Random(#[from] std::io::Error),
    #[error("a command found another epoch")]
    Kicked,
    #[error("too few replicas have what this proxy says")]
    TooFewReplicas,
}

/// Follows the log until it is told to stop, then leaves.
pub(super) async fn follow(shared: Arc<Shared>, ledger: Ledger, stop: CancellationToken) {
    let isolation = Isolation::new(shared.on_isolation);
    let (known, left, owes) = (Known::default(), VecDeque::new(), Arc::default());
    let mut follower = Follower { shared, ledger, isolation, known, left, owes };
    let following = async {
        loop {
            let Err(ended) = follower.session().await;
            follower.shared.lost(&ended.to_string());
            sleep(RETRY).await;
        }
    };
    stop.run_until_cancelled(following).await;
    follower.leave().await;
}

struct Follower {
    shared: Arc<Shared>,
    ledger: Ledger,
    isolation: Isolation,
    known: Known,
    /// Epochs that were followed before, oldest first. The log of one is over for good, wherever it is found again: what was
    /// stored under it may have been purged in another since.
    left: VecDeque<Epoch>,
    /// Whether what was placed shortly before this epoch has yet to be placed in it.
    owes: Arc<AtomicBool>,
}

/// Never made: a session goes on until it fails.
enum Never {}

impl Follower {
    async fn session(&mut self) -> Result<Never, Ended> {
        let (mut control, mut tail) = self.connect().await?;
        let is_one = matches!(self.shared.settings.servers, Servers::One(_));
        let restart_is_safe = is_one && is_restart_safe(&mut control.connection).await?;
        let fresh = Epoch::random()?;
        let identity = &self.shared.identity;
        let mode = self.isolation.told();
        let mut joined = control.join(identity, mode, &self.known, fresh, restart_is_safe).await?;
        self.known.distrusted = None;
        let is_new = self.known.epoch != Some(joined.epoch);
        if is_new {
            if self.left.contains(&joined.epoch) {
                self.known.distrusted = Some(joined.epoch);
                return Err(Ended::Control(ControlError::Epoch));
            }
            self.load(&joined, &mut tail).await?;
            // Reading it may have taken longer than others wait for a proxy that says nothing.
            let identity = &self.shared.identity;
            joined = control.join(identity, mode, &self.known, fresh, restart_is_safe).await?;
            if self.known.epoch != Some(joined.epoch) {
                return Err(Ended::Control(ControlError::Epoch));
            }
        }
        let place = self.resume(&joined);
        lock(&self.shared.tenure).follow(joined.epoch, joined.is_settled);
        let replicated = self.shared.clock.now();
        let mut reader = Reader { epoch: joined.epoch, tail, place, control, restart_is_safe, replicated };
        self.renew(&mut reader).await?;
        self.shared.follows(Live { control: reader.control.clone(), epoch: joined.epoch });
        // It ends with the session: the next one begins it anew.
        let _redelivery = AbortOnDropHandle::new(tokio::spawn(redeliver(self.ledger.clone(), self.owes.clone())));
        self.read(&mut reader).await
    }

    /// Connections that command and that read, all to the same process.
    async fn connect(&self) -> Result<(Control, MultiplexedConnection), Ended> {
        let (settings, keys) = (&self.shared.settings, &self.shared.keys);
        let enough = self.shared.replicas;
        let (mut control, mut tail, mut asking) = tokio::try_join!(
            connect_to_master(settings, &keys.state),
            connect_to_master(settings, &keys.state),
            async {
                match enough {
                    0 => Ok(None),
                    _ => connect_to_master(settings, &keys.state).await.map(Some),
                }
            }
        )?;
        let run = run_of(&mut control).await?;
        for other in [Some(&mut tail), asking.as_mut()].into_iter().flatten() {
            if run_of(other).await? != run {
                return Err(Ended::TwoServers);
            }
        }
        let replicas = asking.map(|asking| Arc::new(Replicas::new(enough, asking, keys.state.clone())));
        Ok((Control { connection: control, keys: keys.clone(), replicas }, tail))
    }

    /// The log is another one than was followed before: all of it is read, then all that was known is replaced at once.
    async fn load(&mut self, joined: &Joined, tail: &mut MultiplexedConnection) -> Result<(), Ended> {
        let mut place = Place { position: joined.floor, nonce: None };
        let mut records: Vec<Record> = Vec::new();
        while place.position < joined.head {
            let some = range(tail, &self.shared.keys.log, place.position).await?;
            match place.follow(&some) {
                Ok(some) if !some.is_empty() => records.extend(some),
                _ => {
                    self.known.distrusted = Some(joined.epoch);
                    return Err(Ended::Control(ControlError::Epoch));
                }
            }
        }
        tracing::info!(
            epoch = format!("{:016x}", joined.epoch.0),
            records = records.len(),
            "a shared ledger is followed"
        );
        if let Some(left) = self.known.epoch {
            if self.left.len() == LEFT_MAX {
                self.left.pop_front();
            }
            self.left.push_back(left);
        }
        self.owes.store(true, Ordering::Relaxed);
        self.ledger.adopt(Adopted { epoch: joined.epoch, floor: joined.floor, records });
        self.note(joined.epoch, &place);
        Ok(())
    }

    fn resume(&mut self, joined: &Joined) -> Place {
        let mut place = Place { position: self.known.position, nonce: self.known.nonce.clone() };
        self.skip(&mut place, joined.floor);
        place
    }

    /// What was trimmed before it was read is too old to matter to anything stored since.
    fn skip(&self, place: &mut Place, floor: Position) -> bool {
        let is_behind = floor > place.position;
        if is_behind {
            self.ledger.forget(floor);
            *place = Place { position: floor, nonce: None };
        }
        is_behind
    }

    async fn read(&mut self, reader: &mut Reader) -> Result<Never, Ended> {
        let mut renewed = self.shared.clock.now();
        loop {
            let news = tokio::select! {
                news = reader.news(&self.shared.keys.log) => news?,
                () = self.shared.kick.notified() => return Err(Ended::Kicked),
            };
            let has_news = !news.is_empty();
            match reader.place.follow(&news) {
                Ok(records) => {
                    self.note(reader.epoch, &reader.place);
                    if has_news {
                        self.ledger.receive(records);
                    }
                }
                Err(broken) => self.mend(reader, broken).await?,
            }
            let now = self.shared.clock.now();
            let is_due = now.since(renewed) >= RENEW_EVERY;
            if has_news || is_due {
                self.renew(reader).await?;
            }
            if is_due {
                renewed = now;
                self.look_around(reader).await?;
            }
        }
    }

    /// An entry that is no successor: either what lay between was trimmed, or the log lost something.
    async fn mend(&mut self, reader: &mut Reader, broken: Broken) -> Result<(), Ended> {
        let floor = self.renew(reader).await?;
        if self.skip(&mut reader.place, floor) {
            return Ok(());
        }
        self.known.distrusted = Some(reader.epoch);
        Err(broken.into())
    }

    /// Tells the log's floor.
    async fn renew(&mut self, reader: &mut Reader) -> Result<Position, Ended> {
        let identity = &self.shared.identity;
        // Before it is sent: for the others it runs from later on.
        let before = self.shared.clock.now();
        let says = Says {
            on_isolation: self.isolation.told(),
            restart_is_safe: reader.restart_is_safe,
            is_settled: lock(&self.shared.tenure).is_settled(reader.epoch, before),
        };
        let renewed = reader.control.renew(identity, &says, reader.epoch, &reader.place).await?;
        self.shared.reached(reader.place.position, renewed.head);
        self.isolation.heard(renewed.is_alone, renewed.is_replicated);
        self.ledger.set_on_isolation(self.isolation.in_force());
        let now = self.shared.clock.now();
        if renewed.is_replicated {
            reader.replicated = now;
            self.shared.recovered();
        } else {
            self.shared.ails(&Ended::TooFewReplicas.to_string());
        }
        if renewed.holds {
            let until = before.plus(identity.lease.saturating_sub(MARGIN));
            self.ledger.extend_lease(until);
            lock(&self.shared.tenure).renewed(now, until);
        }
        Ok(renewed.floor)
    }

    /// Sees the other proxies, and forgets those whose lease ran out.
    async fn look_around(&self, reader: &mut Reader) -> Result<(), Ended> {
        // An operator may change it while the server runs; once not safe, the epoch stays so.
        reader.restart_is_safe = reader.restart_is_safe && is_restart_safe(&mut reader.control.connection).await?;
        let (_, entries) = reader.control.proxies().await?;
        let now = self.shared.clock.now();
        if now.since(reader.replicated) > WITHOUT_REPLICAS {
            return Err(Ended::TooFewReplicas);
        }
        let lapsed = {
            let mut proxies = self.shared.proxies();
            proxies.see(entries, now);
            proxies.lapsed(now)
        };
        for (id, entry) in lapsed.into_iter().filter(|(id, _)| *id != self.shared.identity.id) {
            reader.control.forget(&id, &entry).await?;
        }
        Ok(())
    }

    fn note(&mut self, epoch: Epoch, place: &Place) {
        self.known.epoch = Some(epoch);
        self.known.position = place.position;
        self.known.nonce.clone_from(&place.nonce);
    }

    /// Nobody waits for a proxy that has left. Its lease ends first.
    async fn leave(&self) {
        self.ledger.end_lease();
        let Some(live) = self.shared.live.send_replace(None) else { return };
        let Ok((_, entries)) = live.control.proxies().await else { return };
        let own = entries.into_iter().find(|(id, _)| *id == self.shared.identity.id);
        if let Some((id, entry)) = own
            && let Err(error) = live.control.forget(&id, &entry).await
        {
            tracing::warn!(%error, "others wait for this proxy until its lease has run out");
        }
    }
}

/// Where a session stands.
struct Reader {
    epoch: Epoch,
    tail: MultiplexedConnection,
    place: Place,
    control: Control,
    restart_is_safe: bool,
    /// When enough replicas had last all that this proxy had said, or when the session began.
    replicated: Timestamp,
}

impl Reader {
    async fn news(&mut self, log: &str) -> Result<Vec<StreamId>, Ended> {
        let mut read = redis::cmd("XREAD");
        read.arg("COUNT").arg(ENTRIES).arg("BLOCK").arg(BLOCK.as_millis().to_string());
        read.arg("STREAMS").arg(log).arg(format!("{}-0", self.place.position));
        let answer = read.query_async::<Option<StreamReadReply>>(&mut self.tail);
        let answer = timeout(BLOCK + READ_TIMEOUT, answer).await.map_err(|_| Ended::Hangs)??;
        Ok(answer.into_iter().flat_map(|reply| reply.keys).flat_map(|key| key.ids).collect())
    }
}

/// Places what has to be placed, and whatever comes to wait later on.
async fn redeliver(ledger: Ledger, owes: Arc<AtomicBool>) {
    loop {
        match ledger.redeliver(owes.load(Ordering::Relaxed)).await {
            Ok(()) => owes.store(false, Ordering::Relaxed),
            Err(error) => tracing::warn!(%error, "what waits in the outbox waits on"),
        }
        sleep(REDELIVER_EVERY).await;
    }
}

async fn range(tail: &mut MultiplexedConnection, log: &str, after: Position) -> Result<Vec<StreamId>, Ended> {
    let mut read = redis::cmd("XRANGE");
    read.arg(log).arg(format!("{}-0", after + 1)).arg("+").arg("COUNT").arg(ENTRIES);
    let answer = timeout(READ_TIMEOUT, read.query_async::<StreamRangeReply>(tail));
    Ok(answer.await.map_err(|_| Ended::Hangs)??.ids)
}

async fn run_of(connection: &mut MultiplexedConnection) -> Result<String, Ended> {
    let info = info(connection, "server").await?;
    info.get("run_id").ok_or(Ended::Control(ControlError::Answer))
}

/// Whether this server has on disk what it has answered, so that a restart loses no record: an append-only file that is
/// synced at each write, and no failover in its past. What cannot be seen is not so.
async fn is_restart_safe(connection: &mut MultiplexedConnection) -> Result<bool, Ended> {
    let (persistence, replication) = (info(connection, "persistence").await?, info(connection, "replication").await?);
    let has_file = persistence.get::<u8>("aof_enabled") == Some(1);
    let was_replica = replication.get::<String>("master_replid2").is_none_or(|id| id.bytes().any(|byte| byte != b'0'));
    let always = setting(connection, "appendfsync").await?.is_some_and(|word| word == "always");
    let never_puts_off = setting(connection, "no-appendfsync-on-rewrite").await?.is_some_and(|word| word == "no");
    Ok(has_file && always && never_puts_off && !was_replica)
}

/// A setting of the server's; none where we may not ask.
async fn setting(connection: &mut MultiplexedConnection, name: &str) -> Result<Option<String>, Ended> {
    let mut config = redis::cmd("CONFIG");
    let answer = config.arg("GET").arg(name).query_async::<Vec<String>>(connection);
    let answer = timeout(READ_TIMEOUT, answer).await.map_err(|_| Ended::Hangs)?;
    Ok(answer.ok().and_then(|pair| pair.into_iter().nth(1)))
}

async fn info(connection: &mut MultiplexedConnection, section: &str) -> Result<InfoDict, Ended> {
    let mut info = redis::cmd("INFO");
    let answer = info.arg(section).query_async::<InfoDict>(connection);
    Ok(timeout(READ_TIMEOUT, answer).await.map_err(|_| Ended::Hangs)??)
}
