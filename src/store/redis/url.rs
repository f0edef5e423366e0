//! The address of Redis as one line of text: `redis://`, `unix://`, `redis-sentinel://`, `redis-cluster://`, and with two
//! `s` where the connection is encrypted.
//!
//! An error never repeats what it was given but for the scheme: a password may stand anywhere in a mistyped URL.

use super::settings::{Address, Host, Secret, Servers, Settings, Tls};
use percent_encoding::percent_decode_str;

const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26_379;

/// A URL of Redis that cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// Its scheme is none of these.
    #[error(
        "a Redis URL begins with redis://, rediss://, unix://, redis-sentinel://, rediss-sentinel://, redis-cluster:// or \
         rediss-cluster://"
    )]
    Scheme,
    /// No host.
    #[error("the Redis URL names no host; write for instance redis://127.0.0.1:6379/0")]
    Host,
    /// Several hosts where one is meant.
    #[error("the Redis URL names several hosts; that is for redis-sentinel:// and redis-cluster://")]
    Hosts,
    /// A port that is none.
    #[error(
        "a port in the Redis URL is not a number from 1 to 65535; a password with : / ? # or @ must be percent-encoded"
    )]
    Port,
    /// A database that is none.
    #[error("the database in the Redis URL is not a number from 0; write for instance redis://127.0.0.1:6379/0")]
    Database,
    /// A database in a cluster.
    #[error("a Redis cluster has no database but 0; leave it out")]
    ClusterDatabase,
    /// No master's name.
    #[error("the Redis URL names no master; write redis-sentinel://host:26379,host:26379/master-name/0")]
    Master,
    /// A socket's path is missing.
    #[error("the Redis URL names no socket; write unix:///run/redis/redis.sock")]
    Path,
    /// A `?` or `#` where none is understood.
    #[error("the Redis URL has a ? or # part that is not understood; only unix:///path?db=0 has one")]
    Query,
    /// A user or password that is not percent-encoded text.
    #[error("the user or password in the Redis URL is not percent-encoded UTF-8")]
    UserInfo,
}

/// Usual settings with what the URL tells.
pub(super) fn parse(url: &str) -> Result<Settings, BadUrl> {
    let (scheme, rest) = url.split_once("://").ok_or(BadUrl::Scheme)?;
    if scheme == "unix" {
        return unix(rest);
    }
    let (kind, encrypted) = match scheme.strip_prefix("rediss") {
        Some(kind) => (kind, true),
        None => (scheme.strip_prefix("redis").ok_or(BadUrl::Scheme)?, false),
    };
    if rest.contains(['?', '#']) {
        return Err(BadUrl::Query);
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (user_info, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    let mut settings = match kind {
        "" => one(hosts, path)?,
        "-sentinel" => sentinel(hosts, path)?,
        "-cluster" => cluster(hosts, path)?,
        _ => return Err(BadUrl::Scheme),
    };
    (settings.username, settings.password) = credentials(user_info)?;
    settings.tls = encrypted.then(Tls::default);
    Ok(settings)
}

fn unix(rest: &str) -> Result<Settings, BadUrl> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    if !path.starts_with('/') {
        return Err(BadUrl::Path);
    }
    let mut settings = Settings::new(Servers::One(Address::Unix(path.into())));
    if !query.is_empty() {
        settings.database = database(query.strip_prefix("db=").ok_or(BadUrl::Query)?)?;
    }
    Ok(settings)
}

fn one(hosts: &str, path: &str) -> Result<Settings, BadUrl> {
    let mut hosts = nodes(hosts, PORT)?;
    let (Some(host), None) = (hosts.pop(), hosts.pop()) else { return Err(BadUrl::Hosts) };
    Ok(Settings { database: database(path)?, ..Settings::new(Servers::One(Address::Tcp(host))) })
}

fn sentinel(hosts: &str, path: &str) -> Result<Settings, BadUrl> {
    let (master, number) = path.split_once('/').unwrap_or((path, ""));
    if master.is_empty() {
        return Err(BadUrl::Master);
    }
    let (nodes, master) = (nodes(hosts, SENTINEL_PORT)?, decoded(master)?);
    let servers = Servers::Sentinel { nodes, master, username: None, password: None };
    Ok(Settings { database: database(number)?, ..Settings::new(servers) })
}

fn cluster(hosts: &str, path: &str) -> Result<Settings, BadUrl> {
    match database(path)? {
        0 => Ok(Settings::new(Servers::Cluster { nodes: nodes(hosts, PORT)? })),
        _ => Err(BadUrl::ClusterDatabase),
    }
}

fn nodes(hosts: &str, usual_port: u16) -> Result<Vec<Host>, BadUrl> {
    hosts.split(',').map(|host| node(host, usual_port)).collect()
}

fn node(text: &str, usual_port: u16) -> Result<Host, BadUrl> {
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or(BadUrl::Host)?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    if name.is_empty() {
        return Err(BadUrl::Host);
    }
    let port = match port.strip_prefix(':') {
        Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or(BadUrl::Port)?,
        None if port.is_empty() => usual_port,
        None => return Err(BadUrl::Port),
    };
    Ok(Host { name: name.into(), port })
}

fn database(text: &str) -> Result<i64, BadUrl> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().ok().filter(|number| *number >= 0).ok_or(BadUrl::Database)
}

fn credentials(user_info: &str) -> Result<(Option<String>, Option<Secret>), BadUrl> {
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    let user = decoded(user)?;
    Ok(((!user.is_empty()).then_some(user), Secret::new(decoded(password)?)))
}

fn decoded(text: &str) -> Result<String, BadUrl> {
    Ok(percent_decode_str(text).decode_utf8().map_err(|_| BadUrl::UserInfo)?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str, port: u16) -> Host {
        Host { name: name.into(), port }
    }

    fn one(name: &str, port: u16) -> Servers {
        Servers::One(Address::Tcp(host(name, port)))
    }

    #[test]
    fn each_form_is_understood() {
        let sentinels = Servers::Sentinel {
            nodes: vec![host("h1", 1), host("h2", SENTINEL_PORT), host("::1", 3)],
            master: "mymaster".into(),
            username: None,
            password: None,
        };
        let cluster = Servers::Cluster { nodes: vec![host("h1", 1), host("h2", PORT)] };
        let unix = Servers::One(Address::Unix("/run/redis.sock".into()));
        let rows = [
            ("redis://127.0.0.1:6380/2", one("127.0.0.1", 6380), 2, false),
            ("redis://cache", one("cache", PORT), 0, false),
            ("rediss://cache/", one("cache", PORT), 0, true),
            ("redis://[::1]:7", one("::1", 7), 0, false),
            ("unix:///run/redis.sock", unix.clone(), 0, false),
            ("unix:///run/redis.sock?db=3", unix, 3, false),
            ("redis-sentinel://h1:1,h2,[::1]:3/mymaster/4", sentinels.clone(), 4, false),
            ("rediss-sentinel://h1:1,h2,[::1]:3/mymaster", sentinels, 0, true),
            ("redis-cluster://h1:1,h2", cluster.clone(), 0, false),
            ("rediss-cluster://h1:1,h2/0", cluster, 0, true),
        ];
        for (url, servers, database, encrypted) in rows {
            let read = parse(url).unwrap();
            assert_eq!((read.servers, read.database, read.tls.is_some()), (servers, database, encrypted), "{url}");
        }
    }

    #[test]
    fn who_we_are_is_decoded_and_overridden() {
        let rows = [
            ("redis://u:p%40ss@h", Some("u"), Some("p@ss")),
            ("redis://:secret@h", None, Some("secret")),
            ("redis://u@h", Some("u"), None),
            ("redis-cluster://u:p@h1,h2", Some("u"), Some("p")),
        ];
        for (url, user, password) in rows {
            let read = parse(url).unwrap();
            assert_eq!(read.username.as_deref(), user, "{url}");
            assert_eq!(read.password, password.and_then(Secret::new), "{url}");
        }
        let over = Settings::parse("redis://u:p@h", Secret::new("other")).unwrap();
        assert_eq!(over.password, Secret::new("other"));
        assert_eq!(Settings::parse("redis://u:p@h", Secret::new("")).unwrap().password, Secret::new("p"));
    }

    #[test]
    fn what_is_wrong_is_told_without_the_password() {
        let rows = [
            ("http://h", BadUrl::Scheme),
            ("redis-other://h", BadUrl::Scheme),
            ("redis://", BadUrl::Host),
            ("redis-cluster://h1,,h2", BadUrl::Host),
            ("redis://h1,h2", BadUrl::Hosts),
            ("redis://h:port", BadUrl::Port),
            ("redis://h:0", BadUrl::Port),
            ("redis://[::1]x", BadUrl::Port),
            ("redis://h/zero", BadUrl::Database),
            ("redis://h/-1", BadUrl::Database),
            ("redis-cluster://h/1", BadUrl::ClusterDatabase),
            ("redis-sentinel://h", BadUrl::Master),
            ("unix://run", BadUrl::Path),
            ("redis://h?x=1", BadUrl::Query),
            ("unix:///run?x=1", BadUrl::Query),
            ("redis://u:%ff@h", BadUrl::UserInfo),
            // A password that should have been encoded.
            ("redis://u:hunter/2@h", BadUrl::Port),
        ];
        for (url, error) in rows {
            assert_eq!(parse(url), Err(error), "{url}");
        }
        let shown = format!("{:?} {:?}", parse("redis://u:hunter2@h"), parse("redis://u:hunter/2@h"));
        assert!(!shown.contains("hunter"), "{shown}");
    }
}
