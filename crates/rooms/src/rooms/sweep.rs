//! Clearing away what ended, in all rooms.

use roomkey_core::{Batch, Bound, Op, Order, Reply, Store};

use super::Rooms;
use crate::error::broken;
use crate::id::RoomId;
use crate::programs::SweepProgram;
use crate::terms::Terms;
use crate::{Error, Result};

/// How many rooms of one partition are looked at in one sweep.
const ROOMS: u32 = 64;

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Swept {
    /// In how many rooms it looked.
    pub rooms: u64,
    /// How many seats had ended, and are told as expired.
    pub expired: u64,
    /// How many members that waited were promoted.
    pub promoted: u64,
    /// Whether there may be more to do at once. Otherwise a second later is soon enough.
    pub more: bool,
}

impl<S: Store> Rooms<S> {
    /// Clears away seats that ended, tells of them, and gives them to those who wait, in at most `most` rooms.
    ///
    /// Nothing depends on it: an ended seat counts to no limit, and whoever joins, leaves or waits clears away some of
    /// its room. What it is for are rooms in which nothing happens any more, whose last members would otherwise be told
    /// as gone only when somebody comes. Any process may do it at any time, several at once; once a second is often. Each
    /// step is bounded, so a hundred thousand seats that end together hold the store for about a millisecond at a time.
    ///
    /// It asks every partition, in one round trip to each node, and then each room of which a seat is due.
    ///
    /// # Errors
    /// [`Store`](Error::Store); some rooms may have been swept. [`Foreign`](Error::Foreign) for a room with a
    /// configuration that no version of Roomkey wrote; all others were swept.
    pub async fn sweep(&self, most: usize) -> Result<Swept> {
        let due = |key| Op::rank_range(&key, Bound::Open, Bound::Now, Order::Lowest, ROOMS);
        let replies = self.vault.store().run(Batch::new(self.keys.all_due().map(due))?).await?;
        let mut swept = Swept::default();
        let mut due = Vec::new();
        let mut trouble = None;
        for reply in replies {
            let rooms = match reply {
                Ok(Reply::Scored(rooms)) => rooms,
                Ok(_) => return Err(broken("another reply than rooms that are due")),
                // One node that is away is no reason to leave the rooms of the others.
                Err(error) => {
                    trouble.get_or_insert_with(|| Error::from(error));
                    continue;
                }
            };
            swept.more |= rooms.len() >= ROOMS as usize;
            // What is no room is not of our making, and is left where it is.
            due.extend(rooms.iter().filter_map(|(id, since)| Some((*since, RoomId::from_slice(id).ok()?))));
        }
        // What ended first comes first, wherever it lies.
        due.sort_unstable();
        swept.more |= due.len() > most;
        for (_, room) in due.into_iter().take(most) {
            match self.sweep_room(room, &mut swept).await {
                Ok(()) => {}
                // The next rooms would fare no better, and take as long.
                Err(error @ Error::Store(_)) => return Err(trouble.unwrap_or(error)),
                // Nor is a room that cannot be swept, which stays the first that is due.
                Err(error) => {
                    trouble.get_or_insert(error);
                }
            }
        }
        trouble.map_or(Ok(swept), Err)
    }

    async fn sweep_room(&self, id: RoomId, swept: &mut Swept) -> Result<()> {
        let room = self.keys.room(id);
        let terms = self.vault.run(Op::map_get(&room.config, crate::programs::TERMS)).await?;
        let terms = match terms {
            Reply::Optionals(terms) => terms.into_iter().next().flatten(),
            _ => return Err(broken("another reply than the terms of a room")),
        };
        let terms = terms.map_or_else(|| Ok(self.shared.config.terms()), |terms| Terms::of_config(&terms))?;
        let basis = self.basis(terms);
        swept.rooms += 1;
        loop {
            let program = SweepProgram::new(&room, basis)?;
            let outcome = self.vault.store().transact(&program.txn).await?;
            let (expired, promoted, more) = program.swept(&outcome);
            swept.expired += expired;
            swept.promoted += promoted;
            if !more {
                return Ok(());
            }
        }
    }
}
