//! `proxy.yaml`: read, validated into each part's own settings, watched. All mistakes are told at once, each with its place,
//! what stands there and what to write. Nothing below this module knows the file's form.

mod caching;
mod choices;
mod compression;
mod dialects;
mod environment;
mod guard;
mod invalidation;
mod lifetime;
mod mistake;
mod origins;
mod reader;
mod routes;
mod server;
mod sessions;
mod shared_store;
mod summary;
mod tree;
mod units;
mod watch;

pub use mistake::{Mistake, report};
pub use sessions::{Secret, SessionSettings};
pub use summary::{check, newly_cacheable, summary, summary_json};
pub use watch::{Changes, watch};

use crate::accept::{Limits, ListenSettings};
use crate::key::{Languages, QueryRules};
use crate::route::{Audience, Router};
use crate::{admin, fetch, invalidate, observe, proxy, store};
use reader::Reader;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Everything that the file says, validated.
#[derive(Clone, Debug)]
pub struct Config {
    /// Public addresses.
    pub listen: Vec<ListenSettings>,
    /// Limits at the door.
    pub limits: Limits,
    /// The admin address.
    pub admin: admin::Settings,
    /// The origins; the first is the one that rules use where they name none.
    pub origins: Vec<fetch::Settings>,
    /// Hosts that are ours, as in keys; empty: every host.
    pub hosts: Vec<Box<str>>,
    /// Peers whose forwarding fields are believed.
    pub trusted_proxies: Vec<invalidate::Network>,
    /// One folder for each running proxy.
    pub data_dir: PathBuf,
    /// Threads that serve visitors; none: one a core.
    pub threads: Option<NonZero<usize>>,
    /// Logs.
    pub log: observe::Settings,
    /// What is kept where.
    pub store: store::Settings,
    /// How sessions are told apart.
    pub sessions: SessionSettings,
    /// What `Accept-Language` is reduced to.
    pub languages: Arc<Languages>,
    /// Which query parameters count.
    pub query: Arc<QueryRules>,
    /// The routes.
    pub router: Router,
    /// How guarded routes are sampled.
    pub guard: proxy::GuardSettings,
    /// Who may invalidate, and what events mean.
    pub invalidation: invalidate::Settings,
    /// The longest that any response is kept.
    pub max_keep: Duration,
    /// What an operator should know although nothing is wrong.
    pub notes: Vec<String>,
}

/// A configuration and the file's content it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Tells one content of the file from another.
    pub hash: String,
}

/// For how long anything is kept where the file does not say.
const MAX_KEEP: Duration = Duration::from_hours(7 * 24);

/// Reads a file and validates it. `environment` gives the values of variables.
///
/// # Errors
/// Every mistake in it.
pub fn load(path: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Result<Loaded, Vec<Mistake>> {
    let (tree, text) = tree::read(path)?;
    let reader = Reader::new(path, environment);
    let config = read(&reader, &tree);
    let mistakes = reader.mistakes();
    if mistakes.is_empty() { Ok(Loaded { config, hash: content_hash(text.as_bytes()) }) } else { Err(mistakes) }
}

/// Tells one content of a file from another.
fn content_hash(bytes: &[u8]) -> String {
    crate::crypto::hex(&crate::crypto::digest_128(bytes))
}

fn read(reader: &Reader<'_>, tree: &tree::Node) -> Config {
    let file = reader.section(tree, "");
    let mut notes = Vec::new();
    let data_dir = file.text("data_dir").map_or_else(|| PathBuf::from("data"), |text| text.text.into());
    let max_keep = file.duration("max_keep").unwrap_or(MAX_KEEP);
    let hosts = server::hosts(&file);
    let trusted_proxies = server::networks(&file, "trusted_proxies").unwrap_or_default();
    let cookies = Arc::new(caching::cookies(&file));
    let query = Arc::new(caching::query(&file));
    let languages = caching::languages(&file);
    let coding = compression::settings(&file);
    let listen = server::listen(&file);
    let session_header = sessions::header(&file);
    let defaults = choices::defaults(&file, max_keep);
    let origins = origins::origins(&file);
    let ground = routes::Ground::of(&cookies, &query, &languages, session_header.clone(), max_keep, defaults)
        .with_origins(&origins)
        .with_coding(coding);
    let router = routes::router(&file, &ground, &mut notes);
    notes.extend(origins::cautions(&origins, &router));
    let sessions = sessions::settings(&file, session_header, &router);
    notes.extend(sessions::cautions(&router));
    let store = caching::store(&file, &data_dir, reader.environment);
    note_missing_key(&router, &store, &sessions, &mut notes);
    let invalidation = invalidation::settings(&file, trusted_proxies.clone(), query.clone(), &listen, &mut notes);
    let admin = server::admin(&file);
    server::keep_apart(&file, &listen, [("admin", Some(admin.address)), ("invalidation", invalidation.listen)]);
    let config = Config {
        limits: server::limits(&file),
        admin,
        threads: server::threads(&file),
        log: server::log(&file),
        store,
        origins,
        sessions,
        languages: Arc::new(languages),
        listen,
        hosts,
        trusted_proxies,
        data_dir,
        query,
        guard: guard::settings(&file),
        router,
        invalidation,
        max_keep,
        notes,
    };
    file.finish();
    config
}

/// Several proxies have to hash alike: each for itself would find none of the others' pages, and end none of them.
fn note_missing_key(router: &Router, store: &store::Settings, sessions: &SessionSettings, notes: &mut Vec<String>) {
    let mut own = router.rules().filter(|rule| !rule.pass && rule.audience == Audience::Session);
    if sessions.secret.is_none() && matches!(store.backend, store::Backend::Redis { .. }) && own.next().is_some() {
        notes.push(
            "session_key is not set: with Redis all proxies need the same one, and until then routes with \
             audience: session are passed; make one with: openssl rand -hex 32"
                .into(),
        );
    }
}
