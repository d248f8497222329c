//! Choices, made from a seed.

use prokura_core::{Rng, SeededRng, random_id};

pub(crate) struct Dice(SeededRng);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(SeededRng::new(seed))
    }

    /// From `low` up to and without `high`.
    pub(crate) fn between(&self, low: u64, high: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        low + u64::from_le_bytes(bytes) % (high - low).max(1)
    }

    pub(crate) fn one_in(&self, n: u64) -> bool {
        self.between(0, n) == 0
    }

    /// One of several, each as often as its weight says.
    pub(crate) fn choose<T: Copy>(&self, of: &[(u64, T)]) -> Option<T> {
        let mut at = self.between(0, of.iter().map(|(weight, _)| weight).sum());
        of.iter().find_map(|(weight, what)| {
            let here = at < *weight;
            at = at.saturating_sub(*weight);
            here.then_some(*what)
        })
    }

    /// The place of one of `len` things.
    pub(crate) fn index(&self, len: usize) -> Option<usize> {
        let len = u64::try_from(len).ok().filter(|n| *n > 0)?;
        usize::try_from(self.between(0, len)).ok()
    }

    /// A word that nobody can guess.
    pub(crate) fn secret(&self) -> String {
        random_id("", &self.0) + &random_id("", &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_itself_and_weights_weigh() {
        let draw = |seed| {
            let dice = Dice::new(seed);
            (0..1000).filter_map(|_| dice.choose(&[(3, 'a'), (0, 'b'), (1, 'c')])).collect::<String>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let often = draw(7).matches('a').count();
        assert!((650..850).contains(&often), "{often}");
        assert!(!draw(7).contains('b'));
    }

    #[test]
    fn a_range_is_kept() {
        let dice = Dice::new(1);
        assert!((0..1000).all(|_| (5..9).contains(&dice.between(5, 9))));
        assert_eq!(dice.index(0), None);
    }
}
