//! The switchboard for faults, for people and for scripts.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use serde::Deserialize;

use super::forms::Input;
use super::html::{Text, each};
use super::refusal::Refusal;
use super::replies::{private, see, wants_html};
use super::stats::as_json;
use super::visit::Visit;
use crate::faults::{Fault, Mode};
use crate::shop::Parts;

/// The delay of `mode=slow` where none is given.
const DELAY_DEFAULT_MS: u64 = 1000;

/// Ten minutes: slower than any time limit one may want to test.
const DELAY_MAX_MS: u64 = 600_000;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct FaultForm {
    mode: String,
    delay_ms: String,
    path: String,
    count: String,
}

/// `GET /faults`
pub(super) async fn show(State(parts): State<Arc<Parts>>, headers: HeaderMap, visit: Visit) -> Response {
    if wants_html(&headers) {
        return private(visit.page("Faults", &draw(parts.faults.current().as_ref())));
    }
    private(as_json(&parts.faults.json()))
}

/// `POST /faults`
pub(super) async fn switch(
    State(parts): State<Arc<Parts>>,
    headers: HeaderMap,
    Input(form): Input<FaultForm>,
) -> Result<Response, Refusal> {
    parts.faults.set(form.read()?);
    if wants_html(&headers) {
        return Ok(see("/faults"));
    }
    Ok(private(as_json(&parts.faults.json())))
}

impl FaultForm {
    fn read(&self) -> Result<Option<Fault>, Refusal> {
        let Some((_, mode)) = Mode::NAMES.iter().find(|(name, _)| *name == self.mode) else {
            let complaint = "The mode must be none, slow, error, reset or cut.";
            return Err(Refusal::BadInput(complaint.to_owned()));
        };
        let Some(mode) = *mode else { return Ok(None) };
        let delay_ms = match number("delay_ms", &self.delay_ms, 0..=DELAY_MAX_MS)? {
            Some(delay_ms) => delay_ms,
            None if mode == Mode::Slow => DELAY_DEFAULT_MS,
            None => 0,
        };
        let count = number("count", &self.count, 1..=u64::from(u32::MAX))?;
        let path = if self.path.is_empty() { "/".to_owned() } else { self.path.clone() };
        if !path.starts_with('/') {
            return Err(Refusal::BadInput("The path must begin with a slash.".to_owned()));
        }
        Ok(Some(Fault {
            mode,
            delay: Duration::from_millis(delay_ms),
            path,
            count: count.and_then(|count| u32::try_from(count).ok()),
        }))
    }
}

fn number(field: &str, text: &str, range: std::ops::RangeInclusive<u64>) -> Result<Option<u64>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.map(Some).ok_or_else(|| {
        let (from, to) = (range.start(), range.end());
        Refusal::BadInput(format!("{field} must be a number from {from} to {to}, or empty."))
    })
}

fn draw(fault: Option<&Fault>) -> String {
    let now = Mode::name(fault.map(|fault| fault.mode));
    let option = |(name, _): &(&str, Option<Mode>)| {
        let selected = if *name == now { " selected" } else { "" };
        format!("<option{selected}>{name}</option>")
    };
    let delay_ms = fault.map(|fault| fault.delay.as_millis().to_string()).unwrap_or_default();
    let count = fault.and_then(|fault| fault.count).map(|count| count.to_string());
    format!(
        r#"<section class="narrow"><h1>Faults</h1>
<p role="status">Now: <strong>{now}</strong></p>
<form method="post" action="/faults" class="stack">
<label>Mode <select name="mode">{options}</select></label>
<label>Delay before the head, in ms <input name="delay_ms" value="{delay_ms}" inputmode="numeric"></label>
<label>Paths that begin with <input name="path" value="{path}"></label>
<label>For how many requests (empty: until switched off) <input name="count" value="{count}" inputmode="numeric"></label>
<button>Switch</button></form></section>"#,
        options = each(&Mode::NAMES, option),
        path = Text(fault.map_or("/", |fault| &fault.path)),
        count = count.unwrap_or_default(),
    )
}
