//! What tokens do, on every store: each behaviour is one function over any store.
//!
//! What needs a store of a certain kind, such as one that fails, is in the other files of `tests`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod codes;
mod common;
mod families;
mod introspection;
mod issued;
mod lifecycle;
mod others;
mod policies;
mod secrecy;
mod sessions;
mod single_use;
mod tampering;
mod tracking;
mod update;

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
    codes:
        the_right_code_is_accepted_once
        wrong_codes_are_counted_down_and_end_the_code
        tries_are_counted_over_codes_until_one_is_right
        what_cannot_be_a_code_does_not_count
        many_guesses_at_once_are_no_more_than_the_attempts
        of_many_that_give_the_right_code_at_once_one_is_accepted
        revoking_ends_codes_too
        a_code_is_no_session_and_ends_none
        a_damaged_code_is_an_error_and_lets_nobody_in
        no_code_subject_or_claim_reaches_the_store;
    introspection:
        an_active_token_is_told_of_in_the_words_of_the_standard
        of_an_inactive_token_nothing_is_told
        the_end_that_is_told_is_the_true_one
        refresh_tokens_and_those_of_a_family_are_told_apart
        a_damaged_token_is_an_error_and_not_inactive;
    policies:
        what_a_token_is_does_not_depend_on_the_policies
        sessions_from_before_a_policy_go_on
        names_that_no_type_may_have_are_refused_at_the_start;
    issued:
        an_issued_token_is_active_until_revoked
        a_token_of_one_type_is_none_of_another
        revoking_a_subject_ends_all_of_it_and_nothing_else
        revoking_a_type_ends_all_of_it_and_nothing_else
        sessions_of_a_revoked_type_do_not_count_to_its_limit
        a_limit_that_was_lowered_a_lot_holds_from_the_next_session_on
        a_limit_holds_by_rejecting_or_by_ending_the_oldest;
    families:
        a_refresh_token_is_exchanged_for_the_next
        a_family_without_a_type_of_access_tokens_has_none
        only_types_that_rotate_are_granted_and_refreshed
        within_its_grace_a_token_gives_the_same_successors
        a_token_from_before_the_last_exchange_ends_the_family
        after_its_grace_a_token_ends_the_family
        grace_until_confirmed_ends_with_the_next_exchange
        of_many_that_refresh_at_once_one_rotates_and_all_get_the_same
        revoking_any_token_of_a_family_or_its_subject_or_type_ends_it
        revoking_an_access_token_ends_it_alone
        a_family_counts_once_to_a_limit
        nothing_minted_survives_a_revocation_at_the_same_time
        who_has_store_and_key_ring_cannot_open_the_successors
        what_was_tampered_with_is_an_error_and_ends_nothing;
    others:
        all_but_one_session_can_be_ended
        ending_the_others_and_refreshing_at_once_lose_neither;
    lifecycle:
        a_stored_token_is_valid_until_revoked
        an_unknown_token_is_not_valid
        types_do_not_meet
        namespaces_do_not_meet
        storing_never_overwrites
        of_many_that_store_at_once_one_wins
        every_record_expires
        bad_expiries_are_refused
        bad_tokens_are_refused
        the_longest_token_passes;
    update:
        other_claims_come_back_and_nothing_else_changes
        what_has_ended_is_not_updated
        a_family_has_one_set_of_claims
        a_revoked_token_never_reappears
        updates_at_once_all_count_and_the_last_holds
        a_damaged_record_is_not_updated;
    tracking:
        without_tracking_nothing_is_left_behind
        the_index_follows_tokens
        the_index_follows_tokens_that_were_issued
        a_cleanup_goes_in_bounded_steps_that_anyone_may_continue
        nodes_that_clean_up_at_once_count_each_entry_once
        the_index_lives_as_long_as_its_longest_token;
    tampering:
        a_moved_record_is_an_error_and_not_valid
        a_record_of_another_structure_is_an_error_and_not_valid
        a_damaged_record_is_an_error_and_not_valid
        a_sealed_value_is_no_record;
    secrecy:
        no_token_or_type_reaches_the_store
        debug_and_errors_show_no_token_or_type;
    sessions:
        a_list_shows_the_live_sessions_of_a_type
        a_list_is_complete_over_its_pages
        what_is_revoked_or_gone_is_on_no_list
        a_damaged_session_does_not_hide_the_others
        a_session_under_an_unknown_key_is_on_no_list
        no_cursor_does_harm;
    single_use:
        a_token_is_used_up_once
        of_many_that_use_a_token_at_once_one_does
        a_token_that_was_revoked_is_not_used_up
        a_revoked_token_is_never_used_up_afterwards
        using_up_is_for_no_refresh_token
        a_damaged_token_is_used_up_as_an_error
        a_used_token_leaves_nothing_behind;
}
