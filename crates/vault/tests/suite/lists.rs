//! Lists.

use roomkey_core::Store;
use roomkey_vault::{Expiry, Ttl};

use crate::common::{DAY, HOUR, open};

pub(crate) async fn both_ends_push_and_pop<S: Store>(store: S) {
    let vault = open(store).await;
    assert_eq!(vault.lpop::<u8>("l").await.unwrap(), None);
    assert_eq!(vault.rpush("l", &2u8).await.unwrap(), 1);
    assert_eq!(vault.rpush("l", &3u8).await.unwrap(), 2);
    assert_eq!(vault.lpush("l", &1u8).await.unwrap(), 3);
    assert_eq!(vault.lrange::<u8>("l", 0, -1).await.unwrap(), [1, 2, 3]);
    assert_eq!(vault.lpop("l").await.unwrap(), Some(1u8));
    assert_eq!(vault.rpop("l").await.unwrap(), Some(3u8));
    assert_eq!(vault.rpop("l").await.unwrap(), Some(2u8));
    assert_eq!(vault.rpop::<u8>("l").await.unwrap(), None);
    assert!(!vault.exists("l").await.unwrap(), "with its last element it is gone");
}

pub(crate) async fn ranges_count_from_both_ends<S: Store>(store: S) {
    let vault = open(store).await;
    for n in 0..10u8 {
        vault.rpush("l", &n).await.unwrap();
    }
    assert_eq!(vault.lrange::<u8>("l", 2, 4).await.unwrap(), [2, 3, 4]);
    assert_eq!(vault.lrange::<u8>("l", -2, -1).await.unwrap(), [8, 9]);
    assert_eq!(vault.lrange::<u8>("l", 7, 99).await.unwrap(), [7, 8, 9]);
    assert_eq!(vault.lrange::<u8>("l", 5, 4).await.unwrap(), [0u8; 0]);
    assert_eq!(vault.lrange::<u8>("none", 0, -1).await.unwrap(), [0u8; 0]);
}

pub(crate) async fn a_list_lives_as_long_as_told<S: Store>(store: S) {
    let vault = open(store).await;
    vault.rpush("l", &1u8).await.unwrap();
    assert_eq!(vault.ttl("l").await.unwrap(), Ttl::Never);
    vault.rpush_for("l", &1u8, HOUR).await.unwrap();
    vault.lpush("l", &1u8).await.unwrap();
    assert!(matches!(vault.ttl("l").await.unwrap(), Ttl::After(left) if left <= HOUR));
    vault.lpush_for("l", &1u8, Expiry::AtLeast(DAY)).await.unwrap();
    assert!(matches!(vault.ttl("l").await.unwrap(), Ttl::After(left) if left > HOUR));
}

pub(crate) async fn each_element_is_popped_once<S: Store>(store: S) {
    let vault = open(store).await;
    for n in 0..100u32 {
        vault.rpush("l", &n).await.unwrap();
    }
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let vault = vault.clone();
            tokio::spawn(async move {
                let mut taken = Vec::new();
                while let Some(n) = vault.lpop::<u32>("l").await.unwrap() {
                    taken.push(n);
                }
                taken
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    all.sort_unstable();
    assert_eq!(all, (0..100).collect::<Vec<_>>());
}
