//! Those who do with rooms what the loads ask.

use roomkey_rooms::{Joined, Lease, Renewal, RoomConfig, Rooms};
use roomkey_store::RedisStore;
use roomkey_vault::Name;

use super::{KEPT, LEASE};
use crate::Result;

/// Somebody who keeps rooms. Rooms and members are numbered.
pub(crate) trait Side: Clone + Send + Sync + 'static {
    type Lease: Clone + Send + Sync + 'static;

    /// Says how many seats a room has.
    fn configure(&self, room: usize, limit: u32) -> impl Future<Output = Result> + Send;
    /// Takes a seat; `None` in a full room.
    fn join(&self, room: usize, member: u64) -> impl Future<Output = Result<Option<Self::Lease>>> + Send;
    fn leave(&self, lease: &Self::Lease) -> impl Future<Output = Result> + Send;
    /// Renews seats of one room.
    fn renew(&self, leases: &[Self::Lease]) -> impl Future<Output = Result> + Send;
}

/// Rooms, called by names and ids as their users do.
#[derive(Clone)]
pub(crate) struct Ours(pub(crate) Rooms<RedisStore>);

/// The configuration of all rooms that are measured.
pub(crate) fn config(limit: u32) -> RoomConfig {
    RoomConfig::new(limit).lease(LEASE).keep(KEPT)
}

/// The id of a member: 16 bytes.
pub(crate) fn id(member: u64) -> String {
    format!("user{member:012}")
}

/// The name of a room.
pub(crate) fn name(room: usize) -> Name<'static> {
    Name::new("room").arg(room)
}

impl Side for Ours {
    type Lease = Lease;

    async fn configure(&self, room: usize, limit: u32) -> Result {
        Ok(self.0.configure(name(room), config(limit)).await?)
    }

    async fn join(&self, room: usize, member: u64) -> Result<Option<Lease>> {
        match self.0.join(name(room), &id(member)).await? {
            Joined::Seated(seat) => Ok(Some(seat.into_lease())),
            Joined::Full { .. } => Ok(None),
            Joined::Waiting { .. } => Err("a member waits in a room without a queue".into()),
        }
    }

    async fn leave(&self, lease: &Lease) -> Result {
        if self.0.leave(lease).await? { Ok(()) } else { Err("somebody else has the seat".into()) }
    }

    async fn renew(&self, leases: &[Lease]) -> Result {
        let renewals = self.0.renew(leases).await?;
        let all = renewals.iter().all(|renewal| *renewal == Renewal::Renewed);
        if all && renewals.len() == leases.len() { Ok(()) } else { Err("a seat was lost".into()) }
    }
}
