//! Rules held against tables and models, in milliseconds and without a network.
//!
//! | module | what it holds |
//! |---|---|
//! | `admin` | endpoints of the admin API over a scripted backstage: answers, refusals, bounds, waiting |
//! | `config` | what a configuration comes to, the shipped one, and mistakes of a file as a whole |
//! | `config_mistakes` | each kind of wrong configuration with its message |
//! | `choices` | what the RFCs leave to a cache: each choice made and not made |
//! | `config_origins` | origins and their servers: what is read, what is wrong |
//! | `exchanges` | what the tables of policy and respond are made of |
//! | `head` | RFC 9111 4.3.5: what an answer to HEAD makes of the stored response to GET |
//! | `invalidation` | RFC 9111 4.4 and RFC 9875: what an unsafe method lets go, and the tags a response bears |
//! | `ledger_model` | matching, retention and bounds against a model that keeps everything and scans |
//! | `ledger_readings` | each reading of the ledger that loses a purge: epochs, restarts, retention, settle times, URL scopes |
//! | `ledger_script` | a journal whose commits a test holds, ends and loses; what the ledger's tests share |
//! | `ledger_service` | appends: in force, durable, acknowledged, in this order, whatever commits and askers do; webhook ids |
//! | `properties` | what holds of the policy whatever the fields, times and rules are |
//! | `ready` | what goes the short way is what the long way makes of it, byte for byte |
//! | `respond` | responses from what is stored: conditions, ranges, Age, what browsers are told; and what streams through |
//! | `reuse` | RFC 9111 4: what a stored response is good for when, standing in for a failed origin, Vary |
//! | `storing` | RFC 9111 3, 4.2 and 5.2: directives, dates, ages, what is stored for how long, and what is refused |
//! | `validation` | RFC 9111 4.3: what the origin is asked, and what its 304 makes of a stored response |
//! | `webhook_patience` | senders of webhooks are answered before they give up, and with a 2xx only for what is durable |
//! | `wishes` | RFC 9111 5.2.1: what a request's own directives ask of the cache, where the configuration has them asked |

// A test may say that something holds and stop where it does not.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod admin;
mod admin_script;
mod choices;
mod config;
mod config_mistakes;
mod config_origins;
mod exchanges;
mod head;
#[path = "../parts/hyper_server.rs"]
mod hyper_server;
mod invalidation;
mod ledger_model;
mod ledger_readings;
mod ledger_script;
mod ledger_service;
mod properties;
mod ready;
mod respond;
mod reuse;
mod storing;
mod validation;
mod webhook_patience;
mod wishes;
