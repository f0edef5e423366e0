//! A price: whole cents, never a float.

use std::fmt;

/// The dearest thing this shop can sell, so that every sum fits.
const CENTS_MAX: i64 = 100_000_000;

/// An amount of euros, in cents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Price(pub(crate) i64);

impl Price {
    /// Reads `49.90`, `49,9` or `49`. Nothing signed, nothing free, nothing beyond a million.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (euros, cents) = text.split_once(['.', ',']).unwrap_or((text, "0"));
        let digits =
            |part: &str, longest| (1..=longest).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(euros, 9) || !digits(cents, 2) {
            return None;
        }
        let tens = if cents.len() == 1 { 10 } else { 1 };
        let total = euros.parse::<i64>().ok()? * 100 + cents.parse::<i64>().ok()? * tens;
        (1..=CENTS_MAX).contains(&total).then_some(Self(total))
    }

    /// `49.90`, as a form field or a webhook carries it.
    pub(crate) fn plain(self) -> String {
        format!("{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "€{}", self.plain())
    }
}

#[cfg(test)]
mod tests {
    use super::Price;

    #[test]
    fn what_is_a_price() {
        for (text, cents) in [
            ("49.90", Some(4990)),
            (" 49,9 ", Some(4990)),
            ("49", Some(4900)),
            ("0.01", Some(1)),
            ("1000000", Some(100_000_000)),
            ("1000000.01", None),
            ("0", None),
            ("-1", None),
            ("+1", None),
            ("1.234", None),
            ("1.", None),
            (".5", None),
            ("1.+5", None),
            ("free", None),
            ("", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(Price::parse(text), cents.map(Price), "{text}");
        }
    }

    #[test]
    fn how_it_is_written() {
        assert_eq!(Price(4905).to_string(), "€49.05");
        assert_eq!(Price(5).plain(), "0.05");
    }
}
