//! Proxies that take part in a shared ledger, without HTTP: each with its own two connections, all in this process.

use crate::Problem;
use crate::measure;
use crate::redis_server::RedisServer;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use vitrine::clock::Clock;
use vitrine::ledger::{Invalidation, Ledger, Mode, OnIsolation, Receipt, Scope, Settings, Source, Volatile};
use vitrine::store::redis::Settings as RedisSettings;
use vitrine::store::redis::log::{Membership, RedisLog};
use vitrine::tags::Tag;

/// For all to join, and for the lease in which nothing is confirmed.
const DEADLINE: Duration = Duration::from_mins(1);
/// For a purge.
const WAIT: Duration = Duration::from_secs(5);

/// One proxy; it is gone without a word when it is dropped.
pub(crate) struct Member {
    pub(crate) ledger: Ledger,
    _following: AbortOnDropHandle<()>,
}

impl Member {
    fn start(server: &RedisServer, number: usize) -> Result<Member, Problem> {
        let clock = Clock::system();
        let settings = RedisSettings::parse(&server.url(), None)?;
        // An id as long as a proxy's own.
        let (id, name) = (format!("{number:032x}"), format!("shop-{number}"));
        let membership = Membership { id, name, on_isolation: Some(OnIsolation::Revalidate), replicas: 0 };
        let log = RedisLog::new(settings, membership, clock.clone())?;
        let (opened, shared) = (Volatile::opened()?, Arc::new(log.clone()));
        let isolation = OnIsolation::Revalidate;
        let ledger = Ledger::shared(&opened, Arc::new(Volatile), shared, isolation, Settings::default(), clock)?;
        let following = log.follow(ledger.clone(), CancellationToken::new());
        Ok(Member { ledger, _following: AbortOnDropHandle::new(tokio::spawn(following)) })
    }

    /// Purges one product and waits for all proxies; tells whether they have all let go.
    pub(crate) async fn purge(&self, product: u64) -> Result<bool, Problem> {
        let receipt = self.place(vec![invalidation(product)?]).await?;
        Ok(self.ledger.confirm(receipt, WAIT).await.confirmation.confirmed)
    }

    pub(crate) async fn place(&self, asked: Vec<Invalidation>) -> Result<Receipt, Problem> {
        Ok(self.ledger.append(asked).await?)
    }
}

/// So many proxies, each of which has a lease and has had purges confirmed.
pub(crate) async fn joined(server: &RedisServer, count: usize) -> Result<Vec<Member>, Problem> {
    let members: Vec<Member> = (0..count).map(|number| Member::start(server, number)).collect::<Result<_, _>>()?;
    let (clock, began) = (Clock::system(), Instant::now());
    while !members.iter().all(|member| member.ledger.is_current(clock.now())) {
        in_time(began)?;
        sleep(Duration::from_millis(50)).await;
    }
    for member in &members {
        while !member.purge(0).await? {
            in_time(began)?;
        }
    }
    Ok(members)
}

fn in_time(began: Instant) -> Result<(), Problem> {
    if began.elapsed() > DEADLINE { Err("the proxies do not come together".into()) } else { Ok(()) }
}

/// What a shop asks for when a product has changed.
pub(crate) fn invalidation(product: u64) -> Result<Invalidation, Problem> {
    Ok(Invalidation {
        scope: Scope::Tag(Tag::new(&format!("product:{product}"))?),
        mode: Mode::Hard,
        settle: Duration::ZERO,
        source: Source::Purge,
        reason: "PURGE from 127.0.0.1".into(),
    })
}

/// CPU time of this process, the last moment included.
pub(crate) fn own_cpu() -> std::io::Result<Duration> {
    // What runs is not counted until it has paused.
    std::thread::sleep(Duration::from_millis(1));
    measure::cpu(std::process::id())
}
