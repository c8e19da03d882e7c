//! Planted sentinels: tokens and types that must not be seen anywhere.

use roomkey_core::{Key, Kind, Life, Op, Scan, Store};
use roomkey_testkit::{RecordingStore, read_state};
use roomkey_tokens::Tokens;

use crate::common::{HOUR, SPREAD, open, raw, record, tracking};

const TOKEN: &str = "sentinel-token";
const TYPE: &str = "sentinel-type";

async fn every_operation<S: Store>(tokens: &Tokens<S>) {
    tokens.store(TYPE, TOKEN, HOUR).await.unwrap();
    tokens.store(TYPE, TOKEN, HOUR).await.unwrap_err();
    tokens.store(TYPE, &format!("{TOKEN}-2"), HOUR).await.unwrap();
    assert!(tokens.is_valid(TYPE, TOKEN).await.unwrap());
    tokens.cleanup_expired(TYPE).await.unwrap();
    tokens.revoke(TYPE, TOKEN).await.unwrap();
}

pub(crate) async fn no_token_or_type_reaches_the_store<S: Store>(store: S) {
    let store = RecordingStore::new(store);
    let vault = open(store.clone()).await;
    for tokens in [Tokens::new(vault.clone()), tracking(vault.clone())] {
        every_operation(&tokens).await;
        tokens.revoke(TYPE, &format!("{TOKEN}-2")).await.unwrap();
    }
    let tokens = tracking(vault.clone());
    tokens.store(TYPE, TOKEN, HOUR).await.unwrap();

    let asked = format!("{:?}", store.history());
    assert!(asked.len() > 1_000, "the history holds what was sent");
    assert!(!asked.contains("sentinel"), "{asked}");
    let mut keys = Vec::new();
    for layout in ["t1", "x1"] {
        let mut next = None;
        loop {
            let scan = Scan::new(vault.space(layout, SPREAD).namespace().clone()).after(next);
            let page = store.scan(scan).await.unwrap();
            keys.extend(page.keys);
            next = page.next;
            if next.is_none() {
                break;
            }
        }
    }
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 2, "a record and an index");
    let held = format!("{:?}", read_state(store.inner(), keys).await);
    assert!(!held.contains("sentinel"), "{held}");
}

pub(crate) async fn debug_and_errors_show_no_token_or_type<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let tokens = tracking(vault.clone());
    tokens.store(TYPE, TOKEN, HOUR).await.unwrap();
    let shown = format!("{tokens:?} {tokens:#?}");
    assert!(!shown.contains("sentinel"), "{shown}");

    let long = TOKEN.repeat(10_000);
    let mut errors = vec![
        tokens.store(TYPE, TOKEN, HOUR).await.unwrap_err(),
        tokens.store(TYPE, &long, HOUR).await.unwrap_err(),
        tokens.is_valid(&long, TOKEN).await.unwrap_err(),
        tokens.store(TYPE, TOKEN, std::time::Duration::ZERO).await.unwrap_err(),
    ];
    raw(&store, Op::put(&record(&vault, TYPE, TOKEN), TOKEN, Life::Never)).await;
    errors.push(tokens.is_valid(TYPE, TOKEN).await.unwrap_err());
    let list = Key::parse(Kind::List, record(&vault, TYPE, "other").bytes().clone()).unwrap();
    raw(&store, Op::push(&list, roomkey_core::End::Back, TOKEN, Life::Never)).await;
    errors.push(tokens.is_valid(TYPE, "other").await.unwrap_err());
    for error in errors {
        let mut shown = format!("{error} {error:?}");
        let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(&error);
        while let Some(inner) = cause {
            shown.push_str(&format!("{inner} {inner:?}"));
            cause = inner.source();
        }
        assert!(!shown.contains("sentinel"), "{shown}");
    }
}
