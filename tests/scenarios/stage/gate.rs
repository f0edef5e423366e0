//! A gate that holds the play until the other side has come so far: what scenarios have instead of delays.

use std::sync::Arc;
use tokio::sync::watch;

/// Shut until it is opened; knows how many wait at it.
#[derive(Clone, Debug)]
pub struct Gate {
    open: Arc<watch::Sender<bool>>,
    waiting: Arc<watch::Sender<usize>>,
}

impl Gate {
    /// A shut gate.
    pub fn shut() -> Gate {
        Gate { open: Arc::new(watch::Sender::new(false)), waiting: Arc::new(watch::Sender::new(0)) }
    }

    /// Opens it, for good.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Waits at the gate until it is open.
    pub async fn pass(&self) {
        self.waiting.send_modify(|waiting| *waiting += 1);
        self.open.subscribe().wait_for(|open| *open).await.expect("the gate holds its own sender");
    }

    /// Waits until so many have come to the gate, ever.
    pub async fn reached_by(&self, count: usize) {
        super::in_time("somebody comes to the gate", async {
            self.waiting
                .subscribe()
                .wait_for(|waiting| *waiting >= count)
                .await
                .expect("the gate holds its own sender");
        })
        .await;
    }
}
