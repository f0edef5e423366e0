//! Tables of rows, read: each row is a script of exchanges, written down as it would stand on the wire.
//!
//! ```text
//! == what the row shows (section)
//! @ value                        the row is played once for each; `{}` stands for it, in the name as well
//! > GET /suffix                  the client asks; `>*` again until the answer is as expected
//! > name: value                  with this field; `body: …` is the content
//! >> if-none-match: "1"          what the origin is asked, before its answer: a method or a check
//! << 200 content                 the origin answers: once for each time that it is to be asked, and not at all for a hit
//! << name: value                 with this field; a 304 without a validator repeats the one that it was asked about
//! << takes 2                     and these seconds pass meanwhile
//! << behind                      when the client has its answer already
//! << perhaps                     or the origin is not asked: either will do
//! << close, reset                in place of an answer, now and ever after
//! << raw, raw-close HTTP/1.1 …   these bytes, with `\r\n` for the ends of lines
//! < 200 content                  what the client gets; `-` for no content; `502/504` one or the other; `broken` cut short
//! < name: value                  a field, its lines joined; `!name`: none; `name`: any; or `name has`, `lacks`, `begins` so and so
//! < interim: 103                what came before it
//! wait 61                        seconds, or `500ms`
//! origin gone                    nobody listens any more
//! ```
//!
//! `{t+60}` is the date a minute after the row began, and `{t+60 %A, %d-%b-%y %H:%M:%S GMT}` the same in another shape, `{^t}` in
//! capitals, `{_t}` in small letters; `{here}` is the row's own path.

use std::time::Duration;

/// A row.
pub struct Row {
    pub name: String,
    pub steps: Vec<Step>,
}

/// What happens in it.
#[derive(Clone)]
pub enum Step {
    Exchange(Exchange),
    Wait(Duration),
    /// The origin listens no more.
    Gone,
}

/// One request of a client's, and what follows from it.
#[derive(Clone, Default)]
pub struct Exchange {
    /// Where it stands in its table.
    pub line: usize,
    pub method: String,
    pub suffix: String,
    pub fields: Vec<String>,
    pub body: String,
    /// Whether it is asked until the answer is as expected.
    pub until: bool,
    pub answers: Vec<Answer>,
    pub expected: Expected,
}

/// One answer of the origin's.
#[derive(Clone, Default)]
pub struct Answer {
    pub says: Says,
    pub fields: Vec<String>,
    pub takes: Duration,
    pub behind: bool,
    pub perhaps: bool,
    /// What it is to have been asked.
    pub asked: Vec<Check>,
}

#[derive(Clone, Default)]
pub enum Says {
    #[default]
    Close,
    Reset,
    Raw(String),
    RawClose(String),
    Status(u16, String),
}

/// What the client is to get.
#[derive(Clone, Default)]
pub struct Expected {
    /// One of these; none: any.
    pub statuses: Vec<u16>,
    pub body: Option<String>,
    /// Whether the body ends before its end.
    pub broken: bool,
    pub checks: Vec<Check>,
}

#[derive(Clone, Debug)]
pub enum Check {
    Method(String),
    Is(String, String),
    Some(String),
    None(String),
    Has(String, String),
    Lacks(String, String),
    Begins(String, String),
}

/// Reads a table.
pub fn rows(table: &str) -> Vec<Row> {
    let mut blocks: Vec<(usize, Vec<&str>)> = Vec::new();
    for (place, line) in table.lines().enumerate() {
        match blocks.last_mut() {
            _ if line.starts_with("== ") => blocks.push((place + 1, vec![line])),
            Some((_, lines)) => lines.push(line),
            None => assert!(line.is_empty() || line.starts_with('#'), "line {}: no row yet: {line}", place + 1),
        }
    }
    blocks.iter().flat_map(|(start, lines)| expanded(*start, lines)).collect()
}

/// One row for each of its values.
fn expanded(start: usize, lines: &[&str]) -> Vec<Row> {
    let values: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("@ ")).collect();
    let values = if values.is_empty() { vec![""] } else { values };
    values.into_iter().map(|value| row(start, &lines.join("\n").replace("{}", value))).collect()
}

fn row(start: usize, text: &str) -> Row {
    let mut row = Row { name: String::new(), steps: Vec::new() };
    let mut asked = Vec::new();
    for (place, line) in text.lines().enumerate() {
        let place = start + place;
        let Some((sign, rest)) = line.split_once(' ') else {
            assert!(line.is_empty(), "line {place}: {line}");
            continue;
        };
        match sign {
            "==" => row.name = rest.to_string(),
            "#" | "@" => {}
            ">" | ">*" if is_request(rest) => row.steps.push(Step::Exchange(exchange(place, rest, sign == ">*"))),
            "wait" => row.steps.push(Step::Wait(duration(rest))),
            "origin" => row.steps.push(Step::Gone),
            _ => {
                let Some(Step::Exchange(exchange)) = row.steps.last_mut() else { panic!("line {place}: {line}") };
                match sign {
                    ">" => exchange.takes_field(rest),
                    ">>" => asked.push(check(rest)),
                    "<<" => exchange.takes_answer(rest, &mut asked),
                    "<" => exchange.expects(rest),
                    _ => panic!("line {place}: {line}"),
                }
            }
        }
    }
    row
}

/// A request line has no colon in its first word.
fn is_request(text: &str) -> bool {
    !text.split(' ').next().unwrap_or_default().contains(':')
}

fn exchange(line: usize, request: &str, until: bool) -> Exchange {
    let (method, suffix) = request.split_once(' ').unwrap_or((request, ""));
    Exchange { line, method: method.to_string(), suffix: suffix.to_string(), until, ..Exchange::default() }
}

fn duration(text: &str) -> Duration {
    match text.strip_suffix("ms") {
        Some(ms) => Duration::from_millis(ms.parse().expect("milliseconds")),
        None => Duration::from_secs(text.parse().expect("seconds")),
    }
}

impl Exchange {
    fn takes_field(&mut self, text: &str) {
        match text.strip_prefix("body: ") {
            Some(body) => self.body = body.to_string(),
            None => self.fields.push(text.to_string()),
        }
    }

    fn takes_answer(&mut self, text: &str, asked: &mut Vec<Check>) {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let says = match word {
            "close" => Says::Close,
            "reset" => Says::Reset,
            "raw" => Says::Raw(rest.replace("\\r\\n", "\r\n")),
            "raw-close" => Says::RawClose(rest.replace("\\r\\n", "\r\n")),
            _ => match word.parse() {
                Ok(status) => Says::Status(status, rest.to_string()),
                Err(_) => return self.adds_to_answer(word, text),
            },
        };
        self.answers.push(Answer { says, asked: std::mem::take(asked), ..Answer::default() });
    }

    fn adds_to_answer(&mut self, word: &str, text: &str) {
        let answer = self.answers.last_mut().expect("an answer begins with its status");
        match word {
            "takes" => answer.takes = duration(text.trim_start_matches("takes ")),
            "behind" => answer.behind = true,
            "perhaps" => answer.perhaps = true,
            _ => answer.fields.push(text.to_string()),
        }
    }

    fn expects(&mut self, text: &str) {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let statuses: Result<Vec<u16>, _> = word.split('/').map(str::parse).collect();
        match statuses {
            Ok(statuses) => {
                self.expected.statuses = statuses;
                self.expected.body = match rest {
                    "" => None,
                    "-" => Some(String::new()),
                    body => Some(body.to_string()),
                };
            }
            Err(_) if text == "broken" => self.expected.broken = true,
            Err(_) => self.expected.checks.push(check(text)),
        }
    }
}

fn check(text: &str) -> Check {
    if let Some(name) = text.strip_prefix('!') {
        return Check::None(name.to_string());
    }
    let Some(end) = text.find([':', ' ']) else {
        let is_method = text.starts_with(|letter: char| letter.is_ascii_uppercase());
        return if is_method { Check::Method(text.to_string()) } else { Check::Some(text.to_string()) };
    };
    let (name, rest) = (text[..end].to_string(), &text[end..]);
    match rest.split_once(' ') {
        Some((":", value)) => Check::Is(name, value.to_string()),
        None if rest == ":" => Check::Is(name, String::new()),
        Some(("", rest)) => match rest.split_once(' ') {
            Some(("has", part)) => Check::Has(name, part.to_string()),
            Some(("lacks", part)) => Check::Lacks(name, part.to_string()),
            Some(("begins", text)) => Check::Begins(name, text.to_string()),
            _ => panic!("no check: {text}"),
        },
        _ => panic!("no check: {text}"),
    }
}
