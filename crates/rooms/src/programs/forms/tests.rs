//! A prepared program is the one that would have been built, whoever it is for.

use bytes::Bytes;
use roomkey_core::Limit;

use super::*;
use crate::id::{Form as IdForm, RoomId};
use crate::programs::QUEUE;
use crate::programs::testing::{BASIS, Own, Place, TERMS};

/// Rooms with a name and of a pool, in many partitions.
fn rooms(place: &Place) -> Vec<RoomKeys> {
    let named = (0..4).map(|at| place.keys.id(format!("room {at}").as_str()).unwrap());
    let pooled = (0..4).map(|at| {
        let pool = place.keys.pool_tag(format!("pool {}", at % 2).as_str()).unwrap();
        RoomId(IdForm::Pooled { pool, number: at })
    });
    named.chain(pooled).map(|id| place.keys.room(id)).collect()
}

/// Applicants that differ in everything in which they can.
fn applicants<'r>(room: &'r RoomKeys, own: &Own) -> Vec<Applicant<'r>> {
    let other = Basis { terms: Terms { lease: TERMS.lease * 2, ..TERMS }, limit: 7 };
    let stored = |field, or| Limit::Stored { key: room.config.clone(), field, or };
    let mut applicants = Vec::new();
    for (configured, basis) in
        [(Some(TERMS), BASIS), (None, BASIS), (None, other), (Some(other.terms), other)]
    {
        for limit in [Limit::Given(3), Limit::Given(4), stored(super::super::CAPACITY, 3)] {
            for queue in [Limit::Given(0), stored(QUEUE, 0)] {
                let (member, sealed) = (own.member.clone(), own.sealed.clone());
                let limit = limit.clone();
                applicants.push(Applicant { room, configured, basis, member, sealed, limit, queue });
            }
        }
    }
    applicants
}

#[tokio::test(start_paused = true)]
async fn a_program_is_the_one_that_would_have_been_built() {
    let place = Place::bare().await;
    let forms = Forms::default();
    for round in 0..3 {
        for room in rooms(&place) {
            let own = place.own(&format!("member {round}"));
            let all = || applicants(&room, &own).into_iter();
            for (formed, built) in all().zip(all()) {
                let (formed, built) = (forms.join(formed).unwrap(), JoinProgram::new(built).unwrap());
                assert_eq!(formed.txn(), built.txn());
            }
            for (formed, built) in all().zip(all()) {
                let (formed, built) = (forms.reserve(formed).unwrap(), ReserveProgram::new(built).unwrap());
                assert_eq!(formed.txn(), built.txn());
            }
            let formed = forms.leave(&room, BASIS, own.pair()).unwrap();
            assert_eq!(formed.txn(), LeaveProgram::new(&room, BASIS, own.pair()).unwrap().txn());
        }
    }
    // All were prepared, and once each: 24 for a room with a name, as many for one of a pool.
    assert_eq!(forms.join.0.read().unwrap().len(), 48);
    assert_eq!(forms.leave.0.read().unwrap().len(), 2);
    let room = &rooms(&place)[0];
    let again = forms.leave(room, BASIS, place.own("again").pair()).unwrap();
    assert!(again.txn().binding().is_some());
}

/// What may be read of a pool, in which so many rooms have space.
fn seen(place: &Place, pool: &str, open: u64, counters: [Option<&'static str>; 2], round: u64) -> Seen {
    let pool = place.keys.pool_tag(pool).unwrap();
    let candidate = |number| {
        let room = place.keys.room(RoomId(IdForm::Pooled { pool, number }));
        let own = place.own(&format!("member {round} of {number}"));
        let tag = place.keys.member(&room, "ada").unwrap();
        PoolCandidate { room, tag, member: own.member, sealed: own.sealed }
    };
    let [made, freed] = counters.map(|digits| digits.map(|digits| Bytes::from_static(digits.as_bytes())));
    Seen {
        open: (0..open).map(|at| candidate(7 * round + at)).collect(),
        next: (open < 3).then(|| candidate(1_000 + round)),
        made,
        freed,
    }
}

#[tokio::test(start_paused = true)]
async fn a_program_of_a_pool_is_the_one_that_would_have_been_built() {
    let place = Place::bare().await;
    let forms = Forms::default();
    for round in 1..4 {
        for pool in ["duel", "raid"] {
            let keys = place.keys.pool(place.keys.pool_tag(pool).unwrap());
            for open in 0..=3 {
                for counters in
                    [[None, None], [Some("12"), None], [Some("13"), Some("14")], [Some("5"), Some("5")]]
                {
                    let seen = seen(&place, pool, open, counters, round);
                    let formed = forms.pool(&keys, &seen, BASIS).unwrap();
                    let built = PoolProgram::new(&keys, &seen, BASIS).unwrap();
                    assert_eq!((formed.txn(), &formed.seated), (built.txn(), &built.seated));
                    assert_eq!(formed.made, built.made);
                }
            }
        }
    }
    // With three counters each where a room may be made, and one where three have space.
    assert_eq!(forms.pool.0.read().unwrap().len(), 3 * 3 + 1);
    let keys = place.keys.pool(place.keys.pool_tag("duel").unwrap());
    let again = seen(&place, "duel", 3, [Some("1"), Some("1")], 9);
    assert!(forms.pool(&keys, &again, BASIS).unwrap().txn().binding().is_some());
}

#[tokio::test(start_paused = true)]
async fn forms_are_bounded() {
    let place = Place::bare().await;
    let (forms, room) = (Forms::default(), place.keys.room(place.keys.id("room").unwrap()));
    let leave = |limit, member: &'static [u8]| {
        let pair = (Bytes::from_static(member), Bytes::from_static(b"fence"));
        forms.leave(&room, Basis { limit, ..BASIS }, pair).unwrap()
    };
    for limit in 0..=MOST as i64 {
        leave(limit, b"one");
    }
    assert_eq!(forms.leave.0.read().unwrap().len(), MOST);
    assert!(leave(0, b"two").txn().binding().is_some());
    assert!(leave(MOST as i64, b"two").txn().binding().is_none());
}
