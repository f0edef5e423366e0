//! What vitrine says of itself: metrics, the access log and the program's own log.
//!
//! One [`Served`] a request goes in; a counter, a histogram and a log line come out, so that the three never disagree.
//! Nothing here ever waits: what a log cannot take is dropped and counted. Labels come from the configuration and from
//! fixed sets, never from requests (row R27); cookies and Authorization are never handed in at all.

mod access;
mod address;
mod counts;
mod events;
mod families;
mod histogram;
mod line;
mod logs;
mod observer;
mod route_families;
mod routes;
mod scrape;
mod settings;
mod shards;
mod spool;
mod time;

pub use access::Served;
pub use events::{DeliveryResult, FillEnd, OriginResult, PurgeResult, SampleResult};
pub use families::MetricsError;
pub use logs::{Logs, LogsError};
pub use observer::{Connection, Observer};
pub use routes::{RouteFigures, RouteTable, RouteTotals};
pub use scrape::{Figures, LedgerFigures};
pub use settings::{AccessLog, Format, Settings};
pub use spool::OpenError;
pub use time::rfc3339;
