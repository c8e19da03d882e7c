//! A list: bytes in order.

use std::collections::VecDeque;

use bytes::Bytes;
use roomkey_core::End;

use super::ELEMENT_OVERHEAD;

#[derive(Debug, Default)]
pub(crate) struct List {
    values: VecDeque<Bytes>,
    bytes: usize,
}

impl List {
    pub(crate) fn push(&mut self, end: End, value: Bytes) {
        self.bytes += ELEMENT_OVERHEAD + value.len();
        match end {
            End::Front => self.values.push_front(value),
            End::Back => self.values.push_back(value),
        }
    }

    /// Takes up to `count` values from an end, the outermost first.
    pub(crate) fn pop(&mut self, end: End, count: usize) -> Vec<Bytes> {
        let count = count.min(self.values.len());
        let taken: Vec<Bytes> = match end {
            End::Front => self.values.drain(..count).collect(),
            End::Back => self.values.drain(self.values.len() - count..).rev().collect(),
        };
        self.bytes -= taken.iter().map(|value| ELEMENT_OVERHEAD + value.len()).sum::<usize>();
        taken
    }

    /// The values from one position to another, both inclusive; negative positions count from the end.
    pub(crate) fn range(&self, from: i64, to: i64) -> Vec<Bytes> {
        let len = self.values.len() as i64;
        let from_start = |position: i64| if position < 0 { position + len } else { position };
        let (first, last) = (from_start(from).max(0), from_start(to).min(len - 1));
        if first > last {
            return Vec::new();
        }
        self.values.range(first as usize..=last as usize).cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }
}
