//! Where the shared ledger lives: keys on one slot of a cluster. None of them ever expires, so that a full server lets go of
//! stored responses and never of these.

/// The names of the keys.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    /// A hash: the epoch, where the log ends, and every proxy.
    pub(super) state: String,
    /// The stream of records.
    pub(super) log: String,
    /// A hash: webhooks' ids and where their records were placed.
    pub(super) deliveries: String,
    /// A list of these ids, oldest first.
    pub(super) delivered: String,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Keys {
        let named = |name| format!("{prefix}{{ledger}}:{name}");
        Keys {
            state: named("state"),
            log: named("log"),
            deliveries: named("deliveries"),
            delivered: named("delivered"),
        }
    }
}
