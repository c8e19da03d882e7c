//! Following what happens in a room.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use futures_util::stream::unfold;
use roomkey_core::{Batch, Entry, LogId, MAX_LIMIT, Op, Order, Reply, Store};
use tokio::time::{Instant, sleep, sleep_until};

use super::Rooms;
use crate::error::broken;
use crate::event::{EventId, RoomEvent, What};
use crate::hub::{self, Listener, News};
use crate::id::RoomRef;
use crate::keys::RoomKeys;
use crate::member::{Occupancy, Since};
use crate::{Error, Result};

/// How often at most a room is counted for those who follow its counts.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// For how long nothing is asked of a store that failed.
const PAUSE: Duration = Duration::from_millis(500);

/// What happens in a room, one event after the other: an endless stream. See [`Rooms::watch`].
pub struct RoomEvents(Boxed<RoomEvent>);

/// How full a room is, each time that it changes: an endless stream. See [`Rooms::watch_counts`].
pub struct RoomCounts(Boxed<Occupancy>);

type Boxed<T> = Pin<Box<dyn Stream<Item = Result<T>> + Send>>;

impl<S: Store> Rooms<S> {
    /// Follows what happens in a room, in order: from the oldest event that is kept, from now, or from the event with an
    /// id on. The last thousand events of a room are kept, until an hour after its longest lease; where some are missing,
    /// the stream says [`Missed`](What::Missed) before it goes on.
    ///
    /// It does not poll: all who follow rooms in a process share one wait at the store for 1 024 rooms. Trouble of the
    /// store is waited out, and nothing is lost meanwhile; an error that the stream gives concerns one event that does
    /// not [open](Error::Record), or reading back what was missed, which it tries again. It ends when the store is
    /// closed. Dropping it ends following.
    ///
    /// ```
    /// use roomkey_memory::MemoryStore;
    /// use roomkey_rooms::{Rooms, Since, What};
    /// use roomkey_vault::{Keyring, Vault};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let rooms = Rooms::new(Vault::open(MemoryStore::new(), Keyring::generate()?).await?);
    /// let mut events = rooms.watch("lobby", Since::Now).await?;
    /// let seat = rooms.join("lobby", "ada").await?;
    /// let event = events.next().await.unwrap()?;
    /// assert!(matches!(event.what, What::Joined(member) if member.id == "ada"));
    /// # drop(seat);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Name`](Error::Name), [`Store`](Error::Store).
    pub async fn watch<'n>(&self, room: impl Into<RoomRef<'n>>, since: Since) -> Result<RoomEvents> {
        let room = self.room(room)?;
        let (position, known) = match since {
            Since::Oldest => (LogId::MIN, false),
            Since::After(EventId(id)) => (id, true),
            Since::Now => self.newest(&room).await?.map_or((LogId::MIN, false), |id| (id, true)),
        };
        let follower = Follower {
            rooms: self.clone(),
            room,
            position,
            known,
            read: VecDeque::new(),
            listener: None,
            caught_up: false,
            failed: false,
        };
        Ok(RoomEvents(endless(follower)))
    }

    /// Follows how full a room is: what it is now, and then what it is whenever that has changed, at most once a second. For
    /// big rooms, of which nobody wants to see each who comes and goes.
    ///
    /// However many follow it in a process, the room is counted once for all. A seat that ends is seen when something
    /// [clears](Self::sweep) it away.
    ///
    /// # Errors
    /// [`Name`](Error::Name), [`Store`](Error::Store).
    pub async fn watch_counts<'n>(&self, room: impl Into<RoomRef<'n>>) -> Result<RoomCounts> {
        let room = self.room(room)?;
        let listener = self.listen(&room).await?;
        let counter = Counter { rooms: self.clone(), room, listener, last: None, asked: None, failed: false };
        Ok(RoomCounts(endless(counter)))
    }

    /// The newest event of a room.
    async fn newest(&self, room: &RoomKeys) -> Result<Option<LogId>> {
        match self.vault.run(newest(room)).await? {
            Reply::Entries(entries) => Ok(entries.first().map(|entry| entry.id)),
            _ => Err(broken("another reply than entries of a log")),
        }
    }

    /// Listens to a room from now on.
    async fn listen(&self, room: &RoomKeys) -> Result<Listener> {
        let at = self.newest(room).await?.unwrap_or(LogId::MIN);
        Ok(self.shared.hub.listen(self.vault.store(), &self.keys, room, at))
    }
}

fn newest(room: &RoomKeys) -> Op {
    Op::log_range(&room.events, LogId::MIN, LogId::MAX, Order::Highest, 1)
}

/// A stream of what a follower gives, until the store is closed.
fn endless<F: Follow + Send + 'static>(follower: F) -> Boxed<F::Item> {
    Box::pin(unfold(Some(follower), |follower| async {
        let mut follower = follower?;
        let item = follower.next().await;
        let closed = matches!(item, Err(Error::Store(roomkey_core::Error::Closed)));
        Some((item, (!closed).then_some(follower)))
    }))
}

/// One who gives one item after the other.
trait Follow {
    type Item;

    fn next(&mut self) -> impl Future<Output = Result<Self::Item>> + Send;
}

/// One who follows a room: first what is kept of the past, then what is heard.
struct Follower<S: Store> {
    rooms: Rooms<S>,
    room: RoomKeys,
    /// The last event that was given, or that is not wanted.
    position: LogId,
    /// Whether there was an entry at the position.
    known: bool,
    /// What was read and has not been given yet.
    read: VecDeque<Result<RoomEvent>>,
    listener: Option<Listener>,
    /// Whether everything up to what the listener hears next has been read.
    caught_up: bool,
    /// Whether the store failed the last time.
    failed: bool,
}

impl<S: Store> Follow for Follower<S> {
    type Item = RoomEvent;

    async fn next(&mut self) -> Result<RoomEvent> {
        loop {
            if let Some(read) = self.read.pop_front() {
                return read;
            }
            match &mut self.listener {
                Some(listener) if self.caught_up => match listener.news().await {
                    News::Heard(heard) if heard.entry.id > self.position => {
                        (self.position, self.known) = (heard.entry.id, true);
                        match &heard.event {
                            Some(event) => return Ok(event.clone()),
                            None => self.tell(&heard.entry),
                        }
                    }
                    News::Heard(_) => {}
                    News::Lagged => self.caught_up = false,
                    News::Over => (self.listener, self.caught_up) = (None, false),
                },
                _ => {
                    if std::mem::take(&mut self.failed) {
                        sleep(PAUSE).await;
                    }
                    self.failed = true;
                    self.catch_up().await?;
                    self.failed = false;
                }
            }
        }
    }
}

impl<S: Store> Follower<S> {
    /// Reads a page of what happened after the position; at the end of it begins to listen, and reads once more what came
    /// until then.
    async fn catch_up(&mut self) -> Result<()> {
        let from = Op::log_range(&self.room.events, self.position, LogId::MAX, Order::Lowest, MAX_LIMIT);
        let ops = Batch::new([from, newest(&self.room)])?;
        let replies = self.rooms.vault.store().run(ops).await?;
        let [entries, newest] =
            <[_; 2]>::try_from(replies).map_err(|_| broken("another number of replies"))?;
        let (Reply::Entries(entries), Reply::Entries(newest)) = (entries?, newest?) else {
            return Err(broken("another reply than entries of a log"));
        };
        let is_full = entries.len() >= MAX_LIMIT as usize;
        if self.known && entries.first().map(|entry| entry.id) != Some(self.position) {
            // What was last seen is not there any more: it was trimmed away, or the log is another one.
            self.read.push_back(Ok(RoomEvent { id: EventId(self.position), what: What::Missed }));
            self.known = false;
            if newest.first().is_none_or(|newest| newest.id < self.position) {
                self.position = LogId::MIN;
                return Ok(());
            }
        }
        for entry in entries {
            // The first is the one at the position itself, if that was known.
            if entry.id > self.position {
                self.tell(&entry);
                (self.position, self.known) = (entry.id, true);
            }
        }
        if self.listener.is_some() {
            self.caught_up = !is_full;
        } else if !is_full {
            let Rooms { vault, keys, shared } = &self.rooms;
            self.listener = Some(shared.hub.listen(vault.store(), keys, &self.room, self.position));
        }
        Ok(())
    }

    fn tell(&mut self, entry: &Entry) {
        self.read.extend(hub::event(&self.rooms.keys, &self.room, entry).transpose());
    }
}

/// One who follows the counts of a room.
struct Counter<S: Store> {
    rooms: Rooms<S>,
    room: RoomKeys,
    listener: Listener,
    last: Option<Occupancy>,
    /// When it was last counted.
    asked: Option<Instant>,
    failed: bool,
}

impl<S: Store> Follow for Counter<S> {
    type Item = Occupancy;

    async fn next(&mut self) -> Result<Occupancy> {
        loop {
            if let Some(asked) = self.asked {
                if !self.failed && matches!(self.listener.news().await, News::Over) {
                    self.listener = self.rooms.listen(&self.room).await?;
                }
                sleep_until(asked + COUNT_EVERY).await;
            }
            // What happens from here on is counted the next time.
            self.listener.drain();
            let asked = Instant::now();
            (self.asked, self.failed) = (Some(asked), true);
            let count = self.count(asked).await?;
            self.failed = false;
            if self.last != Some(count) {
                self.last = Some(count);
                return Ok(count);
            }
        }
    }
}

impl<S: Store> Counter<S> {
    /// A count that is not older than `asked`: one's own, or that of another who follows.
    async fn count(&self, asked: Instant) -> Result<Occupancy> {
        let mut last = self.listener.last_count.lock().await;
        if let Some((_, count)) = last.filter(|(when, _)| *when >= asked) {
            return Ok(count);
        }
        let when = Instant::now();
        let count = self.rooms.count(&self.room).await?;
        *last = Some((when, count));
        Ok(count)
    }
}

macro_rules! streams {
    ($($stream:ident: $item:ty),*) => {
        $(
            impl $stream {
                /// The next item; `None` once the store is closed. It may be dropped and asked again.
                pub async fn next(&mut self) -> Option<Result<$item>> {
                    std::future::poll_fn(|context| self.0.as_mut().poll_next(context)).await
                }
            }

            impl Stream for $stream {
                type Item = Result<$item>;

                fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
                    self.0.as_mut().poll_next(context)
                }
            }

            impl std::fmt::Debug for $stream {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str(stringify!($stream))
                }
            }
        )*
    };
}

streams!(RoomEvents: RoomEvent, RoomCounts: Occupancy);
