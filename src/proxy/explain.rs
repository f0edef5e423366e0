//! What would become of a request, by the functions that would decide it; nothing is fetched and nothing is changed.

use super::admit::admit;
use super::ask::Ask;
use super::course::choose;
use super::lookup::{lookup, standing, stored_under};
use super::{Proof, Proxy, Rules};
use crate::body::Body;
use crate::clock::Timestamp;
use crate::key::{BadTarget, Key, Scheme, Target};
use crate::ledger::Standing;
use crate::outcome::{Kind, Reason};
use crate::policy::vary;
use crate::route::Rule;
use crate::store::Variants;
use crate::stored::StoredResponse;
use http::{HeaderValue, Request, header};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// What would become of a request.
#[derive(Debug)]
pub struct Explained {
    /// What it asks for, as it was understood.
    pub target: Target,
    /// The rule it falls under.
    pub rule: Arc<Rule>,
    /// The tags that the rule would give to what is fetched; none where one is no tag.
    pub tags: Vec<String>,
    /// What it is looked up by; none where the cache is not asked.
    pub key: Option<Key>,
    /// The key cookies.
    pub cookies: Vec<(String, String)>,
    /// The language that `Accept-Language` was reduced to.
    pub language: Option<String>,
    /// What is stored under the key, newest first, with where each stands.
    pub stored: Vec<Examined>,
    /// How its route stands with the guard; none: it is not guarded.
    pub guard: Option<Proof>,
    /// The outcome it would have.
    pub kind: Kind,
    /// Why.
    pub reason: Reason,
    /// The moment it was judged at.
    pub now: Timestamp,
}

/// One stored response.
#[derive(Debug)]
pub struct Examined {
    /// The response.
    pub stored: Arc<StoredResponse>,
    /// Whether it is the variant that the request selects.
    pub selected: bool,
    /// Where it stands with the ledger.
    pub standing: Standing,
}

/// Why a question cannot be answered.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotExplained {
    /// The URL is none.
    #[error("{0}")]
    Target(#[from] BadTarget),
    /// A field or the URL holds what cannot be sent.
    #[error("a request like that cannot be sent: {0}")]
    Request(String),
}

impl Proxy {
    /// What would become of a GET for `url` with these fields. Without a host, the first that is configured is meant.
    ///
    /// # Errors
    /// The question is not one that a client could ask.
    pub async fn explain(
        &self,
        url: &str,
        cookie: Option<&str>,
        accept_language: Option<&str>,
    ) -> Result<Explained, NotExplained> {
        let rules = self.rules.load_full();
        let ask = self.imagined(&rules, url, cookie, accept_language)?;
        let routed = rules.router.route(&ask.method, &ask.target);
        let tags = routed.tags().unwrap_or_default().iter().map(ToString::to_string).collect();
        let mut explained = Explained {
            target: ask.target.clone(),
            rule: routed.rule.clone(),
            tags,
            key: None,
            cookies: Vec::new(),
            language: None,
            stored: Vec::new(),
            guard: rules.guards.proof(routed.place),
            kind: Kind::Bypass,
            reason: Reason::RulePass,
            now: self.clock.now(),
        };
        let wanted = match admit(&rules, routed.rule, ask.asked()) {
            Ok(wanted) => wanted,
            Err(reason) => return Ok(Explained { reason, ..explained }),
        };
        let as_sent =
            |name: &_| vary::normalised(wanted.as_sent(&rules, routed.rule, &ask.fields, ask.forwarded_by()), name);
        let select = |variants: &Variants| vary::select(variants, as_sent).ok().cloned();
        if let Ok((variants, _)) = stored_under(self, &wanted, ask.arrived, select).await {
            explained.stored = variants.iter().map(|stored| self.examine(stored)).collect();
        }
        let found = lookup(self, &rules, routed.rule, &ask, &wanted).await;
        let verdict = choose(&ask, &wanted.wishes, found, || self.knows_unstorable(&wanted.key)).verdict();
        (explained.kind, explained.reason) = rules.guards.verdict(routed.place, verdict);
        if let Some(selected) = explained.stored.iter_mut().find(|examined| examined.stored.vary.matches(as_sent)) {
            selected.selected = true;
        }
        (explained.cookies, explained.language) = (wanted.key_cookies(), wanted.key_language());
        explained.key = Some(wanted.key);
        Ok(explained)
    }

    fn examine(&self, stored: &Arc<StoredResponse>) -> Examined {
        Examined { stored: stored.clone(), selected: false, standing: standing(self, stored) }
    }

    fn imagined(
        &self,
        rules: &Rules,
        url: &str,
        cookie: Option<&str>,
        accept_language: Option<&str>,
    ) -> Result<Ask, NotExplained> {
        let text = Target::parse(url)?;
        let host = text.host.or_else(|| rules.hosts.first().cloned()).unwrap_or_else(|| "localhost".into());
        let query = text.query.map(|query| format!("?{query}")).unwrap_or_default();
        let refuse = |error: &dyn std::fmt::Display| NotExplained::Request(error.to_string());
        let mut request = Request::get(format!("{}{query}", text.path)).header(header::HOST, &*host);
        for (name, value) in [(header::COOKIE, cookie), (header::ACCEPT_LANGUAGE, accept_language)] {
            if let Some(value) = value {
                request = request.header(name, HeaderValue::from_str(value).map_err(|error| refuse(&error))?);
            }
        }
        let request = request.body(Body::empty()).map_err(|error| refuse(&error))?;
        let nobody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let (mut ask, _) = Ask::take(request, nobody, rules, HeaderValue::from_static("-"), self.clock.now())?;
        // Visitors come by it through a TLS terminator that is a trusted proxy: their pages have a key of their own.
        if url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:")) {
            ask.target.scheme = Scheme::Https;
        }
        Ok(ask)
    }
}
