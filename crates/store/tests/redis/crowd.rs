//! Many calls at once: what travels together stays apart.

use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{Kind, Life, Op};
use roomkey_testkit::RedisServer;
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;

use crate::{connect, get, key, put, reply};

const CALLERS: u8 = 64;

/// Every call gets its own answer, whoever around it is given up, the one that the others leave with among them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_call_that_is_given_up_takes_nobody_with_it() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let values: Vec<&'static str> = (0..CALLERS).map(|caller| &*format!("value {caller}").leak()).collect();
    for caller in 0..CALLERS {
        put(&store, &key(Kind::Value, 1, caller), values[usize::from(caller)]).await.unwrap();
    }
    for round in 0..200_u32 {
        let mut calls = JoinSet::new();
        for caller in 0..CALLERS {
            let store = store.clone();
            let given_up = round.wrapping_mul(31).wrapping_add(u32::from(caller) * 7) % 3 == 0;
            calls.spawn(async move {
                let key = key(Kind::Value, 1, caller);
                let call = get(&store, &key);
                if !given_up {
                    return Some((caller, call.await));
                }
                // Given up after so many turns that it is about to leave, under way, or answered.
                tokio::select! {
                    biased;
                    () = async { for _ in 0..round % 5 { yield_now().await } } => None,
                    answer = call => Some((caller, answer)),
                }
            });
        }
        let mut answered = 0;
        while let Some(call) = calls.join_next().await {
            if let Some((caller, answer)) = call.unwrap() {
                assert_eq!(answer.unwrap(), Some(Bytes::from_static(values[usize::from(caller)].as_bytes())));
                answered += 1;
            }
        }
        assert!(answered >= 42, "two of three callers are patient, and {answered} were answered");
    }
}

/// The commands of a crowd are carried by the runtime of the store: another one may end while its calls wait.
#[test]
#[ignore = "needs Redis: cargo xtask test"]
fn a_runtime_that_ends_takes_nobody_with_it() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let home = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = RedisServer::start();
    let store = home.block_on(connect(&server));
    for _ in 0..20 {
        let side = runtime();
        side.block_on(async {
            for caller in 0..8 {
                let store = store.clone();
                tokio::spawn(async move { get(&store, &key(Kind::Value, 1, caller)).await });
            }
            // Each has sent its command, and none has its answer.
            yield_now().await;
        });
        drop(side);
        home.block_on(async {
            let mut calls = JoinSet::new();
            for caller in 0..CALLERS {
                let store = store.clone();
                calls.spawn(async move { get(&store, &key(Kind::Value, 1, caller)).await });
            }
            while let Some(call) = calls.join_next().await {
                assert_eq!(call.unwrap().unwrap(), None);
            }
        });
    }
}

/// A connection of one's own is carried by the runtime of the store as well, whoever was the first to need it.
#[test]
#[ignore = "needs Redis: cargo xtask test"]
fn a_runtime_that_stands_still_holds_up_nobody() {
    let home = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let side = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = RedisServer::start();
    let store = home.block_on(connect(&server)).with_timeout(Duration::from_secs(20));
    for runtime in [&side, &home] {
        let large = Op::put(&key(Kind::Value, 1, 1), Bytes::from(vec![0; 100 * 1024]), Life::Never);
        let written =
            runtime.block_on(async { timeout(Duration::from_secs(60), reply(&store, large)).await });
        written.expect("a call ends by its deadline").unwrap();
    }
}
