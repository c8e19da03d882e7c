//! Line 7: an old connection of a member cannot take the seat from the new one, whatever it does and however late.

use roomkey_core::Store;
use roomkey_rooms::{Renewal, Reservation, RoomConfig, Rooms, Wait};

use crate::common::{live, open, seat, ticket};
use crate::invariants::assert_whole;

pub(crate) async fn an_old_connection_does_nothing_to_the_new_one<S: Store>(store: S) {
    let vault = open(store).await;
    // Two processes, which know nothing of each other.
    let (a, b) = (Rooms::new(vault.clone()), Rooms::new(vault.clone()));
    a.configure("room", RoomConfig::new(1).queue(1)).await.unwrap();
    let old = seat(&a, "room", "ada").await.into_lease();
    let new = seat(&b, "room", "ada").await;
    let waiting = ticket(&b, "room", "ben").await;
    assert_eq!(a.renew(std::slice::from_ref(&old)).await.unwrap(), [Renewal::Superseded]);
    assert_eq!(a.renew_or_rejoin(std::slice::from_ref(&old)).await.unwrap(), [Renewal::Superseded]);
    assert_eq!(a.disconnected(&old).await.unwrap(), Renewal::Superseded);
    assert!(!a.leave(&old).await.unwrap());
    let occupancy = a.occupancy("room").await.unwrap();
    assert_eq!((occupancy.live, occupancy.held, occupancy.waiting), (1, 0, 1));
    assert_eq!(new.renew().await.unwrap(), Renewal::Renewed);
    assert_eq!(waiting.check().await.unwrap(), Wait::Waiting { ahead: 0 });
    assert_whole(&vault).await;
}

pub(crate) async fn an_old_ticket_or_hold_does_nothing_either<S: Store>(store: S) {
    let vault = open(store).await;
    let (a, b) = (Rooms::new(vault.clone()), Rooms::new(vault.clone()));
    a.configure("room", RoomConfig::new(1).queue(2)).await.unwrap();
    let Reservation::Held(old) = a.reserve("room", "ada").await.unwrap() else { panic!("it is empty") };
    let new = seat(&b, "room", "ada").await;
    assert!(!a.leave(&old).await.unwrap());
    let old = ticket(&a, "room", "ben").await;
    let ben = ticket(&b, "room", "ben").await;
    assert_eq!(old.check().await.unwrap(), Wait::Superseded);
    assert!(!old.leave().await.unwrap());
    assert_eq!(ben.check().await.unwrap(), Wait::Waiting { ahead: 0 });
    assert!(new.leave().await.unwrap());
    assert_eq!(ben.check().await.unwrap(), Wait::Promoted);
    assert_whole(&vault).await;
}

/// A seat that is dropped leaves in the background. When that is done for the old one, the new one is there.
pub(crate) async fn a_late_drop_leaves_the_new_seat_alone<S: Store>(store: S) {
    let vault = open(store).await;
    let rooms = Rooms::new(vault.clone());
    for _ in 0..20 {
        let old = seat(&rooms, "room", "ada").await;
        let new = seat(&rooms, "room", "ada").await;
        drop(old);
        for _ in 0..5 {
            tokio::task::yield_now().await;
            assert_eq!(live(&rooms, "room").await, 1);
        }
        assert_eq!(new.renew().await.unwrap(), Renewal::Renewed);
        assert!(new.leave().await.unwrap());
        assert_eq!(live(&rooms, "room").await, 0);
    }
    assert_whole(&vault).await;
}
