//! The targets: functions of any bytes that fail where what is held does not.

mod cache_control;
mod choices;
mod conditions;
mod exchange;
mod places;
mod range;
mod reading;
mod scene;
mod stored;
mod tags;
mod times;

/// One target.
pub(crate) struct Target {
    /// Its name: that of its folder in the corpus.
    pub(crate) name: &'static str,
    /// What is run with any bytes.
    pub(crate) run: fn(&[u8]),
}

/// All of them.
pub(crate) const ALL: [Target; 15] = [
    Target { name: "cache_control", run: cache_control::of_all },
    Target { name: "targeted_control", run: cache_control::targeted },
    Target { name: "date", run: times::date },
    Target { name: "age", run: times::age },
    Target { name: "exchange", run: exchange::stored },
    Target { name: "not_modified", run: exchange::freshened },
    Target { name: "vary", run: choices::vary },
    Target { name: "accepted", run: choices::accepted },
    Target { name: "conditions", run: conditions::conditions },
    Target { name: "range", run: range::range },
    Target { name: "groups", run: tags::groups },
    Target { name: "cookies", run: places::cookies },
    Target { name: "target", run: places::target },
    Target { name: "query", run: places::query },
    Target { name: "stored", run: stored::stored },
];
