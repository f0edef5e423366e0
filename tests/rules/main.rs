//! Rules held against tables, in milliseconds and without a network.
//!
//! | module | what it holds |
//! |---|---|
//! | `admin` | endpoints of the admin API over a scripted backstage: answers, refusals, bounds, waiting |

// A test may say that something holds and stop where it does not.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod admin;
