//! Values that are written only where there is one, or only where there is none: each is one step on the store.

use roomkey_core::{BranchId, Check, Op, Store, TxnBuilder};

use super::Vault;
use crate::{Encode, Expiry, Name, Result};

impl<S: Store> Vault<S> {
    /// Writes a value if the name holds nothing. Returns whether this call wrote it; of any number that try at once,
    /// one does.
    ///
    /// Where the reply is lost the store repeats the call, which then recognises what it wrote itself: `true` is its
    /// own success, `false` somebody else's value. No foreign value travels.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # async fn example<S: roomkey_core::Store>(vault: roomkey_vault::Vault<S>) -> roomkey_vault::Result<()> {
    /// let leader = vault.set_if_absent("leader", "node 1", Duration::from_secs(10)).await?;
    /// assert!(leader);
    /// assert!(!vault.set_if_absent("leader", "node 2", Duration::from_secs(10)).await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Expiry`](crate::Error::Expiry), and see [`Vault`]: a list or hash under the name is
    /// [`Error::WrongType`](crate::Error::WrongType).
    pub async fn set_if_absent<'n, T>(
        &self,
        name: impl Into<Name<'n>>,
        value: &T,
        expiry: impl Into<Expiry>,
    ) -> Result<bool>
    where
        T: Encode + ?Sized,
    {
        // Before the await, as the caller's name and value need not be able to move to another thread.
        let (txn, wrote, is_mine) = {
            let life = expiry.into().life()?;
            let (key, sealed) = self.seal_value(name, value)?;
            let mut program = TxnBuilder::new("vault.set_if_absent");
            let (absent, taken) = program.fork(BranchId::ROOT, [Check::missing(&key)]);
            program.quiet_op(absent, Op::put(&key, sealed.clone(), life));
            // No two seals are the same, so these bytes can only come from an earlier attempt.
            let (mine, _) = program.fork(taken, [Check::value_equals(&key, sealed)]);
            (program.retry_safe().build()?, absent, mine)
        };
        let outcome = self.store().transact(&txn).await?;
        Ok(outcome.took(wrote) || outcome.took(is_mine))
    }

    /// Writes a value if the name holds something, of any structure, and replaces that. Returns whether it did. What
    /// was deleted or has expired does not come back by it, however late the call arrives.
    ///
    /// After a lost reply the store repeats the call, as it repeats [`set`](Self::set): a value that another call wrote
    /// between the two attempts is then replaced, and `false` may also mean that it was deleted between them.
    ///
    /// # Errors
    /// [`Error::Expiry`](crate::Error::Expiry), and see [`Vault`].
    pub async fn set_if_present<'n, T>(
        &self,
        name: impl Into<Name<'n>>,
        value: &T,
        expiry: impl Into<Expiry>,
    ) -> Result<bool>
    where
        T: Encode + ?Sized,
    {
        let (txn, wrote) = {
            let life = expiry.into().life()?;
            let (key, sealed) = self.seal_value(name, value)?;
            let mut program = TxnBuilder::new("vault.set_if_present");
            let (present, _) = program.fork(BranchId::ROOT, [Check::exists(&key)]);
            program.quiet_op(present, Op::put(&key, sealed, life));
            (program.retry_safe().build()?, present)
        };
        Ok(self.store().transact(&txn).await?.took(wrote))
    }
}
