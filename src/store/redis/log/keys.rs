//! Where the shared ledger lives: keys on one slot of a cluster, none of which ever expires but the webhooks' ids.

use crate::crypto;

/// The names of the keys.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    /// A hash: the epoch, where the log ends, and every proxy.
    pub(super) state: String,
    /// The stream of records.
    pub(super) log: String,
    delivery: String,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Keys {
        let base = format!("{prefix}{{ledger}}");
        Keys { state: format!("{base}:state"), log: format!("{base}:log"), delivery: format!("{base}:delivery:") }
    }

    /// A webhook's id: hashed, because a sender may make it long.
    pub(super) fn delivery(&self, id: &str) -> String {
        use std::fmt::Write;
        let mut key = self.delivery.clone();
        for byte in crypto::digest_128(id.as_bytes()) {
            // Writing to a text cannot fail.
            let _ = write!(key, "{byte:02x}");
        }
        key
    }
}
