//! What a fill is to fetch, for whom, and what it may do with it.

use super::admit::Wanted;
use super::pass::Under;
use super::sessions::Filling;
use super::{Ask, Proxy, Rules};
use crate::cache_name::CacheName;
use crate::csrf::Secret;
use crate::interim::Outlet;
use crate::key::{Key, SESSION_TAG, Session};
use crate::observe::RouteFigures;
use crate::outcome::Reason;
use crate::policy::{Terms, Whose, groups};
use crate::route::{Routed, Rule};
use crate::stored::StoredResponse;
use crate::tags::{BadTag, Tag, Tags};
use http::{HeaderMap, HeaderName, header};
use std::sync::Arc;

/// What a fill is to fetch, and what it may do with it.
pub(super) struct Errand {
    pub rules: Arc<Rules>,
    pub rule: Arc<Rule>,
    pub key: Key,
    pub path_and_query: String,
    /// The fields to send.
    pub as_sent: HeaderMap,
    /// The stored response to validate.
    pub validates: Option<Arc<StoredResponse>>,
    /// What may answer if the origin fails.
    pub fallback: Option<Arc<StoredResponse>>,
    /// Whether the request puts up with that: `no-cache` does not (RFC 9111 5.2.1.4).
    pub may_stand_in: bool,
    /// The cache that it is for.
    pub cache: CacheName,
    /// The session whose own page it fetches; none: everybody's. Whoever changes something in it finds that it is being fetched.
    pub session: Option<(Session, Filling)>,
    /// Whether the visitor has cookies that are not sent: then what cannot be shared is not this visitor's either.
    pub withholds_cookies: bool,
    /// The secret that form tokens in what it brings are made of; none: they are not spliced.
    pub form_secret: Option<Secret>,
    /// Fields whose values are in the key, or the same for everybody.
    pub in_key: Vec<HeaderName>,
    /// The rule's place among the router's.
    pub place: usize,
    /// Where interim responses go: to the visitor whose request it is. Others who share the fetch get none, for until the head has
    /// come nobody knows whether what it says is for them.
    pub interim: Outlet,
    rule_tags: Result<Vec<Tag>, BadTag>,
}

impl Errand {
    /// Where it is counted.
    pub(super) fn figures(&self) -> &RouteFigures {
        self.rules.figures.at(self.place)
    }

    /// What the request falls under.
    pub(super) fn under(&self) -> Under<'_> {
        Under { rule: &self.rule, rules: &self.rules, figures: self.figures() }
    }

    /// What counts for what it brings.
    pub(super) fn terms(&self) -> Terms<'_> {
        let rule = &self.rule;
        Terms {
            lifetime: &rule.lifetime,
            choices: &rule.choices,
            cookies: &rule.cookies,
            whose: self.whose(),
            in_key: &self.in_key,
        }
    }

    /// For whom it fetches.
    pub(super) fn whose(&self) -> Whose {
        if self.session.is_some() { Whose::OneSessions } else { Whose::Everybodys }
    }

    /// Whether it asks what the visitor would be told too: for everybody, and keeping nothing of theirs back.
    pub(super) fn asks_as_nobody(&self) -> bool {
        self.session.is_none() && !self.withholds_cookies
    }

    /// Whether the cookies that it brings are everybody's, by the configuration's choice.
    pub(super) fn keeps_cookies(&self) -> bool {
        self.rule.choices.set_cookie && self.session.is_none()
    }

    /// All tags of a response: the rule's, the origin's and its session's. No session is named by anything but its hash.
    pub(super) fn tags(&self, response: &HeaderMap) -> Result<Tags, Reason> {
        let of_rule = self.rule_tags.clone().map_err(|_| Reason::BadTags)?;
        let of_rule = of_rule.into_iter().map(|tag| self.sealed(tag)).collect::<Result<Vec<_>, _>>()?;
        let of_session = self.session.iter().flat_map(|(session, _)| session.hashes()).map(|hash| hash.tag());
        let all = of_rule.into_iter().chain(self.told_tags(response)?).chain(of_session);
        Tags::collect(all).map_err(|_| Reason::BadTags)
    }

    /// The tags that the origin gives.
    pub(super) fn told_tags(&self, response: &HeaderMap) -> Result<Vec<Tag>, Reason> {
        let of_origin = groups::tags_of(response).map_err(|_| Reason::BadTags)?;
        of_origin.into_iter().map(|tag| self.sealed(tag)).collect()
    }

    fn sealed(&self, tag: Tag) -> Result<Tag, Reason> {
        if !tag.as_str().starts_with(SESSION_TAG) {
            return Ok(tag);
        }
        let sealed = self.rules.sessions.key.as_ref().and_then(|key| key.session_tag(tag.as_str()));
        sealed.ok_or(Reason::BadTags)
    }
}

impl Errand {
    /// The errand of a request that falls under a rule. `stored` is what was found and cannot be used as it is.
    ///
    /// # Errors
    /// When the system has no randomness for a secret: a page with another's tokens must not be taken for one without.
    pub(super) fn new(
        proxy: &Proxy,
        rules: &Arc<Rules>,
        routed: &Routed<'_>,
        ask: &Ask,
        wanted: &Wanted,
        stored: Option<Arc<StoredResponse>>,
    ) -> std::io::Result<Errand> {
        let query = wanted.key.query().map(|query| format!("?{query}")).unwrap_or_default();
        let splices = routed.rule.splices && wanted.session.is_none();
        Ok(Errand {
            rules: rules.clone(),
            rule: routed.rule.clone(),
            key: wanted.key.clone(),
            path_and_query: format!("{}{query}", wanted.key.path()),
            as_sent: wanted.as_sent(rules, routed.rule, &ask.fields, ask.forwarded_by()).clone(),
            validates: None,
            fallback: stored,
            may_stand_in: !wanted.wishes.no_cache,
            cache: wanted.cache,
            session: wanted.session.clone().map(|session| {
                let filling = proxy.sessions.filling(session.hashes());
                (session, filling)
            }),
            // What was fetched for one session is that visitor's, whatever else their browser sends.
            withholds_cookies: !routed.rule.unmatched && wanted.session.is_none() && bears_own_fields(rules, ask),
            form_secret: splices.then(Secret::random).transpose()?,
            in_key: in_key(rules, routed.rule, wanted),
            place: routed.place,
            interim: Outlet::nowhere(),
            rule_tags: routed.tags(),
        })
    }

    /// The same, with the visitor to whom interim responses go.
    pub(super) fn relaying(self, interim: Outlet) -> Errand {
        Errand { interim, ..self }
    }

    /// The same, to ask whether what was found still holds.
    pub(super) fn validating(self) -> Errand {
        Errand { validates: self.fallback.clone(), ..self }
    }
}

/// Whether a request says who its visitor is, in whatever way.
fn bears_own_fields(rules: &Rules, ask: &Ask) -> bool {
    let session = rules.sessions.header.iter().any(|name| ask.fields.contains_key(name));
    session || ask.fields.contains_key(header::COOKIE)
}

/// The fields of a fill whose values are in the key.
fn in_key(rules: &Rules, rule: &Rule, wanted: &Wanted) -> Vec<HeaderName> {
    if rule.unmatched {
        return Vec::new();
    }
    let language = rules.languages.are_known().then_some(header::ACCEPT_LANGUAGE);
    let session = rules.sessions.header.clone().filter(|_| wanted.session.is_some());
    // Where tokens are looked for, no content coding is asked for, whoever asks.
    let coding = (rule.splices && wanted.session.is_none()).then_some(header::ACCEPT_ENCODING);
    [header::COOKIE].into_iter().chain(language).chain(session).chain(coding).collect()
}
