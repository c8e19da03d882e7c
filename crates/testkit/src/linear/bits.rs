//! Which calls have their place already.

/// A set of small numbers.
#[derive(Debug)]
pub(super) struct Bits {
    words: Vec<u64>,
    count: usize,
    /// How many full words it begins with.
    full: usize,
    /// Behind the last word that has anything in it.
    end: usize,
}

/// A set in few words, to be remembered: how many full words it begins with, and those after them up to the last number.
/// Calls are placed roughly in the order in which they began, so these are one or two of many.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Packed(usize, Box<[u64]>);

impl Bits {
    /// The empty set of numbers below `size`.
    pub(super) fn new(size: usize) -> Self {
        Self { words: vec![0; size.div_ceil(64)], count: 0, full: 0, end: 0 }
    }

    /// How many are in it.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Puts a number in that is not there.
    pub(super) fn insert(&mut self, number: usize) {
        debug_assert!(!self.contains(number), "{number} is there already");
        self.words[number / 64] |= 1 << (number % 64);
        self.count += 1;
        self.end = self.end.max(number / 64 + 1);
        while self.words.get(self.full) == Some(&u64::MAX) {
            self.full += 1;
        }
    }

    /// Takes a number out that is there.
    pub(super) fn remove(&mut self, number: usize) {
        debug_assert!(self.contains(number), "{number} is not there");
        self.words[number / 64] &= !(1 << (number % 64));
        self.count -= 1;
        self.full = self.full.min(number / 64);
        while self.end > 0 && self.words[self.end - 1] == 0 {
            self.end -= 1;
        }
    }

    fn contains(&self, number: usize) -> bool {
        self.words[number / 64] & (1 << (number % 64)) != 0
    }

    /// The numbers below `size` that are not in it, in ascending order.
    pub(super) fn missing(&self, size: usize) -> impl Iterator<Item = usize> + '_ {
        (self.full * 64..size).filter(|number| !self.contains(*number))
    }

    pub(super) fn packed(&self) -> Packed {
        Packed(self.full, self.words[self.full..self.end].into())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;

    use super::Bits;
    use crate::Cases;

    #[test]
    fn is_the_set_of_what_was_put_in_and_not_taken_out() {
        let cases = (1..200_usize, 0..200_usize, vec(0..200_usize, 0..50));
        Cases::new(500, 20_000).check(&cases, |(size, start, turns)| {
            let (mut bits, mut set) = (Bits::new(size), BTreeSet::new());
            for number in (0..start.min(size)).chain(turns.into_iter().filter(|number| *number < size)) {
                if set.remove(&number) {
                    bits.remove(number);
                } else {
                    set.insert(number);
                    bits.insert(number);
                }
            }
            if bits.count() != set.len() || !bits.missing(size).eq((0..size).filter(|n| !set.contains(n))) {
                return Err(format!("{bits:?} is not {set:?}"));
            }
            // However it came about, the same set is remembered as the same.
            let mut again = Bits::new(size);
            set.iter().rev().for_each(|number| again.insert(*number));
            let same = bits.packed() == again.packed();
            if same { Ok(()) } else { Err(format!("{bits:?} is remembered as another set than {again:?}")) }
        });
    }
}
