//! Rows, played: the scripted origin says what the row says, and what came is held against it.

use crate::script::{Answer, Check, Exchange, Row, Says, Step};
use crate::stage::{Asked, Client, Got, Line, Stage, made, raw};
use crate::{always, dates};
use std::sync::Arc;
use std::time::{Duration, Instant};
use vitrine::clock::Timestamp;

/// What the origin says when it is not to be asked.
const UNASKED: &str = "HTTP/1.1 418 Unasked\r\ncontent-length: 7\r\ncache-control: no-store\r\n\r\nunasked";
/// How long a request is asked again at most.
const PATIENCE: Duration = Duration::from_secs(5);

/// A row on its way.
pub struct Play {
    stage: Arc<Stage>,
    /// The path that is the row's own.
    here: String,
    start: Timestamp,
}

impl Play {
    /// On a whole second.
    pub fn begin(stage: Arc<Stage>, here: String) -> Play {
        let part = stage.clock.clock().wall().as_millis() % 1000;
        stage.pass(Duration::from_millis((1000 - part) % 1000));
        Play { start: stage.clock.clock().wall(), stage, here }
    }

    /// Plays a row.
    ///
    /// # Errors
    /// The first thing that is not as the row says.
    pub async fn row(&self, row: &Row) -> Result<(), String> {
        for step in &row.steps {
            match step {
                Step::Wait(time) => self.stage.pass(*time),
                Step::Gone => self.stage.origin.close().await,
                Step::Exchange(exchange) => {
                    self.exchange(exchange).await.map_err(|what| format!("line {}: {what}", exchange.line))?;
                }
            }
        }
        Ok(())
    }

    async fn exchange(&self, exchange: &Exchange) -> Result<(), String> {
        let origin = &self.stage.origin;
        let before = origin.asked().len();
        let target = self.target(&exchange.suffix);
        let mut lines: Vec<Line> = exchange.answers.iter().map(|answer| self.line(answer)).collect();
        if !is_broken(exchange) {
            lines.push(raw(UNASKED));
        }
        // A target in its absolute form says the host before the path.
        let path = target.split_once("//").and_then(|(_, rest)| rest.find('/').map(|path| &rest[path..]));
        origin.says(path.unwrap_or(&target), lines);
        let begun = Instant::now();
        let got = loop {
            let got = self.ask(exchange, &target).await?;
            match self.holds(exchange, &got) {
                Err(_) if exchange.until && begun.elapsed() < PATIENCE => tokio::task::yield_now().await,
                Err(what) => return Err(format!("{what}\n        got {}", shown(&got))),
                Ok(()) => break got,
            }
        };
        if exchange.answers.iter().any(|answer| answer.behind) {
            origin.was_asked(before + exchange.answers.len()).await;
        }
        self.was_asked(exchange, &origin.asked()[before..])?;
        always::holds(exchange, &got).map_err(|what| format!("{what}\n        got {}", shown(&got)))
    }

    fn target(&self, suffix: &str) -> String {
        if suffix.contains("{here}") { self.filled(suffix) } else { format!("{}{suffix}", self.here) }
    }

    fn was_asked(&self, exchange: &Exchange, asked: &[Asked]) -> Result<(), String> {
        let expected = exchange.answers.len();
        let least = exchange.answers.iter().filter(|answer| !answer.perhaps).count();
        if asked.len() < least || (asked.len() > expected && !is_broken(exchange)) {
            let heads: String = asked.iter().map(|asked| format!("\n        {:?}", asked.head)).collect();
            return Err(format!("the origin was asked {} times and not {expected}{heads}", asked.len()));
        }
        for (answer, asked) in exchange.answers.iter().zip(asked) {
            let value = |name: &str| asked.field(name);
            for check in &answer.asked {
                self.check(check, &asked.method, value)
                    .map_err(|what| format!("the origin was asked: {what}\n        {:?}", asked.head))?;
            }
        }
        Ok(())
    }

    async fn ask(&self, exchange: &Exchange, target: &str) -> Result<Got, String> {
        let mut fields: Vec<String> = exchange.fields.iter().map(|field| self.filled(field)).collect();
        if !fields.iter().any(|field| field.starts_with("host:")) {
            fields.insert(0, "host: shop.example".to_string());
        }
        if !exchange.body.is_empty() {
            fields.push(format!("content-length: {}", exchange.body.len()));
        }
        let head = format!("{} {target} HTTP/1.1\r\n{}\r\n\r\n", exchange.method, fields.join("\r\n"));
        let mut client = Client::connect(self.stage.app.public_addresses()[0]).await;
        client.send(head + &exchange.body).await;
        let mut interim = Vec::new();
        loop {
            let mut got = client.head().await.ok_or("the connection ends without an answer")?;
            if got.status >= 200 {
                crate::stage::in_time("the body comes", client.body(&exchange.method, &mut got)).await;
                got.fields.extend(interim);
                return Ok(got);
            }
            interim.push(("interim".to_string(), got.status.to_string()));
        }
    }

    fn holds(&self, exchange: &Exchange, got: &Got) -> Result<(), String> {
        let expected = &exchange.expected;
        if !expected.statuses.is_empty() && !expected.statuses.contains(&got.status) {
            return Err(format!("{} and not {:?}", got.status, expected.statuses));
        }
        if expected.body.as_ref().is_some_and(|body| self.filled(body) != got.text()) {
            return Err(format!("{:?} and not {:?}", got.text(), expected.body.as_deref().unwrap_or_default()));
        }
        if got.complete == expected.broken {
            return Err(format!("the body is {}", if got.complete { "whole" } else { "cut short" }));
        }
        let value = |name: &str| got.fields.iter().any(|(own, _)| own == name).then(|| got.all(name));
        expected.checks.iter().try_for_each(|check| self.check(check, &exchange.method, value))
    }

    fn check(&self, check: &Check, method: &str, value: impl Fn(&str) -> Option<String>) -> Result<(), String> {
        let parts = |name: &str| -> Vec<String> {
            value(name).unwrap_or_default().split([',', ';']).map(|part| part.trim().to_string()).collect()
        };
        let holds = match check {
            Check::Method(expected) => method == expected,
            Check::Is(name, expected) => value(name) == Some(self.filled(expected)),
            Check::Some(name) => value(name).is_some(),
            Check::None(name) => value(name).is_none(),
            Check::Has(name, part) => parts(name).contains(&self.filled(part)),
            Check::Lacks(name, part) => !parts(name).contains(&self.filled(part)),
            Check::Begins(name, text) => value(name).is_some_and(|value| value.starts_with(text)),
        };
        if holds { Ok(()) } else { Err(format!("not {check:?}")) }
    }

    fn line(&self, answer: &Answer) -> Line {
        let fields: String = answer.fields.iter().map(|field| format!("{}\r\n", self.filled(field))).collect();
        let (says, takes, clock) = (answer.says.clone(), answer.takes, self.stage.clock.clone());
        made(move |asked| {
            clock.advance(takes);
            match &says {
                Says::Close => raw("").then_closes(),
                Says::Reset => raw("").then_resets(),
                Says::Raw(text) => raw(text.clone()),
                Says::RawClose(text) => raw(text.clone()).then_closes(),
                Says::Status(304, _) => raw(response(304, "", &(validator(&fields, asked) + &fields), &asked.method)),
                Says::Status(status, body) => raw(response(*status, body, &fields, &asked.method)),
            }
        })
    }

    /// A text with its place-holders filled.
    fn filled(&self, text: &str) -> String {
        dates::filled(&text.replace("{here}", &self.here), self.start)
    }
}

/// Whether the origin answers no more: then it may be asked again.
fn is_broken(exchange: &Exchange) -> bool {
    exchange.answers.last().is_some_and(|answer| match &answer.says {
        Says::Close | Says::Reset => true,
        Says::RawClose(text) => !text.is_empty() && !text.contains("\r\n\r\n"),
        Says::Raw(_) | Says::Status(..) => false,
    })
}

/// What a 304 has to repeat (RFC 9110 15.4.5) where it says nothing else: the validator that it was asked about.
fn validator(fields: &str, asked: &Asked) -> String {
    if fields.contains("etag:") || fields.contains("last-modified:") {
        return String::new();
    }
    let tag = asked.field("if-none-match").map(|tag| format!("etag: {tag}\r\n"));
    let date = || asked.field("if-modified-since").map(|date| format!("last-modified: {date}\r\n"));
    tag.or_else(date).unwrap_or_default()
}

/// The bytes of an answer: framed by its length, where it may have content at all.
fn response(status: u16, body: &str, fields: &str, method: &str) -> String {
    let told = fields.to_ascii_lowercase();
    let has_none = matches!(status, 204 | 304) || told.contains("content-length:");
    let length = if has_none { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    let body = if matches!(status, 204 | 304) || method == "HEAD" { "" } else { body };
    format!("HTTP/1.1 {status} Phrase\r\n{length}{fields}\r\n{body}")
}

fn shown(got: &Got) -> String {
    let fields: Vec<String> = got.fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    format!("{} {:?} [{}]", got.status, got.text(), fields.join(" | "))
}
