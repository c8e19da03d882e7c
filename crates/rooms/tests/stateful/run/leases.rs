//! Coming, staying and going.

use roomkey_core::Store;
use roomkey_rooms::{Join, Lease, Renewal, Reservation, Wait};

use super::{Held, Process, Run, Said, failed, same};
use crate::model::{LeaseId, Reserved};
use crate::ops::{MEMBERS, NAMES, Nth};

impl<S: Store> Run<S> {
    pub(super) async fn join(
        &mut self,
        at: &Process<S>,
        room: usize,
        member: usize,
        limit: Option<u32>,
        waits: bool,
    ) -> Said {
        let (lease, expected) = self.model.join(room, member, limit, waits);
        let join = asked(member, lease, limit).waits(waits);
        let joined = at.rooms.join(self.id(room), join).await.map_err(failed)?;
        let (entered, held) = self.entered(joined);
        self.leases.push(held);
        same(&entered, &expected)
    }

    pub(super) async fn reserve(
        &mut self,
        at: &Process<S>,
        room: usize,
        member: usize,
        limit: Option<u32>,
    ) -> Said {
        let (lease, expected) = self.model.reserve(room, member, limit);
        let reserved = at.rooms.reserve(self.id(room), asked(member, lease, limit)).await.map_err(failed)?;
        let (verdict, reserved, held) = match reserved {
            Reservation::Held(lease) => ("held", Reserved::Held, Some(Held { lease, ticket: None })),
            Reservation::Seated => ("seated already", Reserved::Seated, None),
            Reservation::Full { taken } => ("not held", Reserved::Full { taken }, None),
        };
        self.note(verdict);
        self.leases.push(held);
        same(&reserved, &expected)
    }

    pub(super) async fn find(&mut self, at: &Process<S>, member: usize) -> Said {
        let before = self.model.rooms.len();
        let (lease, expected) = self.model.find(member);
        self.note(if self.model.rooms.len() > before { "made" } else { "found" });
        let found = at.pool.find_or_create(asked(member, lease, None)).await.map_err(failed)?;
        let room = found.room();
        self.leases.push(Some(Held { lease: found.into_lease(), ticket: None }));
        let number = (NAMES.len()..self.model.rooms.len()).find(|number| self.id(*number) == room);
        same(&number, &Some(expected))
    }

    pub(super) async fn renew(&mut self, at: &Process<S>, which: &[Nth], rejoins: bool) -> Said {
        let which: Vec<LeaseId> = which.iter().filter_map(|nth| self.lease(*nth)).collect();
        let leases: Vec<Lease> = which.iter().map(|lease| self.held(*lease).lease.clone()).collect();
        let (renewals, expected) = if rejoins {
            (at.rooms.renew_or_rejoin(&leases).await, self.model.renew_or_rejoin(&which))
        } else {
            (at.rooms.renew(&leases).await, self.model.renew(&which))
        };
        let renewals = renewals.map_err(failed)?;
        renewals.iter().for_each(|renewal| self.renewed(*renewal));
        same(&renewals, &expected)
    }

    pub(super) async fn disconnected(&mut self, at: &Process<S>, nth: Nth) -> Said {
        let Some(lease) = self.lease(nth) else { return Ok(()) };
        let renewal = at.rooms.disconnected(&self.held(lease).lease).await.map_err(failed)?;
        self.renewed(renewal);
        same(&renewal, &self.model.disconnected(lease))
    }

    pub(super) async fn leave(&mut self, at: &Process<S>, nth: Nth) -> Said {
        let Some(lease) = self.lease(nth) else { return Ok(()) };
        let left = at.rooms.leave(&self.held(lease).lease).await.map_err(failed)?;
        self.note(if left { "left" } else { "not left" });
        same(&left, &self.model.leave(lease))
    }

    pub(super) async fn kick(&mut self, at: &Process<S>, room: usize, member: usize) -> Said {
        at.rooms.kick(self.id(room), MEMBERS[member]).await.map_err(failed)?;
        self.model.rooms[room].kick(self.model.now, member);
        Ok(())
    }

    pub(super) async fn check(&mut self, nth: Nth) -> Said {
        let Some(lease) = self.ticket(nth) else { return Ok(()) };
        let Some(ticket) = &self.held(lease).ticket else { return Ok(()) };
        let stands = ticket.check().await.map_err(failed)?;
        self.note(match stands {
            Wait::Waiting { .. } => "ticket waits",
            Wait::Promoted => "ticket promoted",
            Wait::Lost => "ticket lost",
            Wait::Superseded => "ticket superseded",
            other => return Err(format!("{other:?} is new")),
        });
        same(&stands, &self.model.check(lease))
    }

    pub(super) async fn claim(&mut self, nth: Nth) -> Said {
        let Some(lease) = self.ticket(nth) else { return Ok(()) };
        let Some(ticket) = self.leases[lease].as_mut().and_then(|held| held.ticket.take()) else {
            return Ok(());
        };
        let joined = ticket.claim().await.map_err(failed)?;
        let (entered, held) = self.entered(joined);
        // Who is turned away keeps what has become worthless.
        if held.is_some() {
            self.leases[lease] = held;
        }
        same(&entered, &self.model.claim(lease))
    }

    fn held(&self, lease: LeaseId) -> &Held<S> {
        self.leases[lease].as_ref().expect("only leases that were given out are chosen")
    }

    fn renewed(&mut self, renewal: Renewal) {
        self.note(match renewal {
            Renewal::Renewed => "renewed",
            Renewal::Rejoined => "rejoined",
            Renewal::Lost => "lost",
            Renewal::Superseded => "superseded",
        });
    }
}

/// Who comes, with the number of the lease.
fn asked(member: usize, lease: LeaseId, limit: Option<u32>) -> Join<'static, u64> {
    let join = Join::new(MEMBERS[member]).metadata(lease as u64);
    match limit {
        Some(limit) => join.limit(limit),
        None => join,
    }
}
