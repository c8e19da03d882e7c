//! Policies that are not the same everywhere, or that cannot be.

use roomkey_core::Store;
use roomkey_tokens::{
    CodePolicy, Error, Introspection, Issue, MAX_TOKEN_BYTES, Policy, Refresh, Tokens, TokensOptions,
};

use crate::assert_fails;
use crate::common::open;
use crate::families::{access_text, active, assert_dead, both_active, grant, refresh_text, rotate};

fn of_refresh() -> TokensOptions {
    TokensOptions::new().policy("refresh", Policy::refresh().access_type("access"))
}

/// What a token is its text says. A process that knows nothing of the policies ends what it is asked to end.
pub(crate) async fn what_a_token_is_does_not_depend_on_the_policies<S: Store>(store: S) {
    let vault = open(store).await;
    let tokens = Tokens::with_options(vault.clone(), of_refresh()).unwrap();
    let without = Tokens::new(vault);
    let family = grant(&tokens, "alice").await;
    assert_eq!(both_active(&without, &family).await, (true, true));
    assert!(without.is_valid("refresh", refresh_text(&family)).await.unwrap());
    let told = without.introspect::<u64>("refresh", refresh_text(&family)).await.unwrap();
    assert!(matches!(told, Introspection::Active(token) if token.token_type.is_none()));
    assert_fails!(without.refresh::<u64>("refresh", refresh_text(&family)).await, Error::WrongType { .. });
    assert_eq!(without.consume::<u64>("refresh", refresh_text(&family)).await.unwrap(), None);
    assert!(without.update("refresh", refresh_text(&family), 43_u64).await.unwrap());
    assert!(without.revoke_others("access", access_text(&family)).await.unwrap());
    let next = rotate(&tokens, refresh_text(&family)).await;
    assert_eq!(active(&tokens, "access", access_text(&next)).await.unwrap().claims, 43);

    assert!(without.revoke("refresh", refresh_text(&next)).await.unwrap());
    assert_dead(&tokens, &[&family, &next]).await;
    let second = grant(&tokens, "alice").await;
    assert!(without.revoke_session("refresh", "alice", &second.refresh.handle).await.unwrap());
    assert_dead(&tokens, &[&second]).await;
    let third = grant(&tokens, "alice").await;
    assert!(without.revoke_family("access", access_text(&third)).await.unwrap());
    assert_dead(&tokens, &[&third]).await;
}

/// Sessions of a type that becomes one of refresh tokens go on as what they are, and can be ended.
pub(crate) async fn sessions_from_before_a_policy_go_on<S: Store>(store: S) {
    let vault = open(store).await;
    let (before, after) = (Tokens::new(vault.clone()), Tokens::with_options(vault, of_refresh()).unwrap());
    let issued = before.issue("refresh", Issue::new("alice", 42_u64)).await.unwrap();
    let text = issued.token.reveal();
    assert!(active(&after, "refresh", text).await.is_some());
    assert!(matches!(after.refresh::<u64>("refresh", text).await.unwrap(), Refresh::Inactive));
    assert!(after.update("refresh", text, 43_u64).await.unwrap());
    assert!(after.revoke_others("refresh", text).await.unwrap());
    assert_eq!(active(&after, "refresh", text).await.unwrap().claims, 43);
    assert!(after.revoke_session("refresh", "alice", &issued.handle).await.unwrap());
    assert!(active(&before, "refresh", text).await.is_none());
}

pub(crate) async fn names_that_no_type_may_have_are_refused_at_the_start<S: Store>(store: S) {
    let vault = open(store).await;
    let long = "t".repeat(MAX_TOKEN_BYTES + 1);
    for name in ["", &long] {
        let options = TokensOptions::new();
        for options in [
            options.clone().policy(name, Policy::default()),
            options.clone().policy("refresh", Policy::refresh().access_type(name)),
            options.clone().codes(name, CodePolicy::one_time()),
        ] {
            let refused = Tokens::with_options(vault.clone(), options);
            assert_fails!(refused.map(drop), Error::Empty | Error::TooLong { .. });
        }
    }
}
