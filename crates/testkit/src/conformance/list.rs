//! The list of all behaviours, and the macro that makes tests of them.

/// Writes the conformance suite of a store: one test per behaviour.
///
/// Takes the path of an async function that makes a fresh [`Fixture`](crate::conformance::Fixture), and
/// attributes for every test, such as `#[ignore = "…"]`. The crate that uses it needs `tokio` with `macros`.
/// Several suites of one crate go into modules, which see what their parents import.
///
/// ```
/// mod memory {
///     roomkey_testkit::conformance_suite!(roomkey_testkit::conformance::MemoryFixture::paused);
/// }
/// ```
#[macro_export]
macro_rules! conformance_suite {
    ($fixture:path $(, $(#[$attribute:meta])*)?) => {
        $crate::__behaviours!($fixture, [$($(#[$attribute])*)?]);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __behaviours {
    ($fixture:path, $attributes:tt) => {
        // Braces keep the lists in this form: rustfmt lays out what stands in parentheses.
        $crate::__behaviours_of! { $fixture, $attributes, values, both_ways, [
            a_missing_value_reads_as_none,
            what_is_put_is_read_back,
            the_largest_value_goes_through,
            put_replaces_any_kind,
            put_of_an_empty_list_is_skipped,
            put_of_several_takes_the_first,
            a_new_value_lives_as_put_says,
            put_changes_the_life_of_a_value_as_it_says,
            put_keeps_the_life_of_what_it_replaces,
            put_with_a_deadline_in_the_past_removes_the_key,
            take_reads_and_removes,
            delete_removes_any_kind,
            ttl_and_expire_take_any_kind,
            expire_changes_the_life_as_it_says,
            expire_of_a_missing_key_is_skipped,
            expire_in_the_past_removes_the_key,
            a_counter_begins_at_zero,
            a_counter_is_exact_to_the_ends_of_i64,
            overflow_leaves_a_counter_unchanged,
            only_a_canonical_integer_is_a_counter,
            a_counter_lives_as_add_says,
            other_kinds_are_no_values,
        ] }
        $crate::__behaviours_of! { $fixture, $attributes, maps, both_ways, [
            a_missing_map_is_empty,
            fields_are_read_back_in_the_order_asked_for,
            put_counts_the_fields_it_creates,
            one_value_serves_all_fields,
            two_lists_run_in_step_to_the_shorter,
            of_a_field_named_twice_the_last_value_stays,
            fields_and_values_may_be_any_bytes,
            a_map_without_fields_ceases_to_exist,
            match_compares_beginnings,
            a_map_lives_as_put_says,
            a_deadline_in_the_past_removes_the_map,
            no_fields_is_skipped,
            other_kinds_are_no_maps,
        ] }
        $crate::__behaviours_of! { $fixture, $attributes, lists, both_ways, [
            a_missing_list_is_empty,
            push_adds_one_after_the_other,
            pop_takes_from_its_end,
            the_expiry_goes_with_the_last_element,
            range_counts_from_both_ends,
            elements_may_be_any_bytes,
            a_thousand_elements_go_at_once,
            a_list_lives_as_push_says,
            a_deadline_in_the_past_removes_the_list,
            no_elements_is_skipped,
            other_kinds_are_no_lists,
        ] }
        $crate::__behaviours_of! { $fixture, $attributes, rankings, both_ways, [
            a_missing_ranking_is_empty,
            members_order_by_score_then_bytes,
            bytes_order_as_unsigned_numbers,
            range_has_inclusive_bounds_and_a_limit,
            scores_are_exact_to_their_ends,
            a_moment_is_the_score_that_it_is,
            put_moves_members,
            remove_counts_and_the_last_member_ends_the_ranking,
            a_member_of_no_bytes_is_a_member,
            live_is_a_score_after_now,
            take_removes_the_earliest_dead,
            only_says_who_may_be_written,
            within_admits_the_first_that_fit,
            within_counts_what_the_members_before_changed,
            a_member_named_twice_finds_what_the_first_time_left,
            whose_of_many_leases_were_lengthened_is_told,
            a_limit_may_be_stored_in_a_map,
            last_gives_a_queue_order,
            deadlines_are_counted_from_the_stores_time,
            a_ranking_lives_as_put_says,
            a_put_that_writes_nobody_changes_no_lifetime,
            a_deadline_in_the_past_removes_the_ranking,
            no_members_is_skipped,
            other_kinds_are_no_rankings,
        ] }
        $crate::__behaviours_of! { $fixture, $attributes, logs, both_ways, [
            a_missing_log_is_empty,
            entries_are_read_back_as_they_were_appended,
            ids_grow,
            a_list_makes_one_entry_each,
            lists_run_in_step_to_the_shortest,
            range_has_inclusive_ends_an_order_and_a_limit,
            the_newest_entries_are_kept,
            a_log_lives_as_append_says,
            a_deadline_in_the_past_removes_the_log,
            no_entries_is_skipped,
            other_kinds_are_no_logs,
        ] }
        $crate::__behaviours_of! { $fixture, $attributes, walks, both_ways, [
            a_missing_key_is_an_empty_page,
            a_walk_over_a_map_sees_every_field,
            a_walk_over_a_ranking_sees_every_member,
            what_stays_is_seen_while_others_come_and_go,
            a_foreign_cursor_is_lost,
            other_kinds_cannot_be_walked,
        ] }
        $crate::__behaviours_of! { $fixture, $attributes, checks, once, [
            exists_and_missing_take_any_kind,
            a_value_equals_or_starts_with,
            a_field_is_present_absent_equal_or_begins,
            a_number_lies_in_a_range,
            a_number_is_exact_over_all_of_i64,
            text_that_is_no_integer_is_no_number,
            a_member_is_live_dead_present_or_absent,
            below_counts_the_live_only,
            below_reads_a_stored_limit,
            size_counts_elements,
            before_compares_with_the_stores_time,
            a_wrong_kind_is_an_error_and_not_false,
        ] }
        $crate::__behaviours_of! { $fixture, $attributes, programs, once, [
            no_checks_hold,
            checks_are_joined_by_and,
            the_first_check_that_fails_ends_them,
            or_is_a_fork_in_the_other_branch,
            all_checks_see_the_state_at_the_start,
            reads_see_the_writes_before_them,
            a_key_may_end_and_begin_again_within_a_program,
            kinds_are_those_at_the_start,
            an_error_on_the_path_leaves_nothing_behind,
            what_is_not_on_the_path_is_not_looked_at,
            steps_after_a_fork_run_in_order,
            programs_may_be_deep_and_wide,
            time_is_told_when_used_or_asked_for,
            time_is_read_once,
            racing_programs_never_pass_a_limit,
        ] }
        $crate::__behaviours_of! { $fixture, $attributes, bindings, once, [
            many_callers_share_what_was_prepared,
            what_is_bound_fails_as_what_is_built,
        ] }
        $crate::__behaviours_of! { $fixture, $attributes, references, once, [
            a_list_serves_as_arguments,
            a_value_is_a_list_of_one_or_none,
            a_missing_field_is_a_value_of_no_bytes,
            a_number_is_a_list_of_one_text,
            a_number_that_does_not_exist_skips,
            a_number_serves_as_a_score,
            a_single_reply_serves_all_fields,
            fields_and_values_may_both_be_references,
            nothing_referred_to_skips_the_op,
            a_skipped_op_has_its_key_looked_at_all_the_same,
            an_inner_branch_refers_to_an_outer_one,
            a_thousand_elements_go_through_a_reference,
            a_reply_longer_than_any_given_list_serves_as_well,
            a_quiet_op_runs_and_is_referred_to_and_reports_nothing,
            members_that_matched_are_lengthened_and_told,
        ] }
        $crate::__behaviours_of! { $fixture, $attributes, expiry, both_ways, [
            every_kind_ends_at_its_deadline,
            an_expired_key_has_no_kind,
            an_expired_key_is_new_to_at_least,
            checks_see_no_expired_key,
            members_die_at_their_deadline,
            a_scan_finds_no_expired_key,
            a_score_of_now_is_dead,
            the_shortest_lifetime_is_one,
            the_longest_lifetime_is_one,
            an_idle_lifetime_stays_under_its_cap,
            the_deadline_is_told_exactly,
        ] }
        $crate::__behaviours_of! { $fixture, $attributes, batches, once, [
            an_empty_batch_is_empty,
            replies_come_in_the_order_of_the_ops,
            ops_of_one_partition_run_in_order,
            one_failure_stops_no_other_op,
            a_batch_may_be_large,
            many_callers_get_their_own_replies,
            a_dropped_call_disturbs_nobody,
        ] }
        $crate::__behaviours_of! { $fixture, $attributes, scans, once, [
            an_empty_namespace_has_no_keys,
            a_scan_finds_every_kind,
            a_scan_finds_the_keys_of_all_partitions,
            a_scan_keeps_to_its_namespace,
            what_stays_is_found_while_others_come_and_go,
            a_foreign_cursor_is_lost,
        ] }
        $crate::__behaviours_of! { $fixture, $attributes, waits, once, [
            an_entry_that_is_there_ends_the_wait,
            a_wait_ends_at_its_timeout,
            an_append_ends_the_wait,
            an_append_to_any_of_the_logs_ends_the_wait,
            the_logs_of_a_wait_may_lie_anywhere,
            waits_for_the_rest_name_every_log_that_has_an_entry,
            a_log_that_always_has_an_entry_hides_no_other,
            a_wait_takes_as_many_logs_as_there_may_be,
            only_logs_can_be_waited_for,
            an_append_by_a_program_ends_the_wait,
            all_who_wait_are_woken,
            waiting_holds_up_nobody_else,
        ] }
        $crate::__behaviours_of! { $fixture, $attributes, errors, once, [
            checks_fail_before_ops,
            the_first_failing_check_decides,
            ops_fail_in_the_order_of_the_path,
            the_kind_fails_before_the_number,
            every_error_comes_before_full,
        ] }
        $crate::__behaviours_of! { $fixture, $attributes, memory_limit, both_ways, [
            growing_ops_are_refused,
            what_would_fail_anyway_is_not_refused,
            freeing_ops_are_not_refused,
            reads_are_not_refused,
            a_program_that_frees_first_may_grow,
            a_counter_may_change_behind_its_expiry,
            freeing_nothing_counts_as_freeing,
            a_program_that_grows_first_is_refused_whole,
            only_the_path_counts,
            a_skipped_op_does_not_count,
            a_skipped_op_that_frees_counts,
            an_op_given_an_empty_list_is_as_if_not_there,
            a_batch_is_refused_op_by_op,
        ] }
        $crate::__behaviours_of! { $fixture, $attributes, handles, once, [
            a_clone_is_a_handle_on_the_same_store,
            a_store_says_how_it_is,
            a_closed_store_says_so,
            closing_twice_is_no_error,
            closing_ends_a_wait,
        ] }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __behaviours_of {
    // Ops reach a store by two ways, and have to behave the same.
    ($fixture:path, $attributes:tt, $module:ident, both_ways, $behaviours:tt) => {
        mod $module {
            use super::*;

            mod by_batch {
                use super::*;
                $crate::__tests!($fixture, $attributes, $module, by_batch, $behaviours);
            }

            mod by_program {
                use super::*;
                $crate::__tests!($fixture, $attributes, $module, by_program, $behaviours);
            }
        }
    };
    ($fixture:path, $attributes:tt, $module:ident, once, $behaviours:tt) => {
        mod $module {
            use super::*;
            $crate::__tests!($fixture, $attributes, $module, by_batch, $behaviours);
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ($fixture:path, $attributes:tt, $module:ident, $way:ident, [$($behaviour:ident,)*]) => {
        $($crate::__test!($fixture, $attributes, $module, $way, $behaviour);)*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __test {
    ($fixture:path, [$(#[$attribute:meta])*], $module:ident, $way:ident, $behaviour:ident) => {
        #[tokio::test]
        $(#[$attribute])*
        async fn $behaviour() {
            let harness = $crate::conformance::Harness::$way($fixture().await);
            $crate::conformance::$module::$behaviour(&harness).await;
        }
    };
}

#[cfg(test)]
mod tests {
    /// A behaviour that the list forgets would be a test that never runs.
    #[test]
    fn every_behaviour_is_listed() {
        let list = include_str!("list.rs");
        let modules = [
            ("values", include_str!("values.rs")),
            ("maps", include_str!("maps.rs")),
            ("lists", include_str!("lists.rs")),
            ("rankings", include_str!("rankings.rs")),
            ("logs", include_str!("logs.rs")),
            ("walks", include_str!("walks.rs")),
            ("checks", include_str!("checks.rs")),
            ("programs", include_str!("programs.rs")),
            ("bindings", include_str!("bindings.rs")),
            ("references", include_str!("references.rs")),
            ("expiry", include_str!("expiry.rs")),
            ("batches", include_str!("batches.rs")),
            ("scans", include_str!("scans.rs")),
            ("waits", include_str!("waits.rs")),
            ("errors", include_str!("errors.rs")),
            ("memory_limit", include_str!("memory_limit.rs")),
            ("handles", include_str!("handles.rs")),
        ];
        for (module, source) in modules {
            let (_, listed) = list.split_once(&format!("$attributes, {module}, ")).unwrap();
            let (listed, _) = listed.split_once("]").unwrap();
            let listed: Vec<&str> =
                listed.lines().skip(1).map(|line| line.trim().trim_end_matches(',')).collect();
            let written =
                source.lines().filter_map(|line| line.strip_prefix("pub async fn ")?.split_once('<'));
            for (behaviour, _) in written {
                assert!(listed.contains(&behaviour), "{module}::{behaviour} is not in the list");
            }
        }
    }
}
