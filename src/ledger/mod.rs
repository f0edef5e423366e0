//! The ledger: every invalidation is a record in an ordered log, and every stored response bears the position that was
//! known when its fetch began. A stored response may be served only if no newer record matches it.
//!
//! Matching is pure ([`Index`]); keeping records through a power cut is the [`Journal`]'s, which a store provides. The
//! ledger never looks at a store and never waits on the request path: a hit asks [`Ledger::version`], one atomic load.

mod append;
mod deliveries;
mod durable;
mod glob;
mod inbox;
mod index;
mod journal;
mod placements;
mod recent;
mod record;
mod retention;
mod scope;
mod scope_text;
mod service;
mod shared_log;
mod sharing;
mod stamp;
mod trust;
mod unshared;
mod words;

pub use append::{APPEND_MAX, DELIVERY_ID_BYTES_MAX, Delivered, LedgerError, REASON_BYTES_MAX, Receipt, SETTLE_MAX};
pub use glob::SHAPE_BYTES_MAX;
pub use inbox::{Arrival, Inbox, Shelf};
pub use index::{Bounds, Index};
pub use journal::{Batch, Delivery, Journal, JournalError, Opened, Volatile};
pub use record::{Invalidation, Mode, Position, Record, Source};
pub use scope::{BadShape, Scope, Subject, UrlId};
pub use scope_text::BadScopeText;
pub use service::{Ledger, LedgerFigures, Settings};
pub use shared_log::{Confirmation, Later, LogError, Placed, ProxyStanding, Reached, SharedLog};
pub use sharing::Adopted;
pub use stamp::{Epoch, Gone, Stamp, Standing};
pub use trust::{OnIsolation, Trust};
pub use words::RecordWords;
