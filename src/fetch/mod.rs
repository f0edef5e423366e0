//! The exchange with origins: servers, connections, deadlines, what is sent, and one fetch for many.
//!
//! Knows nothing of rules, stores or the ledger. Outbound heads are built from what is allowed and never by copying a
//! client's framing (row S21: a copied Content-Length on a request without a body takes the next visitor's bytes).

mod body;
mod breaker;
mod collapse;
mod failure;
mod health;
mod interim;
mod line;
mod origin;
mod origins;
mod outbound;
mod pool;
mod roster;
mod servers;
mod settings;
pub mod simple;
mod tape;
mod tunnel;

pub use body::OriginBody;
pub use collapse::{Collapse, Joined, Lead};
pub use failure::FetchFailure;
pub use origin::{Answered, Origin, Outgoing};
pub use origins::{OriginFigures, Origins};
pub use outbound::{ForwardedBy, pass_fields, shared_fields, unmatched_fields};
pub use roster::ServerState;
pub use servers::{ServerFailure, ServerFigures};
pub use settings::{BreakerSettings, HealthSettings, Settings};
pub use tape::{Tape, TapeReader};
pub use tunnel::{Tunnel, join_upgrades};
