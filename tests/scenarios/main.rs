//! Whole proxies, played out: a scripted origin, raw clients, a held clock, and a real vitrine between them.
//!
//! - `basics`: misses, hits, what browsers are told, HEAD, conditions, ranges
//! - `keys`: hosts, queries, cookies, Vary; what must share a page and what must not
//! - `personal`: what is one visitor's own never becomes another's
//! - `coded`: pages that are compressed here, in the coding that each visitor takes
//! - `collapse`: one fetch for many, and every way it can end
//! - `stale`: validation, serving stale, a failing origin
//! - `commands`: the program itself, each command as an operator runs it
//! - `fronts`: the same requests with the front and without it; `front_edges`: slow and leaving clients, limits, stops and tunnels
//! - `forms`, `packed`: each visitor's own form tokens in shared pages; `django_shop` is the shop they come from
//! - `dialects`: purge clients of all kinds, byte for byte
//! - `guard`: a guarded route keeps nothing until two anonymous fetches were alike
//! - `large`: contents that the system sends by itself: the same bytes, to slow readers, across purges
//! - `lanes`: the program on several threads, each with sockets of its own
//! - `neutral`: the careful choices of a shop beside those of a plain shared cache
//! - `promise`: no read sees what was purged before it, under concurrency
//! - `purge_apis`: the purge APIs of Cloudflare, Fastly and Souin
//! - `purge_forms`: PURGE as clients send it, byte for byte
//! - `purges`: exactness, above all against what is in flight
//! - `broken`: origins that answer with what is not a whole response
//! - `reload`: a changed file, good and bad
//! - `requests`: clients that send what must not be acted on
//! - `restarts`: what outlives the process
//! - `interim`: 102, 103 and their like: to whom, when, and how many
//! - `inbox`: webhooks as they came, and those that are carried out again
//! - `senders`: webhooks as each sender signs and writes them
//! - `servers`: origins of several servers, and of servers that fail
//! - `uploads`: answered before they have come whole
//! - `webhooks`: signed events

// A test may say that something holds and stop where it does not.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// Plays put texts together by the line; what that costs is nothing here.
#![allow(clippy::format_collect, clippy::unnecessary_debug_formatting)]
// In one binary, `pub` says what a module offers to the others.
#![allow(unreachable_pub, missing_docs)]

mod allocator;
mod basics;
mod broken;
mod coded;
mod collapse;
mod commands;
mod dialects;
mod django_shop;
mod forms;
mod front_edges;
mod fronts;
mod guard;
mod guards;
mod inbox;
mod interim;
mod keys;
mod lanes;
#[cfg(target_os = "linux")]
mod large;
mod neutral;
mod packed;
mod personal;
mod promise;
mod purge_apis;
mod purge_forms;
mod purges;
mod reload;
mod requests;
mod restarts;
mod senders;
mod servers;
mod sessions;
#[allow(dead_code, reason = "shared with the conformance tables; each uses a part")]
mod stage;
mod stale;
mod uploads;
mod webhooks;
