//! The content of a stored response and its coded forms: kinds and lengths in `meta`, all bytes one after the other in `body`.

use super::Undecodable;
use super::read::Reader;
use super::write::Writer;
use crate::coding::Coding;
use crate::csrf::HOLES_MAX;
use crate::stored::coded::CodedState;
use crate::stored::{CodedForm, Packed, Piece, StoredBody, StoredResponse};
use bytes::Bytes;

/// The kind byte of [`Piece::Shared`].
const PIECE_SHARED: u8 = 0;
/// The kind byte of [`Piece::Token`], of which no bytes are kept.
const PIECE_TOKEN: u8 = 1;
/// The kind byte of a form that has places for tokens.
const FORM_PACKED: u8 = 0;

/// Pieces of a body at most: each takes more room in memory than its byte in `meta`.
const PIECES_MAX: usize = 2 * HOLES_MAX + 1;

/// All forms of the content: its bytes, and after them those of each coded form.
pub(super) fn write_bodies(out: &mut Writer, response: &StoredResponse) -> Bytes {
    write_pieces(out, &response.body);
    out.byte(match response.coded {
        CodedState::No => 0,
        CodedState::Awaited => 1,
        CodedState::Made => 2,
    });
    let forms = response.forms();
    if response.coded == CodedState::Made {
        out.count(forms.len());
    }
    for form in forms {
        write_form(out, form);
    }
    let coded = forms.iter().flat_map(form_parts);
    joined(response.body.pieces().iter().filter_map(part).chain(coded).collect())
}

fn write_form(out: &mut Writer, form: &CodedForm) {
    match form {
        CodedForm::Packed(packed) => {
            out.byte(FORM_PACKED);
            for number in [packed.checksum, packed.factor, packed.length] {
                out.u32(number);
            }
            write_pieces(out, &packed.body);
        }
        CodedForm::Whole(coding, bytes) => {
            out.byte(coding_byte(*coding));
            out.count(bytes.len());
        }
    }
}

/// Numbers of their own, as for the caches.
fn coding_byte(coding: Coding) -> u8 {
    match coding {
        Coding::Gzip => 1,
        Coding::Brotli => 2,
        Coding::Zstd => 3,
    }
}

fn form_parts(form: &CodedForm) -> Vec<&Bytes> {
    match form {
        CodedForm::Packed(packed) => packed.body.pieces().iter().filter_map(part).collect(),
        CodedForm::Whole(_, bytes) => vec![bytes],
    }
}

/// What is kept of a piece.
fn part(piece: &Piece) -> Option<&Bytes> {
    match piece {
        Piece::Shared(bytes) => Some(bytes),
        Piece::Token => None,
    }
}

/// The pieces' kinds and lengths.
fn write_pieces(out: &mut Writer, body: &StoredBody) {
    out.count(body.pieces().len());
    for piece in body.pieces() {
        match piece {
            Piece::Shared(bytes) => {
                out.byte(PIECE_SHARED);
                out.count(bytes.len());
            }
            Piece::Token => out.byte(PIECE_TOKEN),
        }
    }
}

fn joined(parts: Vec<&Bytes>) -> Bytes {
    match parts[..] {
        [whole] => whole.clone(),
        _ => parts.into_iter().map(|part| &part[..]).collect::<Vec<_>>().concat().into(),
    }
}

/// The content, and its coded forms.
pub(super) type Bodies = (StoredBody, CodedState, Box<[CodedForm]>);

pub(super) fn read_bodies(from: &mut Reader<'_>, bytes: &Bytes) -> Result<Bodies, Undecodable> {
    let mut start = 0;
    let body = read_pieces(from, bytes, &mut start)?;
    let coded = match from.byte("mark of coded forms")? {
        0 => CodedState::No,
        1 => CodedState::Awaited,
        2 => CodedState::Made,
        _ => return Err(Undecodable::Malformed("mark of coded forms")),
    };
    let count = if coded == CodedState::Made { from.count(1, "coded forms")? } else { 0 };
    let mut forms: Vec<CodedForm> = Vec::with_capacity(count.min(Coding::ALL.len()));
    for _ in 0..count {
        let form = read_form(from, bytes, &mut start)?;
        // Each coding once: what is chosen among them is one of few.
        if forms.iter().any(|other| other.coding() == form.coding()) {
            return Err(Undecodable::Malformed("coded forms"));
        }
        forms.push(form);
    }
    if start == bytes.len() { Ok((body, coded, forms.into())) } else { Err(Undecodable::Malformed("body")) }
}

fn read_form(from: &mut Reader<'_>, bytes: &Bytes, start: &mut usize) -> Result<CodedForm, Undecodable> {
    let kind = from.byte("coded form")?;
    if kind == FORM_PACKED {
        let [checksum, factor, length] = [from.u32("packed")?, from.u32("packed")?, from.u32("packed")?];
        let body = read_pieces(from, bytes, start)?;
        return Ok(CodedForm::Packed(Packed { body, checksum, factor, length }));
    }
    let coding = Coding::ALL.into_iter().find(|coding| coding_byte(*coding) == kind);
    let coding = coding.ok_or(Undecodable::Malformed("coded form"))?;
    Ok(CodedForm::Whole(coding, read_part(from, bytes, start)?))
}

/// The bytes from `start` on whose length comes next; `start` moves past them.
fn read_part(from: &mut Reader<'_>, bytes: &Bytes, start: &mut usize) -> Result<Bytes, Undecodable> {
    let malformed = || Undecodable::Malformed("body");
    let length = usize::try_from(from.u64("body")?).map_err(|_| malformed())?;
    let end = start.checked_add(length).filter(|end| *end <= bytes.len()).ok_or_else(malformed)?;
    let part = bytes.slice(*start..end);
    *start = end;
    Ok(part)
}

/// The pieces whose bytes begin at `start`, which moves past them.
fn read_pieces(from: &mut Reader<'_>, bytes: &Bytes, start: &mut usize) -> Result<StoredBody, Undecodable> {
    // A token takes one byte.
    let count = from.count(1, "body")?;
    if count > PIECES_MAX {
        return Err(Undecodable::Malformed("body"));
    }
    let mut pieces = Vec::with_capacity(count);
    for _ in 0..count {
        match from.byte("body")? {
            PIECE_SHARED => pieces.push(Piece::Shared(read_part(from, bytes, start)?)),
            PIECE_TOKEN => pieces.push(Piece::Token),
            kind => return Err(Undecodable::PieceKind(kind)),
        }
    }
    Ok(StoredBody::of_pieces(pieces))
}
