//! Delivering the outbox: one sender, in order, until each message is taken.
//!
//! A receiver that is down delays messages and loses none: they stay in the table, across restarts
//! too, and the oldest is tried again after 100 ms, doubling up to 30 s. At least once is the
//! promise; the id tells a repetition.

mod deliver;
mod sender;
mod webhook;

pub(crate) use sender::Outbox;
pub use webhook::{BadWebhook, Webhook};
