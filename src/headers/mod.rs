//! Field names of our own, and what every module needs to read and copy fields: lists split with quotes respected, and the
//! end-to-end fields of a message. No policy.

mod coding;
mod date;
mod fields;
mod hop;
mod list;
mod phrase;

pub use coding::AcceptedCodings;
pub use date::http_date;
pub use fields::{Fields, text};
pub use hop::{end_to_end, end_to_end_of, is_hop_by_hop};
pub use list::{list_items, tag_items, unquoted};
pub use phrase::Phrase;

use http::HeaderName;

/// RFC 9211.
pub const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
/// RFC 9213.
pub const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");
/// RFC 9875.
pub const CACHE_GROUPS: HeaderName = HeaderName::from_static("cache-groups");
/// RFC 9875.
pub const CACHE_GROUP_INVALIDATION: HeaderName = HeaderName::from_static("cache-group-invalidation");
/// `HIT`, `MISS` and so on, for people and old tools.
pub const X_CACHE: HeaderName = HeaderName::from_static("x-cache");
/// Who asked, as proxies tell it.
pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// The scheme the visitor used.
pub const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// The host the visitor asked.
pub const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// The admin token, from who wants to see the key in `Cache-Status`. No field of this prefix ever reaches an origin.
pub const X_VITRINE_TOKEN: HeaderName = HeaderName::from_static("x-vitrine-token");
/// One id for a request in our log, the origin's and the client's.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
