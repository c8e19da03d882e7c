//! Members by score, countable.

use bytes::Bytes;

/// A member with its score, ordered by score, ties by the bytes of the member.
type Scored = (i64, Bytes);

/// A sorted sequence in blocks of bounded length.
///
/// The standard library's ordered set cannot say how many elements lie before one, which is what counting the live and
/// finding a place in a queue ask. Here that is a sum over the lengths of the blocks: a few hundred additions for
/// a hundred thousand members.
#[derive(Debug, Default)]
pub(crate) struct Ordered {
    /// Sorted, none of them empty.
    blocks: Vec<Vec<Scored>>,
}

impl Ordered {
    /// Inserts a member that is not there with this score.
    pub(crate) fn insert(&mut self, score: i64, member: Bytes) {
        let at = self.block_of(score, &member);
        let Some(block) = self.blocks.get_mut(at) else {
            // Behind all others: at the end of the last block.
            match self.blocks.last_mut() {
                Some(last) => last.push((score, member)),
                None => self.blocks.push(vec![(score, member)]),
            }
            return self.split(self.blocks.len() - 1);
        };
        let within = position(block, score, &member);
        block.insert(within, (score, member));
        self.split(at);
    }

    /// Removes a member that is there with this score.
    pub(crate) fn remove(&mut self, score: i64, member: &[u8]) {
        let at = self.block_of(score, member);
        let Some(block) = self.blocks.get_mut(at) else { return };
        let within = position(block, score, member);
        if block.get(within).is_some_and(|(s, m)| *s == score && m == member) {
            block.remove(within);
        }
        self.merge(at);
    }

    /// How many come before this member.
    pub(crate) fn before(&self, score: i64, member: &[u8]) -> usize {
        let at = self.block_of(score, member);
        self.len_of(at) + self.blocks.get(at).map_or(0, |block| position(block, score, member))
    }

    /// How many have a score below this one.
    pub(crate) fn below(&self, score: i64) -> usize {
        // Nothing sorts before the empty member, so this is before every member of the score.
        self.before(score, b"")
    }

    /// How many have this score or a lower one.
    pub(crate) fn until(&self, score: i64) -> usize {
        let at = self.blocks.partition_point(|block| block.last().is_some_and(|(last, _)| *last <= score));
        let within = self.blocks.get(at).map_or(0, |block| block.partition_point(|(s, _)| *s <= score));
        self.len_of(at) + within
    }

    /// `count` elements from a position on.
    pub(crate) fn slice(&self, start: usize, count: usize) -> impl Iterator<Item = &Scored> {
        let mut skip = start;
        let mut at = 0;
        while let Some(block) = self.blocks.get(at)
            && skip >= block.len()
        {
            skip -= block.len();
            at += 1;
        }
        self.blocks[at..].iter().flatten().skip(skip).take(count)
    }

    pub(crate) fn last(&self) -> Option<&Scored> {
        self.blocks.last()?.last()
    }

    /// The first block whose last element does not come before this one.
    fn block_of(&self, score: i64, member: &[u8]) -> usize {
        self.blocks
            .partition_point(|block| block.last().is_some_and(|(s, m)| (*s, m.as_ref()) < (score, member)))
    }

    /// The number of elements in the blocks before `at`.
    fn len_of(&self, at: usize) -> usize {
        self.blocks[..at].iter().map(Vec::len).sum()
    }

    fn split(&mut self, at: usize) {
        let block = &mut self.blocks[at];
        if block.len() > BLOCK {
            let upper = block.split_off(BLOCK / 2);
            self.blocks.insert(at + 1, upper);
        }
    }

    /// Joins a block that has become small with a neighbour, so that removing leaves no long row of tiny blocks.
    fn merge(&mut self, at: usize) {
        if self.blocks[at].is_empty() {
            self.blocks.remove(at);
        } else if let Some(next) = self.blocks.get(at + 1)
            && self.blocks[at].len() + next.len() <= BLOCK / 2
        {
            let next = self.blocks.remove(at + 1);
            self.blocks[at].extend(next);
        }
    }
}

/// Where in a block this element stands or would stand.
fn position(block: &[Scored], score: i64, member: &[u8]) -> usize {
    block.partition_point(|(s, m)| (*s, m.as_ref()) < (score, member))
}

/// The longest block. Long blocks make counting cheap and inserting dear; around this length both take well under a
/// microsecond.
const BLOCK: usize = if cfg!(test) { 8 } else { 256 };
