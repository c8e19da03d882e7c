//! What rooms do, on every store: each behaviour is one function over any store.
//!
//! What needs a store of a certain kind, such as one that fails, is in the other files of `tests`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
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
}
