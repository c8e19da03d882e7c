//! Looking into rooms.

use roomkey_core::Store;

use super::Rooms;
use crate::cursor::MemberCursor;
use crate::error::broken;
use crate::id::RoomRef;
use crate::keys::RoomKeys;
use crate::member::{Member, MemberPage, Occupancy, Present, Standing};
use crate::programs::{CountProgram, Counts, MembersProgram, Place};
use crate::{Error, Result};

impl<S: Store> Rooms<S> {
    /// How full a room is, at one moment. It costs the same for ten members and for a hundred thousand.
    ///
    /// # Errors
    /// [`Name`](Error::Name), [`Foreign`](Error::Foreign), [`Store`](Error::Store).
    pub async fn occupancy<'n>(&self, room: impl Into<RoomRef<'n>>) -> Result<Occupancy> {
        self.count(&self.room(room)?).await
    }

    pub(crate) async fn count(&self, room: &RoomKeys) -> Result<Occupancy> {
        let program = CountProgram::new(room)?;
        let outcome = self.vault.store().transact(&program.txn).await?;
        self.occupied(program.counts(&outcome).ok_or_else(|| broken("no reply to a count"))?)
    }

    pub(super) fn occupied(&self, counts: Counts) -> Result<Occupancy> {
        let Counts { live, held, waiting, limit } = counts;
        let limit = match limit {
            None => self.shared.config.limit,
            Some(text) => {
                let number = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
                number.ok_or(Error::Foreign(roomkey_vault::Error::NotANumber))?
            }
        };
        Ok(Occupancy { live, held, waiting, limit })
    }

    /// The members of a room, about a hundred at a time: who has a seat, for whom one is held, and who waits.
    ///
    /// A member that is there throughout is on one of the pages, seldom on two; the pages together are no snapshot. A
    /// page may be empty though others follow, and a small room comes on one page.
    ///
    /// # Errors
    /// [`Name`](Error::Name); [`Record`](Error::Record) for a member sealed under a key that the ring does not hold, or
    /// damaged; [`Store`](Error::Store), whose source is [`CursorLost`](roomkey_core::Error::CursorLost) for a cursor
    /// that the store does not know (any more): begin again.
    pub async fn members<'n>(
        &self,
        room: impl Into<RoomRef<'n>>,
        after: Option<MemberCursor>,
    ) -> Result<MemberPage> {
        let room = self.room(room)?;
        let program = MembersProgram::new(&room, after.map(MemberCursor::into_cursor))?;
        let outcome = self.vault.store().transact(&program.txn).await?;
        let walked = program.walked(outcome).ok_or_else(|| broken("no reply to a walk"))?;
        let member = |(tag, sealed, place): (bytes::Bytes, bytes::Bytes, Place)| {
            let standing = match place {
                Place::Seated => Standing::Seated,
                Place::Held => Standing::Held,
                Place::Waiting => Standing::Waiting,
            };
            Ok(Present { member: self.open(&room, &tag, &sealed)?, standing })
        };
        let members = walked.members.into_iter().map(member).collect::<Result<_>>()?;
        Ok(MemberPage { members, next: walked.next.map(MemberCursor::new) })
    }

    pub(crate) fn open(&self, room: &RoomKeys, tag: &[u8], sealed: &[u8]) -> Result<Member> {
        let (id, metadata) = self.keys.open_member(room, tag, sealed)?;
        Ok(Member { id, metadata })
    }
}
