//! Ending everything of a subject but one session.

use roomkey_core::Store;
use roomkey_tokens::Issue;

use crate::families::{
    access_text, active, assert_dead, both_active, grant, refresh_text, replay, rotate, texts, tokens,
};

pub(crate) async fn all_but_one_session_can_be_ended<S: Store>(store: S) {
    let tokens = tokens(store).await;
    for current in ["plain", "refresh", "access"] {
        let plain = tokens.issue("plain", Issue::new("alice", 42_u64)).await.unwrap();
        let (family, other) = (grant(&tokens, "alice").await, grant(&tokens, "alice").await);
        let alien = grant(&tokens, "bob").await;
        let text = match current {
            "plain" => plain.token.reveal(),
            "refresh" => refresh_text(&family),
            _ => access_text(&family),
        };
        assert!(tokens.revoke_others(current, text).await.unwrap());
        assert!(active(&tokens, current, text).await.is_some(), "{current}");
        assert_dead(&tokens, &[&other]).await;
        assert_eq!(both_active(&tokens, &alien).await, (true, true));
        assert_eq!(active(&tokens, "plain", plain.token.reveal()).await.is_some(), current == "plain");
        if current == "plain" {
            assert_dead(&tokens, &[&family]).await;
        } else {
            assert_eq!(both_active(&tokens, &family).await, (true, current == "access"));
            let next = rotate(&tokens, refresh_text(&family)).await;
            assert_eq!(both_active(&tokens, &next).await, (true, true));
            assert_eq!(texts(&replay(&tokens, refresh_text(&family)).await), texts(&next));
        }
        let after = grant(&tokens, "alice").await;
        assert_eq!(both_active(&tokens, &after).await, (true, true));
        assert!(tokens.revoke_others(current, text).await.unwrap() == (current != "refresh"), "{current}");
        tokens.revoke_subject("alice").await.unwrap();
        assert!(!tokens.revoke_others(current, text).await.unwrap(), "an inactive token ends nothing");
    }
    assert!(!tokens.revoke_others("access", "token").await.unwrap());
}

pub(crate) async fn ending_the_others_and_refreshing_at_once_lose_neither<S: Store>(store: S) {
    let tokens = tokens(store).await;
    for round in 0..40_u32 {
        let first = grant(&tokens, "alice").await;
        let thief = grant(&tokens, "alice").await;
        let refreshing = tokio::spawn({
            let (tokens, first) = (tokens.clone(), first.clone());
            async move {
                let mut last = first;
                for _ in 0..4 {
                    last = rotate(&tokens, refresh_text(&last)).await;
                }
                last
            }
        });
        for _ in 0..round {
            tokio::task::yield_now().await;
        }
        assert!(tokens.revoke_others("access", access_text(&first)).await.unwrap());
        assert_dead(&tokens, &[&thief]).await;
        let last = refreshing.await.unwrap();
        assert!(both_active(&tokens, &last).await.0, "the session goes on");
        let next = rotate(&tokens, refresh_text(&last)).await;
        assert_eq!(both_active(&tokens, &next).await, (true, true));
        assert!(active(&tokens, "access", access_text(&first)).await.is_some());
    }
}
