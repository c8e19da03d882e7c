//! Line 1: counters have their defaults, never leave their range, and never stand in the store without an end.

use roomkey_core::Store;
use roomkey_rooms::{DEFAULT_EXPIRY, DEFAULT_LIMIT};

use crate::common::{HOUR, rooms};

pub(crate) async fn the_defaults_are_an_hour_and_a_hundred<S: Store>(store: S) {
    assert_eq!((DEFAULT_EXPIRY, DEFAULT_LIMIT), (HOUR, 100));
    let rooms = rooms(store).await;
    assert_eq!(rooms.size("nowhere").await.unwrap(), 0);
}
