//! Rules held against tables and models, in milliseconds and without a network.
//!
//! | module | what it holds |
//! |---|---|
//! | `admin` | endpoints of the admin API over a scripted backstage: answers, refusals, bounds, waiting |
//! | `config` | each kind of wrong configuration with its message, and the shipped one |
//! | `ledger_model` | matching, retention and bounds against a model that keeps everything and scans |
//! | `ledger_readings` | each reading of the ledger that loses a purge: epochs, restarts, retention, settle times, URL scopes |
//! | `ledger_script` | a journal whose commits a test holds, ends and loses; what the ledger's tests share |
//! | `ledger_service` | appends: in force, durable, acknowledged, in this order, whatever commits and askers do; webhook ids |
//! | `policy` | RFC 9111 clause by clause: directives, dates, ages, what is stored, what is reused |

// A test may say that something holds and stop where it does not.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod admin;
mod config;
mod ledger_model;
mod ledger_readings;
mod ledger_script;
mod ledger_service;
mod policy;
