//! What must hold: who holds a seat until when, and who waits in which order. It knows nothing of how that is kept.

mod room;

pub(crate) use room::{Entered, Reserved, Room, Told};

use std::cmp::Reverse;
use std::collections::BTreeMap;

use roomkey_rooms::{Renewal, Wait};

use crate::clock::Tick;
use crate::ops::{BASE, Config, NAMES, POOL};
use room::Comer;

/// A lease, counted from the first that somebody asked for. It is also the metadata that its member brings.
pub(crate) type LeaseId = usize;

/// All rooms, and all leases that were asked for.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) now: Tick,
    pub(crate) rooms: Vec<Room>,
    pub(crate) leases: Vec<Lease>,
}

/// A lease as its holder has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lease {
    pub(crate) room: usize,
    pub(crate) member: usize,
    /// For how long it is renewed: what was configured when it was given out.
    pub(crate) lives: Tick,
}

impl Model {
    pub(crate) fn new() -> Self {
        let rooms = NAMES.map(|_| Room::new(BASE)).into();
        Self { now: 0, rooms, leases: Vec::new() }
    }

    /// Asks for a lease of a room, which lives as long as is configured there.
    fn ask(&mut self, room: usize, member: usize, limit: Option<u32>, waits: bool) -> Comer {
        let lease = self.leases.len();
        let config = self.rooms[room].config;
        self.leases.push(Lease { room, member, lives: config.lease });
        Comer {
            member,
            lease,
            lives: config.lease,
            limit: limit.unwrap_or(config.limit),
            // Who says a limit does not wait.
            queue: if waits && limit.is_none() { config.queue } else { 0 },
        }
    }

    pub(crate) fn join(
        &mut self,
        room: usize,
        member: usize,
        limit: Option<u32>,
        waits: bool,
    ) -> (LeaseId, Entered) {
        let comer = self.ask(room, member, limit, waits);
        (comer.lease, self.rooms[room].join(self.now, comer))
    }

    pub(crate) fn reserve(&mut self, room: usize, member: usize, limit: Option<u32>) -> (LeaseId, Reserved) {
        let comer = self.ask(room, member, limit, false);
        (comer.lease, self.rooms[room].reserve(self.now, comer))
    }

    /// Renews leases, those together that are of one room and live for as long.
    pub(crate) fn renew(&mut self, leases: &[LeaseId]) -> Vec<Renewal> {
        let mut alike: BTreeMap<(usize, Tick), Vec<usize>> = BTreeMap::new();
        for (at, lease) in leases.iter().enumerate() {
            let Lease { room, lives, .. } = self.leases[*lease];
            alike.entry((room, lives)).or_default().push(at);
        }
        let mut renewals = vec![Renewal::Lost; leases.len()];
        for ((room, lives), alike) in alike {
            let whose: Vec<_> =
                alike.iter().map(|at| (self.leases[leases[*at]].member, leases[*at])).collect();
            let stand = self.rooms[room].renew(self.now, lives, &whose);
            alike.iter().zip(stand).for_each(|(at, renewal)| renewals[*at] = renewal);
        }
        renewals
    }

    pub(crate) fn renew_or_rejoin(&mut self, leases: &[LeaseId]) -> Vec<Renewal> {
        let mut renewals = self.renew(leases);
        for (lease, renewal) in leases.iter().zip(&mut renewals) {
            if *renewal == Renewal::Lost && self.rejoin(*lease, false) == Entered::Seated {
                *renewal = Renewal::Rejoined;
            }
        }
        renewals
    }

    /// Joins with a lease that was given out before.
    fn rejoin(&mut self, lease: LeaseId, waits: bool) -> Entered {
        let Lease { room, member, .. } = self.leases[lease];
        let Config { limit, queue, lease: lives } = self.rooms[room].config;
        let queue = if waits { queue } else { 0 };
        self.rooms[room].join(self.now, Comer { member, lease, lives, limit, queue })
    }

    pub(crate) fn disconnected(&mut self, lease: LeaseId) -> Renewal {
        let Lease { room, member, .. } = self.leases[lease];
        self.rooms[room].disconnected(self.now, member, lease)
    }

    pub(crate) fn leave(&mut self, lease: LeaseId) -> bool {
        let Lease { room, member, .. } = self.leases[lease];
        self.rooms[room].leave(self.now, member, lease)
    }

    pub(crate) fn check(&mut self, lease: LeaseId) -> Wait {
        let Lease { room, member, lives } = self.leases[lease];
        self.rooms[room].check(self.now, lives, member, lease)
    }

    /// Joins with a ticket. What comes of it lives for as long as the room says now.
    pub(crate) fn claim(&mut self, lease: LeaseId) -> Entered {
        let room = self.leases[lease].room;
        self.leases[lease].lives = self.rooms[room].config.lease;
        self.rejoin(lease, true)
    }

    /// Finds a room of the pool: the fullest that has space as far as was noted, of those the one made last; or a new one.
    pub(crate) fn find(&mut self, member: usize) -> (LeaseId, usize) {
        let (now, lease) = (self.now, self.leases.len());
        let has_space = |(number, room): (usize, &Room)| {
            let counted = room.counted.filter(|counted| *counted < POOL.limit.into())?;
            Some((counted, number))
        };
        let mut open: Vec<_> =
            self.rooms.iter().enumerate().skip(NAMES.len()).filter_map(has_space).collect();
        open.sort_unstable_by_key(|open| Reverse(*open));
        let comer = |limit| Comer { member, lease, lives: POOL.lease, limit, queue: 0 };
        let found = open.into_iter().map(|(_, number)| number).find(|number| {
            let room = &mut self.rooms[*number];
            room.admit(now, comer(room.config.limit))
        });
        let room = found.unwrap_or_else(|| {
            let mut new = Room::new(POOL);
            new.admit(now, comer(POOL.limit));
            self.rooms.push(new);
            self.rooms.len() - 1
        });
        self.leases.push(Lease { room, member, lives: POOL.lease });
        (lease, room)
    }

    /// Sweeps all rooms that are due. Returns how many, how many seats ended and how many members were promoted.
    pub(crate) fn sweep(&mut self) -> (u64, u64, u64) {
        let now = self.now;
        let due = self.rooms.iter_mut().filter(|room| room.due.is_some_and(|due| due <= now));
        due.map(|room| room.swept(now)).fold((0, 0, 0), |(rooms, expired, promoted), swept| {
            (rooms + 1, expired + swept.0, promoted + swept.1)
        })
    }
}
