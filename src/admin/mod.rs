//! The admin address: status, explain, purge, clear, reload, the audit log, metrics, health and a dashboard.
//!
//! A request's head and body go in, a response comes out; listening is for `accept`. The other parts are seen through one
//! trait, [`Backstage`], so that nothing here can differ from what serving does. No cookie is read or set, no redirect is
//! sent or followed, and no other origin is ever allowed in (rows C2 and C3).

mod answer;
mod auth;
mod backstage;
mod deliveries;
mod explain;
mod health;
mod ledger;
mod origin_status;
mod page;
mod query;
mod routes;
mod service;
mod settings;
mod shared_status;
mod status;

pub use backstage::{Backstage, Cleared, ConfigState, Phase, Refusal, Reloaded, Situation};
pub use deliveries::{DeliveriesShown, DeliveryShown};
pub use explain::{Explanation, GuardShown, KeyShown, PlaceShown, Question, StoredShown, Verdict};
pub use ledger::{RecordShown, Records, RecordsShown};
pub use origin_status::{OriginStatus, ServerStatus};
pub use service::Admin;
pub use settings::Settings;
pub use shared_status::{ProxyStatus, RedisStatus, SharingStatus};
pub use status::{CacheStatus, ConfigStatus, LedgerStatus, RouteStatus, Status, StoreStatus, TierStatus};
