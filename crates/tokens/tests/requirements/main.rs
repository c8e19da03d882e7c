//! The fifteen lines that a token store is to be tested by, one module each, on every store where it says something.
//!
//! The numbers are small enough for every day; with `ROOMKEY_TEST_LONG` they are those of the lines. What is random begins
//! with a seed that a failure prints and `ROOMKEY_TOKENS_SEED` repeats.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
mod families;
mod interleaving;
mod kept;
mod l01_secrecy;
mod l02_text;
mod l03_rotation;
mod l04_rotation_revoked;
mod l05_single_use;
mod l06_resurrection;
mod l07_limits;
mod l08_revoke_all;
mod l09_lost_state;
mod l10_same_instant;
mod l11_expiry;
mod l12_churn;
mod l13_round_trips;
mod l14_faults;
mod l15_keys;

/// One test per behaviour and store. On memory time is paused, and passes as the test says.
macro_rules! on_both {
    ($($module:ident: $($name:ident)*;)*) => {
        mod memory {
            $(mod $module {
                $(#[tokio::test(start_paused = true)]
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

on_both! {
    l03_rotation:
        after_its_grace_a_parent_ends_the_family;
    l09_lost_state:
        without_its_index_a_subject_is_revoked_all_the_same
        a_lost_subject_fails_closed_and_a_new_one_revives_nothing
        a_lost_generation_fails_closed_and_a_new_one_revives_nothing
        of_two_generations_neither_counts
        a_lost_generation_of_a_type_fails_closed
        whichever_key_is_lost_nobody_gets_in
        an_old_subject_restored_revives_only_what_it_ended;
    l11_expiry:
        lifetimes_that_cannot_be_are_refused
        the_shortest_lifetimes_end_and_leave_nothing
        a_session_that_ended_while_it_was_issued_leaves_nothing
        a_shorter_token_never_shortens_the_indexes;
}
