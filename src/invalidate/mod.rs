//! Invalidation: PURGE requests, signed webhooks, orders from the admin API, and unsafe methods, each turned into records of
//! the ledger. Nothing that comes here ever reaches the origin, and nothing is acknowledged before it is durable.

mod answer;
mod events;
mod order;
mod payload;
mod peer;
mod purge;
mod replay;
mod scheme;
mod service;
mod settings;
mod webhook;

pub use events::{BadTemplate, EventRule, INVALIDATIONS_MAX, Template};
pub use scheme::{BadSecret, BodyHmac, Encoding, EventAt, Place, Scheme, Secret};
pub use service::{ChangedSessions, Invalidator, OrderRefused};
pub use settings::{BadNetwork, Network, Settings, WebhookSettings};
