//! Random numbers that can be had again: the seed is printed, and `TWINPOOL_SEED` gives it back.

use std::time::{SystemTime, UNIX_EPOCH};

/// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to choose statements and pauses.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    /// The generator of a test: from `TWINPOOL_SEED`, else from the clock. Prints the seed, which the test
    /// runner shows when the test fails.
    pub fn for_test(name: &str) -> Rng {
        let seed = match std::env::var("TWINPOOL_SEED") {
            Ok(text) => text.trim().parse().expect("TWINPOOL_SEED is a number"),
            Err(_) => SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |t| t.as_nanos() as u64),
        };
        println!("{name}: TWINPOOL_SEED={seed}");
        Rng(seed)
    }

    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to `bound` - 1.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// True `percent` times of a hundred.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }

    /// A generator for another thread, independent of this one from now on.
    pub fn fork(&mut self) -> Rng {
        Rng(self.next_u64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_again_and_bounds_hold() {
        let (mut a, mut b) = (Rng::new(7), Rng::new(7));
        let (first, second): (Vec<u64>, Vec<u64>) = (0..100).map(|_| (a.below(10), b.below(10))).unzip();
        assert_eq!(first, second);
        assert!((0..10).all(|n| first.contains(&n)) && first.iter().all(|n| *n < 10));
        assert_ne!(a.fork().next_u64(), a.next_u64());
    }
}
