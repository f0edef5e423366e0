//! Why there is no connection, in words for an operator and in kinds for those who try again.

use super::settings::Address;
use redis::{ErrorKind, RedisError, ServerErrorKind};
use std::error::Error;
use std::io;
use std::sync::Arc;

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// Nobody listens there.
    #[error("{0} refuses the connection; is Redis running?")]
    Refused(String),
    /// The way there is cut, or the name is unknown.
    #[error("{address} cannot be reached: {why}")]
    Unreachable {
        /// Where to.
        address: String,
        /// The system's word.
        why: String,
    },
    /// Nothing answered in time.
    #[error("no answer within {0} ms")]
    Timeout(u64),
    /// The user or the password is wrong, or missing.
    #[error("{address} does not accept the user or password: {why}")]
    Auth {
        /// The server.
        address: String,
        /// Its word.
        why: String,
    },
    /// It reads its data from disk.
    #[error("{0} is loading its data")]
    Loading(String),
    /// What was said to be the master is a replica, or is one no longer.
    #[error("{0} is not a master")]
    NotMaster(String),
    /// No sentinel knows the master by that name, or no node has the slot.
    #[error("nobody knows who the master is")]
    NoMaster,
    /// Encryption failed.
    #[error("no encrypted connection to {address}: {why}")]
    Tls {
        /// The server.
        address: String,
        /// What failed.
        why: String,
    },
    /// It speaks, but not as expected.
    #[error("{address} answered: {why}")]
    Protocol {
        /// The server.
        address: String,
        /// Its word.
        why: String,
    },
}

impl ConnectError {
    /// What the library's error means.
    pub(super) fn of(error: &RedisError, address: &Address, encrypted: bool) -> ConnectError {
        let (address, why) = (address.to_string(), without_arguments(error.to_string()));
        match error.kind() {
            ErrorKind::AuthenticationFailed => ConnectError::Auth { address, why },
            ErrorKind::Server(ServerErrorKind::BusyLoading) => ConnectError::Loading(address),
            ErrorKind::Io if is_about_certificates(error) => ConnectError::Tls { address, why },
            ErrorKind::Io if error.is_connection_refusal() => ConnectError::Refused(address),
            ErrorKind::Io if encrypted && error.is_connection_dropped() => ConnectError::Tls { address, why },
            ErrorKind::Io => ConnectError::Unreachable { address, why },
            ErrorKind::InvalidClientConfig if encrypted => ConnectError::Tls { address, why },
            _ if is_about_login(error) => ConnectError::Auth { address, why },
            _ => ConnectError::Protocol { address, why },
        }
    }

    /// Whether only an operator can mend it, so that asking often is of no use and fills the server's log.
    pub(super) fn needs_an_operator(&self) -> bool {
        matches!(self, ConnectError::Auth { .. } | ConnectError::Tls { .. })
    }
}

/// A server's words without those of ours that it repeats: one that does not know a command quotes what came with it, and
/// that can be the password.
pub(super) fn without_arguments(words: String) -> String {
    match words.split_once(", with args beginning with") {
        Some((before, _)) => before.into(),
        None => words,
    }
}

/// Whether the server says that we are not who we should be.
pub(super) fn is_about_login(error: &RedisError) -> bool {
    matches!(error.code(), Some("NOAUTH" | "WRONGPASS"))
}

/// The encryption's own errors come as malformed data, from below the protocol; the library hands them out in a pointer.
fn is_about_certificates(error: &RedisError) -> bool {
    let below = error.source().and_then(|source| source.downcast_ref::<Arc<dyn Error + Send + Sync>>());
    let system = below.and_then(|below| below.downcast_ref::<io::Error>());
    system.is_some_and(|system| system.kind() == io::ErrorKind::InvalidData)
}
