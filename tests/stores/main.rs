//! What stores stored responses, and the form they are stored in.
//!
//! - [`samples`]: stored responses to put in
//! - [`stored_form`]: the byte form: round trip, damage, hostile bytes
//! - [`memory`]: the hot tier

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails is the test that fails")]

mod memory;
mod samples;
mod stored_form;
