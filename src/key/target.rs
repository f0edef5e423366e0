//! The client-facing URI of a request: one authority, a raw path, a raw query; or what is wrong with it.
//!
//! RFC 9110 7.2, RFC 9112 3.2. Rows S28 to S32, K8 and K9 of the attack table are decided here: what is sent on is what was
//! judged, so a target is normalised once (host: lower case, no default port) and otherwise never touched.

use crate::headers::{Fields, text};
use http::{HeaderMap, Method, Request, Uri, header};
use std::fmt;

/// The scheme a request came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Scheme {
    /// In clear.
    Http = b'h',
    /// By TLS, here or at a trusted proxy.
    Https = b's',
}

impl Scheme {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    const fn default_port(self) -> &'static str {
        match self {
            Scheme::Http => "80",
            Scheme::Https => "443",
        }
    }
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// How it came.
    pub scheme: Scheme,
    /// Host and, where it is not the scheme's default, port; lower case.
    pub host: Box<str>,
    /// The raw path; begins with `/`, never decoded.
    pub path: Box<str>,
    /// The raw query, or, in a key, what the query rules keep of it; none where there is no `?`.
    pub query: Option<Box<str>>,
}

impl Target {
    /// The target of a request that came by `scheme`.
    ///
    /// # Errors
    /// What a 400 should say.
    pub fn of<B>(request: &Request<B>, scheme: Scheme) -> Result<Target, BadTarget> {
        let uri = request.uri();
        let host = authority(uri, request.headers(), scheme)?;
        if request.method() == Method::OPTIONS && uri.path() == "*" {
            return Ok(Target { scheme, host, path: "*".into(), query: None });
        }
        let path = uri.path();
        if !path.starts_with('/') || (uri.authority().is_some() && uri.scheme().is_none()) {
            return Err(BadTarget::Form);
        }
        let query = uri.query();
        if !path.is_ascii() || query.is_some_and(|query| !query.is_ascii()) {
            return Err(BadTarget::NotAscii);
        }
        Ok(Target { scheme, host, path: path.into(), query: query.map(Into::into) })
    }

    /// The target of a request in origin form (RFC 9112 3.2.1) whose characters have been checked: a path, and what stands behind `?`.
    ///
    /// # Errors
    /// What a 400 should say.
    pub fn of_origin_form(path_and_query: &str, fields: &impl Fields, scheme: Scheme) -> Result<Target, BadTarget> {
        let host = host_field(fields, scheme)?;
        let (path, query) =
            path_and_query.split_once('?').map_or((path_and_query, None), |(path, query)| (path, Some(query)));
        Ok(Target { scheme, host, path: path.into(), query: query.map(Into::into) })
    }

    /// Reads a full URL or a raw path as people and purge clients write them; a host only where the text has one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<UrlText, BadTarget> {
        let text = text.split_once('#').map_or(text, |(before, _)| before);
        // A raw path may well name another URL in its query.
        let (host, rest) = match text.split_once("://").filter(|_| !text.starts_with('/')) {
            Some((scheme, rest)) => {
                let scheme = match scheme.to_ascii_lowercase().as_str() {
                    "http" => Scheme::Http,
                    "https" => Scheme::Https,
                    _ => return Err(BadTarget::Scheme),
                };
                let end = rest.find(['/', '?']).unwrap_or(rest.len());
                (Some(normal_host(&rest[..end], scheme)?), &rest[end..])
            }
            None => (None, text),
        };
        let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
        let path = if path.is_empty() && host.is_some() { "/" } else { path };
        if !path.starts_with('/') {
            return Err(BadTarget::Form);
        }
        if !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(BadTarget::NotAscii);
        }
        Ok(UrlText { host, path: path.into(), query: query.map(Into::into) })
    }

    /// Path and query as they stand in a request line.
    pub fn path_and_query(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.to_string(),
        }
    }

    /// Whether the raw path could be another one's alias, so that two spellings of one page would live and be purged apart
    /// (K18, W2, W3, W5): dot or empty segments, encoded dots, slashes, controls or other characters that need no encoding,
    /// broken percent signs, backslashes and semicolons.
    pub fn is_alias(&self) -> bool {
        let path = self.path.as_bytes();
        // Most paths have nothing of what it takes. That is told without a branch for each byte.
        let is_marked = path.iter().fold(false, |is, byte| is | matches!(byte, b'.' | b'%' | b'\\' | b';'));
        let neighbours = path.iter().zip(path.iter().skip(1));
        let from_two_slashes = neighbours.map(|(byte, next)| (byte ^ b'/') | (next ^ b'/')).min();
        (is_marked || from_two_slashes == Some(0)) && self.is_alias_by_its_parts()
    }

    fn is_alias_by_its_parts(&self) -> bool {
        let path = self.path.as_bytes();
        let dotted = self.path.split('/').skip(1).any(|segment| segment == "." || segment == "..");
        dotted
            || self.path.contains("//")
            || path.iter().any(|byte| matches!(byte, b'\\' | b';'))
            || path.iter().enumerate().any(|(at, byte)| *byte == b'%' && !is_plain_escape(&path[at + 1..]))
    }
}

/// A URL as a person or a purge client wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlText {
    /// The host as in a key, where the text names one.
    pub host: Option<Box<str>>,
    /// The raw path.
    pub path: Box<str>,
    /// The raw query, where there is a `?`.
    pub query: Option<Box<str>>,
}

/// Whether what follows a `%` are two hex digits of a byte that has to be encoded and splits nothing.
fn is_plain_escape(rest: &[u8]) -> bool {
    let digit = |at: usize| rest.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let (Some(high), Some(low)) = (digit(0), digit(1)) else { return false };
    let Ok(byte) = u8::try_from(high * 16 + low) else { return false };
    let unreserved = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    !unreserved && !matches!(byte, b'/' | b'\\' | b';' | b'?' | b'#' | b'%') && !byte.is_ascii_control()
}

fn authority(uri: &Uri, fields: &HeaderMap, scheme: Scheme) -> Result<Box<str>, BadTarget> {
    let host = host_field(fields, scheme)?;
    match uri.authority() {
        Some(in_target) if normal_host(in_target.as_str(), scheme)? != host => Err(BadTarget::HostsDiffer),
        _ => Ok(host),
    }
}

/// Bytes of a host with its port: more than any name has.
const HOST_BYTES_MAX: usize = 255;

fn host_field(fields: &impl Fields, scheme: Scheme) -> Result<Box<str>, BadTarget> {
    let mut hosts = fields.lines(&header::HOST);
    let host = hosts.next().ok_or(BadTarget::NoHost)?;
    if hosts.next().is_some() {
        return Err(BadTarget::TwoHosts);
    }
    normal_host(text(host).ok_or(BadTarget::Host)?, scheme)
}

/// Lower case and without the scheme's default port; refuses user information, trailing dots and anything that is no host.
pub(crate) fn normal_host(raw: &str, scheme: Scheme) -> Result<Box<str>, BadTarget> {
    // Nearly every host is a name in lower case, with nothing to be told apart and nothing to be changed.
    let is_normal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b'_');
    if raw.bytes().all(is_normal) && !raw.is_empty() && !raw.ends_with('.') && raw.len() <= HOST_BYTES_MAX {
        return Ok(raw.into());
    }
    let (name, port) = split_port(raw).ok_or(BadTarget::Host)?;
    let name_is_sound = if let Some(v6) = name.strip_prefix('[') {
        v6.strip_suffix(']').is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok())
    } else {
        !name.is_empty()
            && !name.ends_with('.')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
    };
    if !name_is_sound || raw.len() > HOST_BYTES_MAX {
        return Err(BadTarget::Host);
    }
    let name = name.to_ascii_lowercase();
    match port {
        Some(port) if port != scheme.default_port() => Ok(format!("{name}:{port}").into()),
        _ => Ok(name.into()),
    }
}

fn split_port(raw: &str) -> Option<(&str, Option<&str>)> {
    let after_name = if raw.starts_with('[') { raw.find(']')? + 1 } else { raw.find(':').unwrap_or(raw.len()) };
    let (name, rest) = raw.split_at(after_name);
    if rest.is_empty() {
        return Some((name, None));
    }
    let port = rest.strip_prefix(':')?;
    let sound = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    sound.then_some((name, Some(port)))
}

/// What is wrong with a request target; each is answered with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    /// HTTP/1.1 asks for a Host field.
    #[error("the Host field is missing")]
    NoHost,
    /// One is allowed.
    #[error("there is more than one Host field")]
    TwoHosts,
    /// Not a host name or address with an optional port.
    #[error("the Host is not a host name or address with an optional port")]
    Host,
    /// The request line names one host and the Host field another.
    #[error("the host in the request line and the Host field differ")]
    HostsDiffer,
    /// Neither a path nor an absolute URL.
    #[error("the request target must be a path that begins with a slash, or an absolute URL")]
    Form,
    /// Bytes that must be percent-encoded.
    #[error("the request target holds bytes that must be percent-encoded")]
    NotAscii,
    /// Neither http nor https.
    #[error("the URL's scheme must be http or https")]
    Scheme,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme.as_str(), self.host, self.path_and_query())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(uri: &str, hosts: &[&str]) -> Result<Target, BadTarget> {
        let mut request = Request::builder().uri(uri);
        for host in hosts {
            request = request.header("host", *host);
        }
        Target::of(&request.body(()).unwrap(), Scheme::Http)
    }

    #[test]
    fn s28_s29_k9_one_host_in_one_spelling() {
        let table: &[(&str, &[&str], Result<&str, BadTarget>)] = &[
            ("/", &["SHOP.example"], Ok("shop.example")),
            ("/", &["shop.example:80"], Ok("shop.example")),
            ("/", &["shop.example:1337"], Ok("shop.example:1337")),
            ("/", &["[::1]:8080"], Ok("[::1]:8080")),
            ("http://shop.example/", &["SHOP.example:80"], Ok("shop.example")),
            ("http://evil.example/", &["shop.example"], Err(BadTarget::HostsDiffer)),
            ("/", &[], Err(BadTarget::NoHost)),
            ("/", &["a", "a"], Err(BadTarget::TwoHosts)),
            ("/", &["a b"], Err(BadTarget::Host)),
            ("/", &["a@b/x"], Err(BadTarget::Host)),
            ("/", &["shop."], Err(BadTarget::Host)),
            ("/", &["shop:"], Err(BadTarget::Host)),
            ("/", &["shop:99999"], Err(BadTarget::Host)),
            ("/", &[""], Err(BadTarget::Host)),
            ("/", &["[::1"], Err(BadTarget::Host)),
        ];
        for (uri, hosts, expected) in table {
            assert_eq!(target(uri, hosts).map(|target| target.host), expected.map(Into::into), "{uri} {hosts:?}");
        }
    }

    #[test]
    fn s30_s32_odd_targets_are_refused_and_double_slashes_kept() {
        assert_eq!(target("//evil/x", &["a"]).unwrap().path, Box::from("//evil/x"));
        assert_eq!(target("a:80", &["a:80"]), Err(BadTarget::Form));
        assert_eq!(target("*", &["a"]), Err(BadTarget::Form));
    }

    #[test]
    fn w2_w3_w5_k18_aliases_are_seen() {
        let alias =
            |path: &str| Target { scheme: Scheme::Http, host: "a".into(), path: path.into(), query: None }.is_alias();
        for path in [
            "/static/..%2faccount",
            "/static/%2e%2e/account",
            "/a/../b",
            "/./a",
            "//a",
            "/a//b",
            "/%61",
            "/account;x.css",
            "/account%3bx.css",
            "/account%23x.css",
            "/account%3fx.css",
            "/account%00x.css",
            "/account%0ax.css",
            "/a%",
            "/a%zz",
            "/a\\b",
            "/a%5cb",
            "/a%25b",
        ] {
            assert!(alias(path), "{path}");
        }
        for path in ["/", "/a/", "/a.css", "/...", "/caf%C3%A9", "/a%20b", "/a:b", "/a~b", "/a/b.c"] {
            assert!(!alias(path), "{path}");
        }
    }

    #[test]
    fn urls_as_people_write_them() {
        let parse = |text| {
            Target::parse(text).map(|UrlText { host, path, query }| {
                (host.map(String::from), String::from(path), query.map(String::from))
            })
        };
        let some = |text: &str| Some(text.to_string());
        assert_eq!(parse("/a?b#c"), Ok((None, "/a".into(), some("b"))));
        assert_eq!(parse("https://SHOP.example:443"), Ok((some("shop.example"), "/".into(), None)));
        assert_eq!(parse("http://shop:8080/a?"), Ok((some("shop:8080"), "/a".into(), some(""))));
        assert_eq!(parse("/go?to=http://other.example/"), Ok((None, "/go".into(), some("to=http://other.example/"))));
        assert_eq!(parse("a/b"), Err(BadTarget::Form));
        assert_eq!(parse("ftp://a/"), Err(BadTarget::Scheme));
        assert_eq!(parse("/é"), Err(BadTarget::NotAscii));
        assert_eq!(parse("/a b"), Err(BadTarget::NotAscii));
    }
}
