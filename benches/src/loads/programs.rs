//! Transactions of rooms, against scripts written by hand for the same steps.
//!
//! A task visits one room after the other: ten members find a seat, one finds the room full, and one comes back. Each
//! turn begins with an empty server, so that all turns do the same.

mod counter;
mod join;
mod room;

use redis::aio::MultiplexedConnection;
use roomkey_rooms::Rooms;

use super::{Setting, effect, peers};
use crate::Result;
use crate::comparison::{Comparison, Contender, Target};
use crate::drive::{Work, on_tasks};

const TASKS: [usize; 3] = [1, 64, 256];
const TARGET: Target = Target::Ratio(0.85);
const PEER: &str = "hand-written Lua by EVALSHA, 1 multiplexed connection";
/// Shows how much of a difference is the promise that a wrong kind of key changes nothing.
const GUARDED: &str = "the same, kinds of keys checked first";

pub(crate) fn comparisons(setting: &Setting) -> Result<Vec<Comparison>> {
    let store = peers::store(setting)?;
    let raw = peers::multiplexed(setting)?;
    let vault = peers::vault(setting, store.clone())?;
    let ours = counter::Compiled(Rooms::new(vault));
    let by_hand = setting.runtime.block_on(counter::ByHand::new(raw.clone()))?;
    let mut comparisons = compare(
        "programs/check_and_increment",
        setting,
        &raw,
        move |task| counter::Visits::new(ours.clone(), task),
        move |task| counter::Visits::new(by_hand.clone(), task),
    )?;

    let ours = join::Compiled(store);
    let by_hand = setting.runtime.block_on(join::ByHand::new(raw.clone()))?;
    let guarded = setting.runtime.block_on(join::ByHand::guarded(raw.clone()))?;
    let joins = compare(
        "programs/leased join",
        setting,
        &raw,
        move |task| join::Visits::new(ours.clone(), task),
        move |task| join::Visits::new(by_hand.clone(), task),
    )?;
    comparisons.extend(joins.into_iter().map(|comparison| {
        let guarded = guarded.clone();
        let visits = move |task| join::Visits::new(guarded.clone(), task);
        let tasks = comparison.concurrency;
        comparison.peer(contender(GUARDED, setting, &raw, tasks, visits), None)
    }));
    Ok(comparisons)
}

/// One comparison per concurrency, after making sure that both sides leave the same behind.
fn compare<A: Work, B: Work>(
    name: &str,
    setting: &Setting,
    raw: &MultiplexedConnection,
    ours: impl Fn(usize) -> A + Clone + 'static,
    by_hand: impl Fn(usize) -> B + Clone + 'static,
) -> Result<Vec<Comparison>> {
    // Three rooms.
    let steps = 3 * room::STEPS;
    effect::same(&effect::of(setting, raw, ours(0), steps)?, &effect::of(setting, raw, by_hand(0), steps)?)?;
    let comparison = |tasks| {
        Comparison::new(name, tasks, contender("roomkey", setting, raw, tasks, ours.clone()))
            .peer(contender(PEER, setting, raw, tasks, by_hand.clone()), Some(TARGET))
            .control(tasks == 64)
    };
    Ok(TASKS.into_iter().map(comparison).collect())
}

fn contender<W: Work>(
    name: &'static str,
    setting: &Setting,
    raw: &MultiplexedConnection,
    tasks: usize,
    work: impl Fn(usize) -> W + 'static,
) -> Contender {
    let (setting, raw) = (setting.clone(), raw.clone());
    Contender::new(name, move |time| {
        setting.runtime.block_on(peers::clear(&raw))?;
        on_tasks(&setting, time, (0..tasks).map(&work).collect())
    })
}
