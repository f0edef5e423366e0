//! The demo shop: a small storefront to put a cache in front of.
//!
//! It is what an ordinary shop is to a caching proxy. Pages are made from a database at every
//! request, with more queries than they need; cookies tell visitors apart; an edit is followed by
//! a signed webhook, which is kept in a table until somebody has taken it.
//!
//! ```text
//! args ─▶ shop ─▶ serve ─▶ pages ─▶ database
//!           │       │        └────▶ outbox (rows, in the edit's own transaction)
//!           │       └─ wire, faults (slow, error, reset, cut)
//!           └─ outbox::sender (delivers, retries, keeps order)
//! ```
//!
//! Nothing here knows of any particular proxy, and nothing here caches.

mod args;
mod cookies;
mod database;
mod dice;
mod faults;
mod outbox;
mod pages;
mod picture;
mod price;
mod serve;
mod shop;
mod stats;
mod time;
mod wire;

pub use args::{Command, USAGE};
pub use outbox::{BadWebhook, Webhook};
pub use shop::{Settings, Shop, StartError};
