//! Moments as log lines and answers show them.

use crate::clock::Timestamp;
use crate::digits::fill_decimal;
use std::fmt;

/// Bytes of a moment's text.
pub(super) const RFC_3339_BYTES: usize = 24;

/// A moment as RFC 3339 has it, in UTC with milliseconds.
pub fn rfc3339(time: Timestamp) -> impl fmt::Display {
    Shown(time)
}

struct Shown(Timestamp);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(Dated::new().at(self.0)).unwrap_or_default())
    }
}

/// Writes moments one after the other: most are in the second of the one before, and differ in their milliseconds alone.
pub(super) struct Dated {
    text: [u8; RFC_3339_BYTES],
    /// The second whose text it is.
    second: u64,
}

impl Dated {
    /// With the text of the first second there is.
    pub(super) const fn new() -> Dated {
        Dated { text: *b"1970-01-01T00:00:00.000Z", second: 0 }
    }

    /// The text of a moment.
    pub(super) fn at(&mut self, time: Timestamp) -> &[u8; RFC_3339_BYTES] {
        if self.second != time.as_secs() {
            self.second = time.as_secs();
            self.turn();
        }
        fill_decimal(&mut self.text[20..23], time.as_millis());
        &self.text
    }

    fn turn(&mut self) {
        let (seconds, text) = (self.second, &mut self.text);
        let (year, month, day) = civil(seconds / 86_400);
        let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
        fill_decimal(&mut text[..4], year);
        fill_decimal(&mut text[5..7], month);
        fill_decimal(&mut text[8..10], day);
        fill_decimal(&mut text[11..13], hour);
        fill_decimal(&mut text[14..16], minute);
        fill_decimal(&mut text[17..19], second);
    }
}

/// Year, month and day of a day since 1970. Years are counted from March, so that the leap day is a year's last; 400 such
/// years always have 146,097 days.
fn civil(day: u64) -> (u64, u64, u64) {
    const DAYS_BEFORE_1970: u64 = 719_468;
    let day = day + DAYS_BEFORE_1970;
    let (era, in_era) = (day / 146_097, day % 146_097);
    let year_in_era = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year_in_era + year_in_era / 4 - year_in_era / 100);
    // From March on, five months have 153 days: 31, 30, 31, 30, 31.
    let march_month = (5 * in_year + 2) / 153;
    let day_of_month = in_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_in_era + u64::from(month <= 2), month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_shown_in_utc() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"),
            (1_709_251_199_001, "2024-02-29T23:59:59.001Z"),
            (1_709_251_200_000, "2024-03-01T00:00:00.000Z"),
            (4_102_444_800_000, "2100-01-01T00:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(Timestamp(millis)).to_string(), text);
        }
    }

    #[test]
    fn what_was_shown_before_changes_nothing() {
        let mut dated = Dated::new();
        for millis in [0, 999, 1_000, 1_709_251_199_001, 1_709_251_199_000, 1_709_251_200_000, 1_001, 5] {
            let time = Timestamp(millis);
            assert_eq!(dated.at(time), rfc3339(time).to_string().as_bytes());
        }
    }

    #[test]
    fn every_day_agrees_with_the_date_library() {
        for day in (0..80_000_u64).step_by(37) {
            let moment = Timestamp(day * 86_400_000);
            let shown = rfc3339(moment).to_string();
            let dated = httpdate::fmt_http_date(moment.to_system_time());
            assert_eq!(shown[8..10], dated[5..7], "{shown} {dated}");
            assert_eq!(shown[..4], dated[12..16], "{shown} {dated}");
        }
    }
}
