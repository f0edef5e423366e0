//! What went wrong with a command, in words that name the remedy. Nothing in them is secret, and nothing is a visitor's.

use super::connect_error::{ConnectError, without_arguments};
use crate::clock::millis;
use crate::store::StoreError;
use redis::{ErrorKind, RedisError, ServerErrorKind};
use std::time::Duration;

/// Why a command has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The server's word, or the connection's.
    #[error("{}", words(.0))]
    Redis(#[from] RedisError),
    /// Nothing came in time.
    #[error("Redis did not answer within {} ms; is it overloaded, or far away?", .0.as_millis())]
    Late(Duration),
}

impl Failure {
    /// Whether it only says that what is there is not what was meant: the server itself is well.
    pub(super) fn is_about_data(&self) -> bool {
        match self {
            Failure::Redis(error) => {
                matches!(error.kind(), ErrorKind::UnexpectedReturnType | ErrorKind::Server(ServerErrorKind::NoScript))
                    || self.is_wrong_type()
            }
            Failure::Connect(_) | Failure::Late(_) => false,
        }
    }

    /// Whether the key holds something else than a page.
    pub(super) fn is_wrong_type(&self) -> bool {
        matches!(self, Failure::Redis(error) if error.code() == Some("WRONGTYPE"))
    }

    /// Whether the server does not know a script any more.
    pub(super) fn is_no_script(&self) -> bool {
        matches!(self, Failure::Redis(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript))
    }

    /// Whether the server is not the master, so that every connection to it is of no use.
    pub(super) fn is_about_role(&self) -> bool {
        matches!(self, Failure::Redis(error) if matches!(
            error.kind(),
            ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown)
        ))
    }

    /// Whether the connection cannot be used any more. On one that is late, all that comes after is late too.
    pub(super) fn ends_connection(&self) -> bool {
        match self {
            Failure::Late(_) => true,
            Failure::Redis(error) => {
                error.is_unrecoverable_error() || matches!(error.code(), Some("NOAUTH" | "LOADING"))
            }
            Failure::Connect(_) => false,
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> StoreError {
        match failure {
            Failure::Late(limit) => StoreError::Timeout(millis(limit)),
            other => StoreError::Unavailable(other.to_string()),
        }
    }
}

fn words(error: &RedisError) -> String {
    let told = without_arguments(error.to_string());
    match error.code() {
        Some("OOM") => "Redis is full, and its policy lets nothing go: set maxmemory-policy volatile-lru, or raise \
                        maxmemory"
            .into(),
        Some("READONLY") => "this Redis is a replica and takes no writes: name the master in store.redis.url, or the \
                             sentinels"
            .into(),
        Some("LOADING") => "Redis is loading its data; it answers when that is done".into(),
        Some("MASTERDOWN") => {
            "this Redis is a replica that has lost its master: name the master, or the sentinels".into()
        }
        Some("MISCONF") => {
            "Redis takes no writes because it could not save its data: look at its disk and log, or set \
                            stop-writes-on-bgsave-error no"
                .into()
        }
        Some("NOREPLICAS") => "Redis takes no writes because too few replicas follow it: look at them, or lower \
                               min-replicas-to-write"
            .into(),
        Some(code) if code == "NOPERM" || told.contains("can't run this command") => {
            format!("the user that Redis knows us as may not do this, see deploy/redis.conf: {told}")
        }
        Some("NOAUTH" | "WRONGPASS") => "Redis wants another user or password: set store.redis.password".into(),
        Some("CLUSTERDOWN") => "the Redis cluster is down: look at CLUSTER INFO".into(),
        Some("BUSY") => "a script holds Redis up: look at it, and end it with SCRIPT KILL".into(),
        _ if error.is_io_error() => format!("the connection to Redis was lost: {told}"),
        _ => format!("Redis answered: {told}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redis::make_extension_error;

    fn said(code: &str, detail: &str) -> Failure {
        Failure::Redis(make_extension_error(code.into(), Some(detail.into())))
    }

    #[test]
    fn the_words_name_the_remedy() {
        for (code, remedy) in [
            ("OOM", "maxmemory-policy volatile-lru"),
            ("MISCONF", "stop-writes-on-bgsave-error"),
            ("NOREPLICAS", "min-replicas-to-write"),
            ("BUSY", "SCRIPT KILL"),
            ("NOPERM", "deploy/redis.conf"),
        ] {
            let told = said(code, "the server's own words").to_string();
            assert!(told.contains(remedy), "{told}");
        }
    }

    #[test]
    fn a_script_that_may_not_run_a_command_is_about_rights_too() {
        let told = said("ERR", "The user executing the script can't run this command or subcommand").to_string();
        assert!(told.contains("deploy/redis.conf"), "{told}");
    }

    #[test]
    fn arguments_of_a_command_are_not_told() {
        let told = said("ERR", "unknown command 'AUTH', with args beginning with: 'hunter2'").to_string();
        assert!(told.contains("unknown command 'AUTH'") && !told.contains("hunter2"), "{told}");
    }

    #[test]
    fn a_wrong_type_is_no_sign_of_an_ill_server() {
        assert!(said("WRONGTYPE", "Operation against a key").is_about_data());
        assert!(!said("OOM", "command not allowed").is_about_data());
        assert!(Failure::Late(Duration::from_millis(100)).ends_connection());
    }
}
