//! Keeping seats, leaving rooms, and being sent out of them.

use std::collections::BTreeMap;

use bytes::Bytes;
use roomkey_core::Store;

use super::Rooms;
use super::join::Under;
use crate::Result;
use crate::error::broken;
use crate::id::{RoomId, RoomRef};
use crate::lease::{Lease, Wait};
use crate::member::{Joined, Renewal};
use crate::programs::{AwayProgram, KickProgram, RenewSeatsProgram, RenewTicketsProgram, Stands};
use crate::terms::Terms;

#[cfg(test)]
mod tests;

/// How many leases one transaction renews at most.
const BATCH: usize = 250;

impl<S: Store> Rooms<S> {
    /// Keeps seats for another lease from now, and tells how each stands, in the order given: one transaction per room,
    /// duration of leases, and 250 of them. A [`Keeper`](crate::Keeper) does this by itself.
    ///
    /// A seat that had ended is lost, never taken anew in silence, though a seat may be free: others saw it go. Where a
    /// seat was [kept](Self::disconnected) for a member who was away, the member is back.
    ///
    /// # Errors
    /// [`Store`](crate::Error::Store), after which some may have been renewed; it may be asked again.
    pub async fn renew(&self, leases: &[Lease]) -> Result<Vec<Renewal>> {
        // A room that was configured anew has leases of different terms, and each lives as long as its holder was told.
        let mut alike: BTreeMap<(RoomId, Terms), Vec<usize>> = BTreeMap::new();
        for (at, lease) in leases.iter().enumerate() {
            alike.entry((lease.room, lease.terms)).or_default().push(at);
        }
        let mut renewals = vec![Renewal::Lost; leases.len()];
        for ((room, terms), alike) in alike {
            let room = self.keys.room(room);
            for batch in alike.chunks(BATCH) {
                let (places, pairs) = distinct(batch, leases);
                let program = RenewSeatsProgram::new(&room, self.basis(terms), pairs)?;
                let outcome = self.vault.store().transact(&program.txn).await?;
                let stand = program.stand(&outcome).ok_or_else(|| broken("no reply to a renewal"))?;
                for (at, place) in batch.iter().zip(places) {
                    let stands = stand.get(place).ok_or_else(|| broken("no reply to a renewal"))?;
                    renewals[*at] = renewal(*stands);
                }
            }
        }
        Ok(renewals)
    }

    /// [`renew`](Self::renew), and joins anew with what is lost, if there is a free seat and nobody waits.
    ///
    /// # Errors
    /// [`Store`](crate::Error::Store).
    pub async fn renew_or_rejoin(&self, leases: &[Lease]) -> Result<Vec<Renewal>> {
        let mut renewals = self.renew(leases).await?;
        for (lease, renewal) in leases.iter().zip(&mut renewals) {
            if *renewal != Renewal::Lost {
                continue;
            }
            match self.rejoin(lease, false).await? {
                // Its record is that of the lease, so it is the same one.
                Joined::Seated(seat) => {
                    let _ = seat.into_lease();
                    *renewal = Renewal::Rejoined;
                }
                // It is the lease of a ticket: there is no seat for it, and no reason to give up the place.
                Joined::Waiting { ticket, ahead: _ } => {
                    let _ = ticket.into_lease();
                }
                Joined::Full { taken: _ } => {}
            }
        }
        Ok(renewals)
    }

    /// Keeps the seat of a member that lost its connection, for as long as the room's [grace](crate::RoomConfig::grace).
    /// Joining again within it takes the seat back, and so does renewing the lease.
    ///
    /// # Errors
    /// [`Store`](crate::Error::Store).
    pub async fn disconnected(&self, lease: &Lease) -> Result<Renewal> {
        let room = self.keys.room(lease.room);
        let program = AwayProgram::new(&room, self.basis(lease.terms), lease.pair())?;
        let outcome = self.vault.store().transact(&program.txn).await?;
        program.stands(&outcome).map(renewal).ok_or_else(|| broken("no reply to a disconnection"))
    }

    /// Gives back a seat, a hold or a place among those who wait. A seat that becomes free goes to whoever waits longest,
    /// in the same step. Returns whether the member is out of the room: not if it has joined anew under another lease.
    ///
    /// It works on a store at its memory limit.
    ///
    /// # Errors
    /// [`Store`](crate::Error::Store).
    pub async fn leave(&self, lease: &Lease) -> Result<bool> {
        let room = self.keys.room(lease.room);
        let program = self.shared.forms.leave(&room, self.basis(lease.terms), lease.pair())?;
        let outcome = self.vault.store().transact(&program.txn).await?;
        Ok(program.left(&outcome))
    }

    /// Sends a member out of a room, whatever lease it has: its seat goes to whoever waits longest, and its holder learns
    /// of it at the next renewal. Nothing keeps it from joining again.
    ///
    /// # Errors
    /// [`Name`](crate::Error::Name), [`EmptyMember`](crate::Error::EmptyMember),
    /// [`MemberTooLong`](crate::Error::MemberTooLong), [`Store`](crate::Error::Store).
    pub async fn kick<'n>(&self, room: impl Into<RoomRef<'n>>, member: &str) -> Result<()> {
        let room = self.room(room)?;
        let member = Bytes::copy_from_slice(self.keys.member(&room, member)?.as_bytes());
        let kick = |under: Under| KickProgram::new(&room, under.configured, under.basis, &member);
        let ((), _) = self.under_terms(&room, kick).await?;
        Ok(())
    }

    pub(crate) async fn renew_one(&self, lease: &Lease) -> Result<Renewal> {
        let renewals = self.renew(std::slice::from_ref(lease)).await?;
        renewals.first().copied().ok_or_else(|| broken("no reply to a renewal"))
    }

    pub(crate) async fn check_ticket(&self, lease: &Lease) -> Result<Wait> {
        let room = self.keys.room(lease.room);
        let program = RenewTicketsProgram::new(&room, self.basis(lease.terms), vec![lease.pair()])?;
        let outcome = self.vault.store().transact(&program.txn).await?;
        let stands = program.stand(&outcome).and_then(|stands| stands.first().copied());
        Ok(match stands.ok_or_else(|| broken("no reply to a ticket"))? {
            (Stands::Renewed, ahead) => Wait::Waiting { ahead },
            (Stands::Promoted, _) => Wait::Promoted,
            (Stands::Lost, _) => Wait::Lost,
            (Stands::Superseded, _) => Wait::Superseded,
        })
    }
}

fn renewal(stands: Stands) -> Renewal {
    match stands {
        Stands::Renewed | Stands::Promoted => Renewal::Renewed,
        Stands::Lost => Renewal::Lost,
        Stands::Superseded => Renewal::Superseded,
    }
}

/// Some of the leases as a program takes them, in their order and each once: who gives a lease twice comes back once.
/// Beside them, for each of those asked about, the place at which it is.
fn distinct(which: &[usize], leases: &[Lease]) -> (Vec<usize>, Vec<(Bytes, Bytes)>) {
    let lease = |at: usize| (leases[which[at]].member, &leases[which[at]].sealed);
    // Sorted by a way that keeps equal ones in order, each stands behind the first of its kind.
    let mut sorted: Vec<usize> = (0..which.len()).collect();
    sorted.sort_by_key(|at| lease(*at));
    let mut first: Vec<usize> = (0..which.len()).collect();
    for pair in sorted.windows(2) {
        if lease(pair[0]) == lease(pair[1]) {
            first[pair[1]] = first[pair[0]];
        }
    }
    let (mut places, mut pairs) = (vec![0; which.len()], Vec::with_capacity(which.len()));
    for at in 0..which.len() {
        if first[at] == at {
            places[at] = pairs.len();
            pairs.push(leases[which[at]].pair());
        } else {
            places[at] = places[first[at]];
        }
    }
    (places, pairs)
}
