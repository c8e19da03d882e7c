//! Families of refresh tokens, for the lines that are about them.

use std::time::Duration;

use roomkey_core::Store;
use roomkey_tokens::{Grace, Grant, Issue, Policy, Refresh, Tokens, TokensOptions};
use roomkey_vault::Vault;

/// As long as it may be: no test takes longer, on however busy a machine.
pub(crate) const WINDOW: Grace = Grace::Window(Duration::from_secs(60));

pub(crate) fn families<S: Store>(vault: &Vault<S>, grace: Grace) -> Tokens<S> {
    let options = TokensOptions::new()
        .policy("refresh", Policy::refresh().grace(grace).access_type("access"))
        .policy("access", Policy::access());
    Tokens::with_options(vault.clone(), options).unwrap()
}

pub(crate) async fn grant<S: Store>(tokens: &Tokens<S>, subject: &str) -> Grant {
    tokens.grant("refresh", Issue::new(subject, 7_u64)).await.unwrap()
}

pub(crate) async fn refresh<S: Store>(tokens: &Tokens<S>, grant: &Grant) -> Refresh<u64> {
    tokens.refresh("refresh", grant.refresh.token.reveal()).await.unwrap()
}

pub(crate) fn access(grant: &Grant) -> &str {
    grant.access.as_ref().unwrap().token.reveal()
}

/// Whether the refresh token and the access token of a grant are active.
pub(crate) async fn active<S: Store>(tokens: &Tokens<S>, grant: &Grant) -> (bool, bool) {
    let refresh = tokens.verify::<u64>("refresh", grant.refresh.token.reveal()).await.unwrap();
    let access = tokens.verify::<u64>("access", access(grant)).await.unwrap();
    (refresh.is_some(), access.is_some())
}

/// Nothing of these grants lets anyone in, nor is exchanged for what does.
pub(crate) async fn assert_dead<S: Store>(tokens: &Tokens<S>, grants: &[Grant]) {
    for grant in grants {
        assert_eq!(active(tokens, grant).await, (false, false));
        assert!(matches!(refresh(tokens, grant).await, Refresh::Inactive | Refresh::Reuse));
        assert_eq!(active(tokens, grant).await, (false, false));
    }
}
