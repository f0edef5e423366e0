//! Stored bytes under a right checksum: whoever can write to the store can seal what he likes.

use super::scene::{Head, NOON, cookies, exchange, page, planned, rule, terms};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use std::sync::LazyLock;
use std::time::Duration;
use vitrine::clock::Timestamp;
use vitrine::crypto::{checksum, checksum_128_after};
use vitrine::ledger::{Standing, Trust};
use vitrine::outcome::{Kind, Outcome, Reason};
use vitrine::policy::{Wishes, reuse, stale, storing};
use vitrine::respond;
use vitrine::stored::VaryKey;
use vitrine::stored::codec::{decode, encode};

/// Magic, version, checksum.
const PREAMBLE: usize = 22;
/// Magic and version, whatever the version is.
static PREAMBLE_BEGINS: LazyLock<Vec<u8>> = LazyLock::new(|| encode(&page(&HeaderMap::new(), "")).meta[..6].to_vec());
const HIT: Outcome = Outcome::new(Kind::Hit, Reason::Fresh);

/// After one byte that says how much of the end is the body: `meta` without its preamble, and the body. And the same as a head
/// from which a response is stored.
pub(super) fn stored(bytes: &[u8]) {
    let Some((body_bytes, rest)) = bytes.split_first() else { return };
    let (content, body) = rest.split_at(rest.len().saturating_sub(usize::from(*body_bytes)));
    let body = Bytes::copy_from_slice(body);
    let sum = checksum_128_after(checksum(content), &body).to_le_bytes();
    hostile(&[&PREAMBLE_BEGINS[..], &sum, content].concat(), &body);
    assert!(decode(content, &body).is_err(), "unsealed");
    written(bytes);
}

fn hostile(meta: &[u8], body: &Bytes) {
    let Ok(read) = decode(meta, body) else { return };
    let again = encode(&read);
    assert_eq!(again.meta[PREAMBLE..].escape_ascii().to_string(), meta[PREAMBLE..].escape_ascii().to_string());
    assert!(again.meta == meta && again.body == *body, "what is read has one form");
    let names: Vec<_> = read.vary.pairs().map(|(name, _)| name).collect();
    let value = |name: &HeaderName| read.vary.pairs().find(|(own, _)| own == name)?.1.map(Bytes::copy_from_slice);
    assert_eq!(VaryKey::of(&names, value), read.vary, "a Vary key has one form");
    // Whatever it says of itself, it can be judged, told and served at any moment.
    let lifetime = read.lifetime();
    for now in [Timestamp(0), NOON, lifetime.received, Timestamp(u64::MAX)] {
        let _ =
            (reuse::decide(&read, Trust::Whole, Standing::Valid, read.rule, &Wishes::NONE, now), lifetime.ttl_ms(now));
        assert!(!stale::may_answer_failure(&read, Standing::Valid, read.rule, now) || now < lifetime.keep_until());
        if !read.body.pieces().is_empty() && read.status.as_u16() >= 200 {
            let request = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_static("bytes=0-1,3-"))]);
            let _ = respond::stored(&read, None, &Method::GET, &request, &HIT, now);
        }
    }
    let _ = (read.fields().to_map(), read.key().path(), read.route(), read.etag(), read.weight());
}

/// What a head comes to survives its stored form.
fn written(bytes: &[u8]) {
    let (request, response) = (HeaderMap::new(), Head::of(bytes).fields);
    let own = exchange(StatusCode::OK, &request, &response);
    let Ok(plan) = storing::decide(&own, &terms(&rule(Some(60)), cookies())) else { return };
    let Some(stored) = planned(&own, &plan, "0123456789") else { return };
    let bytes = encode(&stored);
    let read = decode(&bytes.meta, &bytes.body).unwrap();
    assert_eq!(format!("{:?}", read.to_parts()), format!("{:?}", stored.to_parts()));
    assert_eq!(read.lifetime().fresh, Duration::from_millis(u64::try_from(plan.lifetime.fresh.as_millis()).unwrap()));
}

/// The corpus in today's form: without it every input would be of another version, and nothing would be held.
#[cfg(test)]
pub(crate) fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    use vitrine::csrf::CookieForm;
    use vitrine::stored::{Coded, CodedForm, FieldBlock, Packed, Parts, Piece, StoredBody, StoredResponse};
    use vitrine::tags::{Tag, Tags};

    let own =
        page(&Head::of(b"content-type: text/html\nlink: a\nlink: b\netag: W/\"1\"").fields, "0123456789").to_parts();
    let tags = Tags::collect(["product:1", "shop"].map(|tag| Tag::new(tag).unwrap())).unwrap();
    let names = [header::ACCEPT, header::ACCEPT_LANGUAGE];
    let vary = VaryKey::of(&names, |name| (*name == header::ACCEPT).then(|| Bytes::from_static(b"a")));
    let body = StoredBody::of_pieces(vec![Piece::Shared("abc".into()), Piece::Token, Piece::Shared("def".into())]);
    let packed = CodedForm::Packed(Packed { body: body.clone(), checksum: 1, factor: 2, length: 3 });
    let coded = Coded::Made([packed].into());
    let form = Parts { body, form_cookie: Some(CookieForm::usual("csrftoken")), coded, ..own.clone() };
    let empty = Parts { body: StoredBody::default(), fields: FieldBlock::default(), route: "".into(), ..own.clone() };
    let input = |parts: Parts| {
        let bytes = encode(&StoredResponse::of(parts));
        [&[u8::try_from(bytes.body.len()).unwrap()], &bytes.meta[PREAMBLE..], &bytes.body].concat()
    };
    let tagged = input(Parts { tags, ..own.clone() });
    let varied = input(Parts { vary, status: StatusCode::NOT_FOUND, ..own.clone() });
    let (first, second) = (&b"\x01\x06\0\0\0\x01\0\0\0accepta"[..], &b"\0\x0f\0\0\0\0\0\0\0accept-language"[..]);
    vec![
        ("tags_out_of_order", replaced(&tagged, b"product:1 shop", b"shop product:1")),
        ("vary_out_of_order", replaced(&varied, &[first, second].concat(), &[second, first].concat())),
        ("page", input(own)),
        ("tagged", tagged),
        ("varied", varied),
        ("form", input(form)),
        ("empty", input(empty)),
    ]
}

#[cfg(test)]
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}
