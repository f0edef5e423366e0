//! The dashboard: one page with everything in it. Its own style and script are named by their digests in the policy that
//! it is sent with, and nothing else may run or load; it asks this address and no other.

use super::answer;
use crate::body::Body;
use crate::crypto;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use http::{HeaderValue, Response, StatusCode};

const PAGE: &str = include_str!("dashboard/page.html");
const STYLE: &str = include_str!("dashboard/style.css");
const SCRIPT: &str = include_str!("dashboard/script.js");

/// The page, put together once.
pub(super) struct Page {
    html: Bytes,
    policy: HeaderValue,
}

impl Page {
    pub(super) fn new() -> Page {
        let html = PAGE.replace("<style></style>", &format!("<style>{STYLE}</style>"));
        let html = html.replace("<script></script>", &format!("<script>{SCRIPT}</script>"));
        let policy = format!(
            "default-src 'none'; style-src '{}'; script-src '{}'; connect-src 'self'; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'",
            source(STYLE),
            source(SCRIPT)
        );
        // Base64 and words of ours are always a field value; were they not, nothing on the page would run.
        let policy = HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
        Page { html: html.into(), policy }
    }

    pub(super) fn answer(&self) -> Response<Body> {
        let mut response = answer::whole(StatusCode::OK, "text/html; charset=utf-8", self.html.clone());
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        response
    }
}

fn source(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(crypto::sha256(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_holds_all_it_needs() {
        let page = Page::new();
        let html = std::str::from_utf8(&page.html).unwrap();
        assert!(html.contains(STYLE) && html.contains(SCRIPT));
        for external in ["http:", "https:", "src=", "@import", "url(", "<link", "//cdn", "style=", "onclick="] {
            assert!(!html.contains(external), "{external}");
        }
        // Text from requests and purges is only ever set as text.
        for unsafe_sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(!html.contains(unsafe_sink), "{unsafe_sink}");
        }
        // The token lives in memory alone.
        for kept in ["localStorage", "sessionStorage", "document.cookie"] {
            assert!(!html.contains(kept), "{kept}");
        }
    }

    #[test]
    fn the_policy_names_the_style_and_the_script() {
        let response = Page::new().answer();
        let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains(&source(STYLE)) && policy.contains(&source(SCRIPT)), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}
