//! A map: fields with bytes.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;

use super::{ELEMENT_OVERHEAD, Walked};

/// Fields in the order of their bytes, which is what lets a walk go on after the last field it has seen.
#[derive(Debug, Default)]
pub(crate) struct Map {
    fields: BTreeMap<Bytes, Bytes>,
    bytes: usize,
}

impl Map {
    pub(crate) fn get(&self, field: &[u8]) -> Option<&Bytes> {
        self.fields.get(field)
    }

    /// Writes a field; returns whether it is new.
    pub(crate) fn put(&mut self, field: Bytes, value: Bytes) -> bool {
        let (field_bytes, value_bytes) = (field.len(), value.len());
        match self.fields.insert(field, value) {
            Some(old) => {
                self.bytes = self.bytes - old.len() + value_bytes;
                false
            }
            None => {
                self.bytes += ELEMENT_OVERHEAD + field_bytes + value_bytes;
                true
            }
        }
    }

    /// Removes a field; returns whether it was there.
    pub(crate) fn remove(&mut self, field: &[u8]) -> bool {
        let Some(value) = self.fields.remove(field) else { return false };
        self.bytes -= ELEMENT_OVERHEAD + field.len() + value.len();
        true
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        self.fields.iter()
    }

    pub(crate) fn walk(&self, after: Option<&Bytes>, count: usize) -> Walked<(Bytes, Bytes)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = self.fields.range::<Bytes, _>((from, Bound::Unbounded));
        Walked::new(rest.map(|(field, value)| (field.clone(), value.clone())), count)
    }

    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }
}
