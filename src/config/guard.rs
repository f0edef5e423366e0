//! `guard`: what may differ between two samples of one page, and how often samples are taken; and a rule's own `guard`.

use super::reader::Section;
use crate::policy::likeness::Allowance;
use crate::proxy::GuardSettings;
use crate::route::{Audience, Guard};
use std::sync::Arc;
use std::time::Duration;

/// The least time between two samples of one route, where the file does not say.
const EVERY: Duration = Duration::from_mins(10);
/// The least that the file may say: each sample asks the shop twice.
const EVERY_MIN: Duration = Duration::from_secs(1);
/// Allowances at most: each is looked for in every line of a sample.
const ALLOWANCES_MAX: usize = 64;
/// Bytes of one.
const ALLOWANCE_BYTES_MAX: usize = 200;

/// How guarded rules are sampled.
pub(super) fn settings(file: &Section<'_>) -> GuardSettings {
    let section = file.below("guard");
    let texts = section.texts("allow").unwrap_or_default();
    if texts.len() > ALLOWANCES_MAX {
        section.tell("allow", format!("has {} texts; at most {ALLOWANCES_MAX} are taken", texts.len()));
    }
    let allow = texts.iter().filter_map(|text| {
        if text.text.len() > ALLOWANCE_BYTES_MAX {
            section.refuse(text, format!("has more than {ALLOWANCE_BYTES_MAX} bytes"));
            return None;
        }
        Allowance::parse(&text.text).map_err(|problem| section.refuse(text, problem)).ok()
    });
    let allow = Arc::new(allow.collect());
    let every = section.duration("every").unwrap_or(EVERY);
    if every < EVERY_MIN {
        section.tell("every", "is less than 1s; each sample asks the shop twice");
    }
    section.finish();
    GuardSettings { allow, every }
}

/// Whether a rule's pages are sampled before they are kept.
pub(super) fn of_rule(section: &Section<'_>, pass: bool, audience: Audience) -> Guard {
    let read = |text: &str| [Guard::Off, Guard::Sample].into_iter().find(|own| own.as_str() == text);
    let guard = section.parsed("guard", "off or sample", read).unwrap_or(Guard::Off);
    if guard == Guard::Sample && pass {
        section.tell("guard", "compares what would be shared, but the rule says pass: true; leave one of them out");
    } else if guard == Guard::Sample && audience == Audience::Session {
        section.tell("guard", "compares what would be shared; with audience: session nothing is");
    }
    guard
}
