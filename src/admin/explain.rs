//! What `explain` tells: under which rule a request falls, what is stored for it, and what would happen and why.
//!
//! Only the shape is here. The answers come from the functions that serve requests, so that they cannot drift.

use super::Refusal;
use super::query::Query;
use http::StatusCode;
use serde::{Deserialize, Serialize};

/// The request that is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The whole URL, or a path, which is then of the first configured host.
    pub url: String,
    /// The Cookie field it would bear.
    pub cookie: Option<String>,
    /// The Accept-Language field it would bear.
    pub accept_language: Option<String>,
}

impl Question {
    pub(super) fn read(query: Option<&str>) -> Result<Question, Refusal> {
        let mut query = Query::read(query, &["url", "cookie", "accept_language"])?;
        let url = query.take("url").filter(|url| !url.is_empty());
        let Some(url) = url else {
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "url is missing; ask for example ?url=/products/lamp"));
        };
        Ok(Question { url, cookie: query.take("cookie"), accept_language: query.take("accept_language") })
    }
}

/// What would become of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The URL as it was understood.
    pub url: String,
    /// The rule it falls under.
    pub route: String,
    /// The origin that it asks.
    #[serde(default)]
    pub origin: String,
    /// The cache that rule stores in.
    pub cache: String,
    /// For whom its responses are: `anonymous`, `everyone`, `session`.
    pub audience: String,
    /// What it is looked up by; none where the cache is not asked.
    pub key: Option<KeyShown>,
    /// The tags that the rule would give to what is fetched.
    pub tags: Vec<String>,
    /// What is stored under the key, newest first.
    pub stored: Vec<StoredShown>,
    /// How its route stands with the guard; none: it is not guarded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<GuardShown>,
    /// What would happen now.
    pub verdict: Verdict,
}

/// How a guarded route stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardShown {
    /// `unproven`, `proven` or `suspect`.
    pub standing: String,
    /// Since when; none while it is unproven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Why the last sample proved nothing, where it is unproven and there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// What was fetched twice and differed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Where it differed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<PlaceShown>,
}

/// A place where two fetches of one page differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceShown {
    /// `status`, a field's name, or the line and column in the first body.
    pub place: String,
    /// The line in the first body.
    pub line: Option<usize>,
    /// The character in that line.
    pub column: Option<usize>,
    /// What the first says there.
    pub first: String,
    /// What the second says there.
    pub second: String,
}

/// A key in readable form. Values of session cookies are never in a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyShown {
    /// `http` or `https`.
    pub scheme: String,
    /// The host.
    pub host: String,
    /// The raw path.
    pub path: String,
    /// The kept query.
    pub query: Option<String>,
    /// Kept cookies with their values.
    pub cookies: Vec<(String, String)>,
    /// The language that Accept-Language was reduced to.
    pub language: Option<String>,
}

/// One stored response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredShown {
    /// Its status.
    pub status: u16,
    /// Bytes of its body.
    pub body_bytes: u64,
    /// Form tokens in it, which each visitor has their own of; none where it is the same for all. A page may need their cookie alone.
    pub form_tokens: Option<u64>,
    /// Bytes of its body in each content coding that was made here, the preferred first.
    #[serde(default)]
    pub coded: Vec<(String, u64)>,
    /// Its entity tag.
    pub etag: String,
    /// Request fields named in Vary, with the values it was fetched for; no value where the field was absent.
    pub vary: Vec<(String, Option<String>)>,
    /// Whether this is the variant that the request selects.
    pub selected: bool,
    /// Its current age.
    pub age_ms: u64,
    /// Freshness left, below zero when stale.
    pub ttl_ms: i64,
    /// Who gave the lifetime: `origin`, `rule`, `rule-negative`.
    pub lifetime_from: String,
    /// How long it may be served stale while it is validated behind.
    pub stale_while_revalidate_ms: u64,
    /// How long it may be served stale because the origin fails.
    pub stale_if_error_ms: u64,
    /// The ledger's position when its fetch began.
    pub stamp: u64,
    /// How it stands with the ledger: `valid`, `soft-invalidated`, `invalidated`, `ledger-unknown`.
    pub standing: String,
    /// What purges can name it by.
    pub tags: Vec<String>,
}

/// What would happen, in the words of logs and metrics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// `hit`, `stale`, `miss`, `bypass` and so on.
    pub outcome: String,
    /// The named reason.
    pub reason: String,
    /// The same in a sentence.
    pub because: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_decoded_once() {
        let question =
            Question::read(Some("url=http%3A%2F%2Fshop.example%2Fa%2520b%3Fc%3Dd&cookie=currency%3DEUR")).unwrap();
        assert_eq!(question.url, "http://shop.example/a%20b?c=d");
        assert_eq!(question.cookie.as_deref(), Some("currency=EUR"));
        assert_eq!(question.accept_language, None);
    }

    #[test]
    fn a_question_about_nothing_is_refused() {
        for query in [None, Some(""), Some("url="), Some("cookie=a"), Some("url=/a&url=/b"), Some("url=/a&curl=/b")] {
            assert_eq!(Question::read(query).unwrap_err().status, StatusCode::BAD_REQUEST, "{query:?}");
        }
    }
}
