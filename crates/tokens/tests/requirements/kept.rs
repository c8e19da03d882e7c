//! The session that ends all others of its subject: it is active throughout, whatever else is asked of it meanwhile.

use roomkey_core::Store;
use roomkey_memory::MemoryStore;
use roomkey_tokens::Tokens;

use crate::common::{issue, open, seed, with_policies};
use crate::families::{access, grant};
use crate::interleaving::{Stepping, Task, alone, interleave, schedules};

/// Asks one thing of a session that stays, by one of its tokens.
async fn ask<S: Store>(tokens: &Tokens<S>, token_type: &str, text: &str, question: usize) {
    match question {
        0 => assert!(tokens.verify::<u64>(token_type, text).await.unwrap().is_some(), "verify"),
        1 => assert!(tokens.is_valid(token_type, text).await.unwrap(), "is_valid"),
        2 => {
            let told = tokens.introspect::<u64>(token_type, text).await.unwrap();
            assert!(told.active().is_some(), "introspect");
        }
        3 => assert!(tokens.update(token_type, text, 7_u64).await.unwrap(), "update"),
        4 => assert!(tokens.revoke_others(token_type, text).await.unwrap(), "revoke_others"),
        _ => {
            let listed = if token_type == "session" { "session" } else { "refresh" };
            let page = tokens.sessions::<u64>(listed, "alice", None).await.unwrap();
            let handle = tokens.verify::<u64>(token_type, text).await.unwrap().unwrap().handle;
            assert!(page.sessions.iter().any(|session| session.handle == handle), "sessions");
        }
    }
}

#[tokio::test]
async fn in_no_order_does_it_seem_to_have_ended() {
    let vault = alone(open(Stepping(MemoryStore::new())));
    let tokens = with_policies(&vault);
    schedules(2_000, seed(), |rng| {
        alone(tokens.revoke_subject("alice")).unwrap();
        alone(issue(&tokens, "session", "alice"));
        let (plain, family) = (alone(issue(&tokens, "session", "alice")), alone(grant(&tokens, "alice")));
        let refresh = family.refresh.token.reveal();
        let (ends, asked) = match rng.below(3) {
            0 => (("session", plain.token.reveal()), ("session", plain.token.reveal())),
            1 => (("access", access(&family)), ("access", access(&family))),
            _ => (("access", access(&family)), ("refresh", refresh)),
        };
        let question = rng.below(6);
        let tasks: Vec<Task<'_>> = vec![
            Box::pin(async { assert!(tokens.revoke_others(ends.0, ends.1).await.unwrap()) }),
            Box::pin(ask(&tokens, asked.0, asked.1, question)),
            // What takes part in no race, but moves the subject.
            Box::pin(async { drop(issue(&tokens, "session", "alice").await) }),
        ];
        if asked.0 == "refresh" && question == 4 {
            // By the refresh token, the access token that ended the others would be one of them.
            return;
        }
        interleave(rng, tasks);
    });
}

#[tokio::test]
async fn in_no_order_is_its_exchange_lost() {
    let vault = alone(open(Stepping(MemoryStore::new())));
    let tokens = with_policies(&vault);
    schedules(500, seed(), |rng| {
        let family = alone(grant(&tokens, "alice"));
        let tasks: Vec<Task<'_>> = vec![
            Box::pin(async { assert!(tokens.revoke_others("access", access(&family)).await.unwrap()) }),
            Box::pin(async {
                let refreshed =
                    tokens.refresh::<u64>("refresh", family.refresh.token.reveal()).await.unwrap();
                let next = refreshed.granted().unwrap().0;
                assert!(tokens.is_valid("refresh", next.refresh.token.reveal()).await.unwrap());
            }),
        ];
        interleave(rng, tasks);
    });
}
