//! One room that does one thing at a time, in which leases end as time passes.

use std::collections::BTreeMap;
use std::time::Duration;

use roomkey_rooms::Renewal;
use roomkey_testkit::linear;

/// How many seats each room has.
pub(crate) const LIMIT: u64 = 2;

/// Stores count whole milliseconds.
const SLACK: Duration = Duration::from_millis(2);

/// What is asked of one room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Op {
    pub(crate) room: usize,
    pub(crate) what: What,
}

/// A member, and which of its leases, counted over all members.
pub(crate) type Lease = (usize, u64);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Join(Lease),
    Leave(Lease),
    Renew(Lease),
    Count,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Seated,
    /// So many seats are taken.
    Full(u64),
    /// Whether the member is out.
    Left(bool),
    Stands(Renewal),
    Taken(u64),
}

pub(crate) type Call = linear::Call<Op, Answer>;

/// The room.
pub(crate) struct Room {
    /// How long leases last.
    pub(crate) lease: Duration,
}

/// Who is in the room, and whose lease has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct State {
    seats: BTreeMap<usize, Seat>,
    /// Leases of members that have no seat any more because theirs ended. What is kept of them may still be there.
    ended: BTreeMap<usize, u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Seat {
    lease: u64,
    /// It does not end before the first, and not after the second of these times.
    ends: (Duration, Duration),
}

impl linear::Model for Room {
    type Op = Op;
    type Answer = Answer;
    type State = State;

    fn start(&self) -> State {
        State::default()
    }

    fn step(&self, state: &State, call: &Call) -> Vec<State> {
        // The seats of others do not matter to who only leaves or renews.
        let matters = |member: &usize| match call.op().what {
            What::Join(_) | What::Count => true,
            What::Leave((own, _)) | What::Renew((own, _)) => own == *member,
        };
        let mut before = vec![state.clone()];
        for (member, seat) in state.seats.iter().filter(|(member, _)| matters(member)) {
            let without = before.iter().cloned().map(|mut state| {
                state.seats.remove(member);
                state.ended.insert(*member, seat.lease);
                state
            });
            let without: Vec<_> = without.collect();
            match seat.ended_by(call) {
                Some(false) => {}
                Some(true) => before = without,
                None => before.extend(without),
            }
        }
        let mut after: Vec<State> = Vec::new();
        for state in before.into_iter().flat_map(|state| state.after(call, self.lease)) {
            if !after.contains(&state) {
                after.push(state);
            }
        }
        after
    }
}

impl Seat {
    fn new(lease: u64, call: &Call, lasts: Duration) -> Self {
        let ends = call.ended().map_or(Duration::MAX, |ended| ended.at + lasts + SLACK);
        Self { lease, ends: (call.began().at + lasts - SLACK, ends) }
    }

    /// Whether it had ended when this call happened, if that is certain.
    fn ended_by(&self, call: &Call) -> Option<bool> {
        let Self { ends: (first, last), .. } = self;
        if call.ended().is_some_and(|ended| ended.at < *first) {
            Some(false)
        } else if call.began().at > *last {
            Some(true)
        } else {
            None
        }
    }
}

impl State {
    /// What the room is after this call, if it can have got its answer here. All its seats live.
    fn after(mut self, call: &Call, lasts: Duration) -> Option<Self> {
        let taken = self.seats.len() as u64;
        let is = |expected: &[Answer]| call.answer().is_none_or(|answer| expected.contains(answer));
        let possible = match call.op().what {
            What::Count => is(&[Answer::Taken(taken)]),
            What::Join((member, lease)) => {
                let admitted = self.seats.contains_key(&member) || taken < LIMIT;
                // What ended was cleared away.
                self.ended.clear();
                if admitted {
                    self.seats.insert(member, Seat::new(lease, call, lasts));
                    is(&[Answer::Seated])
                } else {
                    is(&[Answer::Full(taken)])
                }
            }
            What::Leave((member, lease)) => match self.seats.get(&member) {
                Some(seat) if seat.lease == lease => {
                    self.seats.remove(&member);
                    is(&[Answer::Left(true)])
                }
                Some(_) => is(&[Answer::Left(false)]),
                None => match self.ended.get(&member) {
                    Some(ended) if *ended != lease => is(&[Answer::Left(true), Answer::Left(false)]),
                    _ => is(&[Answer::Left(true)]),
                },
            },
            What::Renew((member, lease)) => match self.seats.get_mut(&member) {
                Some(seat) if seat.lease == lease => {
                    *seat = Seat::new(lease, call, lasts);
                    is(&[Answer::Stands(Renewal::Renewed)])
                }
                Some(_) => is(&[Answer::Stands(Renewal::Superseded)]),
                None => match self.ended.get(&member) {
                    Some(ended) if *ended != lease => {
                        is(&[Answer::Stands(Renewal::Lost), Answer::Stands(Renewal::Superseded)])
                    }
                    _ => is(&[Answer::Stands(Renewal::Lost)]),
                },
            },
        };
        possible.then_some(self)
    }
}
