//! The first rule that matches names cache, lifetimes, tags and audience. Matched on the raw path, never decoded.

mod index;
mod pattern;
mod router;
mod rule;

pub use pattern::{BadPattern, Parameters, Pattern};
pub use router::{Routed, Router};
pub use rule::{Audience, Guard, Rule, TagTemplate, WithoutSession};
