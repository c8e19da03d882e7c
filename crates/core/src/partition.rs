//! Partitions: the 16 384 hash slots of Redis Cluster, and how a kind of data spreads over them.

use std::fmt;
use std::sync::OnceLock;

/// The number of hash slots, fixed by Redis Cluster.
pub const SLOTS: u16 = 16_384;

/// Where a key lives: one of the 16 384 hash slots.
///
/// All keys of one transaction share a partition, so on Redis Cluster a transaction touches one slot by construction.
/// In a physical key the partition is written as a hash tag, the shortest base62 text that hashes to the slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition(u16);

impl Partition {
    /// The partition of a slot, or `None` for 16 384 and above.
    #[must_use]
    pub const fn from_slot(slot: u16) -> Option<Self> {
        if slot < SLOTS { Some(Self(slot)) } else { None }
    }

    /// The partition whose [tag](Self::tag) this is; `None` for any other text.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        let partition = Self(slot_of(tag.as_bytes()));
        (partition.tag() == tag).then_some(partition)
    }

    /// The hash slot, from 0 to 16 383.
    #[must_use]
    pub const fn slot(self) -> u16 {
        self.0
    }

    /// The shortest base62 text whose CRC16 falls into the slot; among equally short ones, the first in ASCII order.
    ///
    /// ```
    /// # use roomkey_core::Partition;
    /// let partition = Partition::from_slot(5_061).expect("a slot below 16 384");
    /// assert_eq!(Partition::from_tag(partition.tag()), Some(partition));
    /// ```
    #[must_use]
    pub fn tag(self) -> &'static str {
        tags()[usize::from(self.0)].as_str()
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}

/// How many partitions a kind of data spreads over: a power of two that never changes for that kind.
///
/// The partitions of a spread lie at equal distances, so that contiguous slot ranges, which is how Cluster assigns
/// slots to nodes, carry equal shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Spread(u16);

impl Spread {
    /// A spread over `partitions` partitions.
    ///
    /// # Panics
    /// If `partitions` is not a power of two from 1 to 16 384. Spreads are constants, so this fails when compiled.
    #[must_use]
    pub const fn over(partitions: u16) -> Self {
        assert!(partitions.is_power_of_two() && partitions <= SLOTS, "a power of two from 1 to 16 384");
        Self(partitions)
    }

    /// The partition of a name, given the keyed hash that hides it: `slot = (leading 32 bits mod P) · 16384/P + 8192/P`.
    #[must_use]
    pub const fn partition(self, tag: [u8; 16]) -> Partition {
        let leading = u32::from_be_bytes([tag[0], tag[1], tag[2], tag[3]]);
        self.nth((leading % self.0 as u32) as u16)
    }

    /// All partitions of the spread, in ascending order: what a sweep walks over.
    pub fn partitions(self) -> impl ExactSizeIterator<Item = Partition> {
        (0..self.0).map(move |index| self.nth(index))
    }

    const fn nth(self, index: u16) -> Partition {
        Partition(index * (SLOTS / self.0) + SLOTS / 2 / self.0)
    }
}

/// A tag of one to three characters, kept inline so that the table is one allocation.
#[derive(Clone, Copy)]
struct Tag {
    text: [u8; 3],
    len: u8,
}

impl Tag {
    fn as_str(&self) -> &str {
        str::from_utf8(&self.text[..usize::from(self.len)]).unwrap_or_default()
    }
}

/// The tag of every slot, made once per process by hashing all base62 texts of up to three characters in order.
fn tags() -> &'static [Tag] {
    static TAGS: OnceLock<Vec<Tag>> = OnceLock::new();
    TAGS.get_or_init(|| {
        const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut tags = vec![Tag { text: [0; 3], len: 0 }; usize::from(SLOTS)];
        for len in 1..=3u32 {
            for number in 0..62usize.pow(len) {
                let mut text = [0; 3];
                for place in 0..len {
                    text[place as usize] = DIGITS[number / 62usize.pow(len - 1 - place) % 62];
                }
                let tag = &mut tags[usize::from(slot_of(&text[..len as usize]))];
                if tag.len == 0 {
                    *tag = Tag { text, len: len as u8 };
                }
            }
        }
        tags
    })
}

/// The slot of a hash tag: CRC16 (XMODEM: polynomial 0x1021, start 0) modulo 16 384, as the Redis Cluster specification
/// defines it.
const fn slot_of(bytes: &[u8]) -> u16 {
    let mut crc = 0u16;
    let mut at = 0;
    while at < bytes.len() {
        crc ^= (bytes[at] as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 != 0 { (crc << 1) ^ 0x1021 } else { crc << 1 };
            bit += 1;
        }
        at += 1;
    }
    crc % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_cluster_specification() {
        // Values of `CLUSTER KEYSLOT` and of the specification's own example.
        assert_eq!(slot_of(b"123456789"), 0x31C3 % SLOTS);
        assert_eq!(slot_of(b"foo"), 12_182);
        assert_eq!(slot_of(b"bar"), 5_061);
    }

    #[test]
    fn every_slot_has_a_tag_of_at_most_three_characters() {
        for slot in 0..SLOTS {
            let tag = Partition(slot).tag();
            assert!((1..=3).contains(&tag.len()), "slot {slot}: {tag:?}");
            assert_eq!(slot_of(tag.as_bytes()), slot);
            assert_eq!(Partition::from_tag(tag), Some(Partition(slot)));
        }
    }

    #[test]
    fn a_text_that_is_not_the_shortest_is_no_tag() {
        assert_eq!(Partition::from_tag("foo-bar"), None);
        assert_eq!(Partition::from_tag(""), None);
    }

    #[test]
    fn partitions_lie_at_equal_distances() {
        let of_four: Vec<u16> = Spread::over(4).partitions().map(Partition::slot).collect();
        assert_eq!(of_four, [2_048, 6_144, 10_240, 14_336]);
        assert_eq!(
            Spread::over(SLOTS).partitions().map(Partition::slot).collect::<Vec<_>>(),
            (0..SLOTS).collect::<Vec<_>>()
        );
        assert_eq!(Spread::over(1).partition([0xff; 16]).slot(), 8_192);
    }

    #[test]
    fn a_name_falls_into_the_partition_of_its_leading_bits() {
        let mut tag = [0; 16];
        tag[..4].copy_from_slice(&1_025u32.to_be_bytes());
        assert_eq!(Spread::over(1_024).partition(tag).slot(), 16 + 8);
    }
}
