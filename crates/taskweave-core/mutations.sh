#!/usr/bin/env bash
# The seeded faults of this crate, each with the model that must find it: see `.ci/mutate`. Run from anywhere.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ../../.ci/mutate

faults() {
    cat <<'LIST'
end-set-relaxed                 lib  latch::models::a_waiter_sees_what_came_before_and_may_free_the_frame
end-touch-after-set             lib  latch::models::a_waiter_sees_what_came_before_and_may_free_the_frame
end-register-by-store           lib  latch::models::a_waiter_sees_what_came_before_and_may_free_the_frame
end-done-relaxed                lib  latch::models::a_tally_ends_once_after_all_its_parts
end-unbiased                    lib  latch::models::a_tally_ends_once_after_all_its_parts
idle-announce-without-fence     lib  keeper::models::a_borrower_leaves_while_work_comes
idle-end-search-without-fence   lib  keeper::models::a_searcher_stops_while_work_comes
idle-retract-without-token      lib  keeper::models::a_searcher_that_stays_up_sees_to_the_rest
idle-search-over-count          lib  keeper::models::a_refused_searcher_promises_nothing
keeper-borrowed-look-dropped    lib  keeper::models::a_borrower_is_no_help
keeper-asleep-after-hand-over   lib  keeper::models::a_slot_changes_hands_while_work_comes
keeper-end-without-fence        lib  keeper::models::a_pool_outlives_its_bodies
keeper-end-by-looks             lib  keeper::models::a_pool_outlives_its_bodies
keeper-leave-without-fence      lib  keeper::models::the_last_one_takes_along_what_came_too_late
spawn-claim-by-load             lib  spawn::models::a_wait_meets_the_run
spawn-finish-relaxed            lib  spawn::models::a_wait_meets_the_run
spawn-waiter-relaxed            lib  spawn::models::a_wait_that_gives_up_comes_back
spawn-leave-relaxed             lib  spawn::models::a_detached_task_drops_its_result
spawn-detach-before-result      lib  spawn::models::a_detached_task_drops_its_result
spawn-detach-relaxed            lib  spawn::models::a_detached_task_drops_its_result
prepare-update-relaxed          lib  prepare::models::a_second_submission_meets_the_first_ones_shell
prepare-end-relaxed             lib  prepare::models::a_wait_meets_the_run
prepare-end-overlooks-waiter    lib  prepare::models::a_wait_meets_the_run
pass-seed-from-counters         lib  pass::models::seed_race
pass-arrive-relaxed             lib  pass::models::seed_race
pass-last-arrival-relaxed       lib  pass::models::seed_race
pass-watcher-overlooked         lib  pass::models::watch::whoever_has_more_to_do_leaves_a_watched_vertex
pass-watching-arrival-relaxed   lib  pass::models::watch::a_watched_vertex_runs_once_after_all
pass-watcher-relaxed            lib  pass::models::watch::a_watched_vertex_runs_once_after_all
pass-watch-stays                lib  pass::models::watch::a_watched_vertex_runs_once_after_all
pass-stop-watching-relaxed      lib  pass::models::watch::a_watched_vertex_runs_once_after_all
pass-stop-watching-blindly      lib  pass::models::watch::a_watched_vertex_runs_once_after_all
pass-target-of-one              lib  pass::models::two_passes_on_the_same_counters
pass-stopped-passes-nothing-on  lib  pass::models::a_stop_meets_a_cancel
pass-skip-by-store              lib  pass::models::skips_are_counted
pass-last-sink-relaxed          lib  pass::models::background::a_wait_sees_what_a_started_pass_did
start-drop-strips-anyway        lib  pass::models::background::a_start_meets_the_drop_of_the_graph
completion-of-any-pass          lib  pass::models::background::a_completion_meets_the_body_and_the_next_pass
completion-drop-says-nothing    lib  pass::models::background::the_last_completions_drop_meets_the_body_and_a_stop
completion-overlooks-the-body   lib  pass::models::background::a_completion_meets_the_body_and_the_next_pass
pass-mark-after-arrival         lib  pass::models::a_live_edge_is_seen_by_the_last_to_arrive
idle-waker-gives-up             lib  keeper::models::a_borrower_leaves_while_work_comes
keeper-woken-relaxed            lib  keeper::models::a_borrower_leaves_while_work_comes
keeper-blocking-overlooked      lib  keeper::models::a_pool_outlives_what_blocks
late-submission-looks-once      lib  keeper::models::the_last_one_takes_along_what_came_too_late
wait-leaves-a-token             lib  keeper::models::a_wait_ends_while_work_comes
wait-sleeps-without-look        lib  keeper::models::a_wait_lies_down_while_its_end_comes
stall-keeper-looks-not          lib  keeper::models::stall::the_last_to_sleep_finds_out
stall-naps-uncounted            lib  keeper::models::stall::a_nap_between_two_looks_is_noticed
stall-outside-overlooked        lib  keeper::models::stall::a_nap_between_two_looks_is_noticed
stall-waits-overlooked          lib  keeper::models::stall::a_wait_that_is_over_moves
stall-blocking-after-sleepers   lib  keeper::models::stall::a_blocking_thread_moves_what_waits_for_it
stall-permit-after-sleeper      lib  keeper::models::stall::a_wait_that_is_over_moves
future-poll-overlooks-wake      lib  future::models::a_wake_meets_a_poll
future-claim-relaxed            lib  future::models::a_wake_meets_a_poll
future-pend-relaxed             lib  future::models::a_wake_meets_a_poll
signal-load-only                lib  future::models::a_wake_meets_a_poll
future-woken-forgotten          lib  future::models::a_poll_wakes_another_future
future-arm-relaxed              lib  future::models::a_slot_is_used_again
future-cancel-claims-anyway     lib  future::models::a_cancel_meets_a_poll
future-leaf-uncounted           lib  future::models::the_last_waker_outlives_the_pool
future-drain-looks-once         lib  future::models::a_drain_meets_the_last_waker
timer-attend-looks-first        lib  timer::models::a_timer_is_set_while_the_attendant_lies_down
timer-set-without-look          lib  timer::models::a_timer_is_set_while_the_attendant_lies_down
timer-unlock-relaxed            lib  timer::models::a_timer_is_dropped_while_it_fires
timer-fire-erases-last          lib  timer::models::a_timer_is_set_while_others_fire
blocked-look-before-lock        lib  spawn::models::one_of_two_that_wait_for_each_other_is_told
blocked-runner-stays            lib  spawn::models::a_wait_after_a_task_is_not_its_own
gate-asks-before-lock           lib  gate::models::a_task_meets_the_opening_and_a_cancel
gate-all-relaxed                lib  gate::models::the_last_of_two_opens
gate-fails-unclaimed            lib  gate::models::a_gate_that_fails_meets_the_handles_drop
gate-wakes-by-load              lib  gate::models::a_future_is_woken_while_it_is_polled
gate-poll-relaxed               lib  gate::models::a_future_is_woken_while_it_is_polled
gate-forgets-wakes              lib  gate::models::a_future_is_woken_while_it_is_polled
LIST
}

edits() {
    cat <<'LIST'
idle-waker-gives-up           src/shared.rs      s/(self.wake_claimed\(\)) \|\| !self.idle.end_search\(\) \|\| .*work_visible\(\)/\1 || self.idle.end_search() | true/
keeper-woken-relaxed          src/shared.rs      s/store\(MODE_WOKEN, Ordering::Release\)/store(MODE_WOKEN, Ordering::Relaxed)/
keeper-blocking-overlooked    src/keeper.rs      /^    if claimed.len\(\) == slots/,/^    \{/ s/\&\& shared.blocking.is_idle\(\)//
late-submission-looks-once    src/shared.rs      s/self.phase.load\(Ordering::Relaxed\) != Phase::Open as u8/false/
wait-leaves-a-token           src/wait.rs        /fn sleep_waiting/,/^    }/ s/self.accept_token\(\);//
wait-sleeps-without-look      src/wait.rs        s/latch.is_set\(\) \|\| shared.work_visible\(\)/latch.is_set()/
stall-keeper-looks-not        src/keeper.rs      /^fn await_wake/,/^}/ s/shared.check_stall\(\);//
stall-naps-uncounted          src/idle/mod.rs    s/Counts\((self.counts.load\(Ordering::SeqCst\))\) == since/(\1 ^ since.0) as u32 == 0/
stall-outside-overlooked      src/stall.rs       s/&& outside == 0/\&\& outside < 9/
stall-waits-overlooked        src/stall.rs       s/&& self.waits_are_still\(\)//
stall-blocking-after-sleepers src/stall.rs       s/&& self.blocking.is_idle\(\)//;s/&& self.waits_are_still\(\)/\&\& self.blocking.is_idle() \&\& self.waits_are_still()/
stall-permit-after-sleeper    src/stall.rs       s/parker.permits\(\) == 0 && parker.sleepers\(\) > 0/parker.sleepers() > 0 \&\& parker.permits() == 0/
blocked-look-before-lock      src/blocked.rs     s/blocked.insert\(/drop(blocked); lock().insert(/
blocked-runner-stays          src/spawn/cell.rs  s/cell.core.runner.store\(0, Ordering::Relaxed\);//
LIST
}

check_models taskweave-core
