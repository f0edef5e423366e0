//! The targets: functions of any bytes that fail where what is held does not.

mod cache_control;
mod choices;
mod conditions;
mod config;
mod exchange;
mod front;
#[path = "../../parts/hyper_server.rs"]
mod hyper_server;
mod places;
mod range;
mod reading;
mod scene;
mod stored;
mod tags;
mod times;
mod wishes;

#[cfg(test)]
pub(crate) use stored::seeds as seeds_of_stored;

/// One target.
pub(crate) struct Target {
    /// Its name: that of its folder in the corpus.
    pub(crate) name: &'static str,
    /// What is run with any bytes.
    pub(crate) run: fn(&[u8]),
    /// How much longer than others a run takes.
    #[cfg_attr(not(test), expect(dead_code, reason = "libFuzzer counts seconds"))]
    pub(crate) costs: usize,
}

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run, costs: 1 }
}

/// All of them.
pub(crate) const ALL: [Target; 19] = [
    target("cache_control", cache_control::of_all),
    target("wishes", wishes::wishes),
    target("targeted_control", cache_control::targeted),
    target("date", times::date),
    target("age", times::age),
    target("exchange", exchange::stored),
    target("not_modified", exchange::freshened),
    target("vary", choices::vary),
    target("accepted", choices::accepted),
    target("conditions", conditions::conditions),
    target("range", range::range),
    target("groups", tags::groups),
    target("cookies", places::cookies),
    target("target", places::target),
    target("query", places::query),
    target("stored", stored::stored),
    target("head", front::head),
    target("chunks", front::chunks),
    Target { name: "config", run: config::file, costs: 20 },
];
