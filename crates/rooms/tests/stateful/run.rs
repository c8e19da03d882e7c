//! Runs a sequence on rooms and on the model, and compares everything that they say.

mod events;
mod leases;
mod look;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::LazyLock;

use roomkey_core::Store;
use roomkey_crypto::SecretKey;
use roomkey_rooms::{Error, Joined, Lease, Pool, RoomId, RoomRef, Rooms, Ticket};
use roomkey_vault::{Keyring, Vault};

use crate::clock::{Clock, MOST, Moved, Tick};
use crate::model::{Entered, LeaseId, Model};
use crate::ops::{BASE, Config, NAMES, Nth, Op, POOL, SILENCE, Step, Where};
use events::Log;

/// Nothing, or how rooms and the model differ.
type Said = Result<(), String>;

/// Why a sequence did not run to its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Rooms and the model differ.
    Differs(String),
    /// The clock overtook it: the machine is busy.
    Late,
}

/// How often each verdict was come upon.
pub(crate) type Verdicts = BTreeMap<&'static str, u32>;

/// All verdicts that are counted.
pub(crate) const VERDICTS: [&str; 31] = [
    "seated",
    "waiting",
    "full",
    "held",
    "seated already",
    "not held",
    "renewed",
    "rejoined",
    "lost",
    "superseded",
    "left",
    "not left",
    "ticket waits",
    "ticket promoted",
    "ticket lost",
    "ticket superseded",
    "found",
    "made",
    "swept",
    "sized",
    "reconciled",
    // What was told.
    "joined",
    "reserved",
    "promoted",
    "gone",
    "expired",
    "kicked",
    "changed",
    // What was seen.
    "members",
    "listed",
    "silence",
];

/// A sequence that is under way.
struct Run<S: Store> {
    processes: [Process<S>; 2],
    model: Model,
    clock: Clock,
    /// When the last silence ended.
    since: Tick,
    /// By lease; nothing for who was turned away.
    leases: Vec<Option<Held<S>>>,
    /// By room.
    logs: Vec<Log>,
    verdicts: Verdicts,
}

/// One that uses rooms.
#[derive(Clone)]
struct Process<S: Store> {
    rooms: Rooms<S>,
    pool: Pool<S>,
}

/// What was given out.
struct Held<S: Store> {
    lease: Lease,
    ticket: Option<Ticket<S>>,
}

/// Runs a sequence in an application of its own.
pub(crate) async fn run<S: Store>(
    store: &S,
    app: &str,
    server: Option<Moved>,
    steps: &[Step],
) -> (Result<(), Stop>, Verdicts) {
    let mut processes = Vec::with_capacity(2);
    for ring in &*RINGS {
        let vault = Vault::builder().app(app).open(store.clone(), ring.clone()).await.unwrap();
        let rooms = Rooms::with_config(vault, BASE.as_rooms_take_it()).unwrap();
        let pool = rooms.pool("pool", POOL.as_rooms_take_it()).unwrap();
        processes.push(Process { rooms, pool });
    }
    let mut run = Run {
        processes: processes.try_into().unwrap_or_else(|_| unreachable!("there are two")),
        model: Model::new(),
        clock: Clock::new(server),
        since: 0,
        leases: Vec::new(),
        logs: Vec::new(),
        verdicts: Verdicts::new(),
    };
    let result = run.all(steps).await;
    (result, run.finish())
}

/// The key rings of two processes while the key is exchanged.
static RINGS: LazyLock<[Keyring; 2]> = LazyLock::new(|| {
    let key = |byte| SecretKey::from_bytes([byte; 32]);
    let names = || Keyring::from(key(1)).name_key().clone();
    [(1, 2), (2, 1)].map(|(active, retired)| {
        Keyring::builder(key(active)).retired(key(retired)).names(names()).build().unwrap()
    })
});

impl<S: Store> Run<S> {
    async fn all(&mut self, steps: &[Step]) -> Result<(), Stop> {
        for (at, step) in steps.iter().chain(&self.last()).enumerate() {
            let said = self.step(step).await;
            let said = match said {
                Ok(()) => self.hear().await,
                said => said,
            };
            if self.clock.is_late() {
                return Err(Stop::Late);
            }
            said.map_err(|said| Stop::Differs(format!("step {at}, {:?}: {said}", step.op)))?;
        }
        self.hear_again().await.map_err(|said| Stop::Differs(format!("at the end: {said}")))
    }

    /// What is done at the end: something that is told in every room, behind which nothing is that was not expected.
    fn last(&self) -> Vec<Step> {
        let configure = |room| Op::Configure { room, config: BASE };
        let named = (0..NAMES.len()).map(|number| configure(Where::Named(number)));
        named.chain([Op::LookAround, Op::List]).map(|op| Step { process: 1, op }).collect()
    }

    async fn step(&mut self, Step { process, op }: &Step) -> Said {
        let at = &self.processes[*process].clone();
        match op {
            Op::Join { room, member, limit, waits } => {
                self.join(at, self.room(*room), *member, *limit, *waits).await
            }
            Op::Reserve { room, member, limit } => self.reserve(at, self.room(*room), *member, *limit).await,
            Op::Find { member } => self.find(at, *member).await,
            Op::Renew(leases) => self.renew(at, leases, false).await,
            Op::RenewOrRejoin(leases) => self.renew(at, leases, true).await,
            Op::Disconnected(nth) => self.disconnected(at, *nth).await,
            Op::Leave(nth) => self.leave(at, *nth).await,
            Op::Check(nth) => self.check(*nth).await,
            Op::Claim(nth) => self.claim(*nth).await,
            Op::Kick { room, member } => self.kick(at, self.room(*room), *member).await,
            Op::Configure { room, config } => self.configure(*process, self.room(*room), *config).await,
            Op::Sweep => self.sweep(at).await,
            Op::SetSize { .. } | Op::UpdateSize { .. } | Op::Increment { .. } | Op::Reconcile { .. } => {
                self.size(at, op).await
            }
            Op::LookAround => self.look_around(at).await,
            Op::List => self.listed(at).await,
            Op::Advance(ticks) => self.advance(*ticks).await,
            Op::Silence => self.silence().await,
        }
    }

    async fn advance(&mut self, ticks: Tick) -> Said {
        let ticks = ticks.min(self.since + MOST - self.model.now);
        self.model.now += ticks;
        self.clock.pass(ticks).await;
        Ok(())
    }

    async fn silence(&mut self) -> Said {
        self.note("silence");
        self.logs.clear();
        self.since = self.model.now;
        self.clock.skip(SILENCE).await;
        for room in &mut self.model.rooms {
            room.forget();
        }
        Ok(())
    }

    fn room(&self, room: Where) -> usize {
        match room {
            Where::Named(number) => number,
            Where::Pooled(Nth(nth)) => match self.model.rooms.len() - NAMES.len() {
                0 => 0,
                made => self.model.rooms.len() - 1 - usize::from(nth) % made,
            },
        }
    }

    fn id(&self, room: usize) -> RoomId {
        let Process { rooms, pool } = &self.processes[0];
        match NAMES.get(room) {
            Some(name) => rooms.id(*name).unwrap(),
            None => pool.room((room - NAMES.len() + 1) as u64),
        }
    }

    /// A room, as this process names it: one by its name where it has one, the other by its id.
    fn named(&self, process: usize, room: usize) -> RoomRef<'static> {
        match NAMES.get(room) {
            Some(name) if process == 0 => (*name).into(),
            _ => self.id(room).into(),
        }
    }

    /// The leases that were given out, the newest first.
    fn lease(&self, nth: Nth) -> Option<LeaseId> {
        self.nth(nth, |_| true)
    }

    fn ticket(&self, nth: Nth) -> Option<LeaseId> {
        self.nth(nth, |held| held.ticket.is_some())
    }

    fn nth(&self, Nth(nth): Nth, is: impl Fn(&Held<S>) -> bool) -> Option<LeaseId> {
        let is = |lease: &LeaseId| self.leases[*lease].as_ref().is_some_and(&is);
        let all: Vec<LeaseId> = (0..self.leases.len()).rev().filter(is).collect();
        (!all.is_empty()).then(|| all[usize::from(nth) % all.len()])
    }

    /// Takes what joining gave, and gives what is to be compared.
    fn entered(&mut self, joined: Joined<S>) -> (Entered, Option<Held<S>>) {
        match joined {
            Joined::Seated(seat) => {
                self.note("seated");
                (Entered::Seated, Some(Held { lease: seat.into_lease(), ticket: None }))
            }
            Joined::Waiting { ticket, ahead } => {
                self.note("waiting");
                let lease = Lease::clone(&ticket);
                (Entered::Waiting { ahead }, Some(Held { lease, ticket: Some(ticket) }))
            }
            Joined::Full { taken } => {
                self.note("full");
                (Entered::Full { taken }, None)
            }
        }
    }

    /// Nobody gives up a ticket only because the sequence is over.
    fn finish(self) -> Verdicts {
        for ticket in self.leases.into_iter().flatten().filter_map(|held| held.ticket) {
            let _ = ticket.into_lease();
        }
        self.verdicts
    }

    fn note(&mut self, verdict: &'static str) {
        debug_assert!(VERDICTS.contains(&verdict), "{verdict:?} is none that is counted");
        *self.verdicts.entry(verdict).or_default() += 1;
    }
}

impl<S: Store> Run<S> {
    async fn configure(&mut self, process: usize, room: usize, config: Config) -> Said {
        let (metadata, by_name) = (self.model.leases.len() as u64, process == 0 && room < NAMES.len());
        let named = self.named(process, room);
        let rooms = &self.processes[process].rooms;
        rooms.configure_with(named, config.as_rooms_take_it(), metadata).await.map_err(failed)?;
        let configured = &mut self.model.rooms[room];
        configured.configure(self.model.now, config);
        configured.described = Some((metadata, by_name));
        Ok(())
    }

    async fn sweep(&mut self, at: &Process<S>) -> Said {
        let swept = at.rooms.sweep(1_000).await.map_err(failed)?;
        if swept.rooms > 0 {
            self.note("swept");
        }
        same(&(swept.rooms, swept.expired, swept.promoted), &self.model.sweep())?;
        same(&swept.more, &false)
    }

    async fn size(&mut self, at: &Process<S>, op: &Op) -> Said {
        let rooms = &at.rooms;
        match *op {
            Op::SetSize { room, size } => {
                let room = self.room(room);
                rooms.set_size(self.id(room), size).await.map_err(failed)?;
                self.model.rooms[room].size = size.max(0);
            }
            Op::UpdateSize { room, delta } => {
                let room = self.room(room);
                let size = rooms.update_size(self.id(room), delta).await.map_err(failed)?;
                let expected = &mut self.model.rooms[room].size;
                *expected = (*expected + delta).max(0);
                same(&size, expected)?;
            }
            Op::Increment { room, limit } => {
                let room = self.room(room);
                let admitted =
                    rooms.check_and_increment_within(self.id(room), limit).await.map_err(failed)?;
                let size = &mut self.model.rooms[room].size;
                let expected = *size < limit;
                *size += i64::from(expected);
                same(&admitted, &expected)?;
            }
            Op::Reconcile { room } => {
                self.note("reconciled");
                let room = self.room(room);
                let drift = rooms.reconcile(self.id(room)).await.map_err(failed)?;
                let live = self.model.rooms[room].live(self.model.now) as i64;
                let counted = std::mem::replace(&mut self.model.rooms[room].size, live);
                same(&(drift.counted, drift.live), &(counted, live))?;
            }
            _ => unreachable!("{op:?} is about no size"),
        }
        self.note("sized");
        Ok(())
    }
}

fn same<T: PartialEq + Debug>(got: &T, expected: &T) -> Said {
    if got == expected { Ok(()) } else { Err(format!("{got:?}, and not {expected:?}")) }
}

fn failed(error: Error) -> String {
    format!("it failed: {error:?}")
}
