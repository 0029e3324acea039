#!/usr/bin/env bash
# The seeded faults of this crate, each with the model that must find it: see `.ci/mutate`. Run from anywhere.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ../../.ci/mutate

faults() {
    cat <<'LIST'
futex-look-before-lock               loom_futex      a_sleeper_sees_the_new_value_or_the_wake
parker-prepare-without-fence         loom_parker     a_producer_that_looks_first_wakes_the_sleeper
parker-no-write-beyond-cap           loom_parker     a_release_beyond_the_cap_still_tells_what_came_before
parker-update-relaxed                loom_parker     a_release_beyond_the_cap_still_tells_what_came_before
parker-wake-only-from-zero           loom_parker     every_permit_lets_one_sleeper_go
parker-timeout-swallows              loom_waker      a_timeout_keeps_what_it_takes_and_leaves_the_rest
waker-set-load-only                  loom_waker      no_lost_wakeups_when_a_set_bit_is_cleared
waker-set-relaxed                    loom_waker      false_negatives_impossible
waker-clear-relaxed                  loom_waker      false_negatives_impossible
waker-unmark-without-look            loom_waker      false_negatives_impossible
waker-set-bit-without-permit         loom_waker      no_lost_wakeups_though_bits_are_stale
waker-mark-without-fence             loom_waker      no_lost_wakeups_though_bits_are_stale
waker-take-without-fence             loom_waker      no_lost_wakeups_though_bits_are_stale
waker-leaf-without-look              loom_waker      a_cleared_leaf_is_looked_at_again
waker-tasks-without-look             loom_waker      a_cleared_leaf_is_looked_at_again
waker-sync-without-look              loom_waker      a_partition_sync_clears_no_leaf_that_comes_meanwhile
summary-word-without-look            loom_summary    false_negatives_impossible_of_a_word
summary-clear-relaxed                loom_summary    false_negatives_impossible_of_a_word
summary-level-without-look           loom_summary    false_negatives_impossible_above
summary-mark-without-fence           loom_summary    no_lost_wakeups_while_workers_come
summary-change-without-fence         loom_summary    no_lost_wakeups_while_workers_come
summary-tell-without-permit          loom_summary    a_bit_that_means_another_leaf_is_told_again
summary-clear-without-recheck        loom_summary    a_clear_by_yesterdays_partition_is_put_right
deque-publish-relaxed                loom_deque      what_a_thief_gets_it_sees
deque-claim-relaxed                  loom_deque      what_a_thief_gets_it_sees
deque-claim-frees                    loom_deque      a_slot_is_written_again_only_after_it_was_read
deque-claim-while-stealing           loom_deque      a_second_thief_leaves_the_first_alone
deque-finish-relaxed                 loom_deque      a_slot_is_written_again_only_after_it_was_read
deque-refresh-relaxed                loom_deque      a_slot_is_written_again_only_after_it_was_read
deque-owner-frees-under-a-thief      loom_deque      spilling_goes_on_while_a_thief_copies
deque-late-publish-relaxed           loom_deque      a_late_publication_leaves_the_thief_alone_and_shows_what_it_publishes
deque-late-publish-frees-under-a-thief loom_deque    a_late_publication_leaves_the_thief_alone_and_shows_what_it_publishes
inbox-link-relaxed                   loom_inbox      two_producers_lose_and_double_nothing
inbox-take-last-without-exchange     loom_inbox      two_producers_lose_and_double_nothing
inbox-take-before-linked             loom_inbox      a_taken_node_is_never_touched_again
inbox-enter-relaxed                  loom_inbox      two_consumers_never_take_the_same
inbox-refused-opens                  loom_inbox      two_consumers_never_take_the_same
inbox-leave-relaxed                  loom_inbox      two_consumers_never_take_the_same
countdown-done-relaxed               loom_countdown  exactly_one_is_the_last_and_sees_all
countdown-without-fence              loom_countdown  exactly_one_is_the_last_and_sees_all
biased-done-relaxed                  loom_countdown  the_owner_settles_or_the_last_one_tells
biased-without-fence                 loom_countdown  the_owner_settles_or_the_last_one_tells
latch-set-relaxed                    loom_countdown  a_latch_wakes_its_waiter_once_and_shows_what_came_before
ring-push-relaxed                    loom_ready_ring two_pushers_and_a_taker
ring-take-relaxed                    loom_ready_ring two_pushers_and_a_taker
ring-taken-relaxed                   loom_ready_ring cells_are_used_again
ring-room-relaxed                    loom_ready_ring cells_are_used_again
ring-stale-tail                      loom_ready_ring two_pushers_and_a_taker
LIST
}

check_models taskweave-sys
