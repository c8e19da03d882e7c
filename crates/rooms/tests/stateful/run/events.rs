//! Following what is told.

use std::time::Duration;

use roomkey_core::Store;
use roomkey_rooms::{EventId, RoomEvent, RoomEvents, RoomId, Rooms, Since, What};
use tokio::time::timeout;

use super::{Run, Said};
use crate::model::Told;
use crate::ops::MEMBERS;

/// Far longer than an event takes. On a paused clock it is over at once where none comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// What was heard of a room so far.
#[derive(Default)]
pub(super) struct Log {
    events: Option<RoomEvents>,
    heard: Vec<(EventId, Told)>,
}

impl<S: Store> Run<S> {
    /// Hears as much of each room as should have been told. What else there is is heard before what comes next.
    pub(super) async fn hear(&mut self) -> Said {
        self.logs.resize_with(self.model.rooms.len(), Log::default);
        for room in 0..self.logs.len() {
            let about = |said| format!("the events of room {room}: {said}");
            let from = self.logs[room].heard.len();
            let told = self.model.rooms[room].told[from..].to_vec();
            if told.is_empty() {
                continue;
            }
            let mut events = match self.logs[room].events.take() {
                Some(events) => events,
                None => watch(self.processes[0].rooms.clone(), self.id(room), Since::Oldest)
                    .await
                    .map_err(about)?,
            };
            let heard = heard(&mut events, told.len()).await.map_err(about)?;
            self.logs[room].events = Some(events);
            compare(&heard, &told).map_err(about)?;
            self.logs[room].heard.extend(heard);
            for Told { what, .. } in told {
                // A member that left is not what leaving was told.
                self.note(if what == "left" { "gone" } else { what });
            }
        }
        Ok(())
    }

    /// Hears everything once more, from the beginning and from the middle on, as one who comes late.
    pub(super) async fn hear_again(&mut self) -> Said {
        for room in 0..self.logs.len() {
            let about = |said| format!("the events of room {room}, heard again: {said}");
            let before = self.logs[room].heard.clone();
            let middle = before.len() / 2;
            let since = before[..middle].last().map_or(Since::Oldest, |(id, _)| Since::After(*id));
            for (since, expected) in [(Since::Oldest, &before[..]), (since, &before[middle..])] {
                let rooms = self.processes[1].rooms.clone();
                let mut events = watch(rooms, self.id(room), since).await.map_err(about)?;
                let heard = heard(&mut events, expected.len()).await.map_err(about)?;
                if heard != expected {
                    return Err(about(format!("{heard:#?}, and not {expected:#?}")));
                }
            }
        }
        Ok(())
    }
}

async fn watch<S: Store>(rooms: Rooms<S>, room: RoomId, since: Since) -> Result<RoomEvents, String> {
    rooms.watch(room, since).await.map_err(super::failed)
}

/// So many events.
async fn heard(events: &mut RoomEvents, count: usize) -> Result<Vec<(EventId, Told)>, String> {
    let mut heard = Vec::with_capacity(count);
    for _ in 0..count {
        let event = timeout(PATIENCE, events.next()).await;
        let event = event.map_err(|_| format!("after {heard:?} nothing more was told"))?;
        let event = event.ok_or("the stream ended")?.map_err(super::failed)?;
        heard.push((event.id, told(event)?));
    }
    Ok(heard)
}

fn told(RoomEvent { what, .. }: RoomEvent) -> Result<Told, String> {
    let (what, member) = match what {
        What::Joined(member) => ("joined", member),
        What::Reserved(member) => ("reserved", member),
        What::Promoted(member) => ("promoted", member),
        What::Left(member) => ("left", member),
        What::Expired(member) => ("expired", member),
        What::Kicked(member) => ("kicked", member),
        What::Changed => return Ok(Told { what: "changed", who: None, ended: None }),
        other => return Err(format!("{other:?} was told")),
    };
    let who = MEMBERS.iter().position(|known| *known == member.id).ok_or("somebody else was told of")?;
    let lease = member.metadata.get::<u64>().map_err(super::failed)? as usize;
    Ok(Told { what, who: Some((who, lease)), ended: None })
}

/// Compares what was told. Seats that ended in the same tick may be told in any order.
fn compare(heard: &[(EventId, Told)], expected: &[Told]) -> Said {
    let mut heard: Vec<Told> = heard.iter().map(|(_, told)| told.clone()).collect();
    let mut expected = expected.to_vec();
    let mut at = 0;
    for together in expected.chunk_by_mut(|a, b| a.ended.is_some() && a.ended == b.ended) {
        for told in together.iter_mut() {
            told.ended = None;
        }
        together.sort_unstable();
        heard[at..at + together.len()].sort_unstable();
        at += together.len();
    }
    if heard == expected { Ok(()) } else { Err(format!("{heard:#?}, and not {expected:#?}")) }
}
