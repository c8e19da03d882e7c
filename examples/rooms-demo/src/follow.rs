//! Following the rooms: events as they come, members and occupancy several times a second, and a sweep each second.

use std::sync::Arc;
use std::time::Duration;

use roomkey_rooms::{RoomEvents, Rooms, Since, Standing, What};
use roomkey_store::RedisStore;
use tokio::time::sleep;

use crate::scene::Scene;
use crate::{Failed, ROOMS};

/// How often members are read. A picture for people needs no more; programs follow the events.
const LOOK: Duration = Duration::from_millis(200);

/// Begins to follow; what goes wrong later becomes an event.
pub(crate) async fn follow(rooms: &Rooms<RedisStore>, scene: &Arc<Scene>) -> Result<(), Failed> {
    for (name, ..) in ROOMS {
        let events = rooms.watch(name, Since::Now).await?;
        tokio::spawn(listen(name, events, Arc::clone(scene)));
        tokio::spawn(look(rooms.clone(), name, Arc::clone(scene)));
    }
    tokio::spawn(sweep(rooms.clone(), Arc::clone(scene)));
    Ok(())
}

async fn listen(room: &'static str, mut events: RoomEvents, scene: Arc<Scene>) {
    while let Some(event) = events.next().await {
        let (kind, member) = match event.map(|event| event.what) {
            Ok(What::Joined(member)) => ("joined", member.id),
            Ok(What::Promoted(member)) => ("promoted", member.id),
            Ok(What::Left(member)) => ("left", member.id),
            Ok(What::Expired(member)) => ("expired", member.id),
            Ok(_) => continue,
            Err(failed) => ("trouble", failed.to_string()),
        };
        scene.happened(room, kind, member);
    }
}

async fn look(rooms: Rooms<RedisStore>, room: &'static str, scene: Arc<Scene>) {
    loop {
        match seen(&rooms, room).await {
            Ok((occupancy, members)) => scene.looked(room, occupancy, members),
            Err(failed) => scene.note(failed.to_string()),
        }
        sleep(LOOK).await;
    }
}

async fn seen(
    rooms: &Rooms<RedisStore>,
    room: &str,
) -> roomkey_rooms::Result<(roomkey_rooms::Occupancy, Vec<(String, Standing)>)> {
    let occupancy = rooms.occupancy(room).await?;
    let page = rooms.members(room, None).await?;
    let mut members: Vec<_> =
        page.members.into_iter().map(|present| (present.member.id, present.standing)).collect();
    members.sort_by(|(one, _), (other, _)| one.cmp(other));
    members.dedup();
    Ok((occupancy, members))
}

async fn sweep(rooms: Rooms<RedisStore>, scene: Arc<Scene>) {
    loop {
        sleep(Duration::from_secs(1)).await;
        if let Err(failed) = rooms.sweep(1_000).await {
            scene.note(failed.to_string());
        }
    }
}
