//! The structures that a key can hold, apart from the plain value.
//!
//! Each keeps a running sum of the bytes that it takes, so that asking for it costs nothing.

mod list;
mod log;
mod map;
mod ranking;
#[cfg(test)]
mod tests;

pub(crate) use list::List;
pub(crate) use log::Log;
pub(crate) use map::Map;
pub(crate) use ranking::{Ranking, ranking_score};

/// What one element is taken to cost beyond its bytes: the two or three handles of 32 bytes that name it, their share of
/// a tree node or block, and the header of its allocation.
pub(crate) const ELEMENT_OVERHEAD: usize = 96;

/// The part of an ordered sequence of fields or members that one page of a walk holds, and the last of it if more
/// follow.
pub(crate) struct Walked<T> {
    pub(crate) items: Vec<T>,
    pub(crate) more: bool,
}

impl<T> Default for Walked<T> {
    fn default() -> Self {
        Self { items: Vec::new(), more: false }
    }
}

impl<T> Walked<T> {
    fn new(mut rest: impl Iterator<Item = T>, count: usize) -> Self {
        let items = rest.by_ref().take(count).collect();
        Self { items, more: rest.next().is_some() }
    }
}
