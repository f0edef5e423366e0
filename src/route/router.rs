//! The list of rules.

use super::index::Index;
use super::{Parameters, Rule};
use crate::key::Target;
use crate::tags::{BadTag, Tag};
use http::Method;
use std::sync::Arc;

/// The rules in their order, and the one for what none of them matches.
#[derive(Clone, Debug)]
pub struct Router {
    rules: Box<[Arc<Rule>]>,
    index: Index,
    unmatched: Arc<Rule>,
}

/// The rule that a request falls under.
#[derive(Clone, Debug)]
pub struct Routed<'a> {
    /// The rule.
    pub rule: &'a Arc<Rule>,
    /// The rule's place in [`Router::rules`], for figures that are kept by index.
    pub place: usize,
    /// What its pattern's names stand for.
    pub parameters: Parameters<'a>,
}

impl Router {
    /// A router over rules in the order of the configuration; `unmatched` is for paths that none of them matches.
    pub fn new(rules: Vec<Arc<Rule>>, unmatched: Arc<Rule>) -> Router {
        let index = Index::of(rules.iter().map(|rule| rule.pattern.as_ref()));
        Router { rules: rules.into(), index, unmatched }
    }

    /// The first rule that matches. A path that could be another's alias falls under none (rows W1 to W5): whatever rule it
    /// would match, the origin may read it as something else.
    pub fn route<'a>(&'a self, method: &Method, target: &'a Target) -> Routed<'a> {
        let matches = |place: usize| rule_matches(&self.rules[place], method, target);
        if !target.is_alias()
            && let Some((place, parameters)) = self.index.first(&target.path, matches)
        {
            return Routed { rule: &self.rules[place], place, parameters };
        }
        Routed { rule: &self.unmatched, place: self.rules.len(), parameters: Parameters::default() }
    }

    /// All rules, in their order, the one for unmatched paths last.
    pub fn rules(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.rules.iter().chain([&self.unmatched])
    }
}

fn rule_matches<'a>(rule: &'a Rule, method: &Method, target: &'a Target) -> Option<Parameters<'a>> {
    let method_fits = rule.methods.is_empty()
        || rule.methods.contains(method)
        // HEAD is answered from what GET stored: a rule for one is for the other.
        || (method == Method::HEAD && rule.methods.contains(&Method::GET));
    let host_fits = rule.host.as_deref().is_none_or(|host| host == &*target.host);
    if !method_fits || !host_fits {
        return None;
    }
    rule.pattern.as_ref().map_or_else(|| Some(Parameters::default()), |pattern| pattern.matches(&target.path))
}

impl Routed<'_> {
    /// The tags that the rule gives to what is fetched here, `route:<name>` included.
    ///
    /// # Errors
    /// A template's result is no tag; then the response is not stored.
    pub fn tags(&self) -> Result<Vec<Tag>, BadTag> {
        let mut tags = vec![Tag::new(&format!("route:{}", self.rule.name))?];
        for template in &self.rule.tags {
            tags.push(template.fill(&self.parameters)?);
        }
        Ok(tags)
    }
}
