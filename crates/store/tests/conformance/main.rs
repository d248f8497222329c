//! One suite, run on every driver: SQLite in a file, SQLite in memory, PostgreSQL.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where its world does not hold")]

mod agreements;
mod approvals;
mod artifacts;
mod budgets;
mod clients;
mod facts;
mod grant_tree;
mod grants;
mod ledger;
mod model;
mod notices;
mod people;
mod policies;
mod postgres;
mod races;
mod relations;
mod relations_at_once;
mod revoked;
mod sign_in;
mod signals;
mod status;
mod tasks;
mod tools;
mod transactions;
mod workloads;
mod world;

use world::{Driver, World};

/// Runs one test on one driver.
fn run<F: Future<Output = ()>>(driver: Driver, test: impl FnOnce(World) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        if let Some(world) = World::new(driver).await {
            test(world).await;
        }
    });
}

macro_rules! on_every_driver {
    ($($subject:ident { $($test:ident)* })*) => {
        on_every_driver!(@ sqlite_file, File; $($subject { $($test)* })*);
        on_every_driver!(@ sqlite_memory, Memory; $($subject { $($test)* })*);
        on_every_driver!(@ postgresql, Postgres; $($subject { $($test)* })*);
    };
    (@ $name:ident, $driver:ident; $($subject:ident { $($test:ident)* })*) => {
        mod $name {
            $(mod $subject {
                $(#[test]
                fn $test() {
                    crate::run(crate::Driver::$driver, crate::$subject::$test);
                })*
            })*
        }
    };
}

on_every_driver! {
    approvals {
        one_request_waits_and_one_decision_holds
        another_process_hears_of_an_approval
        requests_are_bounded_and_forgotten
    }
    artifacts {
        one_of_many_consumers_wins_for_every_kind
        one_of_many_claims_wins_and_an_expired_one_can_be_claimed_again
        what_is_absent_expired_or_of_another_kind_is_not_won
        a_refresh_token_remembers_its_successor
        a_payload_is_replaced_only_if_it_is_the_expected_one
        revoking_by_grant_spends_what_is_left
        the_secret_itself_is_not_stored
        pruning_is_bounded_and_spares_what_lives
    }
    grant_tree {
        what_came_of_a_grant_is_drawn_each_below_its_parent
        a_wide_tree_comes_in_pages_and_near_before_far
        grants_are_listed_in_pages_by_what_is_asked
        what_nobody_used_is_found_and_what_was_used_is_not
        of_grants_older_than_the_note_the_record_knows
        what_has_expired_is_found_once_for_a_chain
    }
    budgets {
        d01_a_call_draws_from_everything_above_or_from_nothing
        a_narrowed_budget_keeps_what_was_used
        however_many_call_at_once_no_more_is_drawn_than_there_is
    }
    grants {
        a_grant_comes_back_as_it_was
        an_update_needs_the_revision_it_read
        a_name_is_its_clients_and_stays_when_the_grant_is_replaced
        revoking_ends_everything_below_by_one_word
        d01_a_grant_is_only_narrowed_and_earlier_tokens_count_no_more
        d05_a_later_word_does_not_bring_back_what_an_earlier_ended
        nothing_comes_to_life_under_what_has_ended
        suspending_can_be_undone_and_revoking_cannot
        a_configured_grant_is_found_again_even_if_revoked
        consent_is_remembered_for_exactly_its_place
        ancestors_come_nearest_first
    }
    ledger {
        counters_are_gapless_while_many_write_and_some_fail
        the_record_goes_on_after_a_restart
        two_processes_share_one_record
        the_record_is_insert_only
        a_name_with_nul_is_recorded_and_harms_nobody
        a_filter_finds_what_it_asks_for
        many_events_at_once_keep_their_order
        the_index_finds_what_a_scan_finds
    }
    notices {
        what_is_told_of_an_approval_waits_until_it_is_over
        a_notice_is_told_by_one_process_and_again_until_it_was_heard
        what_a_user_is_asked_is_theirs_and_ends
    }
    people {
        a_name_is_taken_in_any_case
        disabling_a_user_ends_the_sessions
        sessions_are_known_by_hash_and_end
        a_passkey_cannot_be_used_twice_from_one_state
        guesses_are_counted_before_they_are_checked
        attempts_are_forgotten_one_by_one_and_a_success_takes_back_its_own
        keys_and_settings_are_kept
    }
    sign_in {
        a_session_remembers_how_it_began_and_when_it_was_used
        an_email_address_belongs_to_one_user
        an_identity_belongs_to_one_user
        a_recovery_code_is_spent_once_and_only_in_its_enrolment
        of_many_who_spend_a_recovery_code_one_wins
    }
    clients {
        the_first_sight_of_a_client_makes_one_agent
        an_agent_that_was_never_granted_anything_goes_with_its_client
        a_registered_client_lives_as_long_as_it_is_used
        a_disabled_client_cannot_change_itself
        a_document_is_kept_and_replaced
    }
    races {
        a_rotation_has_one_successor
        nothing_is_minted_after_a_revoke_returns
        two_processes_spend_one_artifact_once
    }
    revoked {
        the_revoker_sees_it_at_once
        another_process_hears_of_it
        whom_another_issuer_knows_is_disabled_without_a_row
        what_was_revoked_before_the_start_is_known
        disabling_is_heard_too
        whoever_waits_is_woken_here_and_in_other_processes
        words_come_in_their_order_and_each_id_once
    }
    workloads {
        a_workload_is_seen_again_and_keeps_when_it_was_first
        stored_rules_keep_their_order_and_every_process_hears_of_a_change
        evidence_belongs_to_the_first_of_many_keys
    }
    facts {
        a_fact_comes_back_as_it_was_and_is_known_at_once
        an_older_observation_never_replaces_a_newer
        of_many_observations_at_once_the_newest_stays
        what_is_forgotten_is_unknown_and_does_not_come_back
        what_stopped_counting_is_pruned_a_day_later
    }
    signals {
        what_a_cause_stopped_acts_again_and_what_an_operator_stopped_does_not
        what_an_operator_lets_act_is_held_by_no_cause
        what_has_ended_is_not_held
        what_is_older_undoes_nothing
        what_happens_is_kept_only_while_somebody_listens
        a_queue_keeps_its_order_until_each_is_taken
    }
    relations {
        a_change_is_all_or_nothing_and_each_has_its_revision
        what_is_there_already_may_be_ignored_unless_its_condition_differs
        tuples_are_found_from_both_ends_and_only_of_the_type
        a_source_replaces_what_is_its_and_touches_nothing_else
        a_providers_word_is_confirmed_and_expires_and_is_anybodys_who_says_it
        old_changes_are_forgotten_and_whoever_needs_them_is_told
        the_newest_model_is_in_force_and_earlier_ones_are_kept
        of_many_who_write_one_tuple_one_wins
    }
    relations_at_once {
        whoever_follows_the_changes_has_the_tuples
        what_was_taken_back_has_no_revision
        a_source_that_is_replaced_by_many_at_once_is_what_one_of_them_said
    }
    tools {
        e32_who_describes_a_tool_otherwise_waits_also_back_and_forth
        where_somebody_must_approve_the_first_one_waits_too
        e08_names_are_what_their_bytes_are
        of_many_first_descriptions_at_once_one_is_in_force
        of_many_approvals_at_once_one_holds_and_it_is_of_what_was_offered
        every_process_hears_of_a_description_and_of_none_that_was_taken_back
    }
    policies {
        a_version_is_kept_as_it_was_and_found_by_how_it_begins
        one_version_is_in_force_and_an_earlier_one_can_be_again
        of_many_activations_at_once_each_counts_once
        of_many_who_bring_one_version_one_keeps_it
        every_process_hears_what_is_in_force_and_nothing_that_was_taken_back
        entities_take_the_place_of_their_namesakes_and_come_in_pages
    }
    status {
        a_place_is_given_once_and_a_full_list_is_followed_by_another
    }
    tasks {
        the_same_call_is_the_same_task_and_another_is_not
        e41_an_agreement_is_good_for_exactly_one_call
        however_many_use_an_agreement_at_once_one_does
        however_many_vote_at_once_each_person_counts_once
        a_grant_that_ends_takes_its_tasks_with_it
        what_nobody_decides_or_uses_expires_and_is_forgotten
        whoever_asks_a_lot_hides_nobody
        a_refusal_stays_a_while
        how_often_and_how_fast_people_agree
        a_standing_agreement_ends_with_its_grant_or_by_hand
        what_was_permitted_is_looked_at_once
    }
    agreements {
        e41_a_use_that_was_taken_back_was_none
        e41_of_many_who_use_it_or_make_it_void_one_has_its_way
        however_many_ask_for_one_call_at_once_it_is_one_task
        tasks_are_listed_by_state_and_by_whose_they_are_with_their_votes
        of_many_who_look_at_a_call_or_end_an_agreement_one_decides
        who_is_disabled_agrees_to_nothing
    }
    transactions {
        a_failing_job_harms_no_neighbour
        a_panic_is_an_error_and_the_store_lives_on
        an_error_that_is_swallowed_still_dooms
        a_read_cannot_write
        an_err_rolls_back_rows_and_events
        a_newer_schema_is_refused
        a_broken_connection_is_replaced
        a_hung_writer_is_reported_and_does_no_lasting_harm
        nul_is_refused_on_both_drivers_alike
    }
    model {
        artifacts_behave_as_the_model_says
        revoking_ends_exactly_what_is_below
    }
}
