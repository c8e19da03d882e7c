//! The list of rooms.

use bytes::Bytes;
use roomkey_core::{Batch, Cursor, Key, Op, Reply, Store, WalkItems};

use super::Rooms;
use crate::Result;
use crate::cursor::RoomCursor;
use crate::error::broken;
use crate::id::RoomId;
use crate::member::{RoomInfo, RoomPage};
use crate::programs::{CAPACITY, Counts, METADATA};

/// About how many rooms of one partition are read at once.
const PAGE: u32 = 100;

/// With how many rooms a page ends, though others were read.
const ENOUGH: usize = 400;

/// How many partitions are read at once: most hold few rooms.
const PARTITIONS: usize = 64;

impl<S: Store> Rooms<S> {
    /// The rooms of the namespace, a hundred or some hundreds at a time: each that is configured, or in which somebody is
    /// or waits. Those that are only counted are not among them.
    ///
    /// A room that is there throughout is on one of the pages, seldom on two; a page may be empty though others follow.
    /// Two round trips to each node a page; it reads an index, never all keys.
    ///
    /// # Errors
    /// [`Record`](crate::Error::Record) for a room whose configuration does not open, [`Store`](crate::Error::Store).
    pub async fn rooms(&self, after: Option<RoomCursor>) -> Result<RoomPage> {
        let (first, cursor) = after.map_or((0, None), RoomCursor::into_parts);
        let lists: Vec<Key> = self.keys.all_lists().skip(first).take(PARTITIONS).collect();
        let (ids, next) = self.listed(&lists, first, cursor).await?;
        let mut ops = Vec::with_capacity(4 * ids.len());
        for id in &ids {
            let room = self.keys.room(*id);
            ops.push(Op::rank_count(&room.seats));
            ops.push(Op::rank_count(&room.held));
            ops.push(Op::rank_count(&room.tickets));
            ops.push(Op::map_get(&room.config, vec![CAPACITY, METADATA]));
        }
        let replies = self.vault.store().run(Batch::new(ops)?).await?;
        let mut replies = replies.into_iter();
        let mut rooms = Vec::with_capacity(ids.len());
        for id in ids {
            rooms.extend(self.info(id, &mut replies)?);
        }
        Ok(RoomPage { rooms, next })
    }

    /// The ids of a page, and where the next one begins.
    async fn listed(
        &self,
        lists: &[Key],
        first: usize,
        cursor: Option<Cursor>,
    ) -> Result<(Vec<RoomId>, Option<RoomCursor>)> {
        let mut cursor = cursor;
        // Only the first of them was begun before.
        let walk = |list| Op::walk(list, cursor.take(), PAGE);
        let replies = self.vault.store().run(Batch::new(lists.iter().map(walk))?).await?;
        let mut ids = Vec::new();
        for (at, reply) in replies.into_iter().enumerate() {
            let Reply::Page(page) = reply? else { return Err(broken("another reply than a list of rooms")) };
            let WalkItems::Members(members) = page.items else {
                return Err(broken("a list of rooms of another kind"));
            };
            ids.extend(members.iter().filter_map(|(id, _)| RoomId::from_slice(id).ok()));
            // The others are read again then: a page is not to grow without bound.
            if page.next.is_some() {
                return Ok((ids, Some(RoomCursor::new(first + at, page.next))));
            }
            if ids.len() >= ENOUGH {
                return Ok((ids, self.begin(first + at + 1)));
            }
        }
        Ok((ids, self.begin(first + lists.len())))
    }

    /// The beginning of a partition, if there is one.
    fn begin(&self, partition: usize) -> Option<RoomCursor> {
        (partition < self.keys.all_lists().len()).then(|| RoomCursor::new(partition, None))
    }

    /// What is known of a room; nothing of one that was left alone for so long that only the list still knows of it.
    fn info(
        &self,
        id: RoomId,
        replies: &mut impl Iterator<Item = roomkey_core::Result<Reply>>,
    ) -> Result<Option<RoomInfo>> {
        let mut reply =
            || replies.next().unwrap_or_else(|| Err(roomkey_core::Error::permanent("no reply to an op")));
        let mut count = || match reply()? {
            Reply::Number(number) => Ok(u64::try_from(number).unwrap_or(0)),
            _ => Err(broken("another reply than a count")),
        };
        let (live, held, waiting) = (count()?, count()?, count()?);
        let Reply::Optionals(config) = reply()? else {
            return Err(broken("another reply than a configuration"));
        };
        let [limit, sealed]: [Option<Bytes>; 2] =
            config.try_into().map_err(|_| broken("another reply than a configuration"))?;
        if sealed.is_none() && live + waiting == 0 {
            return Ok(None);
        }
        let described = sealed.map(|sealed| self.keys.open_room(&self.keys.room(id), &sealed)).transpose()?;
        let (name, metadata) = described.unzip();
        let name = name.filter(|name: &String| !name.is_empty());
        let occupancy = self.occupied(Counts { live, held, waiting, limit })?;
        Ok(Some(RoomInfo { id, name, metadata, occupancy }))
    }
}
