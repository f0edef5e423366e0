//! Dice that fall the same way every time: what the shop makes up, it makes up from a word.
//!
//! Not for secrets.

/// A row of throws decided by a word.
pub(crate) struct Dice(u64);

impl Dice {
    /// The dice of `word` (FNV-1a, for a spread-out start).
    pub(crate) fn of(word: &str) -> Self {
        Self(
            word.bytes()
                .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)),
        )
    }

    /// The next throw, below `sides` (`SplitMix64`).
    pub(crate) fn roll(&mut self, sides: u16) -> u16 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        // Below `sides`, so it always fits.
        u16::try_from(z % u64::from(sides.max(1))).unwrap_or_default()
    }

    /// One of `choices`, which must not be empty.
    pub(crate) fn pick<'c, T>(&mut self, choices: &'c [T]) -> &'c T {
        assert!(!choices.is_empty(), "nothing to pick from");
        let sides = u16::try_from(choices.len()).unwrap_or(u16::MAX);
        &choices[usize::from(self.roll(sides))]
    }
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn the_same_word_throws_the_same() {
        let throws = |word| {
            let mut dice = Dice::of(word);
            (0..20).map(|_| dice.roll(6)).collect::<Vec<_>>()
        };
        assert_eq!(throws("lamp"), throws("lamp"));
        assert_ne!(throws("lamp"), throws("chair"));
        assert!(throws("lamp").iter().all(|throw| *throw < 6));
    }
}
