//! Looking at everything without changing it.

use std::collections::BTreeMap;

use roomkey_core::Store;
use roomkey_rooms::{Occupancy, RoomId};

use super::{Process, Run, Said, failed, same};
use crate::ops::{MEMBERS, NAMES};

impl<S: Store> Run<S> {
    pub(super) async fn look_around(&mut self, at: &Process<S>) -> Said {
        for room in 0..self.model.rooms.len() {
            let about = |said| format!("room {room}: {said}");
            let occupancy = at.rooms.occupancy(self.id(room)).await.map_err(failed)?;
            same(&occupied(occupancy), &self.occupied(room)).map_err(about)?;
            self.members(at, room).await.map_err(about)?;
            let size = at.rooms.size(self.id(room)).await.map_err(failed)?;
            same(&size, &self.model.rooms[room].size).map_err(about)?;
        }
        Ok(())
    }

    fn occupied(&self, room: usize) -> (u64, u64, u64, u32) {
        let (now, room) = (self.model.now, &self.model.rooms[room]);
        (room.live(now), room.held(now), room.waiting(now), room.config.limit)
    }

    async fn members(&mut self, at: &Process<S>, room: usize) -> Said {
        let (mut seen, mut next) = (Vec::new(), None);
        loop {
            let page = at.rooms.members(self.id(room), next).await.map_err(failed)?;
            seen.extend(page.members);
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        let mut members = BTreeMap::new();
        for present in seen {
            let lease = present.member.metadata.get::<u64>().map_err(failed)? as usize;
            // A page may show again what one before it showed.
            members.insert(present.member.id, (lease, format!("{:?}", present.standing)));
        }
        let now = self.model.now;
        let there = self.model.rooms[room].places.iter().filter(|(_, place)| place.until > now);
        let there = there.map(|(member, place)| {
            (MEMBERS[*member].to_owned(), (place.lease, format!("{:?}", place.standing)))
        });
        let there: BTreeMap<_, _> = there.collect();
        if !there.is_empty() {
            self.note("members");
        }
        same(&members, &there)
    }

    /// A room is listed if it was configured, and while somebody is in it or waits.
    pub(super) async fn listed(&mut self, at: &Process<S>) -> Said {
        let (mut listed, mut next) = (BTreeMap::new(), None);
        loop {
            let page = at.rooms.rooms(next).await.map_err(failed)?;
            for room in page.rooms {
                let metadata = room.metadata.map(|metadata| metadata.get::<u64>().map_err(failed));
                listed.insert(room.id, (room.name, metadata.transpose()?, occupied(room.occupancy)));
            }
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        let mut there: BTreeMap<RoomId, _> = BTreeMap::new();
        for (number, room) in self.model.rooms.iter().enumerate() {
            let occupied = self.occupied(number);
            if room.described.is_none() && occupied.0 + occupied.2 == 0 {
                continue;
            }
            let name = room.described.filter(|(_, by_name)| *by_name).map(|_| NAMES[number].to_owned());
            let metadata = room.described.map(|(metadata, _)| metadata);
            there.insert(self.id(number), (name, metadata, occupied));
        }
        if !there.is_empty() {
            self.note("listed");
        }
        same(&listed, &there)
    }
}

fn occupied(occupancy: Occupancy) -> (u64, u64, u64, u32) {
    (occupancy.live, occupancy.held, occupancy.waiting, occupancy.limit)
}
