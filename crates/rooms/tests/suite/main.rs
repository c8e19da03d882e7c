//! What rooms do, on every store: each behaviour is one function over any store.
//!
//! What needs a store of a certain kind, such as one that fails, is in the other files of `tests`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
mod events;
mod keeping;
mod members;
mod pools;
mod races;
mod secrecy;
mod sizes;

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
    sizes:
        a_room_has_the_size_that_was_set
        no_room_is_empty
        nothing_or_less_is_no_room
        updates_add_up
        an_update_to_nothing_removes_the_room
        one_more_comes_in_below_the_limit_only
        the_default_limit_is_a_hundred
        a_limit_of_nothing_admits_nobody
        every_room_expires
        changes_lengthen_and_never_shorten
        overflow_changes_nothing
        what_is_no_size_is_told
        bad_expiries_are_refused
        bad_names_are_refused
        rooms_and_namespaces_do_not_meet;
    races:
        the_limit_holds_however_many_try
        updates_all_count;
    secrecy:
        no_name_reaches_the_store
        debug_and_errors_show_no_name;
    members:
        a_room_admits_as_many_as_it_may
        a_limit_that_is_said_counts_before_one_that_is_configured
        joining_again_is_the_same_seat_under_a_new_lease
        renewals_are_told_in_the_order_given
        a_dropped_seat_is_left
        a_kicked_member_is_out_and_may_come_again
        a_hold_counts_and_becomes_the_seat
        a_hold_can_be_given_back
        who_is_away_keeps_the_seat
        those_who_wait_are_seated_in_order
        nobody_passes_those_who_wait
        members_are_listed_with_what_they_brought
        rooms_are_listed
        a_size_is_reconciled_with_the_members;
    pools:
        rooms_fill_up_one_after_the_other
        the_fullest_room_comes_first
        a_member_that_is_in_a_room_with_space_stays_there
        a_room_of_a_pool_is_a_room
        many_at_once_fill_every_room
        rooms_that_were_closed_hide_no_others
        a_number_that_somebody_took_is_passed_over
        a_seat_that_was_held_is_joined_in_a_pool_too
        a_pool_cannot_be_of_no_seats_or_have_a_queue;
    events:
        everything_is_told_in_order_and_once
        a_stream_goes_on_where_another_ended
        from_now_on_means_from_the_call_on
        what_was_trimmed_away_is_missed
        a_thousand_follow_one_room
        one_follows_a_thousand_rooms
        counts_are_told_when_they_change;
    keeping:
        kept_seats_outlive_their_leases
        a_lost_seat_is_told
        a_kept_seat_can_be_let_go_without_leaving;
}
