#!/usr/bin/env bash
# Checks the models: under each seeded fault of the sources (`mutated!`, `ordering!`), the model named beside it must fail.
# A model that can't fail proves nothing. Run from anywhere; `CARGO_TARGET_DIR` is respected.
#
# The fault is a cfg given to this workspace's crates alone, by a compiler wrapper, so that the dependencies are built once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

faults() {
    cat <<'LIST'
futex-look-before-lock               loom_futex      a_sleeper_sees_the_new_value_or_the_wake
parker-prepare-without-fence         loom_parker     a_producer_that_looks_first_wakes_the_sleeper
parker-no-write-beyond-cap           loom_parker     a_release_beyond_the_cap_still_tells_what_came_before
parker-update-relaxed                loom_parker     a_release_beyond_the_cap_still_tells_what_came_before
parker-wake-only-from-zero           loom_parker     every_permit_lets_one_sleeper_go
deque-publish-relaxed                loom_deque      what_a_thief_gets_it_sees
deque-claim-relaxed                  loom_deque      what_a_thief_gets_it_sees
deque-claim-frees                    loom_deque      a_slot_is_written_again_only_after_it_was_read
deque-claim-while-stealing           loom_deque      a_second_thief_leaves_the_first_alone
deque-finish-relaxed                 loom_deque      a_slot_is_written_again_only_after_it_was_read
deque-refresh-relaxed                loom_deque      a_slot_is_written_again_only_after_it_was_read
deque-owner-frees-under-a-thief      loom_deque      spilling_goes_on_while_a_thief_copies
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
LIST
}

export RUSTFLAGS="${RUSTFLAGS:-} --cfg taskweave_loom"
# Two preemptions are enough for every fault, and take half a minute where three take two.
export LOOM_MAX_PREEMPTIONS="${LOOM_MAX_PREEMPTIONS:-2}"
cargo_test=(cargo test --quiet --package taskweave-sys --release)

seeded="$(grep -rhoE --include='*.rs' '(mutated|ordering)!\([^)]*"[a-z-]+"' src | grep -oE '"[a-z-]+"' | tr -d '"' | sort -u)"
listed="$(faults | cut -d' ' -f1 | sort -u)"
if [[ "$seeded" != "$listed" ]]; then
    echo "the faults in src and those listed here differ:" >&2
    diff <(echo "$seeded") <(echo "$listed") >&2 || true
    exit 1
fi

"${cargo_test[@]}" --test 'loom_*'

wrappers="$(cd "${CARGO_TARGET_DIR:-../../target}" && pwd)/mutations"
mkdir -p "$wrappers"
survivors=0
while read -r fault suite model; do
    # One wrapper for each fault: cargo tells builds apart by its path.
    wrapper="$wrappers/$fault"
    printf '#!/bin/sh\nexec "$@" --cfg %s\n' "'taskweave_mutation=\"$fault\"'" >"$wrapper"
    chmod +x "$wrapper"
    export RUSTC_WORKSPACE_WRAPPER="$wrapper"
    "${cargo_test[@]}" --test "$suite" --no-run
    if "${cargo_test[@]}" --test "$suite" -- --exact "$model" >/dev/null 2>&1; then
        echo "SURVIVED  $fault ($suite: $model)" >&2
        survivors=$((survivors + 1))
    else
        echo "caught    $fault"
    fi
done < <(faults)
[[ "$survivors" == 0 ]] || { echo "$survivors faults survived" >&2; exit 1; }
