//! Counters.

use roomkey_core::Store;
use roomkey_vault::{Error, Expiry, Ttl};

use crate::assert_fails;
use crate::common::{DAY, HOUR, open, put_raw};

pub(crate) async fn counters_count<S: Store>(store: S) {
    let vault = open(store).await;
    assert_eq!(vault.counter("n").await.unwrap(), 0);
    assert_eq!(vault.incr("n").await.unwrap(), 1);
    assert_eq!(vault.incr("n").await.unwrap(), 2);
    assert_eq!(vault.decr("n").await.unwrap(), 1);
    assert_eq!(vault.incr_by("n", -5).await.unwrap(), -4);
    assert_eq!(vault.counter("n").await.unwrap(), -4);
    assert_eq!(vault.decr("fresh").await.unwrap(), -1);
    assert_eq!(vault.ttl("n").await.unwrap(), Ttl::Never);
}

pub(crate) async fn counters_expire_as_told<S: Store>(store: S) {
    let vault = open(store).await;
    assert_eq!(vault.incr_for("n", 2, HOUR).await.unwrap(), 2);
    assert!(matches!(vault.ttl("n").await.unwrap(), Ttl::After(left) if left <= HOUR));
    assert_eq!(vault.incr("n").await.unwrap(), 3);
    assert!(matches!(vault.ttl("n").await.unwrap(), Ttl::After(left) if left <= HOUR));
    vault.incr_for("n", 1, Expiry::AtLeast(DAY)).await.unwrap();
    vault.incr_for("n", 1, Expiry::AtLeast(HOUR)).await.unwrap();
    assert!(matches!(vault.ttl("n").await.unwrap(), Ttl::After(left) if left > HOUR));
}

pub(crate) async fn a_value_is_no_counter<S: Store>(store: S) {
    let vault = open(store).await;
    vault.set("x", &1u8, HOUR).await.unwrap();
    assert_fails!(vault.incr("x").await, Error::NotANumber);
    assert_fails!(vault.decr("x").await, Error::NotANumber);
    assert_fails!(vault.counter("x").await, Error::NotANumber);
    assert_eq!(vault.get("x").await.unwrap(), Some(1u8), "it is unchanged");
    for text in ["", "1.5", "01", "+1", " 1", "9223372036854775808"] {
        put_raw(&vault, "foreign", text).await;
        assert_fails!(vault.incr("foreign").await, Error::NotANumber);
        assert_fails!(vault.counter("foreign").await, Error::NotANumber);
    }
}

pub(crate) async fn a_counter_is_no_value<S: Store>(store: S) {
    let vault = open(store).await;
    vault.incr("n").await.unwrap();
    assert_fails!(vault.get::<i64>("n").await, Error::NotSealed);
    assert_fails!(vault.get_many::<i64, _>(["n"]).await, Error::NotSealed);
}

pub(crate) async fn overflow_changes_nothing<S: Store>(store: S) {
    let vault = open(store).await;
    assert_eq!(vault.incr_by("n", i64::MAX).await.unwrap(), i64::MAX);
    assert_fails!(vault.incr("n").await, Error::Overflow);
    assert_fails!(vault.incr_by("n", i64::MAX).await, Error::Overflow);
    assert_eq!(vault.counter("n").await.unwrap(), i64::MAX);
    assert_eq!(vault.incr_by("low", i64::MIN).await.unwrap(), i64::MIN);
    assert_fails!(vault.decr("low").await, Error::Overflow);
    assert_eq!(vault.counter("low").await.unwrap(), i64::MIN);
}

pub(crate) async fn concurrent_counts_all_count<S: Store>(store: S) {
    let vault = open(store).await;
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let vault = vault.clone();
            tokio::spawn(async move {
                for _ in 0..10 {
                    vault.incr("n").await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(vault.counter("n").await.unwrap(), 640);
}
