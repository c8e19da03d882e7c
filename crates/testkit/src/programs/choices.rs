//! Choices made by a sequence of numbers.

use std::slice::Iter;

/// Numbers, each of which decides one thing. When there are none left, the first of all possibilities is
/// chosen.
#[derive(Debug)]
pub(super) struct Choices<'a>(Iter<'a, u16>);

impl<'a> Choices<'a> {
    pub(super) fn new(numbers: &'a [u16]) -> Self {
        Self(numbers.iter())
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0.next().map_or(0, |&number| usize::from(number) % bound)
    }

    /// True in so many of a hundred cases, and never when there are no numbers left.
    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) >= 100 - percent
    }

    /// One of these.
    pub(super) fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}
