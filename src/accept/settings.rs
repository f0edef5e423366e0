//! What listeners obey.

use std::net::SocketAddr;
use std::time::Duration;

/// Limits at the door. Those of size are below what common origins take (gunicorn: 8,190 bytes a field, 100 fields), so
/// that no request passes here that the origin refuses with an error page (row D1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Client connections at once, over all public listeners.
    pub connections_max: usize,
    /// Bytes of one request head.
    pub head_bytes_max: usize,
    /// Bytes of one field's name and value.
    pub field_bytes_max: usize,
    /// Fields of one request.
    pub fields_max: usize,
    /// Bytes of the request target.
    pub target_bytes_max: usize,
    /// For a whole request head; also how long a connection may be idle between requests.
    pub head_timeout: Duration,
    /// Between two parts of a request body.
    pub body_idle_timeout: Duration,
    /// For a client to take some bytes of what is being sent to it.
    pub write_timeout: Duration,
    /// For requests under way when the process is told to stop.
    pub drain_timeout: Duration,
    /// Whether hits are answered by the front, without hyper.
    pub front: bool,
    /// Whether clients are sent the origin's interim responses, as RFC 9110 15.2 has it. A client that takes one for the answer
    /// takes each later answer for another request's (RFC 8297 3): nginx before 1.29, for one.
    pub interim: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections_max: 10_000,
            head_bytes_max: 32 * 1024,
            field_bytes_max: 8 * 1024,
            fields_max: 100,
            target_bytes_max: 8 * 1024,
            head_timeout: Duration::from_secs(10),
            body_idle_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(20),
            front: true,
            interim: true,
        }
    }
}

/// One public address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenSettings {
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
}
