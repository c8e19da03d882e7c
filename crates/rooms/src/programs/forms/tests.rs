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
