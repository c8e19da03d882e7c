//! Pools: rooms of a kind, of which one with space is found or made.

use std::collections::HashSet;
use std::fmt;

use bytes::Bytes;
use roomkey_core::{Batch, Bound, MAX_LIMIT, Op, Order, Reply, Store};
use roomkey_crypto::Tag;
use roomkey_vault::{Encode, Name};

use super::Rooms;
use crate::error::broken;
use crate::id::{Form, RoomId};
use crate::lease::{Lease, Seat};
use crate::member::Join;
use crate::programs::{Basis, CANDIDATES, PoolCandidate, Seen};
use crate::record::Draft;
use crate::{Error, Result, RoomConfig};

#[cfg(test)]
mod tests;

/// How often a pool is read anew because others changed it meanwhile. Of all that try at once one gets on each time.
const TRIES: usize = 256;

/// Rooms of a kind: whoever comes is given a seat in the fullest that has space, and a room is made only when none has.
///
/// The rooms of a pool are numbered, work all in one way, and lie in one partition, so that finding and taking a seat is
/// one step: a pool is as large as one node can hold and one core serve, some ten thousand joins a second. A larger one
/// is split by its name, by region for instance.
pub struct Pool<S> {
    rooms: Rooms<S>,
    tag: Tag,
    config: RoomConfig,
}

impl<S: Store> Rooms<S> {
    /// The pool of a name, whose rooms work so. All processes have to say the same: a room keeps the limit that it was
    /// made with, but whether it counts as full is decided by what is said here.
    ///
    /// # Errors
    /// [`Config`](Error::Config) for what cannot be, a limit of 0 and a queue among it, and [`Name`](Error::Name).
    pub fn pool<'n>(&self, name: impl Into<Name<'n>>, config: RoomConfig) -> Result<Pool<S>> {
        config.check()?;
        if config.limit == 0 {
            return Err(Error::Config("no room of a pool would have space"));
        }
        if config.queue > 0 {
            return Err(Error::Config("nobody waits for a room of a pool: another one is made"));
        }
        Ok(Pool { tag: self.keys.pool_tag(name)?, rooms: self.clone(), config })
    }
}

impl<S: Store> Pool<S> {
    /// Gives a member a seat in the fullest room that has space, or in a new one if none has: exactly, however many come
    /// at once.
    ///
    /// What counts as space is what the index of the pool says: a seat that ended counts from the next
    /// [`sweep`](Rooms::sweep) or change of its room on. A member that has a seat in a room that is tried gets that one;
    /// one that has a seat elsewhere in the pool may get a second one. Limit and queue of `join` are not looked at.
    ///
    /// Two round trips, and two more whenever others were faster.
    ///
    /// # Errors
    /// Those of [`Rooms::join`]. After [`Ambiguous`](roomkey_core::Error::Ambiguous) the member may have a seat for one
    /// lease; it was not tried again, as that could take a second.
    pub async fn find_or_create<'m, M: Encode>(&self, join: impl Into<Join<'m, M>>) -> Result<Seat<S>> {
        let Join { member, metadata, .. } = join.into();
        let metadata = self.rooms.vault.encode(&metadata).map_err(Error::Metadata)?;
        let draft = Draft::new(member.as_bytes(), metadata);
        let pool = self.rooms.keys.pool(self.tag);
        let terms = self.config.terms();
        let basis = Basis { terms, limit: self.config.limit.into() };
        let mut tried = Tried::default();
        for _ in 0..TRIES {
            let seen = self.look(member, &draft, &mut tried).await?;
            let program = self.rooms.shared.forms.pool(&pool, &seen, basis)?;
            let outcome = self.rooms.vault.store().transact(&program.txn).await?;
            let Some(found) = program.found(&outcome) else { continue };
            let candidate =
                seen.candidates().nth(found).ok_or_else(|| broken("a seat in no room that was tried"))?;
            let PoolCandidate { room, tag, member: _, sealed } = candidate;
            let lease = Lease { room: room.id, member: *tag, sealed: sealed.clone(), terms };
            return Ok(Seat::new(self.rooms.clone(), lease));
        }
        Err(Error::Store(roomkey_core::Error::Contended))
    }

    /// The room of a number, counted from 1 in the order in which they are made.
    #[must_use]
    pub const fn room(&self, number: u64) -> RoomId {
        RoomId(Form::Pooled { pool: self.tag, number })
    }

    /// What the pool is like at this moment.
    async fn look(&self, member: &str, draft: &Draft, tried: &mut Tried) -> Result<Seen> {
        let pool = self.rooms.keys.pool(self.tag);
        let space = Bound::Is(i64::from(self.config.limit) - 1);
        let most = (CANDIDATES + tried.rooms.len()).min(MAX_LIMIT as usize) as u32;
        // What is compared later is read first, so that no change in between goes unnoticed.
        let ops = [
            Op::get(&pool.freed),
            Op::get(&pool.made),
            Op::rank_range(&pool.open, Bound::Open, space, Order::Highest, most),
        ];
        let replies = self.rooms.vault.store().run(Batch::new(ops)?).await?;
        let [freed, made, open] =
            <[_; 3]>::try_from(replies).map_err(|_| broken("another number of replies than ops"))?;
        let (freed, made) = (freed?.into_bytes(), made?.into_bytes());
        let Reply::Scored(open) = open? else { return Err(broken("another reply than rooms with space")) };
        let of = |(number, _): &(Bytes, i64)| Some(u64::from_be_bytes(number[..].try_into().ok()?));
        let open = tried.others(open, number(freed.as_ref())?);
        let open = open.iter().filter_map(of).map(|number| self.candidate(number, member, draft));
        let open: Vec<_> = open.collect::<Result<_>>()?;
        let next = u64::try_from(number(made.as_ref())?).unwrap_or(0) + 1;
        let next = (open.len() < CANDIDATES).then(|| self.candidate(next, member, draft)).transpose()?;
        Ok(Seen { open, next, made, freed })
    }

    fn candidate(&self, number: u64, member: &str, draft: &Draft) -> Result<PoolCandidate> {
        let keys = &self.rooms.keys;
        let room = keys.room(self.room(number));
        let tag = keys.member(&room, member)?;
        let sealed = keys.seal_member(&room, tag, draft)?;
        Ok(PoolCandidate { room, tag, member: Bytes::copy_from_slice(tag.as_bytes()), sealed })
    }
}

/// Rooms that are listed as having space and had none when they were tried, as others were faster, or as they were
/// configured to admit fewer than the pool says. They are not tried again until something becomes free: so rooms that
/// somebody closed hide none that has space, and keep none from being made.
#[derive(Default)]
struct Tried {
    /// With how many seats they had taken, as they were listed.
    rooms: HashSet<(Bytes, i64)>,
    /// How often a seat had become free then.
    freed: i64,
}

impl Tried {
    /// The first of the rooms listed that are worth a try.
    fn others(&mut self, listed: Vec<(Bytes, i64)>, freed: i64) -> Vec<(Bytes, i64)> {
        if freed != self.freed {
            (self.rooms, self.freed) = (HashSet::new(), freed);
        }
        let others = listed.into_iter().filter(|room| !self.rooms.contains(room)).take(CANDIDATES);
        let others: Vec<_> = others.collect();
        self.rooms.extend(others.iter().cloned());
        others
    }
}

impl<S> Clone for Pool<S> {
    fn clone(&self) -> Self {
        let Self { rooms, tag, config } = self;
        Self { rooms: rooms.clone(), tag: *tag, config: config.clone() }
    }
}

/// Shows what the rooms are like.
impl<S: fmt::Debug> fmt::Debug for Pool<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rooms, tag, config } = self;
        f.debug_struct("Pool").field("rooms", rooms).field("tag", tag).field("config", config).finish()
    }
}

/// The number of a counter, 0 for none.
fn number(counter: Option<&Bytes>) -> Result<i64> {
    let Some(text) = counter else { return Ok(0) };
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    number.ok_or(Error::Foreign(roomkey_vault::Error::NotANumber))
}
