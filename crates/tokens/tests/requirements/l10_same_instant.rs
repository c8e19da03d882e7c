//! Line 10: nothing is decided by the time of a revocation, so what happens in the same millisecond is told apart.

use roomkey_memory::MemoryStore;

use crate::common::{active, issue, open, with_policies};

/// On a clock that stands still, every step is in the same millisecond.
#[tokio::test(start_paused = true)]
async fn before_and_after_a_revocation_are_told_apart_on_a_frozen_clock() {
    let tokens = with_policies(&open(MemoryStore::new()).await);
    let bystander = issue(&tokens, "access", "bob").await;
    let mut dead = Vec::new();
    for round in 0..20 {
        let before = issue(&tokens, "session", "alice").await;
        assert!(active(&tokens, "session", &before).await);
        if round % 2 == 0 {
            tokens.revoke_subject("alice").await.unwrap();
        } else {
            tokens.revoke_type("session").await.unwrap();
        }
        let after = issue(&tokens, "session", "alice").await;
        assert!(!active(&tokens, "session", &before).await, "round {round}");
        assert!(active(&tokens, "session", &after).await, "round {round}");
        dead.push(before);
        assert!(tokens.revoke("session", after.token.reveal()).await.unwrap());
        dead.push(after);
    }
    for issued in &dead {
        assert!(!active(&tokens, "session", issued).await, "nothing came back");
    }
    assert!(active(&tokens, "access", &bystander).await);
}
