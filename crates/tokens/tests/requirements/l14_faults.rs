//! Line 14: a store that is away, full, read-only or forgetful gives errors, never a token that counts though it should
//! not.

use std::time::Duration;

use roomkey_core::{Class, Error as StoreError, ErrorKind, Store};
use roomkey_memory::MemoryStore;
use roomkey_store::{NotReplicated, RedisConfig, RedisStore};
use roomkey_testkit::proxy::Spoil;
use roomkey_testkit::server::Restart;
use roomkey_testkit::{Fault, FaultProxy, FaultyStore, RedisServer};
use roomkey_tokens::{Error, Issue, Issued, Refresh, Tokens};
use roomkey_vault::Keyring;

use crate::common::{Rng, active, connect, issue, open, open_as, seed, with_policies};
use crate::families::{self, WINDOW, families, grant, refresh};

const TYPES: [&str; 3] = ["session", "access", "oldest"];

/// What every operation gave, by name.
async fn everything<S: Store>(
    tokens: &Tokens<S>,
    issued: &Issued,
) -> Vec<(&'static str, Result<String, Error>)> {
    let text = issued.token.reveal();
    let shown = |it: &dyn std::fmt::Debug| format!("{it:?}");
    vec![
        ("verify", tokens.verify::<u64>("session", text).await.map(|it| shown(&it))),
        ("is_valid", tokens.is_valid("session", text).await.map(|it| shown(&it))),
        ("issue", tokens.issue("session", Issue::new("alice", 7_u64)).await.map(|it| shown(&it))),
        ("issue to another", tokens.issue("session", Issue::new("bob", 7_u64)).await.map(|it| shown(&it))),
        ("issue limited", tokens.issue("oldest", Issue::new("alice", 7_u64)).await.map(|it| shown(&it))),
        ("revoke", tokens.revoke("session", text).await.map(|it| shown(&it))),
        (
            "revoke_session",
            tokens.revoke_session("session", "alice", &issued.handle).await.map(|it| shown(&it)),
        ),
        ("revoke_subject", tokens.revoke_subject("alice").await.map(|it| shown(&it))),
        ("revoke_type", tokens.revoke_type("session").await.map(|it| shown(&it))),
    ]
}

#[tokio::test]
async fn trouble_of_the_store_is_an_error_and_changes_nothing() {
    let store = FaultyStore::new(MemoryStore::new());
    let tokens = with_policies(&open(store.clone()).await);
    let issued = issue(&tokens, "session", "alice").await;
    for error in [
        StoreError::not_executed("away"),
        StoreError::ambiguous("timed out"),
        StoreError::permanent("no permission"),
        StoreError::Contended,
        StoreError::Closed,
        StoreError::Full,
    ] {
        store.break_down(error.clone());
        for (what, result) in everything(&tokens, &issued).await {
            match result {
                Err(Error::Store(seen)) => assert_eq!(seen.kind(), error.kind(), "{what}"),
                other => panic!("{what} after {error:?}: {other:?}"),
            }
        }
        store.heal();
        assert!(active(&tokens, "session", &issued).await, "nothing was done");
    }
}

/// Every call of every operation, one after the other: its reply is lost. What was asked for has happened or has not, and
/// asking again settles it.
#[tokio::test]
async fn after_a_lost_reply_asking_again_settles_it() {
    let store = FaultyStore::new(MemoryStore::new());
    let tokens = with_policies(&open(store.clone()).await);
    for lost in [0, 1] {
        let before = issue(&tokens, "session", "alice").await;
        store.plan((0..lost).map(|_| Fault::Pass).chain([Fault::ReplyLost]));
        let error = tokens.issue("session", Issue::new("alice", 7_u64)).await.unwrap_err();
        assert!(matches!(error, Error::Store(error) if error.class() == Class::Ambiguous));
        assert!(active(&tokens, "session", &before).await);
        let again = issue(&tokens, "session", "alice").await;
        assert!(active(&tokens, "session", &again).await);
        store.plan([Fault::ReplyLost]);
        tokens.revoke("session", before.token.reveal()).await.unwrap_err();
        assert!(!active(&tokens, "session", &before).await);
        tokens.revoke("session", before.token.reveal()).await.unwrap();
        store.plan([Fault::ReplyLost]);
        tokens.revoke_subject("alice").await.unwrap_err();
        assert!(!active(&tokens, "session", &again).await);
        tokens.revoke_subject("alice").await.unwrap();
        // The others of eight batches are done the second time.
        let of_type = issue(&tokens, "access", "alice").await;
        store.plan([Fault::Pass, Fault::Fail(StoreError::not_executed("away"))]);
        tokens.revoke_type("access").await.unwrap_err();
        tokens.revoke_type("access").await.unwrap();
        assert!(!active(&tokens, "access", &of_type).await);
    }
    assert_eq!(store.planned(), 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_server_that_is_gone_is_an_error_and_one_that_forgot_knows_no_token() {
    let server = RedisServer::start();
    let store = connect(&server).await.with_timeout(Duration::from_millis(300));
    let tokens = with_policies(&open(store).await);
    let issued = issue(&tokens, "session", "alice").await;
    server.kill();
    for (what, result) in everything(&tokens, &issued).await {
        assert!(matches!(result, Err(Error::Store(_))), "{what}: {result:?}");
    }
    server.restart(Restart::LoseData);
    // It may still be taken for gone.
    let answered = loop {
        match tokens.verify::<u64>("session", issued.token.reveal()).await {
            Ok(answer) => break answer,
            Err(Error::Store(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(error) => panic!("{error:?}"),
        }
    };
    assert!(answered.is_none(), "it knows nothing");
    // Writes have a connection of their own, which may come back later.
    let next = loop {
        match tokens.issue("session", Issue::new("alice", 7_u64)).await {
            Ok(next) => break next,
            Err(Error::Store(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(error) => panic!("{error:?}"),
        }
    };
    assert!(active(&tokens, "session", &next).await && !active(&tokens, "session", &issued).await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_full_server_begins_nothing_and_ends_everything() {
    let server = RedisServer::options().config("maxmemory-policy", "noeviction").start();
    let tokens = with_policies(&open(connect(&server).await).await);
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(issue(&tokens, "session", "alice").await);
    }
    server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let full = |result: Result<Issued, Error>| {
        assert!(matches!(result, Err(Error::Store(error)) if error.kind() == ErrorKind::Full));
    };
    for subject in ["alice", "bob"] {
        full(tokens.issue("session", Issue::new(subject, 7_u64)).await);
        full(tokens.issue("oldest", Issue::new(subject, 7_u64)).await);
    }
    for issued in &all {
        assert!(active(&tokens, "session", issued).await);
    }
    assert!(tokens.revoke("session", all[0].token.reveal()).await.unwrap());
    assert!(tokens.revoke_session("session", "alice", &all[1].handle).await.unwrap());
    assert!(!active(&tokens, "session", &all[0]).await && !active(&tokens, "session", &all[1]).await);
    tokens.revoke_type("session").await.unwrap();
    assert!(!active(&tokens, "session", &all[2]).await);
    tokens.revoke_subject("alice").await.unwrap();
    assert!(!active(&tokens, "session", &all[3]).await);
    full(tokens.issue("session", Issue::new("alice", 7_u64)).await);
}

/// A replica that is taken for the master, as for a moment after a failover.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_server_that_only_reads_revokes_nothing_and_says_so() {
    let server = RedisServer::start();
    let store = connect(&server).await.with_timeout(Duration::from_millis(300));
    let tokens = with_policies(&open(store).await);
    let issued = issue(&tokens, "session", "alice").await;
    // A master that does not exist: what was copied before is served.
    server.command(&["CONFIG", "SET", "replica-serve-stale-data", "yes"]);
    server.command(&["REPLICAOF", "127.0.0.1", "1"]);
    for (what, result) in everything(&tokens, &issued).await {
        match what {
            "verify" => assert!(!matches!(&result, Ok(shown) if shown == "None"), "{result:?}"),
            "is_valid" => assert!(!matches!(&result, Ok(shown) if shown == "false"), "{result:?}"),
            _ => assert!(matches!(result, Err(Error::Store(_))), "{what}: {result:?}"),
        }
    }
    server.command(&["REPLICAOF", "NO", "ONE"]);
    loop {
        match tokens.verify::<u64>("session", issued.token.reveal()).await {
            Ok(session) => break assert!(session.is_some(), "nothing was done"),
            Err(Error::Store(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_server_that_forgot_its_scripts_is_told_them_again() {
    let server = RedisServer::start();
    let tokens = with_policies(&open(connect(&server).await).await);
    for token_type in TYPES {
        let issued = issue(&tokens, token_type, "alice").await;
        server.command(&["SCRIPT", "FLUSH"]);
        assert!(active(&tokens, token_type, &issued).await);
        assert!(tokens.revoke(token_type, issued.token.reveal()).await.unwrap());
        server.command(&["SCRIPT", "FLUSH"]);
        let issued = issue(&tokens, token_type, "alice").await;
        assert!(active(&tokens, token_type, &issued).await);
    }
}

/// As a server with `allkeys-random` does: whatever is lost, nobody gets in.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn evicted_keys_let_nobody_in() {
    let server = RedisServer::start();
    let tokens = with_policies(&open(connect(&server).await).await);
    let seed = seed();
    eprintln!("ROOMKEY_TOKENS_SEED={seed}");
    let mut rng = Rng(seed);
    let mut live: Vec<(&str, Issued)> = Vec::new();
    let mut dead: Vec<(&str, Issued)> = Vec::new();
    let subjects = ["alice", "bob", "carol"];
    for round in 0..60 {
        for _ in 0..4 {
            let token_type = TYPES[rng.below(2)];
            live.push((token_type, issue(&tokens, token_type, subjects[rng.below(3)]).await));
        }
        for _ in 0..2 {
            let (token_type, issued) = live.swap_remove(rng.below(live.len()));
            tokens.revoke(token_type, issued.token.reveal()).await.unwrap();
            dead.push((token_type, issued));
        }
        if round % 10 == 9 {
            tokens.revoke_type(TYPES[0]).await.unwrap();
            let (ended, rest) = live.into_iter().partition(|(token_type, _)| *token_type == TYPES[0]);
            live = rest;
            dead.extend::<Vec<_>>(ended);
        }
        for _ in 0..3 {
            let key = server.command(&["RANDOMKEY"]);
            server.command(&[b"DEL", key.bytes()]);
        }
        for (token_type, issued) in &dead {
            assert!(!active(&tokens, token_type, issued).await, "round {round}");
        }
        // Of the others some ended with what was lost, and stay so.
        let mut rest = Vec::new();
        for (token_type, issued) in live {
            let list = if active(&tokens, token_type, &issued).await { &mut rest } else { &mut dead };
            list.push((token_type, issued));
        }
        live = rest;
    }
    assert!(dead.len() > 100);
}

/// A revocation that shall survive the loss of the master is an error where no replica has it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_durable_revocation_that_no_replica_confirms_is_an_error_that_says_so() {
    let server = RedisServer::start();
    let replica = RedisServer::options().replica_of(&server).start();
    let ring = || Keyring::from_key_bytes([7; 32]);
    let tokens = with_policies(&open_as("durable", connect(&server).await, ring()).await);
    let config = RedisConfig::builder().host("127.0.0.1").port(server.port()).wait_replicas(1);
    let config =
        config.timeout(Duration::from_secs(10)).wait_timeout(Duration::from_secs(1)).build().unwrap();
    let waiting = RedisStore::connect(config).await.unwrap();
    let durable = with_policies(&open_as("durable", waiting, ring()).await);
    let confirmed = issue(&durable, "session", "alice").await;
    assert!(durable.revoke("session", confirmed.token.reveal()).await.unwrap());

    replica.kill();
    // The master does not wait for one that it knows to be gone.
    while server.info("connected_slaves") != "0" {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for how in 0..3 {
        let issued = issue(&tokens, "session", "alice").await;
        let revoked = match how {
            0 => durable.revoke("session", issued.token.reveal()).await.map(drop),
            1 => durable.revoke_subject("alice").await,
            _ => durable.revoke_session("session", "alice", &issued.handle).await.map(drop),
        };
        let Err(Error::Store(error)) = revoked else { panic!("{revoked:?}") };
        assert_eq!(error.class(), Class::Ambiguous);
        let StoreError::Ambiguous(failure) = &error else { panic!("{error:?}") };
        let cause =
            std::error::Error::source(failure).and_then(|cause| cause.downcast_ref::<NotReplicated>());
        assert!(cause.is_some_and(|cause| cause.wanted == 1 && cause.confirmed == 0), "{error:?}");
        assert!(!active(&tokens, "session", &issued).await, "it is done where it could be");
    }
}

/// The client of a refresh whose response was lost presents its token again, and goes on.
#[tokio::test]
async fn a_refresh_whose_reply_is_lost_is_settled_by_the_same_call() {
    let store = FaultyStore::new(MemoryStore::new());
    let tokens = families(&open(store.clone()).await, WINDOW);
    let mut mine = grant(&tokens, "alice").await;
    for lost in [Fault::ReplyLost, Fault::Fail(StoreError::ambiguous("on its way"))] {
        for passed in [0, 1] {
            store.plan((0..passed).map(|_| Fault::Pass).chain([lost.clone()]));
            let text = mine.refresh.token.reveal();
            let error = tokens.refresh::<u64>("refresh", text).await.unwrap_err();
            assert!(matches!(error, Error::Store(error) if error.class() == Class::Ambiguous));
            let again = refresh(&tokens, &mine).await;
            // Only the second request writes, and only where its reply is what was lost.
            let written = passed == 1 && matches!(lost, Fault::ReplyLost);
            assert_eq!(matches!(again, Refresh::Replayed { .. }), written, "{lost:?} after {passed}");
            let (next, _) = again.granted().unwrap();
            assert_eq!(families::active(&tokens, &next).await, (true, true));
            mine = next;
        }
    }
    assert_eq!(store.planned(), 0);
}

/// What the store repeats by itself is told as what it is: the one exchange.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn on_redis_a_refresh_is_repeated_without_the_callers_knowing() {
    let server = RedisServer::start();
    let proxy = FaultProxy::before(server.port());
    let config = RedisConfig::builder().host("127.0.0.1").port(proxy.port());
    let config = config.timeout(Duration::from_secs(20)).build().unwrap();
    let tokens = families(&open(RedisStore::connect(config).await.unwrap()).await, WINDOW);
    let mut mine = grant(&tokens, "alice").await;
    // The scripts are known to the server now.
    mine = refresh(&tokens, &mine).await.granted().unwrap().0;
    for _ in 0..4 {
        proxy.spoil("EVALSHA", 2, Spoil::Lose);
        let refreshed = refresh(&tokens, &mine).await;
        assert!(matches!(refreshed, Refresh::Rotated { .. }), "{refreshed:?}");
        assert_eq!(proxy.unspoiled(), 0, "both faults were met");
        mine = refreshed.granted().unwrap().0;
        assert_eq!(families::active(&tokens, &mine).await, (true, true));
    }
}
