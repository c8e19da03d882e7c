//! What a vault does, on every store: each behaviour is one function over any store.
//!
//! What needs a store of a certain kind, such as one that is full or that fails, is in the other files of `tests`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod any_key;
mod common;
mod conditional;
mod counters;
mod hashes;
mod keyring;
mod lists;
mod moved;
mod secrecy;
mod values;

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
    values:
        what_is_set_is_got
        nothing_is_none
        set_replaces_any_structure
        set_decides_about_the_expiry
        many_are_read_in_their_order
        many_are_written_with_one_expiry
        too_many_are_refused_while_they_are_collected
        text_and_slices_are_read_as_owned
        json_is_read_as_json_only
        another_type_is_told
        types_that_do_not_come_back_are_refused
        largest_value_passes_and_a_larger_is_refused;
    conditional:
        if_absent_writes_once
        if_absent_tells_nothing_of_another_structure
        of_many_that_set_if_absent_one_wins
        if_present_writes_only_over_something
        what_was_deleted_does_not_come_back
        both_decide_about_the_expiry
        what_cannot_be_written_is_refused
        both_are_safe_to_repeat;
    any_key:
        delete_exists_expire_and_ttl_work_on_every_structure
        operations_on_another_structure_are_wrong_type
        bad_names_are_refused
        bad_expiries_are_refused
        parts_of_names_do_not_run_together
        namespaces_do_not_meet;
    counters:
        counters_count
        counters_expire_as_told
        a_value_is_no_counter
        a_counter_is_no_value
        overflow_changes_nothing
        concurrent_counts_all_count;
    hashes:
        fields_are_set_got_and_removed
        all_fields_come_with_their_names
        a_hash_lives_as_long_as_told
        bad_field_names_are_refused;
    lists:
        both_ends_push_and_pop
        ranges_count_from_both_ends
        a_list_lives_as_long_as_told
        each_element_is_popped_once;
    moved:
        a_value_opens_under_its_own_key_only
        a_field_opens_in_its_own_place_only
        an_element_opens_in_its_own_list_only
        structures_do_not_stand_in_for_each_other
        a_value_of_another_namespace_does_not_open
        damaged_values_do_not_open
        plaintext_is_never_taken_for_a_value
        a_value_under_a_foreign_key_names_the_key;
    keyring:
        a_wrong_ring_is_told_at_open
        a_wrong_name_key_is_told_at_open
        nodes_that_open_at_once_converge
        two_rings_cannot_share_a_namespace
        a_rotated_ring_reads_old_values_and_renews_the_canary
        a_damaged_canary_is_told
        without_its_canary_a_namespace_counts_as_new
        another_namespace_has_a_canary_of_its_own;
    secrecy:
        no_name_or_value_reaches_the_store
        debug_and_errors_show_no_name_or_value;
}
