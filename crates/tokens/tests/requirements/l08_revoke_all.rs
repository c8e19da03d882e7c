//! Line 8: revoking all of a subject or a type is as cheap with many tokens as with one, and never keeps the server busy
//! for long.

use std::sync::Arc;

use roomkey_core::Store;
use roomkey_memory::MemoryStore;
use roomkey_testkit::{RecordingStore, RedisServer, Request};
use roomkey_tokens::{Issued, Tokens};

use crate::common::{active, connect, issue, long, open, with_policies};

/// How many tokens, and how many tasks issue them.
fn many() -> (usize, usize) {
    if long() { (100_000, 64) } else { (5_000, 64) }
}

/// Many tokens of one subject.
async fn crowd<S: Store>(tokens: &Tokens<S>, count: usize, tasks: usize) -> Vec<Issued> {
    let tokens = Arc::new(tokens.clone());
    let issuing: Vec<_> = (0..tasks)
        .map(|_| {
            let tokens = Arc::clone(&tokens);
            tokio::spawn(async move {
                let mut all = Vec::new();
                for _ in 0..count / tasks {
                    all.push(issue(&tokens, "session", "alice").await);
                }
                all
            })
        })
        .collect();
    let mut all = Vec::new();
    for issued in issuing {
        all.extend(issued.await.unwrap());
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn on_memory_one_removed_key_ends_all_of_a_subject() {
    let store = RecordingStore::new(MemoryStore::new());
    let tokens = with_policies(&open(store.clone()).await);
    let all = crowd(&tokens, 2_000, 16).await;
    let of_bob = issue(&tokens, "session", "bob").await;
    store.clear();
    tokens.revoke_subject("alice").await.unwrap();
    let [call] = &store.history()[..] else { panic!("one call") };
    assert!(matches!(&call.request, Request::Run(batch) if batch.ops().len() == 1));
    for issued in &all {
        assert!(!active(&tokens, "session", issued).await);
    }
    assert!(active(&tokens, "session", &of_bob).await);

    store.clear();
    tokens.revoke_type("session").await.unwrap();
    let ops = |call: &roomkey_testkit::Call| match &call.request {
        Request::Run(batch) => batch.ops().len(),
        other => panic!("{other:?}"),
    };
    let sizes: Vec<usize> = store.history().iter().map(ops).collect();
    assert_eq!(sizes, [512; 8], "one small write in each of 4 096 partitions");
    assert!(!active(&tokens, "session", &of_bob).await);
}

/// Redis measures its own calls: nothing here depends on how busy the machine is with other things, but for a server that
/// is stopped in the middle of a call. So a slow call has to be slow again to count.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn on_redis_no_call_takes_long_while_many_tokens_end() {
    let (count, tasks) = many();
    let mut slow = Vec::new();
    for attempt in 0..3 {
        let server = RedisServer::options().config("slowlog-max-len", "1024").start();
        let tokens = with_policies(&open(connect(&server).await).await);
        let all = crowd(&tokens, count, tasks).await;
        let of_bob = issue(&tokens, "session", "bob").await;
        server.command(&["CONFIG", "SET", "slowlog-log-slower-than", "5000"]);
        server.command(&["SLOWLOG", "RESET"]);

        // Verifications go on meanwhile, and see no other answer than active before and inactive after.
        let verifying = {
            let (tokens, first) = (tokens.clone(), all[0].clone());
            tokio::spawn(async move {
                let mut was_active = 0;
                while active(&tokens, "session", &first).await {
                    was_active += 1;
                }
                for _ in 0..50 {
                    assert!(!active(&tokens, "session", &first).await, "it came back");
                }
                was_active
            })
        };
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        tokens.revoke_subject("alice").await.unwrap();
        assert!(verifying.await.unwrap() > 0, "it was active before");
        for issued in all.iter().step_by((count / 500).max(1)) {
            assert!(!active(&tokens, "session", issued).await);
        }
        tokens.revoke_type("session").await.unwrap();
        assert!(!active(&tokens, "session", &of_bob).await);
        let again = issue(&tokens, "session", "alice").await;
        assert!(active(&tokens, "session", &again).await, "the subject begins anew");

        let log = server.command(&["SLOWLOG", "GET", "-1"]);
        // id, time, microseconds, [command, …], …
        slow = log
            .items()
            .iter()
            .map(|entry| (entry.items()[2].int(), entry.items()[3].items()[0].text()))
            .collect();
        if slow.is_empty() {
            return;
        }
        eprintln!("attempt {attempt}: calls over 5 ms, in microseconds: {slow:?}");
    }
    panic!("calls over 5 ms in every attempt: {slow:?}");
}
