#!/usr/bin/env bash
# The seeded faults of this crate, each with the model that must find it: see `.ci/mutate`. Run from anywhere.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ../../.ci/mutate

faults() {
    cat <<'LIST'
log-adds-behind-a-mark          lib  chain::models::a_reader_folds_while_a_writer_adds_for_a_laggard
lane-publish-relaxed            lib  exchange::models::a_reader_gets_every_batch_once_and_in_order
reader-done-relaxed             lib  exchange::models::a_reader_gets_every_batch_once_and_in_order
gate-enter-relaxed              lib  exchange::models::a_reader_gets_every_batch_once_and_in_order
gate-leave-relaxed              lib  exchange::models::a_reader_gets_every_batch_once_and_in_order
catch-up-skips-the-rest         lib  exchange::models::a_reader_gets_every_batch_once_and_in_order
limit-overlooks-the-busy        lib  exchange::models::a_receive_that_stalled_goes_on_where_it_was
layout-before-written           lib  exchange::models::a_ring_is_replaced_under_a_reader_that_keeps_up
replace-strands-stragglers      lib  exchange::models::a_receive_that_stalled_beside_one_that_is_behind
demote-after-feed               lib  exchange::models::two_writers_and_a_reader
demote-idle-by-end              lib  exchange::models::a_reader_gets_every_batch_once_and_in_order
wait-enters-without-a-look      lib  frontier::models::a_wait_ends_when_the_last_capability_goes
downgrade-in-two-steps          lib  frontier::models::a_downgrade_is_one_step
LIST
}

edits() {
    cat <<'LIST'
demote-idle-by-end   src/exchange/control.rs   s/if busy \{ place.end\(\) \} else \{ place.done\(\) \}/place.end()/
LIST
}

check_models taskweave-progress
