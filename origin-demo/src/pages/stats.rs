//! The figures, for people and for scripts.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use super::html::each;
use super::refusal::Refusal;
use super::replies::{private, see, wants_html};
use super::visit::Visit;
use crate::database::Message;
use crate::shop::Parts;
use crate::stats::Line;

/// `GET /stats`
pub(super) async fn show(
    State(parts): State<Arc<Parts>>,
    headers: HeaderMap,
    visit: Visit,
) -> Result<Response, Refusal> {
    let waiting = visit.ask(Message::waiting).await?;
    if wants_html(&headers) {
        return Ok(private(visit.page("Figures", &draw(&parts.stats.lines(), waiting))));
    }
    let mut figures = parts.stats.json();
    figures.insert("outbox".to_owned(), json!({ "waiting": waiting }));
    Ok(private(as_json(&Value::Object(figures))))
}

/// `POST /stats/reset`
pub(super) async fn reset(State(parts): State<Arc<Parts>>, headers: HeaderMap) -> Response {
    parts.stats.reset();
    if wants_html(&headers) { see("/stats") } else { StatusCode::NO_CONTENT.into_response() }
}

/// `value` as an answer for scripts.
pub(super) fn as_json(value: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], format!("{value}\n")).into_response()
}

fn draw(lines: &[Line], waiting: u32) -> String {
    let row = |line: &Line| {
        let Line { page, requests, queries } = line;
        format!(
            r#"<tr><th scope="row">{page}</th><td class="number">{requests}</td><td class="number">{queries}</td></tr>"#
        )
    };
    format!(
        r#"<h1>Figures</h1>
<p>What reached the shop itself, since it was opened or last reset. A cache in front of it makes these stand still.</p>
<div class="scroll"><table><thead><tr><th scope="col">Page</th><th scope="col" class="number">Requests</th><th scope="col" class="number">Database queries</th></tr></thead><tbody>{}</tbody></table></div>
<p>Webhooks waiting: {waiting}</p>
<form method="post" action="/stats/reset"><button class="plain">Reset</button></form>"#,
        each(lines, row)
    )
}
