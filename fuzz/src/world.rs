//! A store with a vault over it, and ways around the vault to what the store holds.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use roomkey_core::{Batch, Key, Kind, Life, Op, Reply, Spread, Store as _};
use roomkey_memory::{MemoryOptions, MemoryStore};
use roomkey_vault::{Keyring, Space, Vault};

/// The name of the structure that is attacked.
pub(crate) const NAME: &str = "name";

/// A new one for every input, so that what one input leaves behind changes nothing for the next.
pub(crate) struct World {
    pub(crate) store: MemoryStore,
    pub(crate) vault: Vault<MemoryStore>,
}

impl World {
    pub(crate) fn new() -> Self {
        let store = store();
        let vault = ready(Vault::open(store.clone(), keyring())).expect("a new store takes a canary");
        Self { store, vault }
    }

    /// Where the vault keeps its own structures.
    pub(crate) fn space(&self) -> Space {
        self.vault.space("v1", Spread::over(16_384))
    }

    /// Where the vault keeps the structure of this kind that is called [`NAME`].
    pub(crate) fn key(&self, kind: Kind) -> Key {
        self.key_of(NAME, kind)
    }

    /// Where the vault keeps the structure of this kind and name.
    pub(crate) fn key_of(&self, name: &str, kind: Kind) -> Key {
        let space = self.space();
        space.key(kind, space.hide_name("value", name).expect("the name is neither empty nor long"))
    }

    /// Puts bytes where a value should be.
    pub(crate) fn put(&self, key: &Key, bytes: impl Into<Bytes>) {
        run(&self.store, Op::put(key, bytes.into(), Life::Never));
    }
}

/// Always the same, so that an input means the same in every run.
pub(crate) fn keyring() -> Keyring {
    Keyring::from_key_bytes([7; 32])
}

pub(crate) fn store() -> MemoryStore {
    // Without the reaper nothing needs a runtime.
    MemoryStore::with_options(MemoryOptions::new().reaper(false))
}

/// Runs an op that a store must be able to run.
pub(crate) fn run(store: &MemoryStore, op: Op) -> Reply {
    let batch = Batch::one(op).expect("the op is small");
    let replies = ready(store.run(batch)).expect("the store is open");
    replies.into_iter().next().expect("one reply to one op").expect("the op fits what is there")
}

/// What a future gives that waits for nothing, as those over the embedded store.
pub(crate) fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a call over the embedded store waits"),
    }
}
