//! Many tasks at once.

use roomkey_core::Store;

use crate::common::rooms;

pub(crate) async fn the_limit_holds_however_many_try<S: Store>(store: S) {
    let rooms = rooms(store).await;
    for round in 0..10 {
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let rooms = rooms.clone();
                tokio::spawn(async move {
                    let room = format!("room{round}");
                    let mut admitted = 0;
                    for _ in 0..5 {
                        admitted += i64::from(rooms.check_and_increment(&room).await.unwrap());
                        assert!(rooms.size(&room).await.unwrap() <= 100);
                    }
                    admitted
                })
            })
            .collect();
        let mut admitted = 0;
        for task in tasks {
            admitted += task.await.unwrap();
        }
        assert_eq!(admitted, 100, "320 tried");
        assert_eq!(rooms.size(format!("room{round}")).await.unwrap(), 100);
    }
}

pub(crate) async fn updates_all_count<S: Store>(store: S) {
    let rooms = rooms(store).await;
    rooms.set_size("room", 1_000).await.unwrap();
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let rooms = rooms.clone();
            tokio::spawn(async move {
                for _ in 0..10 {
                    rooms.update_size("room", if n % 2 == 0 { 3 } else { -2 }).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(rooms.size("room").await.unwrap(), 1_000 + 320 * 3 - 320 * 2);
}
