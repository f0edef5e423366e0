//! Dates in their three shapes, and Age.

use super::scene::{LONGEST, NOON, exchange, under, values};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::time::Duration;
use vitrine::clock::Timestamp;
use vitrine::policy::{Exchange, age};

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// Any date: what is accepted is one of RFC 9110's three shapes, says what is then read, and survives being written.
pub(super) fn date(bytes: &[u8]) {
    let lines = values(bytes);
    let fields = under(&header::EXPIRES, &lines);
    let read = age::date(&fields, &header::EXPIRES, NOON);
    let [line] = &lines[..] else {
        assert_eq!(read, None, "none and several are no date");
        return;
    };
    let lower = line.to_str().unwrap_or_default().to_ascii_lowercase();
    let Some(read) = read else {
        assert!(!is_plain(&lower), "{lower}");
        return;
    };
    let written = httpdate::fmt_http_date(read.to_system_time());
    let again = under(&header::EXPIRES, &[HeaderValue::try_from(&written).unwrap()]);
    assert_eq!(age::date(&again, &header::EXPIRES, NOON), Some(read), "{lower}");
    assert_eq!(read.as_millis() % 1000, 0);
    let mut numbers = numbers(&lower).unwrap_or_else(|| panic!("no date of RFC 9110 is accepted: {lower}"));
    // A leap second is taken for the one before it.
    numbers[0] = numbers[0].min(59);
    let written = numbers_of_imf(&written.to_ascii_lowercase()).unwrap();
    assert_eq!((&numbers[..5], numbers[5] % 100), (&written[..5], written[5] % 100), "{lower}");
    let upper = under(&header::EXPIRES, &[HeaderValue::try_from(lower.to_ascii_uppercase()).unwrap()]);
    assert_eq!(age::date(&upper, &header::EXPIRES, NOON), Some(read), "case says nothing: {lower}");
}

/// Second, minute, hour, day, month and year of a date in one of the three shapes, in lower case.
fn numbers(text: &str) -> Option<[u32; 6]> {
    numbers_of_imf(text).or_else(|| numbers_of_850(text)).or_else(|| numbers_of_asctime(text))
}

/// `sun, 06 nov 1994 08:49:37 gmt`
fn numbers_of_imf(text: &str) -> Option<[u32; 6]> {
    let (day_name, rest) = text.strip_suffix(" gmt")?.split_once(", ")?;
    let parts: Vec<&str> = rest.split(' ').collect();
    let [day, month, year, time] = parts[..] else { return None };
    is_day(day_name, 3).then_some(())?;
    assembled(time, number(day, 2)?, month, number(year, 4)?)
}

/// `sunday, 06-nov-94 08:49:37 gmt`
fn numbers_of_850(text: &str) -> Option<[u32; 6]> {
    let (day_name, rest) = text.strip_suffix(" gmt")?.split_once(", ")?;
    let (date, time) = rest.split_once(' ')?;
    let parts: Vec<&str> = date.split('-').collect();
    let [day, month, year] = parts[..] else { return None };
    is_day(day_name, usize::MAX).then_some(())?;
    assembled(time, number(day, 2)?, month, number(year, 2)?)
}

/// `sun nov  6 08:49:37 1994`
fn numbers_of_asctime(text: &str) -> Option<[u32; 6]> {
    let (day_name, month) = (text.get(..3)?, text.get(4..7)?);
    let (day, time, year) = (text.get(8..10)?, text.get(11..19)?, text.get(20..)?);
    let blanks = [3, 7, 10, 19].iter().all(|at| text.as_bytes()[*at] == b' ');
    (is_day(day_name, 3) && blanks).then_some(())?;
    let day = day.strip_prefix(' ').map_or_else(|| number(day, 2), |day| number(day, 1))?;
    assembled(time, day, month, number(year, 4)?)
}

fn assembled(time: &str, day: u32, month: &str, year: u32) -> Option<[u32; 6]> {
    let parts: Vec<&str> = time.split(':').collect();
    let [hour, minute, second] = parts[..] else { return None };
    let month = MONTHS.iter().position(|own| *own == month)?;
    Some([number(second, 2)?, number(minute, 2)?, number(hour, 2)?, day, u32::try_from(month).ok()?, year])
}

fn is_day(name: &str, length: usize) -> bool {
    DAYS.iter().any(|day| day[..day.len().min(length)] == *name)
}

fn number(text: &str, digits: usize) -> Option<u32> {
    (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// A date that nobody may refuse: in the usual shape, of this century, with the day of the week that it had.
fn is_plain(text: &str) -> bool {
    let Some([second, minute, hour, day, month, year]) = numbers_of_imf(text) else { return false };
    let in_range = second < 60 && minute < 60 && hour < 24 && (1..=28).contains(&day) && (1970..=9999).contains(&year);
    // Zeller's congruence counts January and February to the year before.
    let (shifted, year) = if month < 2 { (month + 13, year - 1) } else { (month + 1, year) };
    let weekday = (day + 13 * (shifted + 1) / 5 + year + year / 4 - year / 100 + year / 400 + 6) % 7;
    in_range && text.starts_with(&DAYS[weekday as usize][..3])
}

/// Any Age lines: the first counts, saturating; ages grow with time, and never beyond what can be told.
pub(super) fn age(bytes: &[u8]) {
    let lines = values(bytes);
    let fields = under(&header::AGE, &lines);
    let request = HeaderMap::new();
    let own = exchange(StatusCode::OK, &request, &fields);
    let initial = age::corrected_initial_age(&own);
    assert!(initial <= LONGEST && initial.subsec_nanos() == 0, "{lines:?}");
    let texts = lines.iter().filter_map(|line| line.to_str().ok());
    let first = texts.flat_map(|line| line.split(',')).map(|item| item.trim_matches([' ', '\t']));
    let first = first.filter(|item| !item.is_empty()).take(1).find(|item| !item.contains('"')).unwrap_or_default();
    let is_number = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
    let expected = first.trim_start_matches('0').parse().map_or(u64::MAX, |seconds: u64| seconds);
    let is_zero = !is_number || first.bytes().all(|byte| byte == b'0');
    let expected = if is_zero { Duration::ZERO } else { Duration::from_secs(expected).min(LONGEST) };
    assert_eq!(initial, expected, "{lines:?}");
    for later in [1, 999, 1_000, 1 << 31, u64::MAX - NOON.0] {
        let slower = Exchange { received: Timestamp(NOON.0 + later), ..own };
        let slow = age::corrected_initial_age(&slower);
        assert!(slow >= initial && slow >= Duration::from_millis(later).min(LONGEST) && slow <= LONGEST, "{lines:?}");
    }
}
