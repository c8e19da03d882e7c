//! What stands beside logins: tokens that a caller brings, and cleanups.

use roomkey_core::Store;
use roomkey_tokens::{Error, Tokens};

use super::{Run, Said, failed, same};
use crate::kinds::{Kind, Tick};
use crate::model::TokenId;
use crate::ops::BROUGHT;

impl<S: Store> Run<S> {
    pub(super) async fn store(
        &mut self,
        tokens: &Tokens<S>,
        kind: &'static Kind,
        text: usize,
        life: Tick,
    ) -> Said {
        let stored = match tokens.store(kind.name, BROUGHT[text], self.clock.span(life)).await {
            Ok(()) => true,
            Err(Error::AlreadyExists) => false,
            Err(error) => return Err(failed(error)),
        };
        self.trace(kind);
        let expected = self.model.brought.store(self.model.now, kind, text, life);
        self.flag(stored, expected, "stored")
    }

    pub(super) async fn store_issued(&self, tokens: &Tokens<S>, token: TokenId) -> Said {
        let text = self.texts[token].reveal();
        match tokens.store(self.name(token), text, self.clock.span(1)).await {
            Err(Error::AlreadyExists) => Ok(()),
            stored => Err(format!("{stored:?}, though it was issued here")),
        }
    }

    pub(super) async fn is_brought_valid(
        &mut self,
        tokens: &Tokens<S>,
        kind: &'static Kind,
        text: usize,
    ) -> Said {
        let valid = tokens.is_valid(kind.name, BROUGHT[text]).await.map_err(failed)?;
        let expected = self.model.brought.is_valid(self.model.now, kind, text);
        self.flag(valid, expected, "brought is valid")
    }

    pub(super) async fn revoke_brought(
        &mut self,
        tokens: &Tokens<S>,
        kind: &'static Kind,
        text: usize,
    ) -> Said {
        let revoked = tokens.revoke(kind.name, BROUGHT[text]).await.map_err(failed)?;
        let expected = self.model.brought.revoke(self.model.now, kind, text);
        self.flag(revoked, expected, "brought revoked")
    }

    /// A cleanup counts no trace twice, and nothing that was never there. One process does it at once, the other in
    /// steps, with a cursor that was a text meanwhile.
    pub(super) async fn clean_up(&mut self, tokens: &Tokens<S>, process: usize, kind: &'static Kind) -> Said {
        let mut removed = 0;
        if process == 0 {
            removed = tokens.cleanup_expired(kind.name).await.map_err(failed)?;
        } else {
            let mut after = None;
            loop {
                let step = tokens.cleanup_step(kind.name, after).await.map_err(failed)?;
                removed += step.removed;
                match step.next {
                    Some(next) => after = Some(next.to_string().parse().unwrap()),
                    None => break,
                }
            }
        }
        if !self.track {
            return same(&removed, &0);
        }
        if removed > 0 {
            self.note("cleaned up");
        }
        let traces = self.traces.entry(kind.name).or_default();
        *traces = traces.checked_sub(removed).ok_or("more was cleaned up than was there")?;
        Ok(())
    }
}
