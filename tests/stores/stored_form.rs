//! The byte form: what was written comes back, what was changed on the way never does.

use crate::samples::{any_response, noise, response, shared, told};
use bytes::Bytes;
use proptest::prelude::*;
use vitrine::cache_name::CacheName;
use vitrine::coding::Coding;
use vitrine::stored::codec::{Undecodable, decode, encode};
use vitrine::stored::{Coded, CodedForm, Parts, Piece};

/// Magic, version, checksum: what follows can be changed and sealed again.
/// Tokens of a page at most, and what stands between them.
const PIECES_MAX: usize = 2 * vitrine::csrf::HOLES_MAX + 1;
const PREAMBLE: usize = 22;

proptest! {
    #[test]
    fn every_field_survives(response in any_response()) {
        let response = shared(response);
        let bytes = encode(&response);
        prop_assert_eq!(told(&decode(&bytes.meta, &bytes.body).unwrap()), told(&response));
    }

    #[test]
    fn a_flipped_bit_is_told(response in any_response(), at in any::<prop::sample::Index>()) {
        let bytes = encode(&shared(response));
        let at = at.index((bytes.meta.len() + bytes.body.len()) * 8);
        let (meta, body) = flipped(&bytes.meta, &bytes.body, at);
        prop_assert!(decode(&meta, &body).is_err());
    }

    #[test]
    fn a_cut_or_lengthened_part_is_told(response in any_response(), at in any::<prop::sample::Index>()) {
        let bytes = encode(&shared(response));
        prop_assert!(decode(&bytes.meta[..at.index(bytes.meta.len())], &bytes.body).is_err());
        prop_assert!(decode(&[&bytes.meta[..], b"\0"].concat(), &bytes.body).is_err());
        prop_assert!(decode(&bytes.meta, &Bytes::from([&bytes.body[..], b"\0"].concat())).is_err());
        if !bytes.body.is_empty() {
            prop_assert!(decode(&bytes.meta, &bytes.body.slice(..at.index(bytes.body.len()))).is_err());
        }
    }

    #[test]
    fn random_bytes_are_no_response(meta in prop::collection::vec(any::<u8>(), 0..400), body in prop::collection::vec(any::<u8>(), 0..50)) {
        prop_assert!(decode(&meta, &body.into()).is_err());
    }

    /// The checksum keeps out damage only: whoever can write to the store can seal what he likes. Then the structure alone
    /// stands between his lengths and our memory.
    #[test]
    fn hostile_bytes_under_a_right_checksum_do_no_harm(
        response in any_response(),
        at in any::<prop::sample::Index>(),
        planted in prop_oneof![any::<[u8; 8]>(), Just([0xff; 8]), Just([0; 8]), (0..2000_u64).prop_map(u64::to_le_bytes)],
    ) {
        let bytes = encode(&shared(response));
        let mut meta = bytes.meta;
        let at = PREAMBLE + at.index(meta.len() - PREAMBLE);
        let end = meta.len().min(at + 8);
        meta[at..end].copy_from_slice(&planted[..end - at]);
        sealed(&mut meta, &bytes.body);
        if let Ok(read) = decode(&meta, &bytes.body) {
            // Whatever it is now, it is sound: its parts can be walked, and it can be stored again.
            let coded: usize = read.forms().iter().map(own_bytes).sum();
            let shared: usize = read.body.pieces().iter().map(|piece| piece.shared().len()).sum();
            prop_assert!(shared + coded == bytes.body.len() && read.body.pieces().len() <= PIECES_MAX);
            prop_assert!(read.forms().len() <= 3 && (read.is_negotiated() || read.forms().is_empty()));
            prop_assert_eq!(encode(&read).body, bytes.body);
            let _ = (read.fields().to_map(), told(&read), read.weight());
        }
    }
}

#[test]
fn every_single_bit_of_one_response_is_watched() {
    let bytes = encode(&shared(response(CacheName::Products, "/products/red-shoe?size=42", "a page")));
    for at in 0..(bytes.meta.len() + bytes.body.len()) * 8 {
        let (meta, body) = flipped(&bytes.meta, &bytes.body, at);
        assert!(decode(&meta, &body).is_err(), "bit {at}");
    }
}

#[test]
fn another_version_and_another_kind_of_piece_are_told_apart_from_damage() {
    let bytes = encode(&shared(response(CacheName::Default, "/", "x")));
    let mut newer = bytes.meta.clone();
    newer[4] = 9;
    assert_eq!(error(&newer, &bytes.body), Undecodable::Version(9));
    let mut other_kind = bytes.meta.clone();
    // Before the length of the only piece, and the mark that there is no other form of it.
    let at = other_kind.len() - 10;
    other_kind[at] = 200;
    sealed(&mut other_kind, &bytes.body);
    assert_eq!(error(&other_kind, &bytes.body), Undecodable::PieceKind(200));
    assert_eq!(error(b"SQLite", &bytes.body), Undecodable::Foreign);
    assert_eq!(error(&bytes.meta, &Bytes::new()), Undecodable::Damaged);
}

#[test]
fn coded_forms_are_of_known_codings_each_once_and_no_longer_than_what_is_there() {
    let forms = [(Coding::Gzip, "abc"), (Coding::Brotli, "defg")];
    let forms = forms.map(|(coding, text)| CodedForm::Whole(coding, text.into()));
    let coded = Parts { coded: Coded::Made(forms.into()), ..response(CacheName::Default, "/", "x") };
    let bytes = encode(&shared(coded));
    assert_eq!(&bytes.body[..], b"xabcdefg");
    // At the end: a mark, how many, and for each its kind and length.
    let changed = |from_end: usize, byte: u8| {
        let mut meta = bytes.meta.clone();
        let at = meta.len() - from_end;
        meta[at] = byte;
        sealed(&mut meta, &bytes.body);
        decode(&meta, &bytes.body).map(|read| told(&read))
    };
    assert!(changed(27, 2).is_ok(), "as it is");
    let malformed = |what| Err(Undecodable::Malformed(what));
    assert_eq!(changed(27, 3), malformed("mark of coded forms"));
    assert_eq!(changed(27, 1), malformed("body"), "awaited, and there all the same");
    assert_eq!(changed(26, 200), malformed("coded forms"), "more than there is room for");
    assert_eq!(changed(26, 3), malformed("coded form"), "one more than there is");
    assert_eq!(changed(26, 1), malformed("body"), "one less");
    assert_eq!(changed(9, 1), malformed("coded forms"), "gzip twice");
    assert_eq!(changed(9, 9), malformed("coded form"), "no coding");
    assert_eq!(changed(8, 5), malformed("body"), "longer than what is there");
    assert_eq!(changed(1, 0xff), malformed("body"), "longer than anything");
}

#[test]
fn the_read_body_is_the_allocation_it_was_read_into() {
    let written = encode(&shared(response(CacheName::Default, "/", noise(10_000, 3))));
    let read = decode(&written.meta, &written.body).unwrap();
    let [Piece::Shared(piece)] = read.body.pieces() else { panic!("one piece") };
    assert_eq!(piece.as_ptr(), written.body.as_ptr());
}

/// Bytes of a form that no other has.
fn own_bytes(form: &CodedForm) -> usize {
    match form {
        CodedForm::Whole(_, bytes) => bytes.len(),
        CodedForm::Packed(packed) => packed.body.pieces().iter().map(|piece| piece.shared().len()).sum(),
    }
}

fn error(meta: &[u8], body: &Bytes) -> Undecodable {
    decode(meta, body).map(|read| told(&read)).unwrap_err()
}

fn flipped(meta: &[u8], body: &Bytes, bit: usize) -> (Vec<u8>, Bytes) {
    let mut both = [meta, body].concat();
    both[bit / 8] ^= 1 << (bit % 8);
    let body = both.split_off(meta.len());
    (both, body.into())
}

fn sealed(meta: &mut [u8], body: &[u8]) {
    let content = &meta[PREAMBLE..];
    let sum = vitrine::crypto::checksum_128_after(vitrine::crypto::checksum(content), body);
    meta[6..PREAMBLE].copy_from_slice(&sum.to_le_bytes());
}
