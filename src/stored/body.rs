//! A stored body: a list of pieces, so that what belongs to one visitor can later stand between shared ones.

use bytes::Bytes;

/// One piece of a stored body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The same for everybody.
    Shared(Bytes),
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

    /// Its pieces in order.
    pub fn pieces(&self) -> &[Piece] {
        match &self.0 {
            Pieces::One(piece) => std::slice::from_ref(piece),
            Pieces::Listed(pieces) => pieces,
        }
    }

    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.pieces().iter().map(|Piece::Shared(bytes)| bytes.len()).sum()
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
        self.pieces().iter().map(|Piece::Shared(bytes)| listed + HOLDING_BYTES + bytes.len()).sum()
    }
}
