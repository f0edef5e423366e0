//! A stored body: a list of pieces, so that what belongs to one visitor can later stand between shared ones.

use bytes::Bytes;

/// One piece of a stored body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The same for everybody.
    Shared(Bytes),
}

/// The content of a stored response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredBody(Pieces);

/// Nearly every body is one piece: it needs no list of its own. A number of pieces has one form only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Pieces {
    #[default]
    None,
    One(Piece),
    Several(Box<[Piece]>),
}

impl StoredBody {
    /// A body of one piece, or of none where there is no content. The bytes should be an allocation of their own size:
    /// a slice of a read buffer keeps all of that buffer.
    pub fn whole(bytes: Bytes) -> StoredBody {
        if bytes.is_empty() { StoredBody::default() } else { StoredBody(Pieces::One(Piece::Shared(bytes))) }
    }

    /// A body of these pieces.
    pub fn of_pieces(pieces: Vec<Piece>) -> StoredBody {
        let mut pieces = pieces;
        StoredBody(match pieces.len() {
            0 => Pieces::None,
            1 => pieces.pop().map_or(Pieces::None, Pieces::One),
            _ => Pieces::Several(pieces.into()),
        })
    }

    /// Its pieces in order.
    pub fn pieces(&self) -> &[Piece] {
        match &self.0 {
            Pieces::None => &[],
            Pieces::One(piece) => std::slice::from_ref(piece),
            Pieces::Several(pieces) => pieces,
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
        self.pieces().iter().map(|Piece::Shared(bytes)| size_of::<Piece>() + bytes.len()).sum()
    }
}
