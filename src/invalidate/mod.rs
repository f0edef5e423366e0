//! Invalidation: what purge clients say, each in its dialect, signed webhooks, orders from the admin API, and unsafe methods,
//! each turned into records of the ledger. Nothing that comes here ever reaches the origin, and nothing is acknowledged
//! before it is durable.

mod answer;
mod dialect;
mod events;
mod order;
mod peer;
mod purging;
mod service;
mod settings;
mod signature;

pub use dialect::{Api, Dialect, Dialects, SOUIN_BASE};
pub use events::{BadTemplate, EventRule, INVALIDATIONS_MAX, Template};
pub use service::{ChangedSessions, Invalidator, OrderRefused};
pub use settings::{BadNetwork, Network, Secret, Settings, WebhookSettings};
