//! Numbers for the keys of a shard.

use bytes::Bytes;

/// The number of a key: its own as long as it exists, then another key's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NameId(usize);

/// The keys of a shard by number.
///
/// Numbers give keys an order that costs next to nothing to keep, unlike that of their bytes: a scan goes on after the
/// last number, and the index of deadlines holds numbers instead of keys.
#[derive(Debug, Default)]
pub(crate) struct Names {
    keys: Vec<Option<Bytes>>,
    /// Numbers to give out again. May hold some that have been given out or cut off since.
    free: Vec<usize>,
}

impl Names {
    pub(crate) fn add(&mut self, key: Bytes) -> NameId {
        while let Some(id) = self.free.pop() {
            if let Some(place @ None) = self.keys.get_mut(id) {
                *place = Some(key);
                return NameId(id);
            }
        }
        self.keys.push(Some(key));
        NameId(self.keys.len() - 1)
    }

    pub(crate) fn remove(&mut self, id: NameId) {
        self.keys[id.0] = None;
        self.free.push(id.0);
        // A shard that has lost most of its keys gets short again, so that scanning it does too.
        while self.keys.last().is_some_and(Option::is_none) {
            self.keys.pop();
        }
        if self.keys.is_empty() {
            *self = Self::default();
        }
    }

    pub(crate) fn key(&self, id: NameId) -> Option<&Bytes> {
        self.keys.get(id.0)?.as_ref()
    }

    /// The keys from a number on, with the number to go on from after each; `None` where a number is free.
    pub(crate) fn from(&self, first: usize) -> impl Iterator<Item = (usize, Option<&Bytes>)> {
        self.keys.iter().enumerate().skip(first).map(|(id, key)| (id + 1, key.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_given_out_again_only_when_its_key_is_gone() {
        let mut names = Names::default();
        let [a, b, c] = [b"a", b"b", b"c"].map(|key| names.add(Bytes::from_static(key)));
        names.remove(c);
        names.remove(a);
        let again = names.add(Bytes::from_static(b"d"));
        assert_eq!(again, a);
        let other = names.add(Bytes::from_static(b"e"));
        assert!(other != a && other != b);
        let keys: Vec<_> = names.from(0).filter_map(|(_, key)| key.cloned()).collect();
        assert_eq!(keys, ["d", "b", "e"]);
        for id in [again, b, other] {
            names.remove(id);
        }
        assert_eq!(names.from(0).count(), 0);
    }
}
