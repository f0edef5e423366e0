//! Finding out that what failed goes well again, so that no client has to: while something is wrong a tiny page is written
//! and read, about twice a second.

use super::link::jittered;
use super::names::Names;
use super::script::PUT;
use super::shared::Shared;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// Between two probes.
const EVERY: Duration = Duration::from_millis(500);
/// How long the page stays that is written.
const KEEP_MS: &[u8] = b"10000";

/// Probes whenever something has failed, until it goes well; never ends.
pub(super) async fn keep(shared: Arc<Shared>) {
    loop {
        shared.failed.notified().await;
        while shared.reads.trouble().is_some() || shared.writes.trouble().is_some() {
            sleep(jittered(EVERY)).await;
            tokio::join!(read(&shared), write(&shared));
        }
    }
}

async fn read(shared: &Shared) {
    if shared.reads.trouble().is_none() {
        return;
    }
    let mut read = redis::cmd("HGETALL");
    read.arg(shared.names.probe());
    if shared.ask(&shared.reading, &shared.reads, shared.settings.read_timeout, &read).await.is_err() {
        // Also a cluster's: none of it may be where it was.
        shared.reading.let_go(None);
    }
}

async fn write(shared: &Shared) {
    if shared.writes.trouble().is_none() {
        return;
    }
    let nobody = Names::number(0);
    let arguments: [&[u8]; 6] = [nobody.as_bytes(), nobody.as_bytes(), b"", KEEP_MS, b"1", b"probe"];
    if shared.run(&PUT, &shared.names.probe(), &arguments, shared.settings.write_timeout).await.is_err() {
        shared.writing.let_go(None);
        shared.bulk.let_go(None);
    }
}
