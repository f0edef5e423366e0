//! The proof can fail: vitrine with a mistake in it, each of which shows somebody what is not theirs or not so any more, is
//! caught.

use crate::parts::workshop::{Mutant, Workshop};
use crate::play::walk;
use crate::scene::Length;
use crate::setup::Kept::{self, InRedis, InSqlite};
use crate::tally::Wrong::{self, Foreign, Replayed, Stale};
use std::time::Duration;

/// Requests within which a mistake is noticed, with room: mostly a few hundred are enough.
const REQUESTS_MAX: u64 = 10_000;

/// Each with where it is tried, and what is noticed first.
const MUTANTS: [(Mutant, Kept, Wrong); 7] = [
    (SESSION_NOT_IN_KEY, InSqlite, Foreign),
    (SET_COOKIE_REPLAYED, InSqlite, Replayed),
    (COLLAPSED_ACROSS_SESSIONS, InSqlite, Foreign),
    (NOTHING_PURGED, InSqlite, Stale),
    (LOGOUT_BY_GET_OVERLOOKED, InSqlite, Stale),
    (BASKET_NOT_IN_KEY, InSqlite, Stale),
    (PURGED_HERE_ONLY, InRedis, Stale),
];

const SESSION_NOT_IN_KEY: Mutant = Mutant {
    name: "the session is left out of the key",
    file: "src/key/mod.rs",
    right: "        push(&mut bytes, session.as_bytes());\n",
    wrong: "        let _ = session;\n",
};

const SET_COOKIE_REPLAYED: Mutant = Mutant {
    name: "Set-Cookie is stored and replayed",
    file: "src/proxy/filling.rs",
    right: "    if !errand.keeps_cookies() && fields.contains_key(header::SET_COOKIE) {\n",
    wrong: "    if fields.contains_key(header::ALLOW) {\n",
};

const COLLAPSED_ACROSS_SESSIONS: Mutant = Mutant {
    name: "fetches are collapsed across sessions",
    file: "src/fetch/collapse.rs",
    right: "    pub fn join(&self, key: &Key, refused: Option<&Arc<F>>, new: impl FnOnce() -> F) -> Joined<F> {\n",
    wrong: "    pub fn join(&self, key: &Key, refused: Option<&Arc<F>>, new: impl FnOnce() -> F) -> Joined<F> {\n        \
            let (scheme, query) = (crate::key::Scheme::Http, key.query().map(Into::into));\n        \
            let page = crate::key::Target { scheme, host: key.host().into(), path: key.path().into(), query };\n        \
            let key = &Key::new(&page, &[], None);\n",
};

const NOTHING_PURGED: Mutant = Mutant {
    name: "a change or a logout lets go of nothing",
    file: "src/proxy/pass.rs",
    right: "if self.changes_session(answer) {",
    wrong: "if self.changes_session(answer) && answer.is_none() {",
};

const LOGOUT_BY_GET_OVERLOOKED: Mutant = Mutant {
    name: "a logout by GET lets go of nothing",
    file: "src/proxy/pass.rs",
    right: "        touches || (self.is_unsafe && !refused)\n",
    wrong: "        self.is_unsafe && (touches || !refused)\n",
};

const BASKET_NOT_IN_KEY: Mutant = Mutant {
    name: "personal cookies are left out of the key",
    file: "src/key/session.rs",
    right: "        if !others.is_empty() {\n",
    wrong: "        if others.len() > 9 {\n",
};

const PURGED_HERE_ONLY: Mutant = Mutant {
    name: "the other proxies are not told",
    file: "src/proxy/mod.rs",
    right: "            tags.extend((!is_nowhere).then_some(tag));\n",
    wrong: "            tags.extend((!is_nowhere && ended.pages.is_empty()).then_some(tag));\n",
};

#[test]
fn each_mutant_is_caught() {
    let workshop = Workshop::open();
    for (mutant, kept, wrong) in MUTANTS {
        let program = workshop.build(&mutant);
        let at_most = Duration::from_mins(1);
        let length = Length { requests: REQUESTS_MAX, at_most, seed: 7, stops_when_caught: true };
        let report = walk(&program, kept, length);
        let told = report.tally.told();
        let first = told.first().unwrap_or_else(|| panic!("{}: nobody noticed", mutant.name));
        println!("{}: {:?} after {} requests", mutant.name, first.wrong, first.after_requests);
        assert_eq!(first.wrong, wrong, "{}: {first:#?}", mutant.name);
    }
}
