//! The same as lines, for logs and for CI.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::Failed;
use crate::scene::{Inner, Scene, State};

/// How long it goes on unless something else was said.
const SECONDS: u64 = 15;

pub(crate) async fn show(scene: &Arc<Scene>, seconds: Option<u64>) -> Result<(), Failed> {
    let end = Duration::from_secs(seconds.unwrap_or(SECONDS));
    let mut told = 0;
    while scene.elapsed() < end {
        sleep(Duration::from_secs(1)).await;
        let now = scene.now();
        for event in now.events.iter().skip(told.max(now.forgotten) - now.forgotten) {
            let at = event.at.as_secs_f64();
            println!("{at:7.2} s  {:<8}  {:<9} {}", event.room, event.kind, event.member);
        }
        told = now.forgotten + now.events.len();
        println!("{:7.2} s  {}", scene.elapsed().as_secs_f64(), rooms(&now));
    }
    Ok(())
}

fn rooms(now: &Inner) -> String {
    let mut line = String::new();
    for (name, room) in &now.rooms {
        if let Some(occupancy) = room.occupancy {
            let roomkey_rooms::Occupancy { live, held, waiting, limit, .. } = occupancy;
            line += &format!("{name} {live}/{limit} ({held} held, {waiting} waiting)   ");
        }
    }
    let down = now.workers.values().filter(|state| **state == State::Killed).count();
    line + &format!("{} workers, {down} down", now.workers.len())
}
