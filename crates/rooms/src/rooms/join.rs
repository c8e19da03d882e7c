//! Joining rooms, and reserving seats.

use bytes::Bytes;
use roomkey_core::{Limit, Store};
use roomkey_vault::Encode;

use super::Rooms;
use crate::error::broken;
use crate::id::RoomRef;
use crate::keys::RoomKeys;
use crate::lease::{Lease, Seat, Ticket};
use crate::member::{Join, Joined, Reservation};
use crate::programs::{Applicant, Basis, Entered, Guarded, QUEUE, Reserved};
use crate::record::Draft;
use crate::terms::Terms;
use crate::{Error, Result};

/// How often a program is sent for which the room has other terms. Each time but the first means that somebody configured
/// the room at that very moment.
const TRIES: usize = 16;

/// What a member brings, sealed for the room.
struct Candidate {
    lease: Lease,
    limit: Limit,
    queue: Limit,
}

/// The terms under which a program is tried.
pub(super) struct Under {
    /// Those that the room is configured with, as far as is known.
    pub(super) configured: Option<Terms>,
    pub(super) basis: Basis,
}

impl Candidate {
    fn applicant<'a>(&self, room: &'a RoomKeys, under: Under) -> Applicant<'a> {
        let Self { lease, limit, queue } = self;
        Applicant {
            room,
            configured: under.configured,
            basis: under.basis,
            member: Bytes::copy_from_slice(lease.member.as_bytes()),
            sealed: lease.sealed.clone(),
            limit: limit.clone(),
            queue: queue.clone(),
        }
    }
}

/// # Members
/// Members hold seats under leases. A member is known by an id that the service chooses; joining twice is one seat.
impl<S: Store> Rooms<S> {
    /// Joins a room: takes a free seat, or a place among those who wait.
    ///
    /// Whoever has a seat already keeps it, also if the room is full, and has it under the lease that is returned: an
    /// earlier one is superseded. A seat that is held for the member becomes its own, at no moment free or counted
    /// twice. While others wait nobody passes them.
    ///
    /// ```
    /// use roomkey_memory::MemoryStore;
    /// use roomkey_rooms::{Join, Joined, RoomConfig, Rooms};
    /// use roomkey_vault::{Keyring, Vault};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let rooms = Rooms::new(Vault::open(MemoryStore::new(), Keyring::generate()?).await?);
    /// rooms.configure("lobby", RoomConfig::new(2)).await?;
    ///
    /// let ada = rooms.join("lobby", Join::new("ada").metadata("blue".to_owned())).await?.seat().unwrap();
    /// let ben = rooms.join("lobby", "ben").await?.seat().unwrap();
    /// assert!(matches!(rooms.join("lobby", "cleo").await?, Joined::Full { taken: 2 }));
    ///
    /// ada.leave().await?;
    /// assert!(matches!(rooms.join("lobby", "cleo").await?, Joined::Seated(_)));
    /// # ben.leave().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Name`](Error::Name), [`EmptyMember`](Error::EmptyMember), [`MemberTooLong`](Error::MemberTooLong) and
    /// [`Metadata`](Error::Metadata) for arguments that cannot be; [`Foreign`](Error::Foreign), [`Seal`](Error::Seal);
    /// [`Store`](Error::Store), after which the member may have a seat for one lease.
    pub async fn join<'n, 'm, M: Encode>(
        &self,
        room: impl Into<RoomRef<'n>>,
        join: impl Into<Join<'m, M>>,
    ) -> Result<Joined<S>> {
        let room = self.room(room)?;
        let candidate = self.candidate(&room, join.into())?;
        self.enter(&room, candidate).await
    }

    /// Holds a seat for a member who comes later, maybe to another process: [`join`](Self::join) takes it. A hold counts
    /// to the limit, and ends by itself. While others wait no seat can be reserved.
    ///
    /// Reserving again lengthens the hold, and supersedes the lease of the first. For a member who is away the seat is
    /// then held as reserved.
    ///
    /// # Errors
    /// Those of [`join`](Self::join).
    pub async fn reserve<'n, 'm, M: Encode>(
        &self,
        room: impl Into<RoomRef<'n>>,
        join: impl Into<Join<'m, M>>,
    ) -> Result<Reservation> {
        let room = self.room(room)?;
        let candidate = self.candidate(&room, join.into())?;
        let reserve = |under| self.shared.forms.reserve(candidate.applicant(&room, under));
        let (reserved, terms) = self.under_terms(&room, reserve).await?;
        Ok(match reserved {
            Reserved::Held => Reservation::Held(Lease { terms, ..candidate.lease }),
            Reserved::Seated => Reservation::Seated,
            Reserved::Full { taken } => Reservation::Full { taken },
        })
    }

    /// Joins anew with what a lease was made with.
    pub(crate) async fn rejoin(&self, lease: &Lease, waits: bool) -> Result<Joined<S>> {
        let room = self.keys.room(lease.room);
        let (limit, queue) = (self.limit(&room, None), self.queue(&room, waits));
        self.enter(&room, Candidate { lease: lease.clone(), limit, queue }).await
    }

    async fn enter(&self, room: &RoomKeys, candidate: Candidate) -> Result<Joined<S>> {
        let join = |under| self.shared.forms.join(candidate.applicant(room, under));
        let (entered, terms) = self.under_terms(room, join).await?;
        let lease = Lease { terms, ..candidate.lease };
        Ok(match entered {
            Entered::Seated => Joined::Seated(Seat::new(self.clone(), lease)),
            Entered::Waiting { ahead } => Joined::Waiting { ticket: Ticket::new(self.clone(), lease), ahead },
            Entered::Full { taken } => Joined::Full { taken },
        })
    }

    /// Runs a program under the terms that the room has. They are looked up only where they are not those that this
    /// process knows of.
    pub(super) async fn under_terms<P: Guarded>(
        &self,
        room: &RoomKeys,
        make: impl Fn(Under) -> roomkey_core::Result<P>,
    ) -> Result<(P::Verdict, Terms)> {
        let known = &self.shared.known;
        for _ in 0..TRIES {
            let configured = known.of(room.id);
            let terms = configured.unwrap_or_else(|| self.shared.config.terms());
            let program = make(Under { configured, basis: self.basis(terms) })?;
            let outcome = self.vault.store().transact(program.txn()).await?;
            match program.guard().stale(&outcome) {
                None => {
                    let verdict = program.verdict(&outcome).ok_or_else(|| broken("no verdict"))?;
                    return Ok((verdict, terms));
                }
                Some(None) => known.learn(room.id, None),
                Some(Some(terms)) => known.learn(room.id, Some(Terms::of_config(&terms)?)),
            }
        }
        Err(Error::Store(roomkey_core::Error::Contended))
    }

    fn candidate<M: Encode>(&self, room: &RoomKeys, join: Join<'_, M>) -> Result<Candidate> {
        let Join { member: id, metadata, limit, waits } = join;
        let member = self.keys.member(room, id)?;
        let metadata = self.vault.encode(&metadata).map_err(Error::Metadata)?;
        let sealed = self.keys.seal_member(room, member, &Draft::new(id.as_bytes(), metadata))?;
        let lease = Lease { room: room.id, member, sealed, terms: self.shared.config.terms() };
        let queue = self.queue(room, waits && limit.is_none());
        Ok(Candidate { lease, limit: self.limit(room, limit), queue })
    }

    /// How many may wait for a room, if this member would.
    fn queue(&self, room: &RoomKeys, waits: bool) -> Limit {
        if !waits {
            return Limit::Given(0);
        }
        Limit::Stored { key: room.config.clone(), field: QUEUE, or: self.shared.config.queue.into() }
    }
}
