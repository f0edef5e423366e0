//! What a difference is, found or known.

use crate::cases::{Case, Validation};
use vitrine::outcome::Reason;

/// In what two readings can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aspect {
    /// Whether it is stored.
    Stored,
    /// Its age.
    Age,
    /// Whether it is served without asking.
    Fresh,
    /// For how long it is fresh.
    TimeLeft,
    /// Whether it may be used stale, where everybody else allows it.
    Stale,
    /// Whether a later request is answered with it.
    Vary,
    /// Whether a 304 updates it.
    Updated,
    /// For how long it is fresh after that.
    TimeLeftAfter304,
}

/// A difference that was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) aspect: Aspect,
    pub(crate) we_are_stricter: bool,
    /// Why we do not store, where we do not.
    pub(crate) reason: Option<Reason>,
}

/// Who is more careful.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stricter {
    We,
    They,
    /// It depends on the numbers.
    Either,
}

/// One that is known.
pub(crate) struct Difference {
    pub(crate) name: &'static str,
    aspects: &'static [Aspect],
    stricter: Stricter,
    /// The section, and why we read it as we do.
    #[expect(dead_code, reason = "for whoever reads the table")]
    why: &'static str,
    /// Whether it is that one, in an exchange.
    pub(crate) explains: fn(&Case, &Found) -> bool,
    /// The same in a validation.
    pub(crate) explains_304: fn(&Validation) -> bool,
}

impl Difference {
    pub(crate) fn is_of(&self, found: Found) -> bool {
        let side = match self.stricter {
            Stricter::We => found.we_are_stricter,
            Stricter::They => !found.we_are_stricter,
            Stricter::Either => true,
        };
        side && self.aspects.contains(&found.aspect)
    }

    pub(crate) const fn of_exchanges(
        name: &'static str,
        aspects: &'static [Aspect],
        stricter: Stricter,
        why: &'static str,
        explains: fn(&Case, &Found) -> bool,
    ) -> Difference {
        Difference { name, aspects, stricter, why, explains, explains_304: |_| false }
    }

    pub(crate) const fn of_validations(
        name: &'static str,
        aspects: &'static [Aspect],
        stricter: Stricter,
        why: &'static str,
        explains_304: fn(&Validation) -> bool,
    ) -> Difference {
        Difference { name, aspects, stricter, why, explains: |_, _| false, explains_304 }
    }
}
