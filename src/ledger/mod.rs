//! The ledger: every invalidation is a record in an ordered log, and every stored response bears the position that was
//! known when its fetch began. A stored response may be served only if no newer record matches it.
//!
//! Matching is pure ([`Index`]); keeping records through a power cut is the [`Journal`]'s, which a store provides. The
//! ledger never looks at a store and never waits on the request path: a hit asks [`Ledger::version`], one atomic load.

mod journal;
mod record;
mod scope;
mod scope_text;
mod stamp;

pub use journal::{Batch, Delivery, Journal, JournalError, Opened};
pub use record::{Invalidation, Mode, Position, Record, Source};
pub use scope::{Scope, Subject, UrlId};
pub use scope_text::BadScopeText;
pub use stamp::{Epoch, Gone, Stamp, Standing};
