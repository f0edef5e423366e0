//! Form tokens, as Django makes and checks them: pure, but for the randomness that they need.
//!
//! A form is taken only with a token that belongs to the visitor's cookie, so a page with a form is made for one visitor. Here it is
//! taken apart again: the origin is asked with a secret of our own, every token in the page that unmasks to it is a hole, and each
//! visitor gets a token of their own secret in its place.
//!
//! Another scheme, such as a comment that any application can leave where a token goes, would be one more way to find the holes.

mod cookie;
mod scan;
mod secret;
mod splice;

pub use cookie::CookieForm;
pub use scan::{Found, HOLES_MAX, Unfit, scan};
pub use secret::{SECRET_CHARS, Secret, TOKEN_CHARS};
pub use splice::Splice;
