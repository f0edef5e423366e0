//! `Accept-Encoding` (RFC 9110 12.5.3).

use super::{Fields, list_items};
use crate::coding::Coding;
use http::header;

/// The weight of what is preferred to all else, in thousandths.
const WEIGHT_MAX: u16 = 1_000;

/// What a request says of content codings: a weight in thousandths for each, nothing for what it does not accept.
///
/// Read in one pass and without an allocation. What cannot be read accepts nothing, so that garbage is answered with the content as
/// it is; and of what is said twice, the lesser counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptedCodings {
    weights: [u16; Coding::ALL.len()],
    /// That of content as it is, where it is named or `*` speaks of it. Else it is accepted too, but preferred to nothing.
    identity: u16,
}

impl AcceptedCodings {
    /// What a request accepts. Without the field it is taken for one that knows no coding, as most that send none do.
    pub fn of(request: &impl Fields) -> AcceptedCodings {
        AcceptedCodings::among(list_items(request, &header::ACCEPT_ENCODING))
    }

    /// What one line of the field accepts.
    pub fn of_line(line: &str) -> AcceptedCodings {
        AcceptedCodings::among(line.split(',').map(str::trim).filter(|item| !item.is_empty()))
    }

    fn among<'a>(items: impl Iterator<Item = &'a str>) -> AcceptedCodings {
        let (mut named, mut identity, mut any) = ([None; Coding::ALL.len()], None, None);
        for item in items {
            let (name, weight) = match item.split_once(';') {
                Some((name, parameter)) => (name.trim_end(), weight(parameter.trim_start()).unwrap_or(0)),
                None => (item, WEIGHT_MAX),
            };
            let own = match Coding::of_name(name) {
                Some(coding) => &mut named[coding.index()],
                None if name == "*" => &mut any,
                None if name.eq_ignore_ascii_case("identity") => &mut identity,
                None => continue,
            };
            *own = Some(own.map_or(weight, |before: u16| before.min(weight)));
        }
        let unnamed = any.unwrap_or(0);
        AcceptedCodings { weights: named.map(|own| own.unwrap_or(unnamed)), identity: identity.unwrap_or(unnamed) }
    }

    /// Whether content may be sent in this coding.
    pub fn accepts(&self, coding: Coding) -> bool {
        self.weights[coding.index()] > 0
    }

    /// The place of the one that suits best: of those that weigh the most, the first. None where the content is better sent as it is,
    /// which whoever refuses all that there is gets too (12.5.3: it may be sent, where 406 would help nobody).
    pub fn best(&self, codings: impl Iterator<Item = Coding>) -> Option<usize> {
        let mut best = None;
        let mut most = 0;
        for (place, coding) in codings.enumerate() {
            let weight = self.weights[coding.index()];
            if weight > most && weight >= self.identity {
                (best, most) = (Some(place), weight);
            }
        }
        best
    }
}

/// `q=` with a number from 0 to 1 of at most three decimals (12.4.2).
fn weight(parameter: &str) -> Option<u16> {
    let value = parameter.strip_prefix(['q', 'Q'])?.strip_prefix('=')?;
    let (whole, decimals) = value.split_once('.').unwrap_or((value, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths = decimals.bytes().zip([100, 10, 1]).map(|(digit, unit)| u16::from(digit - b'0') * unit).sum();
    match (whole, thousandths) {
        ("0", thousandths) => Some(thousandths),
        ("1", 0) => Some(WEIGHT_MAX),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderValue};
    use proptest::prelude::*;

    fn of(line: &str) -> AcceptedCodings {
        let request =
            HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_bytes(line.as_bytes()).unwrap())]);
        AcceptedCodings::of(&request)
    }

    #[test]
    fn codings_are_accepted_by_name_weight_and_star() {
        // What is accepted, and what is chosen of all three in our own order.
        let table = [
            ("gzip", "gzip", "gzip"),
            ("gzip, deflate, br, zstd", "br zstd gzip", "br"),
            ("br;q=0.5, GZIP;q=0.8, zstd;q=0.8", "br zstd gzip", "zstd"),
            ("br ; q=0.1,gzip;Q=1.000", "br gzip", "gzip"),
            ("gzip;q=0", "", "-"),
            ("gzip; q=0.000, br", "br", "br"),
            ("x-gzip", "gzip", "gzip"),
            ("x-gzip;q=0, gzip", "", "-"),
            ("gzip, gzip;q=0", "", "-"),
            ("*", "br zstd gzip", "br"),
            ("*;q=0", "", "-"),
            ("br;q=0, *", "zstd gzip", "zstd"),
            ("*;q=0, gzip", "gzip", "gzip"),
            ("gzip;q=0.5, *;q=0.1", "br zstd gzip", "gzip"),
            ("identity", "", "-"),
            ("identity, gzip;q=0.5", "gzip", "-"),
            ("identity, gzip", "gzip", "gzip"),
            ("identity;q=0.5, gzip;q=0.4, br;q=0.6", "br gzip", "br"),
            ("identity;q=0", "", "-"),
            ("identity;q=0, gzip;q=0.001", "gzip", "gzip"),
            ("gzip;q=0.5, *;q=0.8", "br zstd gzip", "br"),
            ("gzip;q=0.5, *;q=0.8, br;q=0, zstd;q=0", "gzip", "-"),
            ("", "", "-"),
            (",, ,", "", "-"),
            ("xyz, deflate", "", "-"),
            ("gzip;q=2", "", "-"),
            ("gzip;q=1.001", "", "-"),
            ("gzip;q=0.1234", "", "-"),
            ("gzip;q=-1", "", "-"),
            ("gzip;q=", "", "-"),
            ("gzip;q", "", "-"),
            ("gzip;level=1", "", "-"),
            ("gzip;q=1;q=1", "", "-"),
            ("gzip;", "", "-"),
            ("gzip br", "", "-"),
            ("\"gzip\"", "", "-"),
            ("\"gzip, br", "", "-"),
            ("gzip;q=nan, br;q=inf, zstd;q=1e0", "", "-"),
            ("gzip;q=0., br;q=1.", "br", "br"),
            ("é, gzip", "", "-"),
        ];
        for (line, accepted, best) in table {
            let own = of(line);
            let names: Vec<&str> =
                Coding::ALL.into_iter().filter(|own_| own.accepts(*own_)).map(Coding::as_str).collect();
            assert_eq!(names.join(" "), accepted, "{line}");
            let place = own.best(Coding::ALL.into_iter());
            assert_eq!(place.map_or("-", |place| Coding::ALL[place].as_str()), best, "{line}");
        }
        let none = AcceptedCodings::of(&HeaderMap::new());
        assert_eq!(none, of("xyz"));
        let mut two = HeaderMap::new();
        two.append(header::ACCEPT_ENCODING, HeaderValue::from_static("br;q=0.1"));
        two.append(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        assert_eq!(AcceptedCodings::of(&two), of("br;q=0.1, gzip"));
        assert_eq!(AcceptedCodings::of_line("br;q=0.1 , ,gzip"), of("br;q=0.1, gzip"));
    }

    #[test]
    fn of_what_is_there_the_heaviest_is_chosen_and_then_the_first() {
        let choose = |line: &str, there: &[Coding]| of(line).best(there.iter().copied()).map(|place| there[place]);
        let (br, zstd, gzip) = (Coding::Brotli, Coding::Zstd, Coding::Gzip);
        assert_eq!(choose("br, gzip", &[gzip]), Some(gzip));
        assert_eq!(choose("br, gzip", &[gzip, br]), Some(gzip), "as heavy: the first");
        assert_eq!(choose("br, gzip;q=0.9", &[gzip, br]), Some(br));
        assert_eq!(choose("zstd", &[gzip, br]), None);
        assert_eq!(choose("*", &[zstd]), Some(zstd));
        assert_eq!(choose("gzip, br", &[]), None);
    }

    /// One item, and what it says, told without the reader.
    fn item() -> impl Strategy<Value = (String, Option<(usize, u16)>)> {
        let names = prop_oneof![
            Just(("br", Some(0))),
            Just(("zStd", Some(1))),
            Just(("gzip", Some(2))),
            Just(("X-gzip", Some(2))),
            Just(("identity", Some(3))),
            Just(("*", Some(4))),
            Just(("deflate", None)),
        ];
        (names, proptest::option::of(0..=1_000_u16), "[ \t]{0,2}").prop_map(|((name, place), weight, blank)| {
            let told = weight.map(|own| format!("{blank};{blank}q={}.{:03}", own / 1_000, own % 1_000));
            (format!("{name}{}", told.unwrap_or_default()), place.map(|place| (place, weight.unwrap_or(1_000))))
        })
    }

    proptest! {
        #[test]
        fn what_is_well_formed_is_read_as_it_is_meant(items in proptest::collection::vec(item(), 0..8)) {
            let line = items.iter().map(|(text, _)| &**text).collect::<Vec<_>>().join(" ,");
            let said = |place| items.iter().filter_map(|(_, said)| *said).filter(|(own, _)| *own == place).map(|(_, w)| w).min();
            let weight = |place| said(place).or(said(4)).unwrap_or(0);
            let own = of(&line);
            prop_assert_eq!(own, AcceptedCodings { weights: [weight(0), weight(1), weight(2)], identity: weight(3) });
            let best = own.best(Coding::ALL.into_iter()).map_or(0, |place| own.weights[place]);
            let most = own.weights.into_iter().max().unwrap_or(0);
            prop_assert_eq!(best, if most >= own.identity { most } else { 0 });
        }

        #[test]
        fn any_line_is_read_to_its_end(line in "[ -~\t]{0,60}") {
            let own = of(&line);
            prop_assert!(own.weights.into_iter().chain([own.identity]).all(|weight| weight <= WEIGHT_MAX));
        }
    }
}
