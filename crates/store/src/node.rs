//! One server, and every connection to it.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redis::{ServerError, Value};
use roomkey_core::{Error, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use crate::config::{Endpoint, RedisConfig};
use crate::connect::{Connection, Connector};
use crate::durability::NotReplicated;
use crate::error::{ConnectError, Unavailable, says_replica, unexpected_answer};
use crate::graves::Graves;
use crate::lanes::Lanes;
use crate::line;
use crate::link::Link;
use crate::packed::Packed;
use crate::pool::{Checkout, Pool};
use crate::server::Server;
use crate::site::Site;

/// What a command carries beside its value: its name and options, the key, the envelope of the value.
const BESIDE: usize = 256;

/// The connections to one server: shared ones, and such of one's own.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) lanes: Lanes,
    pub(crate) pool: Pool,
    site: Arc<Site>,
    room: Room,
    /// For those who block a connection of the pool, all of which they must not have.
    seats: Arc<Semaphore>,
    large: usize,
}

/// What a connection is wanted for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Errand {
    /// How much is to be sent.
    pub(crate) bytes: usize,
    /// Whether it can change anything at all.
    pub(crate) writes: bool,
    /// Whether it was sent before, and may have happened or may yet.
    pub(crate) again: bool,
}

impl Errand {
    /// To read something small.
    pub(crate) const LOOK: Self = Self { bytes: 0, writes: false, again: false };
    /// To read what blocks the connection.
    pub(crate) const WAIT: Self = Self { bytes: usize::MAX, writes: false, again: false };
}

impl Node {
    /// Takes a server into use, with a connection that is open already or by opening one. `closes` says whether the login
    /// may close connections by their id.
    ///
    /// # Errors
    ///
    /// That the configuration cannot be used.
    pub(crate) fn start(
        connector: Arc<Connector>,
        first: Option<Connection>,
        closes: bool,
        config: &RedisConfig,
    ) -> Result<Self, ConnectError> {
        let site =
            Arc::new(Site::new(connector, Graves::new(closes), config.timeout, config.max_connection_age));
        Ok(Self {
            pool: Pool::new(Arc::clone(&site), config.pool_size, config.timeout)?,
            lanes: Lanes::start(&site, first, config.lanes, config.wait_replicas > 0),
            site,
            room: Room { taken: AtomicUsize::new(0), limit: config.max_in_flight },
            seats: Arc::new(Semaphore::new(seats(config.pool_size))),
            large: config.large_value_bytes + BESIDE,
        })
    }

    /// Where it is, as far as that is known.
    pub(crate) fn endpoint(&self) -> Endpoint {
        self.site.connector.endpoint()
    }

    /// A connection to send on: a shared one, or for what is large one of its own.
    ///
    /// Large is what holds up those behind it for longer than a connection of its own costs, which is a round trip and more.
    /// 64 KiB take half a millisecond on a line of 1 Gbit/s, and the server reads them in four turns between which
    /// others have theirs: about as much. So a value of just that size travels with the others, its envelope not counted.
    ///
    /// A write gets its connection when no earlier one that nobody waits for can run after it.
    ///
    /// # Errors
    ///
    /// That there is none, that there will be none, or that what was sent before must not be sent again.
    pub(crate) async fn wire(&self, errand: Errand) -> Result<Wire<'_>> {
        if self.lanes.is_closed() {
            return Err(Error::Closed);
        }
        if self.site.breaker.is_open() {
            // Whoever tries again at once must not keep those from running who look for the server.
            yield_now().await;
            let endpoint = self.site.connector.endpoint();
            return Err(self.site.unavailable(Unavailable::NotAnswering { endpoint }));
        }
        let place = self.room.take().map_err(|full| self.site.unavailable(full))?;
        let way = if errand.bytes > self.large {
            // Boxed: it may open a connection, and few calls come here, so the rest need not carry its size.
            Way::Own(Box::new(Box::pin(self.own(errand.writes)).await?))
        } else {
            Way::Lane(self.lanes.begin(errand.writes).await?)
        };
        let wire = Wire { way, _place: place };
        if errand.writes {
            if !self.site.graves.are_none() {
                Box::pin(self.site.graves.close(wire.link())).await?;
            }
            if errand.again && !self.site.graves.able() {
                wire.unused();
                return Err(Error::permanent(
                    "it may still happen, and cannot be kept from happening after a repetition",
                ));
            }
        }
        Ok(wire)
    }

    async fn own(&self, writes: bool) -> Result<Checkout> {
        let checkout = self.pool.checkout(writes).await?;
        if writes {
            // On its own connection it could overtake what was given up on the shared one.
            self.lanes.lay_to_rest().await?;
        }
        Ok(checkout)
    }

    /// The right to block a connection of one's own for long, if that many are not blocked already.
    pub(crate) fn seat(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.seats).try_acquire_owned().ok()
    }

    /// Takes note of what the server refuses: one that has become a replica is left, with all connections.
    pub(crate) fn heed(&self, refusal: &ServerError) {
        if says_replica(refusal) {
            self.site.connector.recall_from_replica();
        }
    }

    /// What keeps calls waiting, for an error that says so.
    pub(crate) fn trouble(&self) -> Error {
        self.lanes.trouble()
    }

    /// Whether what got lost can be kept from happening late.
    pub(crate) fn closes(&self) -> bool {
        self.site.graves.able()
    }

    /// Replaces every connection without a failed call: what they were opened with has changed.
    pub(crate) fn renew(&self) {
        self.site.renew();
        self.pool.renew();
    }

    /// Takes no more calls, waits for those under way until the deadline, and closes all connections.
    pub(crate) async fn close(&self, deadline: Instant) {
        self.pool.close();
        self.lanes.close();
        while !self.room.is_empty() && Instant::now() < deadline {
            sleep(Duration::from_millis(1)).await;
        }
        self.lanes.stop();
    }
}

/// How many connections of a pool waits may block: a quarter is left for large values, but one may always be blocked.
fn seats(pool_size: usize) -> usize {
    (pool_size - pool_size.div_ceil(4)).max(1)
}

/// A connection in use by one call.
#[derive(Debug)]
pub(crate) struct Wire<'a> {
    way: Way,
    _place: Place<'a>,
}

#[derive(Debug)]
enum Way {
    /// One that others use at the same time.
    Lane(line::Call),
    /// One from the pool.
    Own(Box<Checkout>),
}

impl Wire<'_> {
    /// What is sent through.
    pub(crate) fn link(&self) -> &Link {
        match &self.way {
            Way::Lane(call) => call.link(),
            Way::Own(checkout) => checkout.link(),
        }
    }

    /// Sends one command for a key that is at this node before its slot is, and waits as for a [commit](Link::commit).
    ///
    /// The permission that `ASKING` gives holds for the one command behind it, so the two leave as one.
    pub(crate) async fn send_asking(
        &self,
        deadline: Instant,
        command: &Packed,
        writes: bool,
    ) -> Result<(Value, Option<NotReplicated>)> {
        let unit = vec![Cow::Owned(Packed::new("ASKING", 0, 0)), Cow::Borrowed(command)];
        let (mut answers, shortfall) = self.link().commit_unit(deadline, unit, writes).await?;
        Ok((answers.pop().ok_or_else(unexpected_answer)?, shortfall))
    }

    /// By which id the server knows the connection, if it is one's own.
    pub(crate) fn client(&self) -> Option<u64> {
        match &self.way {
            Way::Lane(_) => None,
            Way::Own(checkout) => checkout.client(),
        }
    }

    /// The run of the server at the other end.
    pub(crate) fn run(&self) -> &str {
        &self.link().server.run
    }

    /// Ends the use before anything was sent.
    pub(crate) fn unused(self) {
        match self.way {
            Way::Lane(call) => call.unused(),
            Way::Own(checkout) => checkout.put_back(),
        }
    }

    /// Ends the use, with nothing left to be answered, and tells whose answer it was.
    pub(crate) fn answered(self) -> Arc<Server> {
        match self.way {
            Way::Lane(call) => call.answered(),
            Way::Own(checkout) => {
                let server = Arc::clone(&checkout.link().server);
                checkout.give_back();
                server
            }
        }
    }
}

/// How many calls may be under way or waiting for a connection.
#[derive(Debug)]
struct Room {
    taken: AtomicUsize,
    limit: usize,
}

impl Room {
    fn take(&self) -> Result<Place<'_>, Unavailable> {
        // Counted by its drop too, so that a refused one leaves nothing behind.
        let place = Place { room: self };
        if self.taken.fetch_add(1, Ordering::Relaxed) < self.limit {
            Ok(place)
        } else {
            Err(Unavailable::Overloaded { limit: self.limit })
        }
    }

    fn is_empty(&self) -> bool {
        self.taken.load(Ordering::Relaxed) == 0
    }
}

/// A place that is free again when this is dropped.
#[derive(Debug)]
struct Place<'a> {
    room: &'a Room,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.room.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_block_most_of_a_pool_and_leave_some_of_it() {
        assert_eq!([1, 2, 3, 4, 8, 1_024].map(seats), [1, 1, 2, 3, 6, 768]);
    }

    #[test]
    fn a_full_room_says_how_large_it_is_and_a_place_becomes_free_again() {
        let room = Room { taken: AtomicUsize::new(0), limit: 2 };
        let (first, second) = (room.take().unwrap(), room.take().unwrap());
        assert_eq!(room.take().unwrap_err(), Unavailable::Overloaded { limit: 2 });
        drop(first);
        let third = room.take().unwrap();
        room.take().unwrap_err();
        drop((second, third));
        assert!(room.is_empty());
    }
}
