//! A master that changes.

use std::collections::HashSet;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use roomkey_core::{Class, End, Key, Kind, Life, Op, Store as _};
use roomkey_store::{ConnectError, RedisConfig, RedisConfigBuilder, RedisStore};
use roomkey_testkit::server::Resp;
use roomkey_testkit::{RedisSentinel, RedisServer};

use crate::{comes_back, get, key, put, reply, shown};

/// Longer than a failover takes, so that what is repeatable has to succeed.
const PATIENT: Duration = Duration::from_secs(30);

fn config(watched: &RedisSentinel) -> RedisConfigBuilder {
    RedisConfig::builder().sentinels(watched.seeds()).sentinel_master(RedisSentinel::MASTER)
}

async fn connect(config: RedisConfigBuilder) -> RedisStore {
    RedisStore::connect(config.build().unwrap()).await.unwrap()
}

/// How many of our connections a server has.
fn connections(server: &RedisServer) -> usize {
    server.command(&["CLIENT", "LIST"]).text().matches("name=roomkey").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn the_old_master_is_left_while_it_still_takes_writes() {
    let watched = RedisSentinel::start();
    let store = connect(config(&watched)).await.with_timeout(PATIENT);
    let key = key(Kind::Value, 1, 1);
    put(&store, &key, "before").await.unwrap();
    assert!(connections(watched.master()) > 0);

    let running = Arc::new(AtomicBool::new(true));
    let caller = tokio::spawn({
        let (store, key, running) = (store.clone(), key.clone(), Arc::clone(&running));
        async move {
            while running.load(Ordering::Relaxed) {
                put(&store, &key, "during").await.unwrap();
            }
        }
    });
    tokio::task::block_in_place(|| watched.failover());
    let switched = Instant::now();
    while connections(watched.master()) > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    eprintln!("the old master was left {:?} after all sentinels had named another", switched.elapsed());
    running.store(false, Ordering::Relaxed);
    caller.await.unwrap();

    put(&store, &key, "after").await.unwrap();
    assert_eq!(watched.current_master().command(&["GET".as_bytes(), &key.bytes()[..]]).text(), "after");
    assert!(!std::ptr::eq(watched.current_master(), watched.master()));
}

/// A frozen master is replaced, and thaws as one who believes to be the master still.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_frozen_master_is_left_for_good() {
    let watched = RedisSentinel::start();
    let store = connect(config(&watched)).await.with_timeout(PATIENT);
    let key = key(Kind::Value, 1, 1);
    put(&store, &key, "before").await.unwrap();

    watched.master().pause();
    // Sent to the frozen one, and again to its successor.
    put(&store, &key, "during").await.unwrap();
    watched.master().resume();
    for _ in 0..100 {
        put(&store, &key, "after").await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::task::block_in_place(|| watched.wait_until_agreed());
    assert_eq!(get(&store, &key).await.unwrap().unwrap(), "after");
    assert_eq!(connections(watched.master()), 0);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn sentinels_that_do_not_help_are_skipped() {
    let watched = RedisSentinel::start();
    let listener = || TcpListener::bind("127.0.0.1:0").unwrap();
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
    let (silent, gone) = (listener(), port(&listener()));
    let no_sentinel = RedisServer::start();
    let helpless = [gone, port(&silent), no_sentinel.port()].map(|port| format!("127.0.0.1:{port}"));

    let config = |sentinels: &[String]| {
        RedisConfig::builder().sentinels(sentinels).sentinel_master(RedisSentinel::MASTER)
    };
    let store = connect(config(&[&helpless[..], &watched.seeds()].concat())).await;
    put(&store, &key(Kind::Value, 1, 1), "here").await.unwrap();

    let error = RedisStore::connect(config(&helpless).build().unwrap()).await.unwrap_err();
    assert!(matches!(error, ConnectError::NoMaster { .. }), "{error:?}");
    assert_eq!(roomkey_core::Error::from(error).class(), Class::NotExecuted);
    let unknown = config(&watched.seeds()).sentinel_master("other");
    let error = RedisStore::connect(unknown.build().unwrap()).await.unwrap_err();
    assert!(matches!(error, ConnectError::NoMaster { source: None, .. }), "{error:?}");
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn sentinels_and_servers_have_logins_of_their_own_and_the_same_tls() {
    let servers = RedisServer::options().tls().password("hunter2");
    let watched = RedisSentinel::options().servers(servers).password("watchword").start();
    let secure = || config(&watched).tls(true).ca_file(watched.master().tls_ca()).password("hunter2");
    let store = connect(secure().sentinel_password("watchword")).await;
    put(&store, &key(Kind::Value, 1, 1), "here").await.unwrap();

    for config in [secure(), secure().sentinel_password("wrong-watchword")] {
        let error = RedisStore::connect(config.build().unwrap()).await.unwrap_err();
        let ConnectError::NoMaster { source: Some(source), .. } = &error else { panic!("{error:?}") };
        assert!(matches!(**source, ConnectError::Refused { .. }), "{source:?}");
        assert!(shown(&error).contains("REDIS_SENTINEL_PASSWORD") && !shown(&error).contains("watchword"));
    }
    let error = RedisStore::connect(secure().sentinel_password("watchword").password("x").build().unwrap());
    assert!(matches!(error.await.unwrap_err(), ConnectError::LoginRefused { .. }));
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn the_watch_ends_with_the_store() {
    let watched = RedisSentinel::start();
    let listeners = || {
        let clients = |sentinel: &RedisServer| sentinel.command(&["CLIENT", "LIST"]).text();
        watched.sentinels().iter().map(|sentinel| clients(sentinel).matches(" sub=1 ").count()).sum::<usize>()
    };
    let store = connect(config(&watched)).await;
    while listeners() < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    store.close().await.unwrap();
    while listeners() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let store = connect(config(&watched)).await;
    drop(store);
    while listeners() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Where no sentinel tells, the server itself does: by refusing to write. Then it is looked for anew, as behind a name
/// that leads to another address by now. (A socket's path stands in for the name.)
#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_server_that_became_a_replica_is_left() {
    let (old, new) = (RedisServer::start(), RedisServer::start());
    let name = old.dir().join("the-master");
    let point_to = |server: &RedisServer| {
        let next = old.dir().join("next");
        std::os::unix::fs::symlink(server.socket(), &next).unwrap();
        std::fs::rename(next, &name).unwrap();
    };
    point_to(&old);
    let store = connect(RedisConfig::builder().unix_socket(&name)).await;
    let key = key(Kind::Value, 1, 1);
    put(&store, &key, "before").await.unwrap();

    old.command(&["REPLICAOF", "127.0.0.1", &new.port().to_string()]);
    let error = put(&store.with_timeout(Duration::from_millis(200)), &key, "lost").await.unwrap_err();
    assert_eq!(error.class(), Class::NotExecuted, "{error:?}");
    point_to(&new);
    put(&store.with_timeout(PATIENT), &key, "after").await.unwrap();
    assert_eq!(new.command(&["GET".as_bytes(), &key.bytes()[..]]).text(), "after");
    comes_back(&store, &key).await;
}

/// For seconds after a failover the old master takes writes that nobody will see again. Who follows the sentinels loses
/// what was acknowledged until they say so; who waits for a replica loses nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn what_a_replica_has_confirmed_survives_a_split_brain() {
    let watched = RedisSentinel::start();
    let master = watched.master();
    let stays = RedisConfig::builder().host("127.0.0.1").port(master.port());
    let waits = config(&watched).wait_replicas(1).wait_timeout(Duration::from_millis(100));
    let mut writers = Vec::new();
    let running = Arc::new(AtomicBool::new(true));
    for (tag, name, config) in [
        (1, "stays with the old master", stays),
        (2, "follows the sentinels", config(&watched)),
        (3, "follows and waits for a replica", waits),
    ] {
        let store = connect(config).await;
        writers.push((name, tokio::spawn(append(store, key(Kind::List, 1, tag), Arc::clone(&running)))));
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    tokio::task::block_in_place(|| watched.failover());
    let switched = Instant::now();
    // Until the sentinels have brought the old master to heel.
    while master.info("role") == "master" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    eprintln!("the old master took writes for {:?} after the failover", switched.elapsed());
    running.store(false, Ordering::Relaxed);
    tokio::task::block_in_place(|| watched.wait_until_agreed());

    let mut lost = Vec::new();
    for (name, writer) in writers {
        let (list, acknowledged) = writer.await.unwrap();
        let stored = watched.current_master().command(&["LRANGE".as_bytes(), &list.bytes()[..], b"0", b"-1"]);
        let stored: HashSet<String> = stored.items().iter().map(Resp::text).collect();
        lost.push(acknowledged.iter().filter(|number| !stored.contains(&number.to_string())).count());
        eprintln!("who {name} lost {} of {} acknowledged writes", lost[lost.len() - 1], acknowledged.len());
    }
    assert_eq!(lost[2], 0);
    assert!(lost[0] > 0, "there was no split brain, so nothing was tested");
}

/// Appends numbers to a list, and tells which of them were acknowledged.
async fn append(store: RedisStore, list: Key, running: Arc<AtomicBool>) -> (Key, Vec<u32>) {
    let mut acknowledged = Vec::new();
    let mut number = 0;
    while running.load(Ordering::Relaxed) {
        let value = Bytes::from(number.to_string());
        if reply(&store, Op::push(&list, End::Back, value, Life::Keep)).await.is_ok() {
            acknowledged.push(number);
        }
        number += 1;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    (list, acknowledged)
}
