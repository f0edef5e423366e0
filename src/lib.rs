//! A caching reverse proxy for storefronts, with exact purges.
#![doc = "See docs/architecture.md for the flow, the layers and the lexicon."]

pub mod accept;
pub mod admin;
pub mod app;
pub mod body;
pub mod cache_name;
pub mod cli;
pub mod clock;
pub mod coding;
pub mod config;
pub mod crypto;
pub mod csrf;
pub mod digits;
pub mod dispatch;
pub mod fetch;
pub mod headers;
pub mod interim;
pub mod invalidate;
pub mod key;
pub mod ledger;
pub mod observe;
pub mod outcome;
pub mod policy;
pub mod proxy;
pub mod respond;
pub mod route;
pub mod store;
pub mod stored;
pub mod tags;
