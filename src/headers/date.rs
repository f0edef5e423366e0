//! Dates (RFC 9110 5.6.7), in the three shapes that there are and no other. The library that writes them is not asked to read
//! them: it takes the names by their case, refuses a date whose day of the week is another's, and has a fixed century.

use crate::clock::Timestamp;

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
/// Letters of a day's short name.
const SHORT: usize = 3;
/// How far ahead of now a year of two digits may lie: one that seems further is the last one that ended so.
const YEARS_AHEAD_MAX: i64 = 50;

/// Reads a date; none where it has no shape of a date, lies before 1970, or is no day there is. Letter case says nothing, and
/// neither does the day of the week. `now` tells the century where the year has two digits.
pub fn http_date(text: &str, now: Timestamp) -> Option<Timestamp> {
    let parts = imf(text).or_else(|| rfc_850(text, now)).or_else(|| asctime(text))?;
    parts.to_timestamp()
}

struct Parts<'a> {
    year: i64,
    month: i64,
    day: &'a str,
    time: &'a str,
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
fn imf(text: &str) -> Option<Parts<'_>> {
    let (name, rest) = text.split_once(", ")?;
    is_day(name, SHORT..=SHORT).then_some(())?;
    let [day, month, year, time, zone] = fields(rest)?;
    (day.len() == 2 && is_zone(zone)).then_some(())?;
    Some(Parts { year: digits(year, 4)?, month: month_of(month)?, day, time })
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`
fn rfc_850(text: &str, now: Timestamp) -> Option<Parts<'_>> {
    let (name, rest) = text.split_once(", ")?;
    is_day(name, SHORT + 1..=usize::MAX).then_some(())?;
    let [date, time, zone] = fields(rest)?;
    let mut parts = date.split('-');
    let (Some(day), Some(month), Some(year), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return None;
    };
    (day.len() == 2 && is_zone(zone)).then_some(())?;
    let this_year = year_of(now);
    let in_this_century = this_year - this_year.rem_euclid(100) + digits(year, 2)?;
    // Over the end of a century, the next one's first years are near.
    let nearest = if in_this_century + YEARS_AHEAD_MAX < this_year { in_this_century + 100 } else { in_this_century };
    let year = if nearest > this_year + YEARS_AHEAD_MAX { nearest - 100 } else { nearest };
    Some(Parts { year, month: month_of(month)?, day, time })
}

/// `Sun Nov  6 08:49:37 1994`
fn asctime(text: &str) -> Option<Parts<'_>> {
    let (name, rest) = text.split_at_checked(SHORT)?;
    is_day(name, SHORT..=SHORT).then_some(())?;
    let (month, rest) = rest.strip_prefix(' ')?.split_once(' ')?;
    // The day is padded to two places with a blank.
    let (day, rest) = rest.split_at_checked(2)?;
    let [time, year] = fields(rest.strip_prefix(' ')?)?;
    let day = match day.strip_prefix(' ') {
        Some(one) => one,
        None => day,
    };
    Some(Parts { year: digits(year, 4)?, month: month_of(month)?, day, time })
}

impl Parts<'_> {
    fn to_timestamp(&self) -> Option<Timestamp> {
        let day = digits(self.day, self.day.len())?;
        let mut parts = self.time.split(':');
        let (Some(hour), Some(minute), Some(second), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let (hour, minute, second) = (digits(hour, 2)?, digits(minute, 2)?, digits(second, 2)?);
        // A leap second is the last one of its minute.
        let is_sound = (1..=days_in(self.year, self.month)).contains(&day) && hour < 24 && minute < 60 && second <= 60;
        let seconds = days_before(self.year, self.month, day) * 86_400 + hour * 3_600 + minute * 60 + second.min(59);
        is_sound.then(|| u64::try_from(seconds).ok()).flatten().map(|seconds| Timestamp(seconds * 1_000))
    }
}

/// Exactly so many fields with exactly one blank between them.
fn fields<const COUNT: usize>(text: &str) -> Option<[&str; COUNT]> {
    let mut parts = text.split(' ');
    let fields = std::array::from_fn(|_| parts.next().unwrap_or_default());
    (parts.next().is_none() && fields.iter().all(|field| !field.is_empty())).then_some(fields)
}

/// Whether it is a day's name of that many letters.
fn is_day(name: &str, letters: impl std::ops::RangeBounds<usize>) -> bool {
    let is_one = |day: &&str| {
        let full = day.eq_ignore_ascii_case(name);
        full || (name.len() == SHORT && day[..SHORT].eq_ignore_ascii_case(name))
    };
    letters.contains(&name.len()) && DAYS.iter().any(is_one)
}

fn is_zone(text: &str) -> bool {
    text.eq_ignore_ascii_case("gmt")
}

fn month_of(name: &str) -> Option<i64> {
    let place = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(name))?;
    i64::try_from(place).ok().map(|place| place + 1)
}

/// Exactly so many digits.
fn digits(text: &str, count: usize) -> Option<i64> {
    let is_number = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1 January 1970 until that day. Years are counted from March, so that the day that is not in each comes last.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    365 * year + year / 4 - year / 100 + year / 400 + of_year - 719_468
}

/// The year in which a moment lies, as near as a century needs: days are shared out evenly.
fn year_of(moment: Timestamp) -> i64 {
    // 400 years have so many days.
    const DAYS_OF_400_YEARS: i64 = 146_097;
    let days = i64::try_from(moment.0 / 86_400_000).unwrap_or(i64::MAX / 400);
    1970 + days * 400 / DAYS_OF_400_YEARS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Noon of 24 November 2026.
    const NOW: Timestamp = Timestamp(1_795_521_600_000);

    fn seconds(text: &str) -> Option<u64> {
        http_date(text, NOW).map(|moment| moment.0 / 1_000)
    }

    #[test]
    fn three_shapes_are_dates() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "SUN, 06 NOV 1994 08:49:37 gmt",
            "sunday, 06-nov-94 08:49:37 Gmt",
            // The day of the week says nothing that the date does not.
            "Mon, 06 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(seconds(text), Some(784_111_777), "{text}");
        }
        assert_eq!(seconds("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(seconds("Tue, 19 Jan 2038 14:14:08 GMT"), Some(2_147_523_248));
        assert_eq!(seconds("Sun, 21 Nov 2286 04:46:39 GMT"), Some(10_000_039_599));
        assert_eq!(seconds("Sat, 31 Dec 2016 23:59:60 GMT"), seconds("Sat, 31 Dec 2016 23:59:59 GMT"));
        assert!(seconds("Tue Nov 24 12:00:00 2026").is_some());
    }

    #[test]
    fn two_digits_of_a_year_are_at_most_fifty_ahead() {
        let year = |text: &str| seconds(text).map(|moment| year_of(Timestamp(moment * 1_000)));
        for (digits, expected) in [("26", 2026), ("50", 2050), ("76", 2076), ("77", 1977), ("99", 1999), ("00", 2000)] {
            assert_eq!(year(&format!("Monday, 01-Jul-{digits} 00:00:00 GMT")), Some(expected), "{digits}");
        }
        let in_2070 = Timestamp(3_155_760_000_000 + 86_400_000);
        assert_eq!(
            http_date("Monday, 01-Jul-19 00:00:00 GMT", in_2070),
            http_date("Mon, 01 Jul 2119 00:00:00 GMT", NOW)
        );
    }

    #[test]
    fn whatever_else_is_no_date() {
        for text in [
            "",
            "0",
            "-1",
            "Thu, 18 Aug 2050 02:01:18 UTC",
            "Thu, 18 Aug 2050 02:01:18 AEST",
            "Thu, 18 Aug 2050 02:01:18 +0000",
            "Thu, 18 Aug 2050 02:01:18",
            "Thu, 18 Aug 50 02:01:18 GMT",
            "Thu 18 Aug 2050 02:01:18 GMT",
            "Thu, 18  Aug  2050 02:01:18 GMT",
            "Thu,  18 Aug 2050 02:01:18 GMT",
            "Thu, 18-Aug-2050 02:01:18 GMT",
            "Thu, 18-Aug-50 02:01:18 GMT",
            "Thursday, 18 Aug 2050 02:01:18 GMT",
            "Thu, 18 Aug 2050 02.01.18 GMT",
            "Thu, 18 Aug 2050 2:01:18 GMT",
            "Thu, 18 Aug 2050 02:01 GMT",
            "Thu, 8 Aug 2050 02:01:18 GMT",
            "Thu, 30 Feb 2050 02:01:18 GMT",
            "Thu, 29 Feb 2100 02:01:18 GMT",
            "Thu, 00 Aug 2050 02:01:18 GMT",
            "Thu, 18 Aug 2050 24:00:00 GMT",
            "Thu, 18 Aug 2050 02:60:00 GMT",
            "Thu, 18 Aug 2050 02:01:61 GMT",
            "Thu, 18 August 2050 02:01:18 GMT",
            "Xyz, 18 Aug 2050 02:01:18 GMT",
            "Wed, 31 Dec 1969 23:59:59 GMT",
            "Thu Aug 8 02:01:18 2050",
            "Thu Aug  8 02:01:18 2050 GMT",
            "Thu Aug  8 02:01:18 50",
            " Thu, 18 Aug 2050 02:01:18 GMT",
            "Thu, 18 Aug 2050 02:01:18 GMT ",
            "Thu, +8 Aug 2050 02:01:18 GMT",
            "Thu, 18 Aug +050 02:01:18 GMT",
        ] {
            assert_eq!(seconds(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_the_library_writes_is_read_back(at in 0_u64..253_402_300_800) {
            let text = httpdate::fmt_http_date(Timestamp(at * 1_000).to_system_time());
            prop_assert_eq!(seconds(&text), Some(at));
        }

        #[test]
        fn nothing_makes_it_panic(text in "\\PC*", now in any::<u64>()) {
            let _ = http_date(&text, Timestamp(now));
        }
    }
}
