//! Line 9: indexes are hints, generations are the truth. What is lost logs people out; it lets nobody in, and keeps no
//! revoked token alive.

use roomkey_core::{Bound, Key, Kind, Life, Op, Order, RankPut, Reply, Score, Store};
use roomkey_testkit::Content;
use roomkey_tokens::{Issued, Tokens};

use crate::common::{active, issue, open, raw, state, state_of, subject_key, with_policies};

const TYPES: [&str; 3] = ["session", "access", "oldest"];

async fn some<S: Store>(tokens: &Tokens<S>) -> Vec<(&'static str, Issued)> {
    let mut all = Vec::new();
    for token_type in TYPES {
        all.push((token_type, issue(tokens, token_type, "alice").await));
    }
    all
}

async fn count_active<S: Store>(tokens: &Tokens<S>, all: &[(&str, Issued)]) -> usize {
    let mut count = 0;
    for (token_type, issued) in all {
        count += usize::from(active(tokens, token_type, issued).await);
    }
    count
}

async fn members<S: Store>(store: &S, key: &Key) -> Vec<(bytes::Bytes, i64)> {
    match raw(store, Op::rank_range(key, Bound::Open, Bound::Open, Order::Lowest, 1_000)).await {
        Reply::Scored(members) => members,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn without_its_index_a_subject_is_revoked_all_the_same<S: Store>(store: S) {
    let vault = open(store).await;
    let tokens = with_policies(&vault);
    let all = some(&tokens).await;
    let key = subject_key(&vault, tokens.subject_tag("alice").unwrap());
    let sessions: Vec<_> = members(vault.store(), &key)
        .await
        .into_iter()
        .filter(|(_, score)| *score > 0)
        .map(|(m, _)| m)
        .collect();
    assert_eq!(sessions.len(), TYPES.len());
    raw(vault.store(), Op::rank_remove(&key, sessions)).await;
    assert_eq!(count_active(&tokens, &all).await, TYPES.len(), "the index is a hint");
    tokens.revoke_subject("alice").await.unwrap();
    assert_eq!(count_active(&tokens, &all).await, 0);
}

pub(crate) async fn a_lost_subject_fails_closed_and_a_new_one_revives_nothing<S: Store>(store: S) {
    let vault = open(store).await;
    let tokens = with_policies(&vault);
    let all = some(&tokens).await;
    let of_bob = issue(&tokens, "session", "bob").await;
    raw(vault.store(), Op::delete(&subject_key(&vault, tokens.subject_tag("alice").unwrap()))).await;
    assert_eq!(count_active(&tokens, &all).await, 0);
    let after = some(&tokens).await;
    assert_eq!(count_active(&tokens, &after).await, TYPES.len());
    assert_eq!(count_active(&tokens, &all).await, 0);
    assert!(active(&tokens, "session", &of_bob).await);
}

pub(crate) async fn a_lost_generation_fails_closed_and_a_new_one_revives_nothing<S: Store>(store: S) {
    let vault = open(store).await;
    let tokens = with_policies(&vault);
    let all = some(&tokens).await;
    let key = subject_key(&vault, tokens.subject_tag("alice").unwrap());
    let generation =
        members(vault.store(), &key).await.into_iter().find(|(m, score)| *score == 0 && m.len() == 8);
    raw(vault.store(), Op::rank_remove(&key, generation.unwrap().0)).await;
    assert_eq!(count_active(&tokens, &all).await, 0);
    let after = some(&tokens).await;
    assert_eq!(count_active(&tokens, &after).await, TYPES.len());
    assert_eq!(count_active(&tokens, &all).await, 0);
    assert!(members(vault.store(), &key).await.len() < 10, "what was damaged was replaced");
}

/// Someone who writes a second generation beside the first, say by restoring a part of a backup, wins nothing.
pub(crate) async fn of_two_generations_neither_counts<S: Store>(store: S) {
    let vault = open(store).await;
    let tokens = with_policies(&vault);
    let before = some(&tokens).await;
    let key = subject_key(&vault, tokens.subject_tag("alice").unwrap());
    let old: Vec<_> = members(vault.store(), &key).await.into_iter().filter(|(m, _)| m.len() == 8).collect();
    tokens.revoke_subject("alice").await.unwrap();
    let after = some(&tokens).await;
    raw(vault.store(), RankPut::new(&key, old[0].0.clone(), Score::Is(0))).await;
    assert_eq!(count_active(&tokens, &before).await + count_active(&tokens, &after).await, 0);
    let new = some(&tokens).await;
    assert_eq!(count_active(&tokens, &new).await, TYPES.len(), "the next login mends it");
    assert_eq!(count_active(&tokens, &before).await + count_active(&tokens, &after).await, 0);
}

pub(crate) async fn a_lost_generation_of_a_type_fails_closed<S: Store>(store: S) {
    let vault = open(store).await;
    let tokens = with_policies(&vault);
    let all = some(&tokens).await;
    let types = state_of(&vault, "g1").await;
    let [types] = &types[..] else { panic!("one partition is in use: {types:?}") };
    let Content::Map(fields) = &types.content else { panic!("{types:?}") };
    assert_eq!(fields.len(), TYPES.len());
    let key = Key::parse(Kind::Map, types.key.clone()).unwrap();
    let mut left = TYPES.len();
    for field in fields.keys() {
        raw(vault.store(), Op::map_remove(&key, field.clone())).await;
        left -= 1;
        assert_eq!(count_active(&tokens, &all).await, left);
    }
    let after = some(&tokens).await;
    assert_eq!(count_active(&tokens, &after).await, TYPES.len());
    assert_eq!(count_active(&tokens, &all).await, 0);
}

/// Whatever single key is lost, no token becomes active that was not.
pub(crate) async fn whichever_key_is_lost_nobody_gets_in<S: Store>(store: S) {
    for lost in 0.. {
        let vault = open(store.clone()).await;
        let tokens = with_policies(&vault);
        let revoked = some(&tokens).await;
        for (token_type, issued) in &revoked {
            assert!(tokens.revoke(token_type, issued.token.reveal()).await.unwrap());
        }
        let generation = some(&tokens).await;
        tokens.revoke_subject("alice").await.unwrap();
        let live = some(&tokens).await;
        let keys = state(&vault).await;
        let Some(key) = keys.get(lost) else {
            assert!(lost >= 5, "three records, the subject, and the generations of types");
            return;
        };
        raw(vault.store(), Op::delete(&Key::parse(Kind::Value, key.key.clone()).unwrap())).await;
        let dead = [revoked, generation].concat();
        assert_eq!(count_active(&tokens, &dead).await, 0, "without key {lost}");
        let left = count_active(&tokens, &live).await;
        let again = some(&tokens).await;
        assert_eq!(count_active(&tokens, &again).await, TYPES.len());
        assert_eq!(count_active(&tokens, &dead).await, 0, "after key {lost} was made anew");
        assert!(count_active(&tokens, &live).await <= left, "nothing came back");
    }
}

/// The documented limit: whoever can put back the key of a subject and the record of a token brings it back. The key of
/// the subject alone brings back nothing that was revoked by itself.
pub(crate) async fn an_old_subject_restored_revives_only_what_it_ended<S: Store>(store: S) {
    let vault = open(store).await;
    let tokens = with_policies(&vault);
    let all = some(&tokens).await;
    let key = subject_key(&vault, tokens.subject_tag("alice").unwrap());
    let old = members(vault.store(), &key).await;
    let (single_type, single) = &all[0];
    assert!(tokens.revoke(single_type, single.token.reveal()).await.unwrap());
    tokens.revoke_subject("alice").await.unwrap();
    for (member, score) in old {
        let life = Life::AtLeast(crate::common::HOUR.into());
        raw(vault.store(), RankPut::new(&key, member, Score::Is(score)).life(life)).await;
    }
    assert!(!active(&tokens, single_type, single).await, "its record is gone");
    assert_eq!(count_active(&tokens, &all).await, TYPES.len() - 1, "the limit that SECURITY.md states");
}
