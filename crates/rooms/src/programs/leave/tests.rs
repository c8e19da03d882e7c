//! The promises of leaving and of being sent out: safe to repeat, only by one's own lease, and fit for a full store.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use roomkey_core::{Reply, Store};

use super::super::testing::{BASIS, HOLD, LEASE, Own, Place, TERMS};
use super::*;

fn leaving(place: &Place, own: &Own) -> LeaveProgram {
    LeaveProgram::new(&place.room, BASIS, own.pair()).unwrap()
}

async fn leave(place: &Place, own: &Own) -> bool {
    let program = leaving(place, own);
    place.safe(&program.txn, |outcome| program.left(outcome)).await
}

fn kicking(place: &Place, own: &Own) -> KickProgram {
    KickProgram::new(&place.room, Some(TERMS), BASIS, &own.member).unwrap()
}

async fn kick(place: &Place, own: &Own) {
    place.twice(&kicking(place, own)).await;
}

/// A room in every state that a member can be in: ada has a seat, ben's is held, cleo and dan wait.
async fn full() -> (Place, [Own; 4]) {
    let place = Place::new().await;
    let members =
        [place.seat("ada").await, place.hold("ben").await, place.wait("cleo").await, place.wait("dan").await];
    (place, members)
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_is_out_and_the_next_is_in() {
    for (who, told) in
        [(0, &["l ada", "p cleo"][..]), (1, &["l ben", "p cleo"]), (2, &["l cleo"]), (3, &["l dan"])]
    {
        for (code, kicks) in [("l", false), ("k", true)] {
            let (place, members) = full().await;
            if kicks {
                kick(&place, &members[who]).await;
            } else {
                assert!(leave(&place, &members[who]).await);
            }
            let expected = told.iter().map(|told| told.replace("l ", &format!("{code} ")));
            assert_eq!(place.told().await[2..], expected.collect::<Vec<_>>());
            assert_eq!(place.counted(&place.room.tickets).await, 1);
            assert_eq!(place.counted(&place.room.seats).await, 2);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_newest_lease_leaves() {
    let place = Place::new().await;
    let old = place.seat("ada").await;
    let new = place.seat("ada").await;
    assert!(!leave(&place, &old).await);
    assert_eq!(place.counted(&place.room.seats).await, 1);
    assert!(leave(&place, &new).await);
    assert!(leave(&place, &old).await, "it is out");
    assert!(leave(&place, &place.own("nobody")).await);
    assert_eq!(place.told().await, ["j ada", "l ada"]);
}

#[tokio::test(start_paused = true)]
async fn a_seat_that_ended_and_was_not_cleared_away_can_be_left() {
    for kicks in [false, true] {
        let (place, [ada, ben, cleo, _]) = full().await;
        place.pass(HOLD).await;
        // ben's hold has ended; of the tickets none has.
        assert!(leave(&place, &ben).await);
        assert_eq!(place.told().await[2..], ["l ben", "p cleo"]);
        place.pass(LEASE).await;
        if kicks {
            kick(&place, &ada).await;
        } else {
            assert!(leave(&place, &ada).await);
        }
        assert!(leave(&place, &cleo).await, "it was cleared away with ada");
        let told = place.told().await;
        assert_eq!(told[4..], [if kicks { "k ada" } else { "l ada" }, "x cleo"]);
        assert_eq!(
            place.read(Op::rank_scores(&place.room.due, place.room.id.bytes())).await,
            Reply::Scores(vec![None])
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_ticket_that_ended_can_be_left() {
    let (place, [ada, _, cleo, dan]) = full().await;
    place.pass(LEASE).await;
    assert!(leave(&place, &cleo).await);
    kick(&place, &dan).await;
    assert!(leave(&place, &ada).await);
}

#[tokio::test(start_paused = true)]
async fn who_was_never_there_changes_nothing() {
    let place = Place::bare().await;
    let nobody = place.own("nobody");
    assert!(leave(&place, &nobody).await);
    let program = KickProgram::new(&place.room, None, BASIS, &nobody.member).unwrap();
    place.twice(&program).await;
    for key in [&place.room.events, &place.room.list, &place.room.due, &place.room.seats] {
        assert_eq!(place.read(Op::ttl(key)).await, Reply::Ttl(roomkey_core::Ttl::Missing));
    }
}

#[tokio::test(start_paused = true)]
async fn who_kicks_under_other_terms_is_told_and_nobody_goes() {
    let (place, [ada, ..]) = full().await;
    for configured in [None, Some(Terms { hold: LEASE, ..TERMS })] {
        let program = KickProgram::new(&place.room, configured, BASIS, &ada.member).unwrap();
        let stale = place.safe(program.txn(), |outcome| program.guard().stale(outcome)).await;
        assert_eq!(stale, Some(Some(TERMS.bytes())));
    }
    assert_eq!(place.told().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn in_a_room_of_a_pool_each_who_goes_is_counted_once() {
    let place = Place::pooled().await;
    let freed = async || place.read(Op::get(&place.pool().freed)).await.into_bytes();
    let before = freed().await.unwrap();
    let (ada, ben) = (place.seat("ada").await, place.seat("ben").await);
    assert!(leave(&place, &ada).await);
    kick(&place, &ben).await;
    assert!(leave(&place, &ben).await);
    let count = |text: &Bytes| str::from_utf8(text).unwrap().parse::<i64>().unwrap();
    assert_eq!(count(&freed().await.unwrap()) - count(&before), 2);
    let open = place.read(Op::rank_scores(&place.pool().open, place.room.id.number())).await;
    assert_eq!(open, Reply::Scores(vec![Some(0)]), "it is there for whoever comes next");
}

#[tokio::test(start_paused = true)]
async fn a_full_store_lets_everybody_go_and_seats_the_next() {
    for kicks in [false, true] {
        let (place, members) = full().await;
        place.memory().set_capacity(Some(0));
        for own in &members[..2] {
            if kicks {
                kick(&place, own).await;
            } else {
                assert!(leave(&place, own).await);
            }
        }
        assert_eq!(place.counted(&place.room.held).await, 2, "cleo and dan have been promoted");
        assert!(leave(&place, &members[2]).await);
        let (old, superseded) = (place.own("dan"), leaving(&place, &place.own("dan")));
        assert!(!superseded.left(&place.memory().transact(&superseded.txn).await.unwrap()));
        kick(&place, &old).await;
        assert_eq!(place.told().await.len(), 8);
    }
}
