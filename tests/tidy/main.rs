//! The house rules, held by tests: no message without its place and its remedy.
//!
//! - `dependencies`: banned crates, sources and licences, over `cargo metadata`
//! - `layers`: a module uses only the layers below it; a crate is used where it belongs
//! - `sizes`: files and functions that hold one idea, module heads, nothing left over

// A test may say that something holds and stop where it does not.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod dependencies;
mod layers;
mod sizes;
mod sources;
