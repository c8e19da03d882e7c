//! Renewing the seats of a process.

use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use roomkey_core::Store;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::lease::{Lease, Seat};
use crate::member::Renewal;
use crate::random::jitter;
use crate::{Result, RoomId, Rooms};

/// How many rooms are renewed at the same time.
const AT_ONCE: usize = 16;

/// How many seats one transaction renews.
const BATCH: usize = 50;

/// Why a kept seat is there.
const SEATED: &str = "the seat is taken only when its keeping ends";

/// Renews all seats of a process: a task that renews each three times in its lease, those of one room together, at times
/// that are spread so that processes started together do not all ask at once.
///
/// A seat that could not be renewed in time, because its lease ended or because the store did not answer until it had, is
/// lost: [`Kept::lost`] tells it at once to whoever needs the seat. The keeper takes no seat anew by itself.
///
/// The task ends when the keeper and all [kept](Self::keep) seats have been dropped.
pub struct Keeper<S: Store> {
    shared: Arc<Shared<S>>,
}

struct Shared<S: Store> {
    rooms: Rooms<S>,
    seats: Mutex<Seats>,
    /// A seat was added, or this was dropped.
    changed: Arc<Notify>,
}

/// The seats that are kept.
#[derive(Default)]
struct Seats {
    by_number: HashMap<u64, Entry>,
    next: u64,
}

struct Entry {
    lease: Lease,
    /// When to renew it.
    due: Instant,
    /// When its lease ends at the earliest: counted from when the last renewal that succeeded was sent.
    ends: Instant,
    standing: watch::Sender<Renewal>,
}

impl<S: Store> Rooms<S> {
    /// A keeper for the seats of this process, whose task runs on the current runtime.
    ///
    /// ```
    /// use roomkey_memory::MemoryStore;
    /// use roomkey_rooms::{Renewal, Rooms};
    /// use roomkey_vault::{Keyring, Vault};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let rooms = Rooms::new(Vault::open(MemoryStore::new(), Keyring::generate()?).await?);
    /// let keeper = rooms.keeper();
    /// let seat = keeper.keep(rooms.join("lobby", "ada").await?.seat().unwrap());
    ///
    /// // What the connection of a member does, for as long as the member has the seat:
    /// tokio::select! {
    ///     reason = seat.lost() => println!("the seat is gone: {reason:?}"),
    ///     () = serve() => {}
    /// }
    /// seat.leave().await?;
    /// # Ok(())
    /// # }
    /// # async fn serve() {}
    /// ```
    ///
    /// # Panics
    /// Outside a runtime.
    #[must_use]
    pub fn keeper(&self) -> Keeper<S> {
        let changed = Arc::new(Notify::new());
        let shared =
            Arc::new(Shared { rooms: self.clone(), seats: Mutex::default(), changed: Arc::clone(&changed) });
        tokio::spawn(run(Arc::downgrade(&shared), changed));
        Keeper { shared }
    }
}

impl<S: Store> Keeper<S> {
    /// Renews a seat from now on, until what is returned is dropped, which leaves the room.
    #[must_use = "dropping a kept seat leaves the room"]
    pub fn keep(&self, seat: Seat<S>) -> Kept<S> {
        let now = Instant::now();
        let (standing, changes) = watch::channel(Renewal::Renewed);
        let lease = Lease::clone(&seat);
        let (due, ends) = (now + beat(&lease), now + lease.duration());
        let mut seats = self.shared.locked();
        let number = seats.next;
        seats.next += 1;
        seats.by_number.insert(number, Entry { lease, due, ends, standing });
        drop(seats);
        self.shared.changed.notify_one();
        Kept { number, standing: changes, keeper: Arc::clone(&self.shared), seat: Some(seat) }
    }

    /// How many seats are kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.shared.locked().by_number.len()
    }
}

/// The task sees that nobody is left.
impl<S: Store> Drop for Shared<S> {
    fn drop(&mut self) {
        self.changed.notify_one();
    }
}

impl<S: Store> fmt::Debug for Keeper<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("kept", &self.kept()).finish_non_exhaustive()
    }
}

/// A seat that a [`Keeper`] renews. Dropping it leaves the room, as dropping a [`Seat`] does.
#[must_use = "dropping a kept seat leaves the room"]
pub struct Kept<S: Store> {
    number: u64,
    standing: watch::Receiver<Renewal>,
    keeper: Arc<Shared<S>>,
    /// Taken when this ends.
    seat: Option<Seat<S>>,
}

impl<S: Store> Kept<S> {
    /// Waits until the seat is lost, and tells why: [`Lost`](Renewal::Lost) or [`Superseded`](Renewal::Superseded).
    pub async fn lost(&self) -> Renewal {
        let mut standing = self.standing.clone();
        let lost = standing.wait_for(|standing| *standing != Renewal::Renewed).await;
        // The keeper lives as long as this does, and keeps the other end until it has told.
        lost.map_or(Renewal::Lost, |standing| *standing)
    }

    /// How the seat stood at the last renewal.
    #[must_use]
    pub fn standing(&self) -> Renewal {
        *self.standing.borrow()
    }

    /// Leaves the room, and waits until that is done; see [`Seat::leave`].
    ///
    /// # Errors
    /// [`Store`](crate::Error::Store).
    pub async fn leave(mut self) -> Result<bool> {
        self.keeper.forget(self.number);
        match self.seat.take() {
            Some(seat) => seat.leave().await,
            None => Ok(true),
        }
    }
}

impl<S: Store> Kept<S> {
    /// The seat, which is not renewed any more and not left either: for a member that was
    /// [disconnected](Rooms::disconnected).
    pub fn into_seat(mut self) -> Seat<S> {
        self.keeper.forget(self.number);
        self.seat.take().expect(SEATED)
    }
}

impl<S: Store> Deref for Kept<S> {
    type Target = Lease;

    fn deref(&self) -> &Lease {
        self.seat.as_ref().expect(SEATED)
    }
}

impl<S: Store> Drop for Kept<S> {
    fn drop(&mut self) {
        self.keeper.forget(self.number);
    }
}

/// Shows the lease and how it stands.
impl<S: Store> fmt::Debug for Kept<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept")
            .field("seat", &self.seat)
            .field("standing", &self.standing())
            .finish_non_exhaustive()
    }
}

impl<S: Store> Shared<S> {
    fn forget(&self, number: u64) {
        self.locked().by_number.remove(&number);
    }

    /// What to renew now, by room; and when to look again.
    fn due(&self, now: Instant) -> (Vec<Vec<(u64, Lease)>>, Option<Instant>) {
        let seats = self.locked();
        let mut by_room: HashMap<RoomId, Vec<(u64, Lease)>> = HashMap::new();
        let mut next: Option<Instant> = None;
        for (number, entry) in &seats.by_number {
            if entry.due <= now {
                by_room.entry(entry.lease.room()).or_default().push((*number, entry.lease.clone()));
            } else {
                next = Some(next.map_or(entry.due, |next| next.min(entry.due)));
            }
        }
        let batches = by_room
            .into_values()
            .flat_map(|seats| seats.chunks(BATCH).map(<[_]>::to_vec).collect::<Vec<_>>());
        (batches.collect(), next)
    }

    /// Renews some seats of one room, and notes how they stand.
    async fn renew(&self, batch: Vec<(u64, Lease)>) {
        let sent = Instant::now();
        let (numbers, leases): (Vec<u64>, Vec<Lease>) = batch.into_iter().unzip();
        let ends = self.end_of(&numbers);
        // An answer that comes when the lease has ended helps nobody.
        let renewals = timeout_at(ends, self.rooms.renew(&leases)).await;
        let mut seats = self.locked();
        let seats = &mut seats.by_number;
        match renewals {
            Ok(Ok(renewals)) => {
                for ((number, lease), renewal) in numbers.iter().zip(&leases).zip(renewals) {
                    if renewal == Renewal::Renewed
                        && let Some(entry) = seats.get_mut(number)
                    {
                        (entry.due, entry.ends) = (sent + beat(lease), sent + lease.duration());
                    } else {
                        lose(seats, *number, renewal);
                    }
                }
            }
            Ok(Err(_)) | Err(_) => {
                let now = Instant::now();
                for (number, lease) in numbers.iter().zip(&leases) {
                    let Some(entry) = seats.get_mut(number) else { continue };
                    if entry.ends <= now {
                        lose(seats, *number, Renewal::Lost);
                    } else {
                        // Sooner than it would have been, and never later than its end.
                        entry.due = (now + beat(lease) / 8).min(entry.ends);
                    }
                }
            }
        }
    }

    /// When the first of some leases ends.
    fn end_of(&self, numbers: &[u64]) -> Instant {
        let seats = self.locked();
        let ends = numbers.iter().filter_map(|number| seats.by_number.get(number)).map(|entry| entry.ends);
        ends.min().unwrap_or_else(Instant::now)
    }

    fn locked(&self) -> MutexGuard<'_, Seats> {
        // Every change is one step of the map.
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lose(seats: &mut HashMap<u64, Entry>, number: u64, why: Renewal) {
    if let Some(entry) = seats.remove(&number) {
        let _ = entry.standing.send(why);
    }
}

/// A third of a lease, a fifth more or less.
fn beat(lease: &Lease) -> Duration {
    jitter(lease.duration() / 3)
}

async fn run<S: Store>(shared: std::sync::Weak<Shared<S>>, changed: Arc<Notify>) {
    loop {
        let next = {
            let Some(shared) = shared.upgrade() else { return };
            let (batches, next) = shared.due(Instant::now());
            if batches.is_empty() {
                next
            } else {
                let renewals = batches.into_iter().map(|batch| shared.renew(batch));
                futures_util::stream::iter(renewals).for_each_concurrent(AT_ONCE, |renewal| renewal).await;
                continue;
            }
        };
        match next {
            Some(next) => tokio::select! {
                () = sleep_until(next) => {}
                () = changed.notified() => {}
            },
            None => changed.notified().await,
        }
    }
}
