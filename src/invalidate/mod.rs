//! Invalidation: what purge clients say, each in its dialect, signed webhooks, orders from the admin API, and unsafe methods,
//! each turned into records of the ledger. Nothing that comes here ever reaches the origin, and nothing is acknowledged
//! before it is durable.

mod answer;
mod dialect;
mod events;
mod order;
mod payload;
mod peer;
mod purging;
mod replay;
mod scheme;
mod service;
mod settings;
mod webhook;

pub use dialect::{Api, ApiSecret, Dialect, Dialects, SOUIN_BASE};
pub use events::{BadTemplate, EventRule, Filled, INVALIDATIONS_MAX, Template};
pub use scheme::{BadSecret, BodyHmac, Encoding, EventAt, Place, Scheme, Secret};
pub use service::{ChangedSessions, Invalidator, OrderRefused};
pub use settings::{BadNetwork, Network, Settings, WebhookSettings};
