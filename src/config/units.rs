//! Durations and sizes as people write them.

use std::time::Duration;

/// What a duration looks like, for messages.
pub(super) const DURATION_FORM: &str = "a whole number with ms, s, m, h or d, such as 5m";
/// What a size looks like, for messages.
pub(super) const SIZE_FORM: &str = "a whole number with B, KiB, MiB or GiB, such as 256MiB";

/// The longest duration that can be written: a hundred years, far from every overflow.
const DURATION_MAX: Duration = Duration::from_hours(24 * 366 * 100);

/// `250ms`, `2s`, `5m`, `8h`, `7d`; zero may stand without a unit.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let seconds = |factor: u64| number.checked_mul(factor).map(Duration::from_secs);
    let duration = match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => seconds(1),
        "m" => seconds(60),
        "h" => seconds(60 * 60),
        "d" => seconds(24 * 60 * 60),
        "" if number == 0 => Some(Duration::ZERO),
        _ => None,
    };
    duration.filter(|duration| *duration <= DURATION_MAX)
}

/// `512B`, `64KiB`, `256MiB`, `1GiB`.
pub(super) fn size(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let factor = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

fn split(text: &str) -> Option<(u64, &str)> {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    Some((digits.parse().ok()?, unit))
}

/// A duration in the shortest form that reads back as the same.
pub(super) fn show(duration: Duration) -> String {
    let millis = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let whole = units.into_iter().find(|(unit, _)| millis > 0 && millis.is_multiple_of(*unit));
    whole.map_or_else(|| format!("{millis}ms"), |(unit, name)| format!("{}{name}", millis / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read_or_refused() {
        for (text, millis) in
            [("250ms", 250), ("2s", 2_000), ("5m", 300_000), ("8h", 28_800_000), ("7d", 604_800_000), ("0", 0)]
        {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "5", "5 m", "5 minutes", "-5m", "1.5h", "m", "5M", "99999999999999999999s", "9999999d"] {
            assert_eq!(duration(text), None, "{text}");
        }
        for (text, bytes) in [("512B", 512), ("64KiB", 65_536), ("1GiB", 1 << 30), ("0B", 0)] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in ["", "5", "5MB", "5 MiB", "1.5GiB", "99999999999999999999GiB", "18446744073709551615KiB"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_shown_as_they_can_be_written() {
        for text in ["250ms", "90s", "5m", "8h", "7d"] {
            assert_eq!(show(duration(text).unwrap()), text);
        }
    }
}
