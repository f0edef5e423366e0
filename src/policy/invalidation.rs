//! Invalidating stored responses (RFC 9111 4.4), and by groups (RFC 9875 3).

use crate::headers::CACHE_GROUP_INVALIDATION;
use crate::key::{Target, UrlText};
use crate::tags::Tag;
use http::{HeaderMap, HeaderName, Method, StatusCode, header};

/// The URLs that a request with an unsafe method lets go. `answer` is what came back; none where nothing did, which counts as
/// success: the change may have been made.
pub fn targets(method: &Method, target: &Target, answer: Option<(StatusCode, &HeaderMap)>) -> Vec<UrlText> {
    let refused = answer.is_some_and(|(status, _)| status.is_client_error() || status.is_server_error());
    if method.is_safe() || refused {
        return Vec::new();
    }
    let own = UrlText { host: Some(target.host.clone()), path: target.path.clone(), query: target.query.clone() };
    let mut targets = vec![own];
    if let Some((status, fields)) = answer {
        targets.extend(same_host(fields, &header::CONTENT_LOCATION, target));
        // A shop answers each add-to-basket with a redirect to the product: only what was created is named by Location.
        if status == StatusCode::CREATED {
            targets.extend(same_host(fields, &header::LOCATION, target));
        }
    }
    targets.dedup();
    targets
}

/// The URL in a field; never one of another host.
fn same_host(fields: &HeaderMap, name: &HeaderName, target: &Target) -> Option<UrlText> {
    let text = fields.get(name)?.to_str().ok()?;
    let is_relative = !text.starts_with('/') && !text.contains("://");
    let folder = if is_relative { &target.path[..=target.path.rfind('/')?] } else { "" };
    let resolved = format!("{folder}{text}");
    let url = Target::parse(&resolved).ok()?;
    let of_other = url.host.as_ref().is_some_and(|host| *host != target.host);
    (!of_other).then(|| UrlText { host: Some(target.host.clone()), ..url })
}

/// The groups that an answer to an unsafe method lets go: a structured list of strings; one that is not counts as absent.
pub fn groups(answer: &HeaderMap) -> Vec<Tag> {
    super::groups::strings(answer, &CACHE_GROUP_INVALIDATION).unwrap_or_default()
}
