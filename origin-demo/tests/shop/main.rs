//! The shop from outside: real sockets, each test with a shop of its own.
//!
//! - `pages`: what there is, how it links, what it refuses
//! - `headers`: tags, validators, what may be kept
//! - `visitors`: signing in and out, account, basket
//! - `edits`: an edit and its webhook are one
//! - `outbox`: signed, retried, in order, across restarts
//! - `faults`: slow, error, reset, cut
//! - `figures`: requests and queries are counted
//! - `program`: the binary itself
//!
//! `browser`, `receiver` and `stage` are what they are played with.

// A test may fail where a program must not.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod browser;
mod edits;
mod faults;
mod figures;
mod headers;
mod outbox;
mod pages;
mod program;
mod receiver;
mod stage;
mod visitors;
