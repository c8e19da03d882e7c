//! The canary: a sealed value in every namespace that tells a wrong key ring when a vault opens.

use bytes::Bytes;
use roomkey_core::{BranchId, Check, Key, Kind, Life, Op, Reply, Spread, Store, TxnBuilder};
use roomkey_crypto::{Context, Tag, inspect};

use super::{Vault, broken};
use crate::{Error, Result, Space};

/// The canaries of all namespaces lie in one partition: each is asked for once per vault.
const SPREAD: Spread = Spread::over(1);

/// What the canary is sealed as.
const KIND: u8 = Context::FIRST_FREE;

// inside the seal: "roomkey canary 1" | fingerprint of the key that hides names 16
const SONG: &[u8; 16] = b"roomkey canary 1";

impl<S: Store> Vault<S> {
    /// Leaves a canary where there is none, else opens the one that is there. Of two vaults that open a new namespace
    /// at once, one leaves its canary and the other opens it.
    pub(super) async fn check_canary(&self) -> Result<()> {
        let space = self.space("canary", SPREAD);
        // Not a hidden name: a ring with another name key would not find it, and so not be told from the first one.
        let key = space.key(Kind::Value, Tag::from([0; Tag::LEN]));
        let damaged = |error| damaged(&key, error);
        // Most often it is there: a look needs no memory, and no replica that confirms it.
        let there = self.run(Op::get(&key)).await.map_err(damaged)?.into_bytes();
        let there = match there {
            None => self.leave_canary(&space, &key).await.map_err(damaged)?,
            there => there,
        };
        let Some(sealed) = there else { return Ok(()) };
        self.listen(&space, &key, &sealed).map_err(damaged)?;
        self.renew_canary(&space, &key, &sealed).await
    }

    /// Leaves a canary; where another was left meanwhile, gives that.
    async fn leave_canary(&self, space: &Space, key: &Key) -> Result<Option<Bytes>> {
        let mut program = TxnBuilder::new("vault.canary");
        let (new, old) = program.fork(BranchId::ROOT, [Check::missing(key)]);
        program.op(new, Op::put(key, self.sing(space, key)?, Life::Never));
        let found = program.op(old, Op::get(key));
        let mut outcome = self.store().transact(&program.retry_safe().build()?).await?;
        if outcome.took(new) {
            return Ok(None);
        }
        match outcome.take_reply(found) {
            Some(Reply::Bytes(Some(sealed))) => Ok(Some(sealed)),
            _ => Err(broken("no reply to the reading of the canary")),
        }
    }

    fn sing(&self, space: &Space, key: &Key) -> Result<Bytes> {
        space.seal(&Context::new(KIND, key.bytes(), b""), &[SONG, &space.fingerprint()])
    }

    fn listen(&self, space: &Space, key: &Key, sealed: &[u8]) -> Result<()> {
        let wrong = |key| Error::WrongKeyring {
            namespace: format!("{}:{}", self.inner.app, self.inner.namespace),
            key,
        };
        let opened = match space.open(&Context::new(KIND, key.bytes(), b""), sealed) {
            Err(Error::UnknownKey(key)) => return Err(wrong(Some(key))),
            other => other?,
        };
        match opened.strip_prefix(SONG.as_slice()) {
            Some(fingerprint) if fingerprint == space.fingerprint() => Ok(()),
            Some(fingerprint) if fingerprint.len() == Tag::LEN => Err(wrong(None)),
            _ => Err(Error::UnknownFormat),
        }
    }

    /// Seals the canary anew once its key has been retired, so that the key can be dropped one day.
    async fn renew_canary(&self, space: &Space, key: &Key, sealed: &Bytes) -> Result<()> {
        if inspect(sealed)?.key_id == self.inner.keyring.active_id() {
            return Ok(());
        }
        let mut program = TxnBuilder::new("vault.canary.renew");
        let (same, _) = program.fork(BranchId::ROOT, [Check::value_equals(key, sealed.clone())]);
        program.op(same, Op::put(key, self.sing(space, key)?, Life::Never));
        match self.store().transact(&program.retry_safe().build()?).await {
            // The old canary still serves; a rotation must not fail on a full store.
            Ok(_) | Err(roomkey_core::Error::Full) => Ok(()),
            Err(other) => Err(other.into()),
        }
    }
}

/// Says of a fault of the data that it is the canary's, as the caller asked for nothing yet.
fn damaged(key: &Key, error: Error) -> Error {
    match error {
        Error::WrongType | Error::NotSealed | Error::UnknownFormat | Error::Rejected => {
            Error::Canary { key: key.clone(), source: Box::new(error) }
        }
        other => other,
    }
}
