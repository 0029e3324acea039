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
pass-target-of-one              lib  pass::models::two_passes_on_the_same_counters
LIST
}

check_models taskweave-core
