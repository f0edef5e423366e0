//! Dates in rows: `{t+60}` and its kin.

use std::time::Duration;
use vitrine::clock::Timestamp;

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A text with its dates filled, as seen from a row's beginning.
pub fn filled(text: &str, start: Timestamp) -> String {
    let Some((before, rest)) = text.split_once('{') else { return text.to_string() };
    let (inner, after) = rest.split_once('}').expect("a place-holder ends");
    format!("{before}{}{}", date(inner, start), filled(after, start))
}

fn date(inner: &str, start: Timestamp) -> String {
    let (moment, shape) = inner.split_once(' ').unwrap_or((inner, "%a, %d %b %Y %H:%M:%S GMT"));
    let (case, offset) = moment.split_once('t').expect("a place-holder is a date");
    let seconds: i64 = if offset.is_empty() { 0 } else { offset.parse().expect("seconds") };
    let apart = Duration::from_secs(seconds.unsigned_abs());
    let wall = start.to_system_time();
    let proper = shaped(shape, &httpdate::fmt_http_date(if seconds < 0 { wall - apart } else { wall + apart }));
    match case {
        "^" => proper.to_uppercase(),
        "_" => proper.to_lowercase(),
        _ => proper,
    }
}

/// `date` is as in `Tue, 24 Nov 2026 12:00:00 GMT`.
fn shaped(shape: &str, date: &str) -> String {
    let day = DAYS.iter().find(|day| day.starts_with(&date[..3])).expect("a day");
    [
        ("%a", &date[..3]),
        ("%A", day),
        ("%d", &date[5..7]),
        ("%e", &format!("{:>2}", date[5..7].trim_start_matches('0'))),
        ("%b", &date[8..11]),
        ("%Y", &date[12..16]),
        ("%y", &date[14..16]),
        ("%H", &date[17..19]),
        ("%k", date[17..19].trim_start_matches('0')),
        ("%M", &date[20..22]),
        ("%S", &date[23..25]),
    ]
    .iter()
    .fold(shape.to_string(), |text, (letter, value)| text.replace(letter, value))
}

#[test]
fn dates_take_every_shape() {
    let noon = crate::stage::NOON;
    for (text, expected) in [
        ("a {t} b {t-60}", "a Tue, 24 Nov 2026 12:00:00 GMT b Tue, 24 Nov 2026 11:59:00 GMT"),
        ("{t+3600 %A, %d-%b-%y %H:%M:%S GMT}", "Tuesday, 24-Nov-26 13:00:00 GMT"),
        ("{t+604800 %a %b %e %H:%M:%S %Y}", "Tue Dec  1 12:00:00 2026"),
        ("{^t %a}{_t %b}", "TUEnov"),
    ] {
        assert_eq!(filled(text, noon), expected);
    }
}
