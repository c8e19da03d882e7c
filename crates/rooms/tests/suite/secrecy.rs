//! Planted sentinels: names of rooms must not be seen anywhere.

use roomkey_core::{Life, Op, Store};
use roomkey_rooms::Rooms;
use roomkey_testkit::{RecordingStore, read_state};

use crate::common::{HOUR, open, raw, size_key};

const ROOM: &str = "sentinel-room";

pub(crate) async fn no_name_reaches_the_store<S: Store>(store: S) {
    let store = RecordingStore::new(store);
    let vault = open(store.clone()).await;
    let rooms = Rooms::new(vault.clone());
    rooms.set_size(ROOM, 5).await.unwrap();
    rooms.set_size_for(ROOM, 5, HOUR).await.unwrap();
    rooms.update_size(ROOM, 1).await.unwrap();
    rooms.check_and_increment(ROOM).await.unwrap();
    rooms.size(ROOM).await.unwrap();
    let asked = format!("{:?}", store.history());
    assert!(asked.len() > 1_000, "the history holds what was sent");
    assert!(!asked.contains("sentinel"), "{asked}");
    let held = format!("{:?}", read_state(store.inner(), [size_key(&vault, ROOM).bytes().clone()]).await);
    assert!(held.contains('7') && !held.contains("sentinel"), "{held}");
}

pub(crate) async fn debug_and_errors_show_no_name<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let rooms = Rooms::new(vault.clone());
    raw(&store, Op::put(&size_key(&vault, ROOM), "sentinel", Life::Never)).await;
    let shown = format!("{rooms:?} {rooms:#?}");
    assert!(!shown.contains("sentinel"), "{shown}");
    for error in [
        rooms.size(ROOM).await.unwrap_err(),
        rooms.update_size(ROOM, 1).await.unwrap_err(),
        rooms.check_and_increment(ROOM).await.unwrap_err(),
        rooms.size(&ROOM.repeat(1_000)).await.unwrap_err(),
    ] {
        let mut shown = format!("{error} {error:?}");
        let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(&error);
        while let Some(inner) = cause {
            shown.push_str(&format!("{inner} {inner:?}"));
            cause = inner.source();
        }
        assert!(!shown.contains("sentinel"), "{shown}");
    }
}
