//! Line 15: the rotation of the key ring. Tokens under the previous key are read in the same round trip, and come under
//! the new key when their sliding is written; once the old key is dropped the others are inactive, for that reason. And no
//! clock but the store's decides on a token.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use roomkey_core::Store;
use roomkey_crypto::SecretKey;
use roomkey_memory::MemoryStore;
use roomkey_testkit::{Content, RecordingStore};
use roomkey_tokens::{Event, Reason, Refresh, Tokens, What};
use roomkey_vault::{Keyring, Vault};

use crate::common::{HOUR, Time, active, issue, open_as, policies, state_of};
use crate::families::{self, grant, refresh};

fn key(byte: u8) -> SecretKey {
    SecretKey::from_bytes([byte; 32])
}

/// The rings of a rotation: before, during and after it.
fn rings() -> [Keyring; 3] {
    let before = Keyring::from(key(1));
    let names = || before.name_key().clone();
    let during = Keyring::builder(key(2)).retired(key(1)).names(names()).build().unwrap();
    let after = Keyring::builder(key(2)).names(names()).build().unwrap();
    [before, during, after]
}

async fn open<S: Store>(store: S, ring: &Keyring) -> Vault<S> {
    open_as("rotation", store, ring.clone()).await
}

type Reasons = Arc<Mutex<Vec<Reason>>>;

fn listening<S: Store>(vault: &Vault<S>) -> (Tokens<S>, Reasons) {
    let reasons: Reasons = Arc::default();
    let heard = Arc::clone(&reasons);
    let options = policies().audit(move |event: &Event<'_>| {
        if let What::Refused(reason) = event.what {
            heard.lock().unwrap().push(reason);
        }
    });
    (Tokens::with_options(vault.clone(), options).unwrap(), reasons)
}

#[tokio::test(start_paused = true)]
async fn tokens_under_a_retired_key_are_read_at_once_and_resealed_when_they_slide() {
    let store = RecordingStore::new(MemoryStore::new());
    let [before, during, after] = rings();
    let (old, _) = listening(&open(store.clone(), &before).await);
    let (slides, fixed) = (issue(&old, "session", "alice").await, issue(&old, "oldest", "alice").await);
    let unused = issue(&old, "session", "alice").await;

    let vault = open(store.clone(), &during).await;
    let (tokens, _) = listening(&vault);
    store.clear();
    for (token_type, issued) in [("session", &slides), ("oldest", &fixed)] {
        assert!(active(&tokens, token_type, issued).await);
    }
    assert_eq!(store.history().len(), 2, "one round trip each");
    // Another process does not know the new key yet, and reads what is issued under the old one.
    store.inner().pass(HOUR / 6).await;
    store.clear();
    assert!(active(&tokens, "session", &slides).await);
    assert_eq!(store.transactions(), ["tokens.touch"]);
    let resealed = |state: &Content| matches!(state, Content::Value(_));
    assert!(state_of(&vault, "t2").await.iter().all(|state| resealed(&state.content)));
    assert!(active(&tokens, "session", &slides).await, "it is the same token");
    crate::l11_expiry::assert_all_expire(&vault).await;

    let (tokens, reasons) = listening(&open(store.clone(), &after).await);
    assert!(active(&tokens, "session", &slides).await, "it came under the new key when it slid");
    assert!(reasons.lock().unwrap().is_empty());
    assert!(!active(&tokens, "session", &unused).await);
    assert!(!active(&tokens, "oldest", &fixed).await);
    assert_eq!(*reasons.lock().unwrap(), [Reason::UnknownKey; 2]);
    assert!(!tokens.is_valid("session", unused.token.reveal()).await.unwrap());
    // A process that still has the old key reads them: nothing was removed.
    let (tokens, _) = listening(&open(store.clone(), &during).await);
    assert!(active(&tokens, "oldest", &fixed).await);
    // The new one can end what it cannot read.
    let (tokens, _) = listening(&open(store, &after).await);
    assert!(tokens.revoke("oldest", fixed.token.reveal()).await.unwrap());
    tokens.revoke_subject("alice").await.unwrap();
    assert!(!active(&tokens, "session", &slides).await);
}

/// Processes of a rotation that is under way read each other's tokens: the first step of it gives all of them the new key
/// as one that only opens.
#[tokio::test]
async fn processes_on_both_sides_of_a_rotation_read_each_others_tokens() {
    let store = MemoryStore::new();
    let names = || Keyring::from(key(1)).name_key().clone();
    let prepared = Keyring::builder(key(1)).retired(key(2)).names(names()).build().unwrap();
    let switched = Keyring::builder(key(2)).retired(key(1)).names(names()).build().unwrap();
    let (first, _) = listening(&open(store.clone(), &prepared).await);
    let (second, _) = listening(&open(store, &switched).await);
    for (issuer, reader) in [(&first, &second), (&second, &first)] {
        let issued = issue(issuer, "session", "alice").await;
        assert!(active(reader, "session", &issued).await);
        assert!(reader.revoke("session", issued.token.reveal()).await.unwrap());
        assert!(!active(issuer, "session", &issued).await);
    }
}

/// The store's clock runs away from that of the process: it goes on by an hour while the process' own stand still.
#[tokio::test(start_paused = true)]
async fn no_clock_but_the_stores_decides() {
    let store = MemoryStore::new();
    let [ring, ..] = rings();
    let vault = open(store.clone(), &ring).await;
    let (knowing, _) = listening(&vault);
    let issued = issue(&knowing, "session", "alice").await;
    for minutes in [20, 29] {
        store.pass(Duration::from_secs(minutes * 60)).await;
        // One process was told the store's time long ago, the other never.
        let (fresh, _) = listening(&vault);
        assert!(active(&fresh, "session", &issued).await && active(&knowing, "session", &issued).await);
    }
    store.pass(Duration::from_secs(11 * 60) + Duration::from_millis(2)).await;
    let (fresh, _) = listening(&vault);
    assert!(!active(&fresh, "session", &issued).await && !active(&knowing, "session", &issued).await);
}

#[tokio::test(start_paused = true)]
async fn families_go_on_through_a_rotation_and_come_under_the_new_key() {
    let store = MemoryStore::new();
    let [before, during, after] = rings();
    let (old, _) = listening(&open(store.clone(), &before).await);
    let (used, unused) = (grant(&old, "alice").await, grant(&old, "alice").await);
    let of_old = refresh(&old, &used).await.granted().unwrap().0;

    let (tokens, _) = listening(&open(store.clone(), &during).await);
    let Refresh::Replayed { grant: replayed, .. } = refresh(&tokens, &used).await else {
        panic!("successors under a retired key are within their grace")
    };
    assert_eq!(replayed.refresh.token, of_old.refresh.token);
    let of_new = refresh(&tokens, &of_old).await.granted().unwrap().0;
    // The other processes read it, too.
    assert_eq!(families::active(&tokens, &of_new).await, (true, true));

    let (tokens, reasons) = listening(&open(store, &after).await);
    assert_eq!(families::active(&tokens, &of_new).await, (true, true));
    let last = refresh(&tokens, &of_new).await.granted().unwrap().0;
    assert_eq!(families::active(&tokens, &last).await, (true, true));
    reasons.lock().unwrap().clear();
    // Never used since: its record stayed under the key that is gone. It is no copy, so nothing is ended for that.
    assert!(matches!(refresh(&tokens, &unused).await, Refresh::Inactive));
    assert_eq!(*reasons.lock().unwrap(), [Reason::UnknownKey]);
}
