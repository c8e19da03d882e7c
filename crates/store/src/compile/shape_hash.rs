//! A hash for shapes.
//!
//! A shape hashes as hundreds of small numbers, on every call. The standard hash spends more on each than the rest of the
//! compiler, to defend tables that strangers fill. Shapes are written by the authors of programs, and there are few.

use std::hash::{BuildHasherDefault, Hasher};

/// Hashes the keys of a map by [`Folding`].
pub(super) type ShapeHash = BuildHasherDefault<Folding>;

/// Multiplies what came before into what comes next.
#[derive(Default)]
pub(super) struct Folding(u64);

/// An odd number without a pattern: the digits of pi.
const FACTOR: u64 = 0x243f_6a88_85a3_08d3;

impl Folding {
    const fn fold(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    }
}

impl Hasher for Folding {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.fold(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.fold(number.into());
    }

    fn write_u16(&mut self, number: u16) {
        self.fold(number.into());
    }

    fn write_u32(&mut self, number: u32) {
        self.fold(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        self.fold(number);
    }

    fn write_usize(&mut self, number: usize) {
        self.fold(number as u64);
    }

    fn write_isize(&mut self, number: isize) {
        self.fold(number.cast_unsigned() as u64);
    }

    fn finish(&self) -> u64 {
        // The upper bits depend on everything; maps look at both ends.
        self.0 ^ (self.0 >> 32)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::BuildHasher as _;

    use super::*;

    #[test]
    fn small_differences_anywhere_show_at_both_ends() {
        let hash = |words: [u8; 4]| ShapeHash::default().hash_one(words);
        let words = || (0..=7u8).flat_map(|a| (0..=7).flat_map(move |b| (0..=7).map(move |c| [a, b, 1, c])));
        let all: HashSet<u64> = words().map(hash).collect();
        assert_eq!(all.len(), 512);
        for end in [57, 0] {
            let ends: HashSet<u64> = all.iter().map(|hash| hash >> end & 0x7f).collect();
            assert!(ends.len() > 100, "{} of 128", ends.len());
        }
    }
}
