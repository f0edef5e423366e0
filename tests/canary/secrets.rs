//! Secrets, and where they turn up.
//!
//! Each begins with one mark and says whose it is, so that a response is searched for everybody's at once. Session ids are the
//! shop's: they are remembered as they are handed out.

use crate::parts::dice::Dice;
use std::collections::HashMap;
use std::sync::Mutex;

/// What every secret begins with.
const MARK: &str = "canary-";
/// Hexadecimal digits of the shop's session ids.
const ID_DIGITS: usize = 32;
/// For what both customers of a browser may see.
const BOTH: char = 'x';

/// Whose a secret is: a visitor's, and of which of the customers that share the browser; none: of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) visitor: usize,
    pub(crate) hand: Option<usize>,
}

impl Owner {
    /// A new secret. It is also a slug, a cookie's value and a piece of a query, so that it may stand everywhere.
    pub(crate) fn secret(self, what: &str, dice: &mut Dice) -> String {
        let hand = self.hand.map_or(BOTH, letter);
        format!("{MARK}{:04}-{hand}-{what}-{:08x}", self.visitor, dice.below(1 << 32))
    }

    /// Whether who asks as `reader` may see it.
    pub(crate) fn is_for(self, reader: Owner) -> bool {
        let is_of_other_hand = self.hand.is_some() && reader.hand.is_some() && self.hand != reader.hand;
        self.visitor == reader.visitor && !is_of_other_hand
    }
}

fn letter(hand: usize) -> char {
    char::from(b'a' + u8::try_from(hand).expect("there are two"))
}

/// The session ids that were handed out.
#[derive(Debug, Default)]
pub(crate) struct Ids(Mutex<HashMap<Box<str>, Owner>>);

impl Ids {
    /// Notes whom the shop gave an id.
    ///
    /// # Errors
    /// It was given to somebody before.
    pub(crate) fn hand_out(&self, id: &str, owner: Owner) -> Result<(), Owner> {
        self.0.lock().unwrap().insert(id.into(), owner).map_or(Ok(()), Err)
    }

    fn owner(&self, id: &str) -> Option<Owner> {
        self.0.lock().unwrap().get(id).copied()
    }
}

/// The secrets in a text that are not for this reader, each with its owner.
pub(crate) fn foreign<'a>(text: &'a str, reader: Owner, ids: &Ids) -> Vec<(&'a str, Owner)> {
    let marked = text.match_indices(MARK).filter_map(|(at, _)| read(&text[at..]));
    let of_ids = runs_of_digits(text).filter_map(|run| Some((run, ids.owner(run)?)));
    marked.chain(of_ids).filter(|(_, owner)| !owner.is_for(reader)).collect()
}

/// The secret that a text begins with; none where it only looks like one.
fn read(text: &str) -> Option<(&str, Owner)> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(text.len());
    let secret = &text[..end];
    let mut parts = secret.strip_prefix(MARK)?.split('-');
    let visitor = parts.next()?.parse().ok()?;
    let hand = match parts.next()? {
        "a" => Some(0),
        "b" => Some(1),
        _ => None,
    };
    Some((secret, Owner { visitor, hand }))
}

/// What could be session ids: as many digits as they have, with something else around them.
fn runs_of_digits(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_hexdigit()).filter(|run| run.len() == ID_DIGITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const READER: Owner = Owner { visitor: 7, hand: Some(0) };
    const ID: &str = "00112233445566778899aabbccddeeff";

    #[test]
    fn what_is_somebody_elses_is_found_wherever_it_stands() {
        let (ids, mut dice) = (Ids::default(), Dice::new(1));
        for (owner, is_foreign) in [
            (READER, false),
            (Owner { hand: None, ..READER }, false),
            (Owner { hand: Some(1), ..READER }, true),
            (Owner { visitor: 17, hand: Some(0) }, true),
            (Owner { visitor: 8, hand: None }, true),
        ] {
            let secret = owner.secret("name", &mut dice);
            for text in [secret.clone(), format!("<b>{secret}</b>"), format!("a=1.{secret}; Path=/")] {
                let expected = if is_foreign { vec![(&*secret, owner)] } else { vec![] };
                assert_eq!(foreign(&text, READER, &ids), expected, "{text}");
            }
        }
        assert_eq!(foreign("canary-yellow, canary-", READER, &ids), []);
    }

    #[test]
    fn session_ids_are_found_and_handed_out_once() {
        let (ids, other) = (Ids::default(), Owner { visitor: 8, hand: Some(0) });
        assert_eq!(foreign(&format!("sessionid={ID};"), READER, &ids), [], "nobody's yet");
        assert_eq!(ids.hand_out(ID, other), Ok(()));
        assert_eq!(foreign(&format!("sessionid={ID}; HttpOnly"), READER, &ids), [(ID, other)]);
        assert_eq!(foreign(&format!("sessionid={ID};"), other, &ids), []);
        assert_eq!(ids.hand_out(ID, READER), Err(other));
    }
}
