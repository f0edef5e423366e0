//! The table of endpoints: where each is and what it takes to use it. The OpenAPI description is held against it by a test.

use super::Refusal;
use http::{Method, StatusCode};

/// What can be asked of the admin API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Dashboard,
    Live,
    Ready,
    Metrics,
    OpenApi,
    Status,
    Explain,
    Ledger,
    Deliveries,
    Purge,
    Clear,
    Reload,
}

/// What a caller must show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Nothing: the answer tells nothing that is not public.
    Open,
    /// The token, or that they are on this machine.
    Read,
    /// The same, and that no page of another origin sent them.
    Change,
}

/// Endpoints by path. A path has one method; a GET answers HEAD too.
const ENDPOINTS: [(&str, Method, Access, Endpoint); 12] = [
    ("/", Method::GET, Access::Open, Endpoint::Dashboard),
    ("/health/live", Method::GET, Access::Open, Endpoint::Live),
    ("/health/ready", Method::GET, Access::Open, Endpoint::Ready),
    ("/metrics", Method::GET, Access::Read, Endpoint::Metrics),
    ("/api/v1/openapi.json", Method::GET, Access::Open, Endpoint::OpenApi),
    ("/api/v1/status", Method::GET, Access::Read, Endpoint::Status),
    ("/api/v1/explain", Method::GET, Access::Read, Endpoint::Explain),
    ("/api/v1/ledger", Method::GET, Access::Read, Endpoint::Ledger),
    ("/api/v1/deliveries", Method::GET, Access::Read, Endpoint::Deliveries),
    ("/api/v1/purge", Method::POST, Access::Change, Endpoint::Purge),
    ("/api/v1/clear", Method::POST, Access::Change, Endpoint::Clear),
    ("/api/v1/reload", Method::POST, Access::Change, Endpoint::Reload),
];

/// A request for something that is not in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// No such path.
    Path,
    /// The path takes another method: this one.
    Method(&'static str),
}

impl Missing {
    pub(super) fn refusal(&self) -> Refusal {
        match self {
            Missing::Path => {
                Refusal::new(StatusCode::NOT_FOUND, "no such endpoint; /api/v1/openapi.json describes those there are")
            }
            Missing::Method(allow) => {
                Refusal::new(StatusCode::METHOD_NOT_ALLOWED, format!("this endpoint takes {allow}"))
            }
        }
    }
}

/// The endpoint of a request, and what it takes to use it.
pub(super) fn find(method: &Method, path: &str) -> Result<(Endpoint, Access), Missing> {
    let (_, own, access, endpoint) = ENDPOINTS.iter().find(|(own, ..)| *own == path).ok_or(Missing::Path)?;
    let fits = own == method || (own == Method::GET && method == Method::HEAD);
    if fits {
        return Ok((*endpoint, *access));
    }
    Err(Missing::Method(if own == Method::GET { "GET, HEAD" } else { "POST" }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_description_has_exactly_these_endpoints() {
        let description: serde_json::Value = serde_json::from_str(include_str!("openapi.json")).unwrap();
        let mut described = BTreeSet::new();
        for (path, methods) in description["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let open = operation["security"] == serde_json::json!([]);
                described.insert((path.clone(), method.to_uppercase(), open));
            }
        }
        let own: BTreeSet<_> = ENDPOINTS
            .iter()
            .map(|(path, method, access, _)| (path.to_string(), method.to_string(), *access == Access::Open))
            .collect();
        assert_eq!(described, own);
    }

    #[test]
    fn the_description_knows_every_scheme_and_verdict() {
        let description: serde_json::Value = serde_json::from_str(include_str!("openapi.json")).unwrap();
        let delivery = &description["components"]["schemas"]["Delivery"]["properties"];
        assert_eq!(delivery["scheme"]["enum"], serde_json::json!(crate::invalidate::Scheme::NAMES));
        let verdicts = crate::observe::DeliveryResult::ALL.iter().map(|own| own.as_str());
        let kept: Vec<_> = verdicts.filter(|own| *own != "ping").collect();
        assert_eq!(delivery["verdict"]["enum"], serde_json::json!(kept));
    }

    #[test]
    fn the_descriptions_references_lead_somewhere() {
        let text = include_str!("openapi.json");
        let description: serde_json::Value = serde_json::from_str(text).unwrap();
        for reference in text.split("\"$ref\": \"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(description.pointer(pointer).is_some(), "{pointer}");
        }
    }

    #[test]
    fn unknown_paths_and_methods_are_told_apart() {
        for (method, path, expected) in [
            (Method::GET, "/api/v1/status", Ok((Endpoint::Status, Access::Read))),
            (Method::HEAD, "/", Ok((Endpoint::Dashboard, Access::Open))),
            (Method::GET, "/api/v1/status/", Err(Missing::Path)),
            (Method::GET, "/api/v1/%73tatus", Err(Missing::Path)),
            (Method::GET, "//", Err(Missing::Path)),
            (Method::GET, "/api/v1/purge", Err(Missing::Method("POST"))),
            (Method::HEAD, "/api/v1/clear", Err(Missing::Method("POST"))),
            (Method::POST, "/metrics", Err(Missing::Method("GET, HEAD"))),
            (Method::OPTIONS, "/api/v1/purge", Err(Missing::Method("POST"))),
        ] {
            assert_eq!(find(&method, path), expected, "{method} {path}");
        }
    }
}
