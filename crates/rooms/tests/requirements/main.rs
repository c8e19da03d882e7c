//! The fifteen lines that rooms are to be tested by, one module each, on every store where it says something.
//!
//! The numbers are small enough for every day; with `ROOMKEY_TEST_LONG` they are those of the lines.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
mod crowd;
mod events;
#[path = "../support/invariants.rs"]
mod invariants;
mod l01_counters;
mod l02_race;
mod l03_race;
mod l04_kill;
mod l05_pause;
mod l06_idempotency;
mod l07_old_connection;
mod l08_clocks;
mod l09_holds;
mod l10_mixed_leases;
mod l11_failover;
mod l12_waitlist;
mod l13_matchmaking;
mod l14_scale;
mod l15_secrecy;

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
    l01_counters:
        the_defaults_are_an_hour_and_a_hundred
        a_size_of_nothing_or_less_is_no_key
        what_would_overflow_is_an_error_and_changes_nothing;
    l05_pause:
        a_lease_that_ended_is_lost_and_comes_back_only_if_asked;
    l06_idempotency:
        ten_joins_at_once_are_one_seat
        leaving_twice_is_told_once;
    l07_old_connection:
        an_old_connection_does_nothing_to_the_new_one
        an_old_ticket_or_hold_does_nothing_either
        a_late_drop_leaves_the_new_seat_alone;
    l09_holds:
        beside_one_hold_exactly_one_comes_in
        a_hold_that_nobody_confirms_is_free_when_it_ends
        who_confirms_is_counted_once_at_every_instant
        many_who_hold_and_confirm_fill_the_room_exactly;
    l10_mixed_leases:
        a_short_lease_ends_nothing_of_a_long_one
        a_beat_that_is_missed_ends_nothing;
    l12_waitlist:
        a_seat_that_ends_goes_to_the_first_in_line_whoever_asks;
    l15_secrecy:
        what_is_sealed_opens_only_in_its_place;
}
