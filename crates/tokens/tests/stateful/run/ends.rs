//! How logins are ended, alone and many at once, and who cannot end them.

use roomkey_core::Store;
use roomkey_tokens::{Error, Introspection, Refresh, Tokens};

use super::{Run, Said, failed, same};
use crate::kinds::{Kind, SUBJECTS};
use crate::model::{LoginId, TokenId};
use crate::ops::Nth;

impl<S: Store> Run<S> {
    pub(super) async fn revoke(&mut self, tokens: &Tokens<S>, token: TokenId) -> Said {
        let text = self.texts[token].reveal();
        let revoked = tokens.revoke(self.name(token), text).await.map_err(failed)?;
        let expected = self.model.revoke(token);
        self.flag(revoked, expected.unwrap_or(revoked), "revoked")
    }

    pub(super) async fn revoke_family(&mut self, tokens: &Tokens<S>, token: TokenId) -> Said {
        let text = self.texts[token].reveal();
        let revoked = tokens.revoke_family(self.name(token), text).await.map_err(failed)?;
        let expected = self.model.revoke_login(self.model.tokens[token].login);
        self.flag(revoked, expected.unwrap_or(revoked), "family revoked")
    }

    pub(super) async fn revoke_session(&mut self, tokens: &Tokens<S>, nth: Nth) -> Said {
        let Some(login) = self.login(nth) else { return Ok(()) };
        let (kind, subject) = (self.model.logins[login].kind, self.model.logins[login].subject);
        let handle = self.handles[login];
        let revoked = tokens.revoke_session(kind.name, SUBJECTS[subject], &handle).await.map_err(failed)?;
        let expected = self.model.revoke_login(login);
        self.flag(revoked, expected.unwrap_or(revoked), "session revoked")
    }

    pub(super) async fn revoke_session_of_other(
        &mut self,
        tokens: &Tokens<S>,
        nth: Nth,
        kind: &'static Kind,
        subject: usize,
    ) -> Said {
        let Some(login) = self.login(nth) else { return Ok(()) };
        if *self.model.logins[login].kind == *kind && self.model.logins[login].subject == subject {
            return Ok(());
        }
        let handle = self.handles[login];
        let revoked = tokens.revoke_session(kind.name, SUBJECTS[subject], &handle).await;
        same(&revoked.map_err(failed)?, &false)
    }

    pub(super) async fn revoke_others(&mut self, tokens: &Tokens<S>, token: TokenId) -> Said {
        let text = self.texts[token].reveal();
        let ended = tokens.revoke_others(self.name(token), text).await.map_err(failed)?;
        let expected = self.model.revoke_others(token);
        self.flag(ended, expected, "others revoked")
    }

    pub(super) async fn revoke_subject(&mut self, tokens: &Tokens<S>, subject: usize) -> Said {
        tokens.revoke_subject(SUBJECTS[subject]).await.map_err(failed)?;
        self.model.revoke_subject(subject);
        Ok(())
    }

    pub(super) async fn revoke_type(&mut self, tokens: &Tokens<S>, kind: &'static Kind) -> Said {
        tokens.revoke_type(kind.name).await.map_err(failed)?;
        self.model.revoke_type(kind);
        Ok(())
    }

    /// A text that is none of this type's does nothing, whatever is done with it.
    pub(super) async fn foreign(&self, tokens: &Tokens<S>, kind: &'static Kind, text: &str) -> Said {
        let name = kind.name;
        same(&tokens.verify::<u64>(name, text).await.map_err(failed)?.is_some(), &false)?;
        same(&tokens.is_valid(name, text).await.map_err(failed)?, &false)?;
        same(&tokens.update(name, text, 0_u64).await.map_err(failed)?, &false)?;
        same(&tokens.revoke(name, text).await.map_err(failed)?, &false)?;
        same(&tokens.revoke_family(name, text).await.map_err(failed)?, &false)?;
        same(&tokens.revoke_others(name, text).await.map_err(failed)?, &false)?;
        match tokens.introspect::<u64>(name, text).await {
            Ok(Introspection::Inactive) => {}
            told => return Err(format!("{told:?}")),
        }
        let is_family = kind.family.is_some();
        match tokens.consume::<u64>(name, text).await {
            Ok(None) if !is_family => {}
            Err(Error::WrongType { .. }) if is_family => {}
            consumed => return Err(format!("{consumed:?}")),
        }
        match tokens.refresh::<u64>(name, text).await {
            Ok(Refresh::Inactive) if is_family => Ok(()),
            Err(Error::WrongType { .. }) if !is_family => Ok(()),
            refreshed => Err(format!("{refreshed:?}")),
        }
    }

    /// A token with another character at some place is none.
    pub(super) async fn mistyped(&self, tokens: &Tokens<S>, token: TokenId, at: u8) -> Said {
        let mut text: Vec<char> = self.texts[token].reveal().chars().collect();
        let at = usize::from(at) % text.len();
        text[at] = if text[at] == 'a' { 'b' } else { 'a' };
        let text: String = text.into_iter().collect();
        self.foreign(tokens, self.model.tokens[token].kind, &text).await
    }

    fn login(&self, Nth(nth): Nth) -> Option<LoginId> {
        let count = self.model.logins.len();
        (count > 0).then(|| count - 1 - usize::from(nth) % count)
    }
}
