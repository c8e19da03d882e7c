//! What sessions and bearer tokens do, on every store: each behaviour is one function over any store.
//!
//! What needs a store of a certain kind, such as one that fails, is in the other files of `tests`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bearer;
mod browser;
mod common;
mod secrecy;
mod sessions;

/// One test per behaviour and store.
macro_rules! behaviours {
    ($($module:ident: $($name:ident)*;)*) => {
        mod memory {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    crate::$module::$name(roomkey_memory::MemoryStore::new()).await;
                })*
            })*
        }

        mod redis {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread")]
                #[ignore = "needs Redis: cargo xtask test"]
                async fn $name() {
                    crate::$module::$name(crate::common::redis().await).await;
                })*
            })*
        }
    };
}

behaviours! {
    sessions:
        a_created_session_is_loaded_as_it_was
        any_data_comes_back
        an_unknown_session_is_none
        saving_replaces_data_and_expiry
        a_session_that_is_not_there_is_not_saved
        a_save_under_way_does_not_bring_a_session_back
        an_id_that_nobody_was_given_is_never_taken
        a_new_id_outlives_the_end_of_the_old_one
        a_deleted_session_is_gone
        sessions_of_one_id_are_told_apart
        ids_that_are_taken_are_drawn_again
        no_id_is_used_twice
        a_session_expires_when_its_record_says
        what_is_over_is_not_kept
        an_end_that_is_far_away_is_within_reach
        namespaces_do_not_meet
        a_damaged_session_is_an_error_and_not_none
        a_session_under_a_lost_key_is_none;
    browser:
        a_cookie_brings_the_session_back
        a_cookie_that_nobody_gave_out_gets_another_id
        a_new_id_replaces_the_old_one
        signing_out_ends_the_session
        a_request_under_way_does_not_sign_in_again
        what_is_removed_is_gone_for_whoever_has_the_cookie
        a_session_begun_while_signing_out_has_another_id;
    bearer:
        an_active_token_lets_in
        no_credentials_get_the_scheme_and_no_error
        malformed_credentials_are_an_invalid_request
        tokens_that_are_not_active_look_the_same
        a_scope_that_is_missing_is_named
        no_method_gets_around_it
        of_two_layers_each_has_its_say
        a_body_passes_as_it_is
        handlers_of_axum_get_the_session
        nothing_shows_the_token;
    secrecy:
        no_id_or_data_reaches_the_store
        debug_and_errors_show_no_id_or_data;
}
