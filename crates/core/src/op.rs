//! The 25 ops: what a program can read and write.

mod build;
mod class;
mod options;

use bytes::Bytes;

use crate::{Args, Cursor, Key, Life, LogId};

pub use class::{Memory, ReplyShape, Retry};
pub use options::{Append, Bound, End, Only, Order, RankPut};

/// One read or write of one structure.
///
/// Every op states its **reply** (and what of it later ops can refer to, its *list* or its *number*), what a **missing
/// key** means, its [retry class](Op::retry), its [memory class](Op::memory) and its **cost**. An op on a key that
/// holds another structure is [`WrongType`](crate::Error::WrongType), except where "any kind" stands. An op whose list
/// of arguments is empty, or whose referenced number does not exist, does nothing and replies
/// [`Skipped`](crate::Reply::Skipped); if the list was *given* empty, the kind of the key is not looked at either.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a store must handle every op; a 26th is a breaking change")]
pub enum Op {
    /// How long the key lives; any kind. Also answers whether it exists.
    ///
    /// Reply: [`Ttl`](crate::Reply::Ttl). Missing key: [`Ttl::Missing`](crate::Ttl::Missing). A read. O(1); `PTTL`.
    Ttl {
        /// Any key.
        key: Key,
    },
    /// Changes the expiry; any kind.
    ///
    /// Reply: [`Written`](crate::Reply::Written); its number is the deadline, if the key then has one. Missing key:
    /// [`Skipped`](crate::Reply::Skipped). Absolute, frees. O(1); `PEXPIREAT` or `PERSIST`.
    Expire {
        /// Any key.
        key: Key,
        /// The new expiry; [`Life::Keep`] only asks whether the key is there.
        life: Life,
    },
    /// Removes the key; any kind.
    ///
    /// Reply: [`Flag`](crate::Reply::Flag), whether it existed. Missing key: false. Absolute, frees. O(1) here, the
    /// memory is freed in the background; `UNLINK`.
    Delete {
        /// Any key.
        key: Key,
    },

    /// Reads a value.
    ///
    /// Reply: [`Bytes`](crate::Reply::Bytes) or none (a list of 0 or 1). Missing key: none. A read. O(1); `GET`.
    Get {
        /// A value.
        key: Key,
    },
    /// Writes a value, replacing whatever the key held; any kind.
    ///
    /// Reply: [`Written`](crate::Reply::Written); its number is the deadline, if the key then has one. Missing key:
    /// created. Absolute, grows. O(1); `SET` with `PXAT`, `PX` or `KEEPTTL`.
    Put {
        /// A value.
        key: Key,
        /// A list of one; of a longer one the first.
        value: Args,
        /// The expiry.
        life: Life,
    },
    /// Reads a value and removes it: at most one caller gets it.
    ///
    /// Reply: [`Bytes`](crate::Reply::Bytes) or none (a list of 0 or 1). Missing key: none. Taking, frees. O(1);
    /// `GETDEL`.
    Take {
        /// A value.
        key: Key,
    },
    /// Adds to a counter, exactly over all of `i64`.
    ///
    /// Reply: [`Number`](crate::Reply::Number), the new value (a number). Missing key: 0 before. Outside `i64` it is
    /// [`Overflow`](crate::Error::Overflow), on other text [`NotANumber`](crate::Error::NotANumber), both without a
    /// change. Relative, grows. O(1); `INCRBY`.
    Add {
        /// A value that holds a canonical decimal `i64`.
        key: Key,
        /// What to add; may be negative.
        by: i64,
        /// The expiry.
        life: Life,
    },

    /// Reads fields of a map.
    ///
    /// Reply: [`Optionals`](crate::Reply::Optionals), per field bytes or none (a list; none is empty bytes, usable as
    /// values only). Missing key: all none. A read. O(fields); `HMGET`.
    MapGet {
        /// A map.
        key: Key,
        /// The fields.
        fields: Args,
    },
    /// Reads a whole map.
    ///
    /// Reply: [`Fields`](crate::Reply::Fields), in any order. Missing key: empty. A read. O(size), so only for maps
    /// that are known to stay small; [`Op::Walk`] reads the others. `HGETALL`.
    MapAll {
        /// A map.
        key: Key,
    },
    /// Writes fields of a map.
    ///
    /// A *single* value (one given, a number, or the reply of a `Get` or `Take`) serves all fields; two lists run in
    /// step to the shorter. Of a field that is named twice, the last value stays.
    ///
    /// Reply: [`Number`](crate::Reply::Number), fields created. Missing key: created. Absolute, grows. O(fields);
    /// `HSET`.
    MapPut {
        /// A map.
        key: Key,
        /// The fields.
        fields: Args,
        /// Their values.
        values: Args,
        /// The expiry.
        life: Life,
    },
    /// Removes fields of a map; with its last field the map ceases to exist.
    ///
    /// Reply: [`Number`](crate::Reply::Number), fields removed. Missing key: 0. Absolute, frees. O(fields); `HDEL`.
    MapRemove {
        /// A map.
        key: Key,
        /// The fields.
        fields: Args,
    },
    /// Compares the beginnings of fields, for example with the owner that a seat was given to.
    ///
    /// Reply: [`Matches`](crate::Reply::Matches), per field (a list: the fields that match). Missing key: all absent. A
    /// read. O(fields); `HMGET`.
    MapMatch {
        /// A map.
        key: Key,
        /// The fields.
        fields: Vec<Bytes>,
        /// For each field, the bytes that it must begin with.
        prefixes: Vec<Bytes>,
    },

    /// Adds to an end of a list, one element after the other, so that [`End::Front`] reverses them.
    ///
    /// Reply: [`Number`](crate::Reply::Number), the new length. Missing key: created. Relative, grows. O(elements);
    /// `LPUSH` or `RPUSH`.
    Push {
        /// A list.
        key: Key,
        /// Which end.
        end: End,
        /// The elements.
        values: Args,
        /// The expiry.
        life: Life,
    },
    /// Takes from an end of a list; with its last element the list ceases to exist.
    ///
    /// Reply: [`Items`](crate::Reply::Items), up to `count` (a list). Missing key: empty. Taking, frees. O(count);
    /// `LPOP` or `RPOP`.
    Pop {
        /// A list.
        key: Key,
        /// Which end.
        end: End,
        /// How many at most, from 1 to 1 000.
        count: u32,
    },
    /// Reads a part of a list, both ends inclusive; negative positions count from the end, -1 being the last.
    ///
    /// Reply: [`Items`](crate::Reply::Items) (a list). Missing key: empty. A read. O(distance from an end + elements);
    /// `LRANGE`.
    Range {
        /// A list.
        key: Key,
        /// The first position.
        from: i64,
        /// The last position.
        to: i64,
    },

    /// Writes members of a ranking; see [`RankPut`] for who is admitted.
    ///
    /// Reply: [`Ranked`](crate::Reply::Ranked), the members written, in order (a list), and their score (a number).
    /// Missing key: created, except for [`Only::Live`], which then writes nothing. Absolute, with
    /// [`Score::Last`](crate::Score::Last) relative. Grows, with [`Only::Live`] frees. O(members · log size); `ZMSCORE`,
    /// `ZCOUNT`, `ZADD`.
    RankPut(RankPut),
    /// Removes members of a ranking; with its last member the ranking ceases to exist.
    ///
    /// Reply: [`Number`](crate::Reply::Number), members removed. Missing key: 0. Absolute, frees.
    /// O(members · log size); `ZREM`.
    RankRemove {
        /// A ranking.
        key: Key,
        /// The members.
        members: Args,
    },
    /// Takes the earliest dead members: those with a score of now or before.
    ///
    /// Reply: [`Items`](crate::Reply::Items), removed (a list). Missing key: empty. Taking, frees. O(limit · log size);
    /// `ZRANGEBYSCORE` and `ZREM`.
    RankTake {
        /// A ranking.
        key: Key,
        /// How many at most, from 1 to 1 000.
        limit: u32,
    },
    /// Reads members by score, both bounds inclusive.
    ///
    /// Reply: [`Scored`](crate::Reply::Scored), members with scores (a list: the members; a number: the first score).
    /// Missing key: empty. A read. O(log size + limit); `ZRANGEBYSCORE` or `ZREVRANGEBYSCORE`.
    RankRange {
        /// A ranking.
        key: Key,
        /// The lowest score.
        min: Bound,
        /// The highest score.
        max: Bound,
        /// Which come first.
        order: Order,
        /// How many at most, from 1 to 1 000.
        limit: u32,
    },
    /// Counts the live members: those with a score after now.
    ///
    /// Reply: [`Number`](crate::Reply::Number) (a number). Missing key: 0. A read. O(log size); `ZCOUNT`.
    RankCount {
        /// A ranking.
        key: Key,
    },
    /// Reads the scores of members.
    ///
    /// Reply: [`Scores`](crate::Reply::Scores), per member a score or none. Missing key: all none. A read. O(members);
    /// `ZMSCORE`.
    RankScores {
        /// A ranking.
        key: Key,
        /// The members.
        members: Args,
    },
    /// Counts the members before one, dead ones included.
    ///
    /// Reply: [`Place`](crate::Reply::Place), or none if the member is absent. Missing key: none. A read. O(log size);
    /// `ZRANK`.
    RankPlace {
        /// A ranking.
        key: Key,
        /// The member.
        member: Bytes,
    },

    /// Appends to a log and trims it; see [`Append`].
    ///
    /// Reply: [`Ids`](crate::Reply::Ids). Missing key: created. Relative, grows. O(entries); `XADD` with `MAXLEN ~`.
    Append(Append),
    /// Reads entries of a log, both ids inclusive.
    ///
    /// Reply: [`Entries`](crate::Reply::Entries). Missing key: empty. A read. O(log size + limit); `XRANGE` or
    /// `XREVRANGE`.
    LogRange {
        /// A log.
        key: Key,
        /// The lowest id.
        from: LogId,
        /// The highest id.
        to: LogId,
        /// Which come first: [`Order::Lowest`] the oldest, [`Order::Highest`] the newest.
        order: Order,
        /// How many at most, from 1 to 1 000.
        limit: u32,
    },

    /// Reads one page of a map or ranking.
    ///
    /// What is present throughout the walk is seen at least once, maybe twice; a page may be empty, or hold more than
    /// `count` (small Redis structures come whole).
    ///
    /// Reply: [`Page`](crate::Reply::Page) (a list: the fields or members). Missing key: empty, at its end. A read.
    /// O(count); `HSCAN` or `ZSCAN`.
    Walk {
        /// A map or ranking.
        key: Key,
        /// Where the page begins; `None` is the first.
        cursor: Option<Cursor>,
        /// About how many, from 1 to 1 000.
        count: u32,
    },
}
