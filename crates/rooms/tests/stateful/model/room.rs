//! One room: who holds a seat until when, who waits in which order, and what is told of it.

use std::collections::BTreeMap;

use roomkey_rooms::{Renewal, Standing, Wait};

use super::LeaseId;
use crate::clock::Tick;
use crate::ops::{Config, GRACE, HOLD};

/// A room.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) config: Config,
    /// What it was configured with, if it was, and whether by its name.
    pub(crate) described: Option<(u64, bool)>,
    pub(crate) places: BTreeMap<usize, Place>,
    /// Those who wait, in order.
    line: Vec<usize>,
    /// What has happened since the log began.
    pub(crate) told: Vec<Told>,
    /// When the next sweep looks into it.
    pub(crate) due: Option<Tick>,
    /// How many seats were taken when something changed last.
    pub(crate) counted: Option<u64>,
    /// What is counted beside the members.
    pub(crate) size: i64,
}

/// What a member has in a room. What has ended stays until it is cleared away, and counts as nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) lease: LeaseId,
    pub(crate) until: Tick,
    pub(crate) standing: Standing,
}

/// Something that is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Told {
    pub(crate) what: &'static str,
    pub(crate) who: Option<(usize, LeaseId)>,
    /// Of a seat that ended, when. The order of those that ended in the same tick is left open.
    pub(crate) ended: Option<Tick>,
}

/// What joining comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entered {
    Seated,
    Waiting { ahead: u64 },
    Full { taken: u64 },
}

/// What reserving comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reserved {
    Held,
    Seated,
    Full { taken: u64 },
}

/// Somebody who comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comer {
    pub(crate) member: usize,
    pub(crate) lease: LeaseId,
    /// How long the lease lives.
    pub(crate) lives: Tick,
    pub(crate) limit: u32,
    /// How many may wait.
    pub(crate) queue: u32,
}

impl Room {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            config,
            described: None,
            places: BTreeMap::new(),
            line: Vec::new(),
            told: Vec::new(),
            due: None,
            counted: None,
            size: 0,
        }
    }

    /// What a member has now.
    fn has(&self, now: Tick, member: usize) -> Option<Standing> {
        self.places.get(&member).filter(|place| place.until > now).map(|place| place.standing)
    }

    fn count(&self, now: Tick, of: impl Fn(Standing) -> bool) -> u64 {
        self.places.keys().filter(|member| self.has(now, **member).is_some_and(&of)).count() as u64
    }

    /// How many seats are taken.
    pub(crate) fn live(&self, now: Tick) -> u64 {
        self.count(now, |standing| standing != Standing::Waiting)
    }

    pub(crate) fn held(&self, now: Tick) -> u64 {
        self.count(now, |standing| standing == Standing::Held)
    }

    pub(crate) fn waiting(&self, now: Tick) -> u64 {
        self.count(now, |standing| standing == Standing::Waiting)
    }

    /// Whether somebody new may have a seat, which nobody may while others wait.
    pub(crate) fn has_space(&self, now: Tick, limit: u32) -> bool {
        self.live(now) < limit.into() && self.waiting(now) == 0
    }

    /// Whether a member has a seat.
    pub(crate) fn seats(&self, now: Tick, member: usize) -> bool {
        self.has(now, member).is_some_and(|standing| standing != Standing::Waiting)
    }

    pub(crate) fn join(&mut self, now: Tick, comer: Comer) -> Entered {
        let Comer { member, lease, lives, limit, queue } = comer;
        let has_space = self.has_space(now, limit);
        self.bury(now, member);
        let until = now + lives;
        let entered = if self.seats(now, member) {
            self.sit_down(member, lease, until);
            Entered::Seated
        } else if has_space {
            self.places.insert(member, Place { lease, until, standing: Standing::Seated });
            self.tell("joined", member, lease);
            Entered::Seated
        } else {
            let waits = self.has(now, member).is_some();
            if waits || self.waiting(now) < queue.into() {
                self.places.insert(member, Place { lease, until, standing: Standing::Waiting });
                if !waits {
                    self.line.push(member);
                }
                self.sweep(now);
                self.promote(now);
            }
            match self.line.iter().position(|waits| *waits == member) {
                Some(ahead) => Entered::Waiting { ahead: ahead as u64 },
                None if self.seats(now, member) => {
                    self.sit_down(member, lease, until);
                    Entered::Seated
                }
                None => Entered::Full { taken: self.live(now) },
            }
        };
        self.sweep(now);
        self.note(now);
        entered
    }

    pub(crate) fn reserve(&mut self, now: Tick, comer: Comer) -> Reserved {
        let Comer { member, lease, limit, .. } = comer;
        let has_space = self.has_space(now, limit);
        self.bury(now, member);
        let hold = Place { lease, until: now + HOLD, standing: Standing::Held };
        let reserved = match self.has(now, member) {
            Some(Standing::Seated) => Reserved::Seated,
            Some(Standing::Held) => {
                self.places.insert(member, hold);
                Reserved::Held
            }
            _ if has_space => {
                self.places.insert(member, hold);
                self.tell("reserved", member, lease);
                Reserved::Held
            }
            _ => Reserved::Full { taken: self.live(now) },
        };
        self.sweep(now);
        self.note(now);
        reserved
    }

    /// What a pool does for who is to be found a room: a seat if there is one. Returns whether there is.
    pub(crate) fn admit(&mut self, now: Tick, comer: Comer) -> bool {
        let Comer { member, lease, lives, limit, .. } = comer;
        if self.seats(now, member) {
            self.sit_down(member, lease, now + lives);
        } else if self.has_space(now, limit) {
            self.bury(now, member);
            self.places.insert(member, Place { lease, until: now + lives, standing: Standing::Seated });
            self.tell("joined", member, lease);
            self.sweep(now);
        } else {
            return false;
        }
        self.note(now);
        true
    }

    /// Renews leases of members, who are there from now on, each for so long.
    pub(crate) fn renew(&mut self, now: Tick, lives: Tick, leases: &[(usize, LeaseId)]) -> Vec<Renewal> {
        let renewals = leases.iter().map(|&(member, lease)| {
            let renewal = self.stands(now, member, lease);
            if renewal == Renewal::Renewed {
                self.sit_down(member, lease, now + lives);
            }
            renewal
        });
        let renewals = renewals.collect();
        self.note(now);
        renewals
    }

    pub(crate) fn disconnected(&mut self, now: Tick, member: usize, lease: LeaseId) -> Renewal {
        let renewal = self.stands(now, member, lease);
        if renewal == Renewal::Renewed {
            self.places.insert(member, Place { lease, until: now + GRACE, standing: Standing::Held });
        }
        self.note(now);
        renewal
    }

    /// How the seat of a lease stands.
    fn stands(&self, now: Tick, member: usize, lease: LeaseId) -> Renewal {
        match self.places.get(&member) {
            Some(place) if place.lease != lease => Renewal::Superseded,
            Some(_) if self.seats(now, member) => Renewal::Renewed,
            _ => Renewal::Lost,
        }
    }

    /// Gives back what a lease is for. Returns whether its member is out.
    pub(crate) fn leave(&mut self, now: Tick, member: usize, lease: LeaseId) -> bool {
        match self.places.get(&member) {
            Some(place) if place.lease == lease => self.gone(now, member, "left"),
            other => return other.is_none(),
        }
        true
    }

    pub(crate) fn kick(&mut self, now: Tick, member: usize) {
        if self.places.contains_key(&member) {
            self.gone(now, member, "kicked");
        }
    }

    fn gone(&mut self, now: Tick, member: usize, what: &'static str) {
        self.line.retain(|waits| *waits != member);
        if let Some(Place { lease, .. }) = self.places.remove(&member) {
            self.tell(what, member, lease);
        }
        self.sweep(now);
        self.promote(now);
        self.settle();
        self.note(now);
    }

    /// Renews a ticket for so long.
    pub(crate) fn check(&mut self, now: Tick, lives: Tick, member: usize, lease: LeaseId) -> Wait {
        let is_own = |place: &&mut Place| place.lease == lease;
        let superseded = self.places.get(&member).is_some_and(|place| place.lease != lease);
        if self.has(now, member) == Some(Standing::Waiting)
            && let Some(place) = self.places.get_mut(&member).filter(is_own)
        {
            place.until = now + lives;
        }
        self.sweep(now);
        self.promote(now);
        self.note(now);
        let ahead = self.line.iter().position(|waits| *waits == member);
        match self.has(now, member) {
            _ if superseded => Wait::Superseded,
            None => Wait::Lost,
            Some(Standing::Waiting) => Wait::Waiting { ahead: ahead.unwrap_or_default() as u64 },
            Some(Standing::Held | Standing::Seated) => Wait::Promoted,
        }
    }

    pub(crate) fn configure(&mut self, now: Tick, config: Config) {
        self.config = config;
        self.told.push(Told { what: "changed", who: None, ended: None });
        self.promote(now);
        self.note(now);
    }

    /// What a sweep does with a room that is due. Returns how many seats ended and how many members were promoted.
    pub(crate) fn swept(&mut self, now: Tick) -> (u64, u64) {
        let swept = (self.sweep(now), self.promote(now));
        self.settle();
        self.note(now);
        swept
    }

    /// Nothing is left of the members, and nothing of what was told of them.
    pub(crate) fn forget(&mut self) {
        *self = Self { described: self.described, ..Self::new(self.config) };
    }

    /// A seat is its member's own from now on, under this lease.
    fn sit_down(&mut self, member: usize, lease: LeaseId, until: Tick) {
        let before = self.places.insert(member, Place { lease, until, standing: Standing::Seated });
        if before.is_some_and(|before| before.standing == Standing::Held) {
            self.tell("joined", member, lease);
        }
    }

    /// What a member had and lost is cleared away before it comes again.
    fn bury(&mut self, now: Tick, member: usize) {
        let Some(&Place { lease, until, standing }) = self.places.get(&member) else { return };
        if until > now {
            return;
        }
        self.places.remove(&member);
        if standing == Standing::Waiting {
            self.line.retain(|waits| *waits != member);
        } else {
            self.told.push(Told { what: "expired", who: Some((member, lease)), ended: Some(until) });
        }
    }

    /// Clears away the seats that have ended, and tells of each. Returns how many.
    fn sweep(&mut self, now: Tick) -> u64 {
        let ended = |(member, place): (&usize, &Place)| {
            (place.standing != Standing::Waiting && place.until <= now).then_some((place.until, *member))
        };
        let mut ended: Vec<_> = self.places.iter().filter_map(ended).collect();
        ended.sort_unstable();
        ended.iter().for_each(|(_, member)| self.bury(now, *member));
        ended.len() as u64
    }

    /// Gives free seats to those who wait longest. Returns how many.
    fn promote(&mut self, now: Tick) -> u64 {
        for member in self.line.clone() {
            self.bury(now, member);
        }
        let free = u64::from(self.config.limit).saturating_sub(self.live(now));
        let first: Vec<_> = self.line.drain(..self.line.len().min(free as usize)).collect();
        for member in &first {
            let Some(place) = self.places.get_mut(member) else { continue };
            (place.until, place.standing) = (now + HOLD, Standing::Held);
            let lease = place.lease;
            self.tell("promoted", *member, lease);
        }
        first.len() as u64
    }

    fn tell(&mut self, what: &'static str, member: usize, lease: LeaseId) {
        self.told.push(Told { what, who: Some((member, lease)), ended: None });
    }

    fn first(&self, of: impl Fn(Standing) -> bool) -> Option<Tick> {
        self.places.values().filter(|place| of(place.standing)).map(|place| place.until).min()
    }

    /// Where no seat is left, a sweep comes for the first ticket.
    fn settle(&mut self) {
        self.due = self.first(|standing| standing == Standing::Waiting);
    }

    /// What is noted of a room after each change.
    fn note(&mut self, now: Tick) {
        self.due = self.first(|standing| standing != Standing::Waiting).or(self.due);
        self.counted = Some(self.live(now));
    }
}
