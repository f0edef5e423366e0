//! Invalidating stored responses (RFC 9111 4.4), and by groups (RFC 9875 3).

use crate::headers::CACHE_GROUP_INVALIDATION;
use crate::key::{Target, UrlText};
use crate::tags::Tag;
use http::{HeaderMap, HeaderName, Method, StatusCode, header};

/// The URLs that a request with an unsafe method lets go. `answer` is what came back; none where nothing did, which counts as
/// success: the change may have been made. `redirects` says whether where a redirect leads to is let go too.
pub fn targets(
    method: &Method,
    target: &Target,
    answer: Option<(StatusCode, &HeaderMap)>,
    redirects: bool,
) -> Vec<UrlText> {
    let refused = answer.is_some_and(|(status, _)| status.is_client_error() || status.is_server_error());
    if method.is_safe() || refused {
        return Vec::new();
    }
    let own = UrlText { host: Some(target.host.clone()), path: target.path.clone(), query: target.query.clone() };
    let mut targets = vec![own];
    if let Some((status, fields)) = answer {
        targets.extend(same_host(fields, &header::CONTENT_LOCATION, target));
        // A shop answers each add-to-basket with a redirect to the product, which has not changed by that.
        if status.is_success() || redirects {
            targets.extend(same_host(fields, &header::LOCATION, target));
        }
    }
    targets.dedup();
    targets
}

/// The URL in a field; never one of another host.
fn same_host(fields: &HeaderMap, name: &HeaderName, target: &Target) -> Option<UrlText> {
    let reference = fields.get(name)?.to_str().ok()?;
    let url = Target::parse(&resolved(reference, target)).ok()?;
    let is_own = url.host.as_ref().is_none_or(|host| *host == target.host);
    is_own.then(|| UrlText { host: Some(target.host.clone()), path: without_dots(&url.path).into(), query: url.query })
}

/// A reference as seen from the target (RFC 3986 5.2.2), dots left to [`without_dots`].
fn resolved(reference: &str, target: &Target) -> String {
    let before = &reference[..reference.find(['/', '?', '#']).unwrap_or(reference.len())];
    if reference.starts_with("//") {
        format!("{}:{reference}", target.scheme.as_str())
    } else if reference.starts_with('/') || before.contains(':') {
        reference.into()
    } else if before.is_empty() && !reference.starts_with('?') {
        target.path_and_query()
    } else if before.is_empty() {
        format!("{}{reference}", target.path)
    } else {
        let folder = target.path.rfind('/').map_or("/", |end| &target.path[..=end]);
        format!("{folder}{reference}")
    }
}

/// A path without its dot segments (RFC 3986 5.2.4): a request with them would not have been stored.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        if segment != "." && segment != ".." {
            kept.push(segment);
            continue;
        }
        if segment == ".." {
            kept.pop();
        }
        if segments.peek().is_none() {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

/// The groups that an answer to an unsafe method lets go, as tags: a structured list of strings; one that is not counts as absent.
pub fn groups(answer: &HeaderMap) -> Vec<Tag> {
    let groups = super::groups::strings(answer, &CACHE_GROUP_INVALIDATION);
    groups.iter().filter_map(|group| super::groups::tag_of_group(group)).collect()
}
