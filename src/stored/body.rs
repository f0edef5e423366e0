//! A stored body: a list of pieces, so that what belongs to one visitor can stand between shared ones.

use bytes::Bytes;

/// Bytes of a visitor's own form token.
pub const TOKEN_BYTES: usize = crate::csrf::TOKEN_CHARS;

/// One piece of a stored body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The same for everybody.
    Shared(Bytes),
    /// [`TOKEN_BYTES`] that each visitor has their own of.
    Token,
}

impl Piece {
    /// Its length in bytes.
    pub fn len(&self) -> usize {
        match self {
            Piece::Shared(bytes) => bytes.len(),
            Piece::Token => TOKEN_BYTES,
        }
    }

    /// Whether it is nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is the same for everybody; of a token nothing.
    pub fn shared(&self) -> &[u8] {
        match self {
            Piece::Shared(bytes) => bytes,
            Piece::Token => &[],
        }
    }
}

/// The content of a stored response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBody(Pieces);

/// Nearly every body is one piece: it needs no list of its own. A number of pieces has one form only.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Pieces {
    One(Piece),
    /// None, or more than one.
    Listed(Box<[Piece]>),
}

impl Default for StoredBody {
    fn default() -> StoredBody {
        StoredBody::of_pieces(Vec::new())
    }
}

impl StoredBody {
    /// A body of one piece, or of none where there is no content. The bytes should be an allocation of their own size:
    /// a slice of a read buffer keeps all of that buffer.
    pub fn whole(bytes: Bytes) -> StoredBody {
        if bytes.is_empty() { StoredBody::default() } else { StoredBody(Pieces::One(Piece::Shared(bytes))) }
    }

    /// A body of these pieces.
    pub fn of_pieces(pieces: Vec<Piece>) -> StoredBody {
        StoredBody(match <[_; 1]>::try_from(pieces) {
            Ok([one]) => Pieces::One(one),
            Err(pieces) => Pieces::Listed(pieces.into()),
        })
    }

    /// A page with tokens, which begin at these places in order and do not overlap; what stood there is not kept.
    pub fn with_tokens(page: &[u8], starts: &[usize]) -> StoredBody {
        let ends = starts.iter().map(|start| start + TOKEN_BYTES);
        let shared = [0].into_iter().chain(ends).zip(starts.iter().copied().chain([page.len()]));
        let joined = shared.map(|(from, to)| &page[from..to]).collect::<Vec<_>>().concat();
        let places: Vec<usize> =
            starts.iter().enumerate().map(|(number, start)| start - number * TOKEN_BYTES).collect();
        StoredBody::between_tokens(&joined, &places)
    }

    /// What stands between tokens, in one allocation, and the places in it where they belong, in order.
    pub fn between_tokens(shared: &[u8], places: &[usize]) -> StoredBody {
        let shared = Bytes::copy_from_slice(shared);
        let (mut pieces, mut at) = (Vec::with_capacity(2 * places.len() + 1), 0);
        for place in places {
            pieces.extend((*place > at).then(|| Piece::Shared(shared.slice(at..*place))));
            pieces.push(Piece::Token);
            at = *place;
        }
        pieces.extend((shared.len() > at).then(|| Piece::Shared(shared.slice(at..))));
        StoredBody::of_pieces(pieces)
    }

    /// Its pieces in order.
    pub fn pieces(&self) -> &[Piece] {
        match &self.0 {
            Pieces::One(piece) => std::slice::from_ref(piece),
            Pieces::Listed(pieces) => pieces,
        }
    }

    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.pieces().iter().map(Piece::len).sum()
    }

    /// How many form tokens it has.
    pub fn tokens(&self) -> usize {
        self.pieces().iter().filter(|piece| **piece == Piece::Token).count()
    }

    /// Whether there is no content.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes it takes in memory beside the struct itself.
    pub fn weight(&self) -> usize {
        // The allocation's own, and the count of who shares it.
        const HOLDING_BYTES: usize = 16 + 32;
        let listed = if self.pieces().len() > 1 { size_of::<Piece>() } else { 0 };
        self.pieces().iter().map(|piece| listed + HOLDING_BYTES + piece.shared().len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_taken_apart_at_its_tokens() {
        let token = "t".repeat(TOKEN_BYTES);
        for (page, expected) in [
            (format!("a{token}bc"), vec![Some("a"), None, Some("bc")]),
            (format!("{token}b"), vec![None, Some("b")]),
            (format!("a{token}"), vec![Some("a"), None]),
            (format!("{token}{token}"), vec![None, None]),
            (token.clone(), vec![None]),
            ("abc".into(), vec![Some("abc")]),
        ] {
            let starts: Vec<usize> = page.match_indices(&token).map(|(at, _)| at).collect();
            let body = StoredBody::with_tokens(page.as_bytes(), &starts);
            let pieces = expected.into_iter().map(|text| text.map_or(Piece::Token, |text| Piece::Shared(text.into())));
            assert_eq!(body.pieces(), pieces.collect::<Vec<_>>(), "{page}");
            assert_eq!(body.len(), page.len());
        }
    }
}
