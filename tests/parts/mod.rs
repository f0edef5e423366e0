//! Real parts for tests: servers of their own, on loopback, ended with the test.

pub(crate) mod cluster;
pub(crate) mod redis;
pub(crate) mod sentinels;
pub(crate) mod wire;
