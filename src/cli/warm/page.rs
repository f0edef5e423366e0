//! A page to warm: how it is asked for, and what the answer says.

use super::super::Failure;
use super::super::address::{Addresses, to_connect};
use crate::headers::{CACHE_STATUS, X_FORWARDED_PROTO, list_items};
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, HOST, USER_AGENT};
use http::{Request, Uri, response};
use percent_encoding::{CONTROLS, utf8_percent_encode};
use std::fmt;
use std::net::SocketAddr;

/// Bytes of a URL, at most; sitemaps allow 2,048.
const URL_BYTES_MAX: usize = 8 * 1024;

/// Where the proxy answers.
#[derive(Clone, Debug)]
pub(super) struct Base {
    address: SocketAddr,
    authority: String,
}

impl Base {
    /// The proxy of a configuration: where visitors come, and the host that a path alone is of.
    pub(super) fn of(addresses: &Addresses) -> Base {
        Base::at(to_connect(addresses.public), &addresses.host)
    }

    pub(super) fn at(address: SocketAddr, authority: &str) -> Base {
        Base { address, authority: authority.into() }
    }

    pub(super) async fn from_uri(uri: &Uri) -> Result<Base, Failure> {
        let usage = |what| Failure::Usage(format!("--base {uri} {what}; write for example http://127.0.0.1:8080"));
        let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(usage("is not an http URL (the proxy is warmed in clear, on this machine)"));
        };
        if uri.path() != "/" || uri.query().is_some() {
            return Err(usage("has a path"));
        }
        let name = (authority.host().trim_matches(['[', ']']), authority.port_u16().unwrap_or(80));
        let found = tokio::net::lookup_host(name).await;
        match found.map(|mut addresses| addresses.next()) {
            Ok(Some(address)) => Ok(Base { address, authority: authority.to_string() }),
            Ok(None) => Err(Failure::Failed(format!("--base {uri}: the name has no address"))),
            Err(error) => Err(Failure::Failed(format!("--base {uri}: the name is not known: {error}"))),
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// A page of the shop, by the URL that visitors use.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Page {
    https: bool,
    /// None: the base's.
    host: Option<String>,
    target: String,
}

impl Page {
    /// A page by its URL, or by its path alone. The error says what is wrong with it.
    pub(super) fn read(text: &str) -> Result<Page, String> {
        if text.len() > URL_BYTES_MAX {
            return Err(format!("a URL of {} bytes; at most {URL_BYTES_MAX} are taken", text.len()));
        }
        let bad = || format!("{text:?} is neither an http(s) URL nor a path");
        let text_only = text.split_once('#').map_or(text, |(before, _)| before);
        // Sitemaps may hold letters that are not ASCII; on the wire they are percent-encoded.
        let encoded = utf8_percent_encode(text_only, CONTROLS).to_string();
        let uri: Uri = encoded.parse().map_err(|_| bad())?;
        let target = uri.path_and_query().map_or("/", |target| target.as_str()).to_string();
        match (uri.scheme_str(), uri.authority()) {
            (Some(scheme @ ("http" | "https")), Some(authority)) if !authority.as_str().contains('@') => {
                let target = if target.starts_with('/') { target } else { format!("/{target}") };
                Ok(Page { https: scheme == "https", host: Some(authority.to_string()), target })
            }
            (None, None) if text.starts_with('/') => Ok(Page { https: false, host: None, target }),
            _ => Err(bad()),
        }
    }

    /// The request for it, as a browser's first one would be.
    pub(super) fn request(&self, base: &Base) -> Result<Request<Bytes>, http::Error> {
        let mut request = Request::get(&self.target)
            .header(HOST, self.host.as_deref().unwrap_or(&base.authority))
            .header(USER_AGENT, concat!("vitrine-warm/", env!("CARGO_PKG_VERSION")))
            .header(ACCEPT, "text/html,*/*;q=0.8")
            .header(ACCEPT_ENCODING, "gzip, deflate, br");
        if self.https {
            // The scheme is part of the key; it is believed where warm's address is a trusted proxy.
            request = request.header(X_FORWARDED_PROTO, "https");
        }
        request.body(Bytes::new())
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host) = &self.host {
            write!(f, "{}://{host}", if self.https { "https" } else { "http" })?;
        }
        f.write_str(&self.target)
    }
}

/// What the cache had to do with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Warmed {
    /// It was there already.
    Hit,
    /// It was fetched.
    Miss,
    /// It is never cached.
    Bypass,
}

/// What an answer says of itself (RFC 9211); the error is for people.
pub(super) fn judge(head: &response::Parts) -> Result<Warmed, String> {
    if head.status.is_client_error() || head.status.is_server_error() {
        return Err(head.status.to_string());
    }
    // The cache that is nearest to the client comes last.
    let ours = list_items(&head.headers, &CACHE_STATUS).filter(|item| item.split(';').next() == Some("vitrine")).last();
    let Some(ours) = ours else { return Err("the answer is not vitrine's (no Cache-Status); is --base right?".into()) };
    let has = |parameter: &str| ours.split(';').any(|own| own.trim() == parameter);
    Ok(match () {
        () if has("hit") => Warmed::Hit,
        () if has("fwd=bypass") || has("fwd=method") || has("fwd=request") => Warmed::Bypass,
        () => Warmed::Miss,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Response;

    fn shown(text: &str) -> Option<String> {
        Page::read(text).ok().map(|page| page.to_string())
    }

    #[test]
    fn urls_and_paths_are_taken_as_visitors_use_them() {
        for (text, page) in [
            ("http://shop.example/a?b=c&d", "http://shop.example/a?b=c&d"),
            ("https://shop.example:8443/", "https://shop.example:8443/"),
            ("https://shop.example", "https://shop.example/"),
            ("http://shop.example?q=1", "http://shop.example/?q=1"),
            ("/products/lamp#reviews", "/products/lamp"),
            ("/caf\u{e9}", "/caf%C3%A9"),
            ("/caf%C3%A9", "/caf%C3%A9"),
        ] {
            assert_eq!(shown(text).as_deref(), Some(page), "{text}");
        }
        let long = format!("/{}", "x".repeat(URL_BYTES_MAX));
        for text in ["", "lamp", "ftp://shop.example/", "http://", "http://a@b/", "/a b", "*", "shop.example:80", &long]
        {
            assert_eq!(shown(text), None, "{text}");
        }
    }

    #[test]
    fn a_page_is_asked_of_the_base_with_its_own_host() {
        let base = Base::at("127.0.0.1:8080".parse().unwrap(), "127.0.0.1:8080");
        let request = Page::read("https://shop.example/a").unwrap().request(&base).unwrap();
        assert_eq!(
            (request.uri(), &request.headers()["host"]),
            (&Uri::from_static("/a"), &"shop.example".parse().unwrap())
        );
        assert_eq!(request.headers()["x-forwarded-proto"], "https");
        let request = Page::read("/a").unwrap().request(&base).unwrap();
        assert_eq!(request.headers()["host"], "127.0.0.1:8080");
        assert!(!request.headers().contains_key("x-forwarded-proto"));
    }

    #[test]
    fn the_answer_tells_what_the_cache_did() {
        let judge = |status: u16, cache_status: &str| {
            let response = Response::builder().status(status).header("cache-status", cache_status).body(()).unwrap();
            super::judge(&response.into_parts().0)
        };
        assert_eq!(judge(200, "vitrine; hit; ttl=30"), Ok(Warmed::Hit));
        assert_eq!(judge(301, "vitrine; fwd=uri-miss; stored"), Ok(Warmed::Miss));
        assert_eq!(judge(200, "origin-cache; hit, vitrine; fwd=bypass; detail=rule-pass"), Ok(Warmed::Bypass));
        assert_eq!(judge(404, "vitrine; hit"), Err("404 Not Found".into()));
        assert!(judge(200, "other; hit").is_err());
    }

    #[tokio::test]
    async fn a_base_is_an_http_address_without_a_path() {
        for base in ["https://127.0.0.1:8443", "http://127.0.0.1/shop", "/shop", "127.0.0.1:8080"] {
            let refused = Base::from_uri(&base.parse().unwrap()).await;
            assert!(matches!(refused, Err(Failure::Usage(_))), "{base}");
        }
        let base = Base::from_uri(&Uri::from_static("http://[::1]:8080")).await.unwrap();
        assert_eq!(base.address(), "[::1]:8080".parse().unwrap());
    }
}
