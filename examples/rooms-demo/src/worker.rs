//! One process whose members join rooms, stay a while and leave; until it is killed.

use std::time::Duration;

use roomkey_crypto::Keyring;
use roomkey_rooms::{Join, Joined, Keeper, Rooms, Ticket, Wait};
use roomkey_store::RedisStore;
use tokio::time::{sleep, timeout};

use crate::{Failed, ROOMS, chance, open};

/// How long a seat lives that nobody renews. Short, so that a crash is seen to heal.
pub(crate) const LEASE: Duration = Duration::from_secs(3);

/// The namespace, for the workers.
pub(crate) const NAMESPACE: &str = "ROOMS_DEMO_NAMESPACE";

/// How many members a worker looks after at a time.
const MEMBERS: u32 = 5;

pub(crate) async fn work(number: u32) -> Result<(), Failed> {
    let namespace = std::env::var(NAMESPACE)?;
    let rooms = open(&namespace, Keyring::from_env()?).await?;
    for member in 0..MEMBERS {
        let rooms = rooms.clone();
        tokio::spawn(async move {
            let keeper = rooms.keeper();
            let name = format!("{number}.{member}");
            loop {
                sleep(chance::between(100, 2_500)).await;
                // What goes wrong is seen from outside, which is what this is about.
                let _ = visit(&rooms, &keeper, &name, number).await;
            }
        });
    }
    // Until it is killed.
    std::future::pending().await
}

/// Joins a room, waits if it has to, stays a while, and leaves.
async fn visit(
    rooms: &Rooms<RedisStore>,
    keeper: &Keeper<RedisStore>,
    member: &str,
    worker: u32,
) -> Result<(), Failed> {
    let (room, ..) = ROOMS[chance::below(ROOMS.len() as u32) as usize];
    let seat = match rooms.join(room, Join::new(member).metadata(worker)).await? {
        Joined::Seated(seat) => Some(seat),
        Joined::Waiting { ticket, .. } => wait(ticket).await?,
        Joined::Full { .. } => None,
    };
    let Some(seat) = seat else { return Ok(()) };
    let seat = keeper.keep(seat);
    if timeout(chance::between(1_500, 9_000), seat.lost()).await.is_err() {
        seat.leave().await?;
    }
    Ok(())
}

/// Waits until it is one's turn.
async fn wait(ticket: Ticket<RedisStore>) -> Result<Option<roomkey_rooms::Seat<RedisStore>>, Failed> {
    loop {
        sleep(LEASE / 6).await;
        match ticket.check().await? {
            Wait::Waiting { .. } => {}
            Wait::Promoted => return Ok(ticket.claim().await?.seat()),
            _ => return Ok(None),
        }
    }
}
