//! The forms of a content in content codings that were made here. They are further bodies of one stored response, with its stamp,
//! tags and lifetime, and never responses of their own.

use super::packed::Packed;
use crate::coding::Coding;
use bytes::Bytes;

/// What there is of a content beside itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Coded {
    /// Nothing, and nothing will be made: one form is sent to all.
    #[default]
    No,
    /// Nothing yet.
    Awaited,
    /// Those that are smaller than it, in the order in which they are preferred; maybe none.
    Made(Box<[CodedForm]>),
}

/// A content in one coding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodedForm {
    /// All of it.
    Whole(Coding, Bytes),
    /// A page in gzip with places for form tokens. Other codings have no place for them: their blocks depend on what stands there.
    Packed(Packed),
}

impl CodedForm {
    /// Its coding.
    pub fn coding(&self) -> Coding {
        match self {
            CodedForm::Whole(coding, _) => *coding,
            CodedForm::Packed(_) => Coding::Gzip,
        }
    }

    /// Its length in bytes.
    pub fn len(&self) -> usize {
        match self {
            CodedForm::Whole(_, bytes) => bytes.len(),
            CodedForm::Packed(packed) => packed.len(),
        }
    }

    /// Whether there is nothing of it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes it takes in memory.
    pub fn weight(&self) -> usize {
        // The allocation's own, and the count of who shares it.
        const HOLDING_BYTES: usize = 16 + 32;
        size_of::<CodedForm>()
            + match self {
                CodedForm::Whole(_, bytes) => HOLDING_BYTES + bytes.len(),
                CodedForm::Packed(packed) => packed.weight(),
            }
    }
}

/// [`Coded`] without the forms, for the many responses that have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CodedState {
    No,
    Awaited,
    Made,
}

impl Coded {
    pub(super) fn split(self) -> (CodedState, Box<[CodedForm]>) {
        match self {
            Coded::No => (CodedState::No, Box::default()),
            Coded::Awaited => (CodedState::Awaited, Box::default()),
            Coded::Made(forms) => (CodedState::Made, forms),
        }
    }

    pub(super) fn of(state: CodedState, forms: &[CodedForm]) -> Coded {
        match state {
            CodedState::No => Coded::No,
            CodedState::Awaited => Coded::Awaited,
            CodedState::Made => Coded::Made(forms.into()),
        }
    }
}
