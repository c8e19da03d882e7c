//! Line 13: a verification is one round trip to one node, every operation stays in one slot, and while the slot moves no
//! answer is wrong.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use roomkey_core::Store;
use roomkey_memory::MemoryStore;
use roomkey_store::{RedisConfig, RedisStore};
use roomkey_testkit::{FaultProxy, RecordingStore, RedisCluster, Request, keys_of};
use roomkey_tokens::{Error, Issue, Issued, Policy, Tokens};

use crate::common::{active, cluster, clustered, issue, open, policies, server, state, with_policies};
use crate::families::{self, WINDOW, grant, refresh};

const TYPES: [&str; 4] = ["session", "access", "link", "oldest"];

/// The keys of each request, one list a request.
fn keys_asked<S: Store>(store: &RecordingStore<S>) -> Vec<(String, Vec<Bytes>)> {
    let keys = |request: &Request| match request {
        Request::Run(batch) => {
            ("run".to_owned(), batch.ops().iter().map(|op| op.key().bytes().clone()).collect())
        }
        Request::Transact(txn) => (txn.name().to_owned(), keys_of(txn).into_iter().collect()),
        other => panic!("{other:?}"),
    };
    store.history().iter().map(|call| keys(&call.request)).collect()
}

/// Everything that is of one subject.
async fn operations<S: Store>(tokens: &Tokens<S>, subject: &str) {
    for token_type in TYPES {
        let issued = issue(tokens, token_type, subject).await;
        assert!(active(tokens, token_type, &issued).await);
        assert!(tokens.is_valid(token_type, issued.token.reveal()).await.unwrap());
        assert!(tokens.revoke(token_type, issued.token.reveal()).await.unwrap());
        let listed = issue(tokens, token_type, subject).await;
        assert!(tokens.revoke_session(token_type, subject, &listed.handle).await.unwrap());
        let used = issue(tokens, token_type, subject).await;
        assert!(tokens.consume::<u64>(token_type, used.token.reveal()).await.unwrap().is_some());
    }
    let first = grant(tokens, subject).await;
    let (next, _) = refresh(tokens, &first).await.granted().unwrap();
    assert!(refresh(tokens, &first).await.granted().is_some(), "within its grace");
    assert_eq!(families::active(tokens, &next).await, (true, true));
    assert_eq!(tokens.sessions::<u64>("refresh", subject, None).await.unwrap().sessions.len(), 1);
    assert!(tokens.revoke_others("refresh", next.refresh.token.reveal()).await.unwrap());
    assert!(tokens.revoke_family("refresh", next.refresh.token.reveal()).await.unwrap());
    let code = tokens.issue_code("code", Issue::new(subject, 7_u64)).await.unwrap();
    for typed in ["000000", code.text.reveal()] {
        tokens.verify_code::<u64>("code", subject, typed).await.unwrap();
    }
    tokens.revoke_subject(subject).await.unwrap();
}

#[tokio::test]
async fn a_verification_is_one_batch_of_plain_reads() {
    let store = RecordingStore::new(MemoryStore::new());
    let tokens = with_policies(&open(store.clone()).await);
    for token_type in TYPES {
        let issued = issue(&tokens, token_type, "alice").await;
        store.clear();
        assert!(active(&tokens, token_type, &issued).await);
        let [call] = &store.history()[..] else { panic!("{token_type}: one call") };
        let Request::Run(batch) = &call.request else { panic!("{token_type}: {:?}", call.request) };
        assert!(batch.ops().len() <= 5, "{token_type}");
        assert!(batch.ops().iter().all(|op| op.retry() == roomkey_core::Retry::Read), "{token_type}");
    }
    let granted = grant(&tokens, "alice").await;
    store.clear();
    assert_eq!(families::active(&tokens, &granted).await, (true, true));
    assert_eq!(store.history().len(), 2, "one call each");
}

/// How many commands were asked for, by name.
fn asked(proxy: &FaultProxy, before: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let more = |(name, count): (String, u64)| {
        let more = count - before.get(&name).copied().unwrap_or(0);
        (more > 0).then_some((name, more))
    };
    proxy.commands().into_iter().filter_map(more).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn on_redis_a_verification_is_four_or_five_plain_commands_on_one_connection() {
    let proxy = FaultProxy::before(server().port());
    let url = format!("redis://127.0.0.1:{}", proxy.port());
    let store = RedisStore::connect(RedisConfig::from_url(&url).unwrap()).await.unwrap();
    let tokens = with_policies(&open(store).await);
    for (token_type, expected) in [("access", 3), ("session", 4)] {
        let issued = issue(&tokens, token_type, "alice").await;
        let (before, connections) = (proxy.commands(), proxy.connections());
        let times = 10;
        for _ in 0..times {
            assert!(active(&tokens, token_type, &issued).await);
        }
        let mut asked = asked(&proxy, &before);
        // What a supervised connection says by itself.
        asked.remove("PING");
        assert!(asked.keys().all(|name| !name.starts_with("EVAL")), "{asked:?}");
        assert_eq!(asked.values().sum::<u64>(), expected * times, "{asked:?}");
        assert_eq!(proxy.connections(), connections);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn on_a_cluster_every_request_stays_in_the_slot_of_its_subject() {
    let node = &cluster().nodes()[0];
    let slot = |key: &Bytes| node.command(&[&b"CLUSTER"[..], b"KEYSLOT", key]).int();
    let store = RecordingStore::new(clustered().await);
    let vault = open(store.clone()).await;
    let tokens = with_policies(&vault);
    for subject in ["alice", "bob", "carol"] {
        store.clear();
        operations(&tokens, subject).await;
        let mut slots: Vec<i64> =
            keys_asked(&store).iter().flat_map(|(_, keys)| keys.iter().map(slot)).collect();
        assert!(slots.len() > 50, "keys were asked for");
        slots.dedup();
        assert_eq!(slots.len(), 1, "{subject}: one slot");
        issue(&tokens, "session", subject).await;
    }
    let kept = state(&vault).await;
    assert!(kept.len() >= 9, "a record, a subject and generations of types, of three subjects");
}

/// The slot of a subject, and a node that does not have it.
fn slot_and_other<'a>(cluster: &'a RedisCluster, key: &Bytes) -> (u16, &'a roomkey_testkit::RedisServer) {
    let slot = cluster.nodes()[0].command(&[&b"CLUSTER"[..], b"KEYSLOT", key]).int() as u16;
    let owner = cluster.owner(slot);
    (slot, cluster.nodes().iter().find(|node| !std::ptr::eq(*node, owner)).unwrap())
}

/// Key by key, with an answer wanted after each.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn halfway_through_a_move_verifications_and_revocations_are_right() {
    let cluster = RedisCluster::start();
    let store = RedisStore::connect(RedisConfig::from_url(&cluster.url()).unwrap()).await.unwrap();
    let vault = open(store).await;
    let tokens = with_policies(&vault);
    let mut live: Vec<(&str, Issued)> = Vec::new();
    let mut dead = Vec::new();
    for token_type in TYPES {
        live.push((token_type, issue(&tokens, token_type, "alice").await));
        let ended = issue(&tokens, "access", "alice").await;
        assert!(tokens.revoke("access", ended.token.reveal()).await.unwrap());
        dead.push(ended);
    }
    let keys = state(&vault).await;
    let (slot, to) = slot_and_other(&cluster, &keys[0].key);
    let migration = cluster.migration(slot, to);
    for moved in 0..=keys.len() {
        for (token_type, issued) in &live {
            assert!(active(&tokens, token_type, issued).await, "{token_type}, {moved} keys moved");
        }
        for issued in &dead {
            assert!(!active(&tokens, "access", issued).await, "{moved} keys moved");
        }
        if moved < keys.len() {
            assert_eq!(migration.move_keys(1), 1);
        }
    }
    // One key, so it needs no other that may be elsewhere.
    tokens.revoke_subject("alice").await.unwrap();
    for (token_type, issued) in &live {
        assert!(!active(&tokens, token_type, issued).await);
    }
    migration.finish();
    for (token_type, issued) in &live {
        assert!(!active(&tokens, token_type, issued).await);
    }
    let again = issue(&tokens, "session", "alice").await;
    assert!(active(&tokens, "session", &again).await);
}

/// Everything at once while the slot goes round. An operation that finds no time between two moves may fail, having done
/// nothing or not knowing; what is answered is right.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn while_the_slot_of_a_subject_moves_no_answer_is_wrong() {
    let cluster = RedisCluster::start();
    let store = RedisStore::connect(RedisConfig::from_url(&cluster.url()).unwrap()).await.unwrap();
    // A slot may be on its way for longer than a call usually waits, on a machine that is busy.
    let vault = open(store.with_timeout(Duration::from_secs(20))).await;
    let options = policies().policy("refresh", Policy::refresh().grace(WINDOW));
    let tokens = Tokens::with_options(vault.clone(), options).unwrap();
    let kept = issue(&tokens, "session", "alice").await;
    let (slot, _) = slot_and_other(&cluster, &state(&vault).await[0].key);
    let done = Arc::new(AtomicBool::new(false));
    let working: Vec<_> = (0..4)
        .map(|_| {
            let (tokens, kept, done) = (tokens.clone(), kept.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                let (mut answers, mut failures) = (0, 0);
                let mut mine = grant(&tokens, "alice").await;
                while !done.load(Ordering::Relaxed) {
                    match tokens.verify::<u64>("session", kept.token.reveal()).await {
                        Ok(session) => assert!(session.is_some(), "nobody ended it"),
                        Err(Error::Store(_)) => failures += 1,
                        Err(error) => panic!("{error:?}"),
                    }
                    // A failed exchange may have happened; then the same call gives the successors within the grace.
                    match tokens.refresh::<u64>("refresh", mine.refresh.token.reveal()).await {
                        Ok(refreshed) => {
                            mine = refreshed.granted().expect("it is current, or was just exchanged").0
                        }
                        Err(Error::Store(_)) => failures += 1,
                        Err(error) => panic!("{error:?}"),
                    }
                    let Ok(issued) = tokens.issue("access", Issue::new("alice", 7_u64)).await else {
                        failures += 1;
                        continue;
                    };
                    if let Ok(session) = tokens.verify::<u64>("access", issued.token.reveal()).await {
                        assert!(session.is_some(), "just issued");
                    }
                    if let Ok(existed) = tokens.revoke("access", issued.token.reveal()).await {
                        // A repeat of the store's own after a lost reply finds what it did itself; nothing is lost here.
                        assert!(existed, "it was there");
                        if let Ok(session) = tokens.verify::<u64>("access", issued.token.reveal()).await {
                            assert!(session.is_none(), "it was revoked");
                        }
                        answers += 1;
                    }
                }
                (answers, failures)
            })
        })
        .collect();
    let moving = tokio::task::spawn_blocking(move || {
        for round in 0..6 {
            cluster.migrate_slot(slot, &cluster.nodes()[round % 3]);
        }
        cluster
    });
    // The nodes are needed until the last answer.
    let cluster = moving.await.unwrap();
    done.store(true, Ordering::Relaxed);
    for working in working {
        let (answers, failures) = working.await.unwrap();
        assert!(answers > 0, "nothing was answered, {failures} failures");
    }
    assert!(active(&tokens, "session", &kept).await);
    drop(cluster);
}
