//! Writes that wait for replicas.

use std::error::Error as _;
use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{Batch, BranchId, Check, Error, Kind, Life, Op, Reply, Store as _, TxnBuilder};
use roomkey_store::{ConnectError, NotReplicated, RedisConfigBuilder, RedisStore};
use roomkey_testkit::RedisServer;
use tokio::task::JoinSet;

use crate::{config, get, key, put, reply};

/// A deadline that a loaded machine keeps, with time for two waits.
const PATIENT: Duration = Duration::from_secs(30);

/// A master with one replica that is up to date.
struct Pair {
    master: RedisServer,
    replica: RedisServer,
}

impl Pair {
    fn start() -> Self {
        let master = RedisServer::start();
        let replica = RedisServer::options().replica_of(&master).start();
        while replica.info("master_link_status") != "up" {
            std::thread::sleep(Duration::from_millis(5));
        }
        Self { master, replica }
    }

    fn config(&self) -> RedisConfigBuilder {
        config(&self.master).wait_replicas(1).wait_timeout(Duration::from_millis(100)).timeout(PATIENT)
    }

    async fn connect(&self, config: RedisConfigBuilder) -> RedisStore {
        let store = RedisStore::connect(config.build().unwrap()).await.unwrap();
        self.master.command(&["CONFIG", "RESETSTAT"]);
        store
    }

    /// How often the master has run a command.
    fn ran(&self, command: &str) -> u32 {
        let stats = self.master.command(&["INFO", "commandstats"]).text();
        let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
        line.map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap())
    }
}

fn shortfall<T: std::fmt::Debug>(result: Result<T, Error>) -> NotReplicated {
    let error = result.unwrap_err();
    let Error::Ambiguous(failure) = &error else { panic!("{error:?}") };
    *failure.source().unwrap().downcast_ref().unwrap_or_else(|| panic!("{error:?}"))
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_write_that_is_done_is_on_the_replica() {
    let pair = Pair::start();
    let store = pair.connect(pair.config().wait_timeout(PATIENT / 3)).await;
    let on_replica = |key: &roomkey_core::Key| pair.replica.command(&["GET".as_bytes(), &key.bytes()[..]]);
    let large: &'static str = "x".repeat(100 * 1024).leak();
    for (tag, value) in [(1, "small"), (2, large)] {
        let key = key(Kind::Value, 1, tag);
        put(&store, &key, value).await.unwrap();
        assert_eq!(on_replica(&key).text(), value);
    }

    let counter = key(Kind::Value, 1, 3);
    let mut txn = TxnBuilder::new("twice");
    txn.op(BranchId::ROOT, Op::add(&counter, 20, Life::Never));
    store.transact(&txn.build().unwrap()).await.unwrap();
    assert_eq!(on_replica(&counter).text(), "20");

    // The writes of a batch, to whatever partition, wait together.
    let before = pair.ran("wait");
    let keys: Vec<_> = (10..20).map(|tag| key(Kind::Value, u16::from(tag), tag)).collect();
    let value = Bytes::from_static(b"in a batch");
    let ops = keys.iter().flat_map(|key| [Op::put(key, value.clone(), Life::Never), Op::get(key)]);
    for reply in store.run(Batch::new(ops).unwrap()).await.unwrap() {
        reply.unwrap();
    }
    assert!(keys.iter().all(|key| on_replica(key).text() == "in a batch"));
    assert_eq!(pair.ran("wait") - before, 1);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_write_that_no_replica_confirms_says_so_and_is_there() {
    let pair = Pair::start();
    let store = pair.connect(pair.config()).await;
    pair.replica.pause();
    let none = shortfall(put(&store, &key(Kind::Value, 1, 1), "there").await);
    assert_eq!((none.wanted, none.confirmed), (1, 0));
    assert_eq!(get(&store, &key(Kind::Value, 1, 1)).await.unwrap().unwrap(), "there");
    // It was done, so although it is repeatable it was not repeated.
    assert_eq!(pair.ran("set"), 1);

    let large: &'static str = "x".repeat(100 * 1024).leak();
    shortfall(put(&store, &key(Kind::Value, 1, 2), large).await);
    let mut txn = TxnBuilder::new("once");
    txn.op(BranchId::ROOT, Op::put(&key(Kind::Value, 1, 3), Bytes::from_static(b"x"), Life::Never));
    shortfall(store.transact(&txn.retry_safe().build().unwrap()).await);

    // Each op of a batch has its own answer, and those that only read need no replica.
    let (one, other) = (key(Kind::Value, 1, 1), key(Kind::Value, 2, 4));
    let ops = [Op::get(&one), Op::put(&other, Bytes::from_static(b"x"), Life::Never), Op::get(&other)];
    let mut replies = store.run(Batch::new(ops).unwrap()).await.unwrap();
    assert_eq!(replies.pop().unwrap().unwrap().into_bytes().unwrap(), "x");
    shortfall(replies.pop().unwrap());
    assert_eq!(replies.pop().unwrap().unwrap().into_bytes().unwrap(), "there");
    // What the server refuses is not written, and nothing to wait for.
    let refused = reply(&store, Op::add(&one, 1, Life::Never)).await;
    assert!(matches!(refused, Err(Error::NotANumber)), "{refused:?}");

    // Neither does a transaction that writes on none of its paths.
    let mut txn = TxnBuilder::new("look").with_now();
    let (there, _) = txn.fork(BranchId::ROOT, [Check::exists(&one)]);
    let read = txn.op(there, Op::get(&one));
    let txn = txn.build().unwrap();
    let waits = pair.ran("wait");
    let mut outcome = store.transact(&txn).await.unwrap();
    assert_eq!(outcome.take_reply(read).unwrap().into_bytes().unwrap(), "there");
    assert_eq!(pair.ran("wait"), waits);

    pair.replica.resume();
    let store = RedisStore::connect(pair.config().wait_timeout(PATIENT / 3).build().unwrap()).await.unwrap();
    put(&store, &one, "everywhere").await.unwrap();
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn reads_do_not_wait_behind_writes_that_do() {
    let pair = Pair::start();
    // One lane was asked for; the writes get another beside it.
    let store = pair.connect(pair.config().wait_timeout(PATIENT / 3).lanes(1)).await;
    let key = key(Kind::Value, 1, 1);
    put(&store, &key, "before").await.unwrap();
    pair.replica.pause();
    let write = tokio::spawn({
        let (store, key) = (store.clone(), key.clone());
        async move { put(&store, &key, "after").await }
    });
    while pair.ran("set") < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for _ in 0..100 {
        assert_eq!(get(&store, &key).await.unwrap().unwrap(), "after");
    }
    assert!(!write.is_finished());
    pair.replica.resume();
    write.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn many_writes_share_one_wait() {
    const WRITERS: u8 = 64;
    const EACH: u32 = 50;
    let pair = Pair::start();
    let store = pair.connect(pair.config().wait_timeout(PATIENT / 3)).await;
    let counter = key(Kind::Value, 9, 200);
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (store, counter) = (store.clone(), counter.clone());
        writers.spawn(async move {
            for _ in 0..EACH {
                put(&store, &key(Kind::Value, u16::from(writer), writer), "x").await.unwrap();
                reply(&store, Op::add(&counter, 1, Life::Keep)).await.unwrap();
            }
        });
    }
    while let Some(writer) = writers.join_next().await {
        writer.unwrap();
    }
    let writes = u32::from(WRITERS) * EACH;
    assert_eq!(pair.ran("set"), writes);
    let count = pair.replica.command(&["GET".as_bytes(), &counter.bytes()[..]]).text();
    assert_eq!(count, writes.to_string());
    eprintln!("{} writes shared {} waits", 2 * writes, pair.ran("wait"));
    assert!(pair.ran("wait") * 4 < 2 * writes);
}

/// A group is sent by whoever comes first; given up, it takes nobody with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_write_that_is_given_up_takes_nobody_with_it() {
    let pair = Pair::start();
    let store = pair.connect(pair.config().wait_timeout(PATIENT / 3)).await;
    for round in 0..50_u64 {
        let mut writers = JoinSet::new();
        for writer in 0..32_u8 {
            let store = store.clone();
            let given_up = (u64::from(writer) + round).is_multiple_of(3);
            writers.spawn(async move {
                let key = key(Kind::Value, u16::from(writer), writer);
                let write = put(&store, &key, "x");
                match given_up {
                    true => tokio::time::timeout(Duration::from_micros(50 * round), write).await.ok(),
                    false => Some(write.await),
                }
            });
        }
        while let Some(writer) = writers.join_next().await {
            if let Some(written) = writer.unwrap() {
                assert!(matches!(written.unwrap(), Reply::Written), "round {round}");
            }
        }
    }
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn who_does_not_want_to_wait_does_not() {
    let pair = Pair::start();
    let store = pair.connect(config(&pair.master).wait_replicas(0)).await;
    pair.replica.pause();
    put(&store, &key(Kind::Value, 1, 1), "x").await.unwrap();
    assert_eq!(pair.ran("wait"), 0);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn the_right_to_wait_is_needed_only_by_those_who_do() {
    let pair = Pair::start();
    pair.master.command(&["ACL", "SETUSER", "app", "reset", "on", ">pw", "~*", "+@all", "-wait"]);
    let login = |config: RedisConfigBuilder| config.username("app").password("pw").build().unwrap();
    RedisStore::connect(login(config(&pair.master))).await.unwrap();
    let error = RedisStore::connect(login(pair.config())).await.unwrap_err();
    let ConnectError::MissingRight { command: "WAIT", needed } = &error else { panic!("{error:?}") };
    assert!(needed.ends_with("+wait"), "{needed}");
}
