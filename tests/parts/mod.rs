//! Real parts for tests: servers and proxies of their own, on loopback, ended with the test; and where vitrine is built with a
//! mistake in it.

pub(crate) mod cluster;
pub(crate) mod dice;
pub(crate) mod proxy;
pub(crate) mod redis;
pub(crate) mod sentinels;
pub(crate) mod wire;
pub(crate) mod workshop;
