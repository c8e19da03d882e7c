//! Finding a room with space, or making one.

use roomkey_rooms::Pool;
use roomkey_store::RedisStore;

use super::crowd::{Seats, guest, leave_all};
use super::side::{Ours, config, id};
use crate::Result;
use crate::comparison::{Comparison, Contender};
use crate::drive::{Work, on_tasks};
use crate::loads::{Setting, peers};

/// Members find rooms of 100 in a pool, and leave after the turn. The caller names the peer.
pub(super) fn comparison(setting: &Setting, ours: &Ours, tasks: usize) -> Result<Comparison> {
    let (setting, ours) = (setting.clone(), ours.clone());
    let pool = ours.0.pool("bench", config(100))?;
    let contender = Contender::new(peers::OURS, move |time| {
        let seats: Vec<Seats<Ours>> = (0..tasks).map(|_| Seats::default()).collect();
        let coming = seats.iter().zip(0..);
        let coming = coming.map(|(seats, task)| Coming { pool: pool.clone(), task, seats: seats.clone() });
        let found = on_tasks(&setting, time, coming.collect())?;
        leave_all(&setting, &ours, &seats)?;
        Ok(found)
    });
    Ok(Comparison::new("rooms/find_or_create, rooms of 100", tasks, contender))
}

struct Coming {
    pool: Pool<RedisStore>,
    task: usize,
    seats: Seats<Ours>,
}

impl Work for Coming {
    async fn step(&mut self, n: u64) -> Result {
        let seat = self.pool.find_or_create(&id(guest(self.task, n))).await?;
        self.seats.keep(seat.into_lease());
        Ok(())
    }
}
