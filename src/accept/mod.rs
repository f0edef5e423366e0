//! Listeners: sockets, limits, deadlines and drain. What is accepted here is a request in HTTP/1.1 that every later module
//! may trust to be well-formed; what is not is answered with a 4xx that says why.
//!
//! Knows no rule and no cache: it is handed a [`Service`] for each listener.

mod connection;
mod deadline;
mod front;
mod interim;
mod listener;
mod sane;
mod settings;

pub use front::{Content, Head, Ready, Sent};
#[doc(hidden)]
pub use front::{Framing, NoChunks, Reading, end_of_chunks, with_reading};
pub use listener::{Door, Service, Visitor};
pub use sane::{PURGE_METHODS, Refusal, check};
pub use settings::{Limits, ListenSettings};
