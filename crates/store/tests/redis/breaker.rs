//! What a store does not even try.

use std::error::Error as _;
use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{Error, ErrorKind, Kind, Life, Op, Result};
use roomkey_store::{RedisStore, Unavailable};
use roomkey_testkit::RedisServer;
use roomkey_testkit::server::Restart;
use tokio::task::JoinSet;

use crate::{config, connect, get, key, put, reply};

/// A deadline that a test would not live to see.
const NEVER: Duration = Duration::from_secs(3600);

fn why(error: &Error) -> Option<Unavailable> {
    assert_eq!(error.kind(), ErrorKind::NotExecuted, "{error:?}");
    error.source().and_then(|failure| failure.source()?.downcast_ref()).cloned()
}

async fn until_it_is_open(store: &RedisStore) {
    let key = key(Kind::Value, 1, 1);
    loop {
        match get(store, &key).await {
            Err(Error::Ambiguous(_)) => {}
            Err(error) if matches!(why(&error), Some(Unavailable::NotAnswering { .. })) => return,
            Err(Error::NotExecuted(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn assert_fails_at_once(store: &RedisStore) {
    let (store, key) = (store.with_timeout(NEVER), key(Kind::Value, 1, 1));
    for size in [1, 100 * 1024] {
        let put = Op::put(&key, Bytes::from(vec![0; size]), Life::Never);
        let error = reply(&store, put).await.unwrap_err();
        assert!(matches!(why(&error), Some(Unavailable::NotAnswering { .. })), "{error:?}");
    }
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn after_a_while_of_silence_calls_fail_at_once_until_the_server_answers() {
    let server = RedisServer::start();
    let hasty = config(&server).timeout(Duration::from_millis(200)).build().unwrap();
    let store = RedisStore::connect(hasty).await.unwrap();
    let key = key(Kind::Value, 1, 1);
    for dead in [false, true] {
        if dead {
            server.kill()
        } else {
            server.pause()
        }
        until_it_is_open(&store).await;
        assert_fails_at_once(&store).await;
        if dead {
            server.restart(Restart::LoseData)
        } else {
            server.resume()
        }
        while put(&store, &key, "x").await.is_err() {}
        // It was the server's answer that closed it, so calls that can wait do.
        put(&store.with_timeout(NEVER), &key, "x").await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_short_pause_trips_nothing() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let key = key(Kind::Value, 1, 1);
    put(&store, &key, "x").await.unwrap();
    let connections = server.info("total_connections_received").parse::<u64>().unwrap();
    for mode in ["WRITE", "ALL"] {
        server.command(&["CLIENT", "PAUSE", "800", mode]);
        let mut calls = JoinSet::new();
        for _ in 0..16 {
            let (store, key) = (store.with_timeout(NEVER), key.clone());
            calls.spawn(async move { put(&store, &key, "y").await });
        }
        for call in calls.join_all().await {
            call.unwrap();
        }
    }
    // Two pauses and two questions of the test's own, and none of ours.
    let now = server.info("total_connections_received").parse::<u64>().unwrap();
    assert_eq!(now - connections, 3);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn more_calls_than_may_be_under_way_are_refused_at_once() {
    let server = RedisServer::start();
    let config = config(&server).max_in_flight(4).timeout(NEVER).build().unwrap();
    let store = RedisStore::connect(config).await.unwrap();
    let key = key(Kind::Value, 1, 1);
    server.pause();
    let mut calls = JoinSet::new();
    for _ in 0..4 {
        let (store, key) = (store.clone(), key.clone());
        calls.spawn(async move { put(&store, &key, "x").await });
    }
    tokio::task::yield_now().await;
    let error = put(&store, &key, "x").await.unwrap_err();
    assert_eq!(why(&error), Some(Unavailable::Overloaded { limit: 4 }));
    server.resume();
    let calls: Vec<Result<_>> = calls.join_all().await;
    assert!(calls.iter().all(Result::is_ok), "{calls:?}");
    put(&store, &key, "x").await.unwrap();
}

/// A large value has a connection of its own, so that nothing is heard on the others meanwhile.
#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_large_write_that_is_given_up_trips_nothing() {
    let server = RedisServer::start();
    let hasty = config(&server).timeout(Duration::from_millis(200)).build().unwrap();
    let store = RedisStore::connect(hasty).await.unwrap();
    let key = key(Kind::Value, 1, 1);
    server.command(&["CLIENT", "PAUSE", "1000", "WRITE"]);
    let write = Op::put(&key, Bytes::from(vec![0; 100 * 1024]), Life::Never);
    reply(&store, write).await.unwrap_err();
    // After this the server takes writes again, and the silence has lasted for as long as opens the breaker.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(get(&store.with_timeout(NEVER), &key).await.unwrap(), None);
}
