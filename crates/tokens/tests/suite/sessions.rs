//! Listing the sessions of a subject.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use roomkey_core::{Error as StoreError, Key, Kind, Life, Op, Store};
use roomkey_crypto::SecretKey;
use roomkey_tokens::{
    Error, Handle, Issue, Issued, Policy, Reason, SessionCursor, Tokens, TokensOptions, What,
};
use roomkey_vault::{Keyring, Vault};

use crate::assert_fails;
use crate::common::{HOUR, keys_of, open, raw, sole_key};

fn options() -> TokensOptions {
    TokensOptions::new()
        .policy("session", Policy::fixed(HOUR).idle(HOUR / 2))
        .policy("short", Policy::fixed(HOUR / 60))
}

async fn tokens<S: Store>(store: S) -> Tokens<S> {
    Tokens::with_options(open(store).await, options()).unwrap()
}

/// All sessions of a subject, over all pages, by handle.
async fn all<S: Store>(tokens: &Tokens<S>, token_type: &str, subject: &str) -> BTreeSet<Handle> {
    let (mut handles, mut next) = (BTreeSet::new(), None);
    loop {
        let page = tokens.sessions::<u64>(token_type, subject, next).await.unwrap();
        handles.extend(page.sessions.iter().map(|session| session.handle));
        next = page.next;
        if next.is_none() {
            return handles;
        }
    }
}

async fn some<S: Store>(tokens: &Tokens<S>, token_type: &str, subject: &str, count: u64) -> Vec<Issued> {
    let mut issued = Vec::new();
    for n in 0..count {
        let issue = Issue::new(subject, n).device(format!("device {n}"));
        issued.push(tokens.issue(token_type, issue).await.unwrap());
    }
    issued
}

fn handles(issued: &[Issued]) -> BTreeSet<Handle> {
    issued.iter().map(|issued| issued.handle).collect()
}

pub(crate) async fn a_list_shows_the_live_sessions_of_a_type<S: Store>(store: S) {
    let tokens = tokens(store).await;
    assert_eq!(tokens.sessions::<u64>("session", "alice", None).await.unwrap().sessions, []);
    let issued = some(&tokens, "session", "alice", 3).await;
    some(&tokens, "short", "alice", 2).await;
    some(&tokens, "session", "bob", 1).await;
    tokens.store("session", "brought", HOUR).await.unwrap();
    let page = tokens.sessions::<u64>("session", "alice", None).await.unwrap();
    assert_eq!(page.next, None);
    let mut sessions = page.sessions;
    sessions.sort_by_key(|session| session.claims);
    for (n, (session, issued)) in sessions.iter().zip(&issued).enumerate() {
        assert_eq!((session.subject.as_str(), session.claims), ("alice", n as u64));
        assert_eq!(session.device.as_deref(), Some(format!("device {n}").as_str()));
        assert_eq!(session.handle, issued.handle);
        let verified = tokens.verify::<u64>("session", issued.token.reveal()).await.unwrap().unwrap();
        assert_eq!(*session, verified, "a list tells what a verification does");
    }
    assert_eq!(sessions.len(), 3);
    // What it shows is what can be ended.
    assert!(tokens.revoke_session("session", "alice", &sessions[1].handle).await.unwrap());
    assert_eq!(tokens.verify::<u64>("session", issued[1].token.reveal()).await.unwrap(), None);
    assert_eq!(all(&tokens, "session", "alice").await, handles(&[issued[0].clone(), issued[2].clone()]));
    assert_eq!(all(&tokens, "short", "alice").await.len(), 2);
    assert_fails!(tokens.sessions::<u64>("session", "", None).await, Error::Empty);
    assert_fails!(tokens.sessions::<u64>("", "alice", None).await, Error::Empty);
}

pub(crate) async fn a_list_is_complete_over_its_pages<S: Store>(store: S) {
    let tokens = tokens(store).await;
    let issued = some(&tokens, "session", "alice", 350).await;
    some(&tokens, "short", "alice", 150).await;
    assert_eq!(all(&tokens, "session", "alice").await, handles(&issued));
    let first = tokens.sessions::<u64>("session", "alice", None).await.unwrap();
    let next = first.next.expect("350 sessions are more than a page");
    // Through a web page and back.
    let next: SessionCursor = next.to_string().parse().unwrap();
    let second = tokens.sessions::<u64>("session", "alice", Some(next)).await.unwrap();
    assert!(first.sessions.len() + second.sessions.len() < 350);
}

pub(crate) async fn what_is_revoked_or_gone_is_on_no_list<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let tokens = Tokens::with_options(vault.clone(), options()).unwrap();
    let issued = some(&tokens, "session", "alice", 3).await;
    // An index that promises more than there is: a record that was evicted.
    let records = keys_of(&vault, "t2", Kind::Value).await;
    raw(&store, Op::delete(&records[0])).await;
    assert_eq!(all(&tokens, "session", "alice").await.len(), 2);
    // Records that outlive their generations.
    tokens.revoke_type("session").await.unwrap();
    assert_eq!(all(&tokens, "session", "alice").await, BTreeSet::new());
    let again = some(&tokens, "session", "alice", 1).await;
    assert_eq!(all(&tokens, "session", "alice").await, handles(&again));
    tokens.revoke_subject("alice").await.unwrap();
    assert_eq!(all(&tokens, "session", "alice").await, BTreeSet::new());
    // An index that was put back does not bring them back.
    let later = some(&tokens, "session", "alice", 1).await;
    let index = sole_key(&vault, "s1", Kind::Ranking).await;
    for old in issued.iter().chain(&again) {
        let member = bytes::Bytes::copy_from_slice(old.handle.as_bytes());
        let score = roomkey_core::Score::Is(1 << 52);
        raw(&store, roomkey_core::RankPut::new(&index, member, score).into()).await;
    }
    assert_eq!(all(&tokens, "session", "alice").await, handles(&later));
}

pub(crate) async fn a_damaged_session_does_not_hide_the_others<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let told: Arc<Mutex<Vec<What>>> = Arc::default();
    let sink = Arc::clone(&told);
    let options = options().audit(move |event: &roomkey_tokens::Event<'_>| {
        sink.lock().unwrap().push(event.what);
    });
    let tokens = Tokens::with_options(vault.clone(), options).unwrap();
    some(&tokens, "session", "alice", 4).await;
    let records = keys_of(&vault, "t2", Kind::Value).await;
    let sealed = raw(&store, Op::get(&records[3])).await.into_bytes().unwrap();
    raw(&store, Op::put(&records[0], "damaged", Life::Keep)).await;
    raw(&store, Op::put(&records[1], sealed, Life::Keep)).await;
    let list = Key::parse(Kind::List, records[2].bytes().clone()).unwrap();
    raw(&store, Op::delete(&list)).await;
    raw(&store, Op::push(&list, roomkey_core::End::Back, "x", Life::Never)).await;
    told.lock().unwrap().clear();
    assert_eq!(all(&tokens, "session", "alice").await.len(), 1);
    assert_eq!(*told.lock().unwrap(), [What::Fault; 3]);
    // Nor do claims of another type.
    tokens.issue("session", Issue::new("alice", "text".to_owned())).await.unwrap();
    assert_eq!(all(&tokens, "session", "alice").await.len(), 1);
}

pub(crate) async fn a_session_under_an_unknown_key_is_on_no_list<S: Store>(store: S) {
    static APPS: AtomicU32 = AtomicU32::new(0);
    let app = format!("rotating{}", APPS.fetch_add(1, Ordering::Relaxed));
    let key = |fill| SecretKey::from_bytes([fill; 32]);
    let old = Keyring::builder(key(7)).names(key(9)).build().unwrap();
    let new = Keyring::builder(key(8)).names(key(9)).retired(key(7)).build().unwrap();
    let vault = async |ring| Vault::builder().app(&app).open(store.clone(), ring).await.unwrap();
    let told: Arc<Mutex<Vec<What>>> = Arc::default();
    let sink = Arc::clone(&told);
    let options =
        options().audit(move |event: &roomkey_tokens::Event<'_>| sink.lock().unwrap().push(event.what));
    let behind = Tokens::with_options(vault(old).await, options).unwrap();
    let ahead = Tokens::new(vault(new).await);
    let of_old = some(&behind, "session", "alice", 1).await;
    some(&ahead, "session", "alice", 1).await;
    assert_eq!(all(&ahead, "session", "alice").await.len(), 2);
    // The process that has not heard of the new key yet sees its own.
    told.lock().unwrap().clear();
    assert_eq!(all(&behind, "session", "alice").await, handles(&of_old));
    assert_eq!(*told.lock().unwrap(), [What::Refused(Reason::UnknownKey)]);
}

pub(crate) async fn no_cursor_does_harm<S: Store>(store: S) {
    let tokens = tokens(store).await;
    some(&tokens, "session", "alice", 350).await;
    let own = tokens.sessions::<u64>("session", "alice", None).await.unwrap().next.unwrap();
    let mut altered = own.as_bytes().to_vec();
    altered[0] ^= 1;
    for bytes in [&b"x"[..], b"run:17", b"\xff\xff\xff\xff\xff\xff\xff\xffe", &[0; 200], &altered] {
        let cursor = SessionCursor::try_from(bytes).unwrap();
        assert_fails!(
            tokens.sessions::<u64>("session", "alice", Some(cursor)).await,
            Error::Store(StoreError::CursorLost)
        );
    }
    // One that belongs to another subject shows sessions of this one only.
    some(&tokens, "session", "bob", 2).await;
    match tokens.sessions::<u64>("session", "bob", Some(own)).await {
        Ok(page) => assert!(page.sessions.iter().all(|session| session.subject == "bob")),
        Err(error) => assert_fails!(Err::<(), _>(error), Error::Store(StoreError::CursorLost)),
    }
}
