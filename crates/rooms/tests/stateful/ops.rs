//! What the sequences are made of: every operation of `Rooms`, on what earlier steps have left, and time that passes.

use std::fmt;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};
use roomkey_rooms::RoomConfig;

use crate::clock::{Tick, span};

/// The rooms that have names. Those of the pool come behind them, in the order in which they are made.
pub(crate) const NAMES: [&str; 2] = ["lobby", "hall"];

/// Who comes and goes.
pub(crate) const MEMBERS: [&str; 5] = ["ada", "ben", "cleo", "dan", "eve"];

/// How long seats are held, and kept for those who are away. It is the same in all rooms: whoever leaves under an old
/// lease knows of no other hold than that of its time.
pub(crate) const HOLD: Tick = 2;
pub(crate) const GRACE: Tick = 4;

/// Longer than everything lives that belongs to members, and shorter than what a room is configured with.
pub(crate) const SILENCE: Duration = Duration::from_secs(4 * 3_600);
const KEEP: Duration = Duration::from_secs(365 * 86_400);

/// How a room works, as far as that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) limit: u32,
    pub(crate) queue: u32,
    pub(crate) lease: Tick,
}

/// Of rooms of which nothing is configured.
pub(crate) const BASE: Config = Config { limit: 2, queue: 2, lease: 3 };

/// Of rooms of the pool.
pub(crate) const POOL: Config = Config { limit: 2, queue: 0, lease: 4 };

impl Config {
    pub(crate) fn as_rooms_take_it(self) -> RoomConfig {
        RoomConfig::new(self.limit)
            .queue(self.queue)
            .lease(span(self.lease))
            .hold(span(HOLD))
            .grace(span(GRACE))
            .keep(KEEP)
    }
}

/// What one of two processes does. They share the store, and each knows only by itself how rooms are configured.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) process: usize,
    pub(crate) op: Op,
}

/// Which of those that there are: the newest, the one before it, and so on, and round again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nth(pub(crate) u8);

/// Which room: one that has a name, or one of the pool, if there are any.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Where {
    Named(usize),
    Pooled(Nth),
}

/// Something that happens.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Join {
        room: Where,
        member: usize,
        limit: Option<u32>,
        waits: bool,
    },
    Reserve {
        room: Where,
        member: usize,
        limit: Option<u32>,
    },
    /// Of leases of all kinds, in one call.
    Renew(Vec<Nth>),
    RenewOrRejoin(Vec<Nth>),
    Disconnected(Nth),
    Leave(Nth),
    /// Of the tickets.
    Check(Nth),
    Claim(Nth),
    Kick {
        room: Where,
        member: usize,
    },
    Configure {
        room: Where,
        config: Config,
    },
    Find {
        member: usize,
    },
    Sweep,
    SetSize {
        room: Where,
        size: i64,
    },
    UpdateSize {
        room: Where,
        delta: i64,
    },
    Increment {
        room: Where,
        limit: i64,
    },
    Reconcile {
        room: Where,
    },
    /// Into all rooms: who is there, and how full they are.
    LookAround,
    /// Which rooms there are.
    List,
    Advance(Tick),
    /// Nothing happens for so long that nothing of members is left.
    Silence,
}

/// Sequences of up to so many steps.
pub(crate) fn sequences(longest: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = (0..2_usize, op()).prop_map(|(process, op)| Step { process, op });
    // Half of them begin with a room that fills up and has a queue.
    let crowded = any::<bool>().prop_map(|crowded| {
        let config = Config { limit: 1, queue: 3, lease: 4 };
        let configure = Op::Configure { room: Where::Named(0), config };
        if crowded { vec![Step { process: 0, op: configure }] } else { vec![] }
    });
    (crowded, vec(step, 1..=longest)).prop_map(|(first, steps)| [first, steps].concat())
}

/// On one line, in a list of many.
impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { process, op } = self;
        write!(f, "by process {process}: {op:?}")
    }
}

/// Mostly the newest: what follows on what was just done tells most.
fn nth() -> impl Strategy<Value = Nth> {
    prop_oneof![3 => 0..3_u8, 1 => 0..40_u8].prop_map(Nth)
}

fn some() -> impl Strategy<Value = Vec<Nth>> {
    vec(nth(), 1..5)
}

/// Mostly the first one, so that many meet there.
fn place() -> impl Strategy<Value = Where> {
    prop_oneof![
        6 => Just(Where::Named(0)),
        1 => Just(Where::Named(1)),
        2 => nth().prop_map(Where::Pooled),
    ]
}

fn member() -> impl Strategy<Value = usize> {
    0..MEMBERS.len()
}

fn op() -> BoxedStrategy<Op> {
    let limit = || option::weighted(0.15, 0..4_u32);
    let config =
        (0..4_u32, 0..4_u32, 2..6 as Tick).prop_map(|(limit, queue, lease)| Config { limit, queue, lease });
    let coming = prop_oneof![
        20 => (place(), member(), limit(), prop_oneof![4 => Just(true), 1 => Just(false)])
            .prop_map(|(room, member, limit, waits)| Op::Join { room, member, limit, waits }),
        5 => (place(), member(), limit())
            .prop_map(|(room, member, limit)| Op::Reserve { room, member, limit }),
        6 => member().prop_map(|member| Op::Find { member }),
    ];
    let staying = prop_oneof![
        5 => some().prop_map(Op::Renew),
        3 => some().prop_map(Op::RenewOrRejoin),
        4 => nth().prop_map(Op::Disconnected),
        7 => nth().prop_map(Op::Check),
        4 => nth().prop_map(Op::Claim),
    ];
    let going = prop_oneof![
        8 => nth().prop_map(Op::Leave),
        2 => (place(), member()).prop_map(|(room, member)| Op::Kick { room, member }),
    ];
    let time = prop_oneof![
        12 => prop_oneof![3 => Just(1), 2 => 2..6 as Tick].prop_map(Op::Advance),
        3 => Just(Op::Sweep),
        1 => Just(Op::Silence),
    ];
    let beside = prop_oneof![
        6 => (place(), config).prop_map(|(room, config)| Op::Configure { room, config }),
        1 => (place(), -1..4_i64).prop_map(|(room, size)| Op::SetSize { room, size }),
        1 => (place(), -3..4_i64).prop_map(|(room, delta)| Op::UpdateSize { room, delta }),
        1 => (place(), 0..4_i64).prop_map(|(room, limit)| Op::Increment { room, limit }),
        1 => place().prop_map(|room| Op::Reconcile { room }),
        5 => Just(Op::LookAround),
        1 => Just(Op::List),
    ];
    prop_oneof![10 => coming, 7 => staying, 3 => going, 5 => time, 3 => beside].boxed()
}
