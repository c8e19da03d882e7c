//! Clients that join, renew and leave all at the same time, and what they note.

use std::time::Duration;

use roomkey_core::Store;
use roomkey_rooms::{Error, Join, Joined, RoomConfig, Rooms};
use roomkey_testkit::linear::Trace;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{sleep, timeout};

use crate::model::{Answer, Call, LIMIT, Op, What};

const ROOMS: [&str; 2] = ["one", "two"];

const CLIENTS: usize = 6;

/// What the clients do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) seed: u64,
    /// How long leases last.
    pub(crate) lease: Duration,
    /// How many clients are connections of the same member.
    pub(crate) connections: usize,
    /// How many calls each client makes.
    pub(crate) calls: u64,
    pub(crate) way: Way,
}

/// How they do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// As rooms do.
    Right,
    /// Joining is two steps: it counts, and comes in if there was a free seat.
    CountFirst,
    /// Leaving takes the seat of the member, whatever lease it is under.
    LeaveWhatever,
    /// Who has lost its seat renews it by taking another, and says that it had it all the time.
    RenewWhatever,
}

/// A random sequence of numbers. (SplitMix64)
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    /// A number below this.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// Opens the rooms.
pub(crate) async fn open<S: Store>(rooms: &Rooms<S>, lease: Duration) {
    for room in ROOMS {
        rooms.configure(room, RoomConfig::new(LIMIT as u32).lease(lease)).await.unwrap();
    }
}

/// Lets all clients make all their calls, spread over several processes. Nobody may be in the rooms.
pub(crate) async fn record<S: Store>(processes: &[Rooms<S>], load: Load) -> Vec<Call> {
    let trace = Trace::new();
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let client = Client {
            number,
            member: number / load.connections,
            rooms: processes[number % processes.len()].clone(),
            trace: trace.clone(),
            numbers: Numbers(load.seed.wrapping_mul(31).wrapping_add(number as u64)),
            leases: [Vec::new(), Vec::new()],
            lease: load.lease,
            way: load.way,
            asked: 0,
        };
        clients.spawn(client.run(load.calls));
    }
    while let Some(done) = clients.join_next().await {
        done.unwrap();
    }
    trace.calls()
}

/// Whether a call took so long that a lease may have ended while a store tried again: its one answer then tells of two
/// things that happened.
pub(crate) fn too_slow(calls: &[Call], lease: Duration) -> bool {
    calls.iter().any(|call| call.ended().is_some_and(|ended| ended.at - call.began().at > lease * 9 / 10))
}

struct Client<S: Store> {
    number: usize,
    member: usize,
    rooms: Rooms<S>,
    trace: Trace<Op, Answer>,
    numbers: Numbers,
    /// By room, those that this client was given, with their numbers.
    leases: [Vec<(roomkey_rooms::Lease, u64)>; 2],
    lease: Duration,
    way: Way,
    /// How many leases were asked for.
    asked: u64,
}

impl<S: Store> Client<S> {
    async fn run(mut self, calls: u64) {
        for _ in 0..calls {
            let room = self.numbers.below(2) as usize;
            let of_room = &self.leases[room];
            // Mostly the newest lease, sometimes an old one.
            let old = self.numbers.below(4) == 0;
            let at = if old {
                self.numbers.below(of_room.len().max(1) as u64) as usize
            } else {
                of_room.len().max(1) - 1
            };
            match (of_room.get(at).cloned(), self.numbers.below(10)) {
                (_, 0) => self.count(room).await,
                (None, _) | (_, 1 | 2) => self.join(room).await,
                (Some((lease, number)), 3..=5) => self.leave(room, &lease, number).await,
                (Some((lease, number)), _) => self.renew(room, &lease, number).await,
            }
            let pause = match self.numbers.below(100) {
                // Long enough to lose what it has.
                0 => self.lease + self.lease / 4,
                1..4 => self.lease / 3,
                _ => Duration::from_millis(self.numbers.below(5)),
            };
            sleep(pause).await;
        }
    }

    async fn ask(
        &mut self,
        room: usize,
        what: What,
        lease: Option<&roomkey_rooms::Lease>,
    ) -> Option<roomkey_rooms::Lease> {
        let pending = self.trace.ask(self.number, Op { room, what: what.clone() });
        // Where nothing else takes time, others have their turn between a question and its answer.
        yield_now().await;
        // Some have no patience. What they asked for may happen all the same, and later.
        let patience = match self.numbers.below(30) {
            0 => Duration::from_millis(self.numbers.below(8)),
            _ => Duration::MAX,
        };
        let Ok(said) = timeout(patience, self.answer(room, &what, lease)).await else { return None };
        yield_now().await;
        match said {
            Ok((answer, lease)) => {
                pending.answered(answer);
                lease
            }
            Err(Error::Store(error)) => {
                pending.failed(&error);
                None
            }
            Err(error) => panic!("{error:?}"),
        }
    }

    async fn answer(
        &self,
        room: usize,
        what: &What,
        lease: Option<&roomkey_rooms::Lease>,
    ) -> Result<(Answer, Option<roomkey_rooms::Lease>), Error> {
        let (name, member) = (ROOMS[room], format!("member {}", self.member));
        let mut join = Join::new(&member);
        match (what, lease) {
            (What::Count, _) => {
                let occupancy = self.rooms.occupancy(name).await?;
                return Ok((Answer::Taken(occupancy.live), None));
            }
            (What::Leave(_), Some(lease)) => {
                let left = if self.way == Way::LeaveWhatever {
                    self.rooms.kick(name, &member).await.map(|()| true)
                } else {
                    self.rooms.leave(lease).await
                };
                return Ok((Answer::Left(left?), None));
            }
            (What::Renew(_), Some(lease)) => {
                let renewals = if self.way == Way::RenewWhatever {
                    self.rooms.renew_or_rejoin(std::slice::from_ref(lease)).await
                } else {
                    self.rooms.renew(std::slice::from_ref(lease)).await
                };
                let renewal = match renewals?[0] {
                    roomkey_rooms::Renewal::Rejoined => roomkey_rooms::Renewal::Renewed,
                    renewal => renewal,
                };
                return Ok((Answer::Stands(renewal), None));
            }
            _ => {}
        }
        if self.way == Way::CountFirst {
            let taken = self.rooms.occupancy(name).await?.live;
            if taken >= LIMIT {
                return Ok((Answer::Full(taken), None));
            }
            yield_now().await;
            join = join.limit(u32::MAX);
        }
        Ok(match self.rooms.join(name, join).await? {
            Joined::Seated(seat) => (Answer::Seated, Some(seat.into_lease())),
            Joined::Full { taken } => (Answer::Full(taken), None),
            Joined::Waiting { .. } => panic!("nobody waits for these rooms"),
        })
    }

    async fn join(&mut self, room: usize) {
        self.asked += 1;
        // No two clients give the same number.
        let number = self.asked * CLIENTS as u64 + self.number as u64;
        if let Some(lease) = self.ask(room, What::Join((self.member, number)), None).await {
            self.leases[room].push((lease, number));
        }
    }

    async fn leave(&mut self, room: usize, lease: &roomkey_rooms::Lease, number: u64) {
        self.ask(room, What::Leave((self.member, number)), Some(lease)).await;
        // Sometimes it leaves once more.
        if self.numbers.below(3) > 0 {
            self.leases[room].retain(|(_, known)| *known != number);
        }
    }

    async fn renew(&mut self, room: usize, lease: &roomkey_rooms::Lease, number: u64) {
        self.ask(room, What::Renew((self.member, number)), Some(lease)).await;
    }

    async fn count(&mut self, room: usize) {
        self.ask(room, What::Count, None).await;
    }
}
