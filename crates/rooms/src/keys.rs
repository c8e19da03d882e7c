//! Where rooms are kept: their layouts, and what of a room and of a member is seen there.

use std::sync::Arc;

use bytes::Bytes;
use roomkey_core::{Key, Kind, Partition, Spread, Store};
use roomkey_crypto::{Context, Tag};
use roomkey_vault::{Space, Vault};

use crate::id::{Form, Named, RoomId, RoomRef};
use crate::record::{self, Draft, Metadata};
use crate::{Error, Result};

/// The most bytes of a member's id.
pub const MAX_MEMBER_BYTES: usize = 1_024;

/// Over how many partitions rooms spread. It never changes.
const SPREAD: Spread = Spread::over(1_024);

// What is sealed here. None is ever used again for something else.
const MEMBER_RECORD: u8 = 32;
const ROOM_RECORD: u8 = 33;

/// The layouts of rooms. Each stands for one structure for ever.
///
/// All keys of a room lie in one partition: that of its name, or that of its pool.
#[derive(Clone, Debug)]
pub(crate) struct Keys(Arc<Spaces>);

#[derive(Debug)]
struct Spaces {
    /// The name of what there is once in each partition.
    whole: Tag,
    /// `c1`: per room, its size as a counter.
    sizes: Space,
    /// `m1`: per room, the members that have a seat, by deadline: taken, held and kept for somebody who is away.
    seats: Space,
    /// `i1`: per room, the sealed records of members, seated and waiting.
    records: Space,
    /// `h1`: per room, the seats whose holders are not there: reserved, promoted or away. By deadline.
    held: Space,
    /// `w1`: per room, the members that wait, by the deadline until which they do.
    tickets: Space,
    /// `o1`: per room, the members that wait, in the order in which they came.
    queue: Space,
    /// `e1`: per room, what happened in it.
    events: Space,
    /// `r1`: per room, its configuration.
    config: Space,
    /// `d1`: per partition, the rooms by the time at which a seat ends if nobody renews it.
    due: Space,
    /// `l1`: per partition, the rooms by the time until which they are listed.
    list: Space,
    /// `p1`: per pool, the numbers of its rooms by how many seats are taken.
    open: Space,
    /// `q1`: per pool, how many rooms were made.
    made: Space,
    /// `u1`: per pool, how often a seat may have become free.
    freed: Space,
}

/// The keys of one room.
#[derive(Clone, Debug)]
pub(crate) struct RoomKeys {
    pub(crate) id: RoomId,
    /// What stands for it in the indexes of its partition.
    pub(crate) name: Bytes,
    /// What stands for it among the rooms of its pool; empty for a room with a name.
    pub(crate) number: Bytes,
    tag: Tag,
    pub(crate) seats: Key,
    pub(crate) records: Key,
    pub(crate) held: Key,
    pub(crate) tickets: Key,
    pub(crate) queue: Key,
    pub(crate) events: Key,
    pub(crate) config: Key,
    pub(crate) due: Key,
    pub(crate) list: Key,
    /// Of a room of a pool.
    pub(crate) pool: Option<PoolKeys>,
}

impl RoomKeys {
    /// All of them, in one order for rooms of pools and in another for rooms with a name.
    pub(crate) fn all(&self) -> Vec<Key> {
        let Self {
            id: _,
            name: _,
            number: _,
            tag: _,
            seats,
            records,
            held,
            tickets,
            queue,
            events,
            config,
            due,
            list,
            pool,
        } = self;
        let own = [seats, records, held, tickets, queue, events, config, due, list];
        let pool = pool.as_ref().map(|PoolKeys { open, made, freed }| [open, made, freed]);
        own.into_iter().chain(pool.into_iter().flatten()).cloned().collect()
    }

    /// Those that it shares with no other room of its pool.
    pub(crate) fn own(&self) -> [Key; 7] {
        let Self { seats, records, held, tickets, queue, events, config, .. } = self;
        [seats, records, held, tickets, queue, events, config].map(Key::clone)
    }

    /// What stands for it in indexes.
    pub(crate) fn names(&self) -> impl Iterator<Item = Bytes> {
        [&self.name, &self.number].into_iter().filter(|name| !name.is_empty()).cloned()
    }
}

/// The keys of one pool.
#[derive(Clone, Debug)]
pub(crate) struct PoolKeys {
    pub(crate) open: Key,
    pub(crate) made: Key,
    pub(crate) freed: Key,
}

impl Keys {
    pub(crate) fn new<S: Store>(vault: &Vault<S>) -> Self {
        let space = |layout| vault.space(layout, SPREAD);
        let sizes = space("c1");
        Self(Arc::new(Spaces {
            whole: sizes.hide("rooms", &[]),
            sizes,
            seats: space("m1"),
            records: space("i1"),
            held: space("h1"),
            tickets: space("w1"),
            queue: space("o1"),
            events: space("e1"),
            config: space("r1"),
            due: space("d1"),
            list: space("l1"),
            open: space("p1"),
            made: space("q1"),
            freed: space("u1"),
        }))
    }

    /// What stands for a room.
    pub(crate) fn id<'n>(&self, room: impl Into<RoomRef<'n>>) -> Result<RoomId> {
        match room.into().0 {
            Named::Id(id) => Ok(id),
            Named::Name(name) => Ok(RoomId(Form::Named(self.0.sizes.hide_name("room", name)?))),
        }
    }

    /// What stands for a pool.
    pub(crate) fn pool_tag<'n>(&self, pool: impl Into<roomkey_vault::Name<'n>>) -> Result<Tag> {
        Ok(self.0.sizes.hide_name("pool", pool)?)
    }

    /// The counter of a room.
    pub(crate) fn size(&self, id: RoomId) -> Key {
        let (tag, partition) = self.placed(id);
        self.0.sizes.key_in(partition, Kind::Value, tag)
    }

    pub(crate) fn room(&self, id: RoomId) -> RoomKeys {
        let (tag, partition) = self.placed(id);
        let spaces = &*self.0;
        let key = |space: &Space, kind, tag| space.key_in(partition, kind, tag);
        RoomKeys {
            id,
            name: id.bytes(),
            number: id.number(),
            tag,
            seats: key(&spaces.seats, Kind::Ranking, tag),
            records: key(&spaces.records, Kind::Map, tag),
            held: key(&spaces.held, Kind::Ranking, tag),
            tickets: key(&spaces.tickets, Kind::Ranking, tag),
            queue: key(&spaces.queue, Kind::Ranking, tag),
            events: key(&spaces.events, Kind::Log, tag),
            config: key(&spaces.config, Kind::Map, tag),
            due: key(&spaces.due, Kind::Ranking, spaces.whole),
            list: key(&spaces.list, Kind::Ranking, spaces.whole),
            pool: match id.0 {
                Form::Named(_) => None,
                Form::Pooled { pool, number: _ } => Some(self.pool(pool)),
            },
        }
    }

    pub(crate) fn pool(&self, pool: Tag) -> PoolKeys {
        let spaces = &*self.0;
        PoolKeys {
            open: spaces.open.key(Kind::Ranking, pool),
            made: spaces.made.key(Kind::Value, pool),
            freed: spaces.freed.key(Kind::Value, pool),
        }
    }

    /// The indexes of what is due, in all partitions.
    pub(crate) fn all_due(&self) -> impl ExactSizeIterator<Item = Key> + '_ {
        self.0.due.partitions().map(|partition| self.0.due.key_in(partition, Kind::Ranking, self.0.whole))
    }

    /// The lists of rooms, in all partitions.
    pub(crate) fn all_lists(&self) -> impl ExactSizeIterator<Item = Key> + '_ {
        self.0.list.partitions().map(|partition| self.0.list.key_in(partition, Kind::Ranking, self.0.whole))
    }

    /// What stands for a member in a room. The same member is another one in each room.
    pub(crate) fn member(&self, room: &RoomKeys, member: &str) -> Result<Tag> {
        match member.len() {
            0 => Err(Error::EmptyMember),
            bytes if bytes > MAX_MEMBER_BYTES => Err(Error::MemberTooLong { bytes }),
            _ => Ok(self.0.sizes.hide("member", &[room.tag.as_bytes(), member.as_bytes()])),
        }
    }

    // What is sealed there.

    /// Seals the record of a member. No two records begin with the same bytes, so the beginning tells them apart.
    pub(crate) fn seal_member(&self, room: &RoomKeys, member: Tag, draft: &Draft) -> Result<Bytes> {
        let context = Context::new(MEMBER_RECORD, room.records.bytes(), member.as_bytes());
        Ok(self.0.records.seal(&context, &draft.parts())?)
    }

    /// The id and the metadata of a member.
    pub(crate) fn open_member(
        &self,
        room: &RoomKeys,
        member: &[u8],
        sealed: &[u8],
    ) -> Result<(String, Metadata)> {
        let context = Context::new(MEMBER_RECORD, room.records.bytes(), member);
        record::read(self.0.records.open(&context, sealed).map_err(Error::Record)?)
    }

    pub(crate) fn seal_room(&self, room: &RoomKeys, draft: &Draft) -> Result<Bytes> {
        let context = Context::new(ROOM_RECORD, room.config.bytes(), b"");
        Ok(self.0.config.seal(&context, &draft.parts())?)
    }

    /// The name and the metadata of a room.
    pub(crate) fn open_room(&self, room: &RoomKeys, sealed: &[u8]) -> Result<(String, Metadata)> {
        let context = Context::new(ROOM_RECORD, room.config.bytes(), b"");
        record::read(self.0.config.open(&context, sealed).map_err(Error::Record)?)
    }

    /// The tag under which a room's own keys stand, and its partition.
    fn placed(&self, id: RoomId) -> (Tag, Partition) {
        let spaces = &*self.0;
        match id.0 {
            Form::Named(tag) => (tag, spaces.sizes.partition(tag)),
            Form::Pooled { pool, number } => {
                let tag = spaces.sizes.hide("pooled room", &[pool.as_bytes(), &number.to_be_bytes()]);
                (tag, spaces.sizes.partition(pool))
            }
        }
    }
}
