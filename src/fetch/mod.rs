//! Asking others over HTTP.

mod settings;
pub mod simple;

pub use settings::Settings;
