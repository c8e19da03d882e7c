//! Rooms of members, against scripts written by hand for the same steps.
//!
//! The rooms of one side hold 100 000 members: in one room, or in a thousand. Who joins in a turn leaves behind it, so that
//! rooms stay as large as they are.

mod by_hand;
pub(crate) mod crowd;
mod pool;
pub(crate) mod side;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use roomkey_rooms::Rooms;
use roomkey_store::RedisStore;

use self::by_hand::ByHand;
use self::crowd::{Crowd, Load};
use self::side::{Ours, Side};
use super::{Grid, Setting, effect, peers};
use crate::Result;
use crate::comparison::{Comparison, Target};
use crate::options::Solo;

const TASKS: [usize; 3] = [1, 64, 256];
const HOUR: Duration = Duration::from_secs(3_600);

/// So long that no seat ends in a run.
const LEASE: Duration = HOUR;
/// What belongs to members lives for an hour after the last lease.
const LIFE: Duration = Duration::from_secs(2 * 3_600);
/// What belongs to a room is kept for a day after it.
const KEPT: Duration = Duration::from_secs(24 * 3_600);
const LISTED: Duration = Duration::from_secs(25 * 3_600);

/// The room in which both sides do the same once, the room of 100 000 members, and those of 100.
pub(crate) const SCENE: usize = 0;
pub(crate) const LARGE: Range<usize> = 1..2;
pub(crate) const SMALL: Range<usize> = 2..ROOMS;
/// How many rooms there are.
const ROOMS: usize = 1_002;

const BY_HAND: &str = "hand-written Lua by EVALSHA, 1 multiplexed connection";
/// Shows how much of a difference is the promise that a wrong kind of key changes nothing.
const GUARDED: &str = "the same, kinds of keys checked first";
/// Of a renewal.
const BARE: &str = "redis, ZMSCORE + ZADD XX in one pipeline";
/// Shows how much of a difference is that only the newest lease of a member counts.
const COMPARED: &str = "the same, HMGET of the leases in it, compared by the client";
/// Shows whether a join costs the same in a large room.
const IN_SMALL: &str = "roomkey, rooms of 100";

pub(crate) fn comparisons(setting: &Setting) -> Result<Vec<Comparison>> {
    let raw = peers::multiplexed(setting)?;
    let ours = Ours(rooms(setting, peers::store(setting)?)?);
    let by_hand = setting.runtime.block_on(ByHand::new(raw.clone()))?;
    effect::same(&left_by(setting, &raw, &ours)?, &left_by(setting, &raw, &by_hand)?)?;
    setting.runtime.block_on(peers::clear(&raw))?;

    let guarded = setting.runtime.block_on(by_hand.guarded())?;
    let small = Sides {
        ours: Crowd::gather(setting, ours.clone(), SMALL, 100)?,
        by_hand: Crowd::gather(setting, by_hand.clone(), SMALL, 100)?,
    };
    let large = Sides {
        ours: Crowd::gather(setting, ours.clone(), LARGE, 100_000)?,
        by_hand: Crowd::gather(setting, by_hand, LARGE, 100_000)?,
    };
    let guarded = small.by_hand.by(guarded);

    let mut comparisons = Vec::new();
    for (load, name) in [
        (Load::Join, "rooms/join"),
        (Load::Leave, "rooms/leave"),
        (Load::Refused, "rooms/join, full"),
        (Load::Renew, "rooms/renew 50"),
    ] {
        for tasks in TASKS {
            let mut comparison = small.compare(setting, format!("{name}, rooms of 100"), tasks, load);
            let beside = match load {
                Load::Join => Some(GUARDED),
                Load::Renew => Some(COMPARED),
                Load::Leave | Load::Refused => None,
            };
            if let Some(name) = beside
                && tasks == 64
            {
                comparison = comparison.peer(guarded.contender(name, setting, tasks, load), None);
            }
            comparisons.push(comparison);
        }
        for tasks in TASKS {
            if load != Load::Join && tasks != 64 && setting.grid == Grid::Usual {
                continue;
            }
            let mut comparison = large.compare(setting, format!("{name}, room of 100 000"), tasks, load);
            if load == Load::Join {
                let in_small = small.ours.contender(IN_SMALL, setting, tasks, load);
                comparison = comparison.peer(in_small, Some(Target::Time(1.3)));
            }
            comparisons.push(comparison);
        }
    }
    for tasks in TASKS {
        let join = small.ours.contender("roomkey, join of a room by its name", setting, tasks, Load::Join);
        comparisons.push(pool::comparison(setting, &ours, tasks)?.peer(join, None));
    }
    Ok(comparisons)
}

/// Joins of one side, for a profiler: it counts what is different from a run with none.
pub(crate) fn repeat_joins(setting: &Setting, solo: &Solo) -> Result {
    let few = SMALL.start..SMALL.start + 8;
    let share = solo.calls / solo.tasks as u64;
    match solo.client.as_str() {
        "roomkey" => {
            let ours = Ours(rooms(setting, peers::store(setting)?)?);
            Crowd::gather(setting, ours, few, 100)?.join(setting, solo.tasks, share)
        }
        "redis" => {
            let by_hand = setting.runtime.block_on(ByHand::new(peers::multiplexed(setting)?))?;
            Crowd::gather(setting, by_hand, few, 100)?.join(setting, solo.tasks, share)
        }
        other => Err(format!("{other} has no rooms; see --help").into()),
    }
}

/// Rooms over a store.
pub(crate) fn rooms(setting: &Setting, store: RedisStore) -> Result<Rooms<RedisStore>> {
    Ok(Rooms::new(peers::vault(setting, store)?))
}

/// The same rooms of both sides.
struct Sides {
    ours: Arc<Crowd<Ours>>,
    by_hand: Arc<Crowd<ByHand>>,
}

impl Sides {
    fn compare(&self, setting: &Setting, name: String, tasks: usize, load: Load) -> Comparison {
        let (peer, target) = match load {
            Load::Join => (BY_HAND, Some(Target::Ratio(0.85))),
            Load::Renew => (BARE, Some(Target::Ratio(0.7))),
            Load::Leave | Load::Refused => (BY_HAND, None),
        };
        Comparison::new(name, tasks, self.ours.contender(peers::OURS, setting, tasks, load))
            .peer(self.by_hand.contender(peer, setting, tasks, load), target)
            .control(tasks == 64)
    }
}

/// What a side leaves of a room on an empty server in which some come, one of them twice, one is refused, and one goes.
fn left_by(setting: &Setting, raw: &MultiplexedConnection, side: &impl Side) -> Result<Vec<String>> {
    setting.runtime.block_on(async {
        peers::clear(raw).await?;
        side.configure(SCENE, 3).await?;
        let mut seats = Vec::new();
        for member in [1, 2, 3, 1] {
            seats.push(side.join(SCENE, member).await?.ok_or("no seat in an empty room")?);
        }
        if side.join(SCENE, 4).await?.is_some() {
            return Err("a seat in a full room".into());
        }
        side.leave(&seats[1]).await?;
        side.join(SCENE, 5).await?.ok_or("no seat where one became free")?;
        effect::read(raw, effect::hidden).await
    })
}
