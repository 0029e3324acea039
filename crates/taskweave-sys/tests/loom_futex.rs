//! The models of the futex table, which stands in for the system's futex wherever there is none,
//! and of the fence.
#![cfg(taskweave_loom)]

mod model;

use std::time::Duration;

use model::{Shared, check};
use taskweave_sys::{
    futex,
    sync::atomic::{AtomicU32, Ordering, fence_after_rmw},
};

fn words() -> Shared<[AtomicU32; 2]> {
    Shared::new([AtomicU32::new(0), AtomicU32::new(0)])
}

fn sleep_while_zero(word: &AtomicU32) {
    while word.load(Ordering::Relaxed) == 0 {
        futex::wait(word, 0, None);
    }
}

#[test]
fn a_sleeper_sees_the_new_value_or_the_wake() {
    check(2, |order| {
        let words = words();
        order.run(vec![
            words.body(|[word, _]| sleep_while_zero(word)),
            words.body(|[word, _]| {
                word.store(1, Ordering::Relaxed);
                futex::wake(word, 1);
            }),
        ]);
    });
}

#[test]
fn a_wake_counts_and_reaches_only_those_of_its_word() {
    check(3, |order| {
        let words = words();
        order.run(vec![
            words.body(|[word, _]| sleep_while_zero(word)),
            words.body(|[_, word]| sleep_while_zero(word)),
            words.body(|words| {
                for word in words {
                    word.store(1, Ordering::Relaxed);
                    assert!(futex::wake(word, u32::MAX) <= 1);
                }
            }),
        ]);
        assert_eq!(futex::wake(&words[0], 1), 0);
    });
}

#[test]
fn a_counted_wake_is_a_sleeper_that_did_not_time_out() {
    check(2, |order| {
        let words = words();
        let results = order.run(vec![
            words.body(|[word, _]| futex::wait(word, 0, Some(Duration::from_secs(1)))),
            words.body(|[word, _]| futex::wake(word, 1) == 1),
        ]);
        assert_eq!(results[0], results[1]);
    });
}

/// Store buffering: two threads each write, fence and read. One of them sees the other's write.
#[test]
fn a_fence_after_an_rmw_is_a_full_one() {
    check(2, |order| {
        let words = words();
        let look = |mine: usize| {
            words.body(move |words| {
                words[mine].fetch_add(1, Ordering::Relaxed);
                fence_after_rmw();
                words[1 - mine].load(Ordering::Relaxed)
            })
        };
        let seen = order.run(vec![look(0), look(1)]);
        assert!(seen.contains(&1));
    });
}
