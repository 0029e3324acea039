//! The waker's models: the guarantees that its essay names, and what becomes of them without a step.
#![cfg(taskweave_loom)]

mod model;

use std::time::Duration;

use model::{Shared, check};
use taskweave_sys::{
    signal::Signal,
    sync::atomic::{AtomicU64, Ordering},
    waker::WorkerWaker,
};

const PARTITION: u64 = 1 << 62;

/// A waker with one signal word, one leaf word, and a flag without any ordering of its own.
struct Desk {
    waker: WorkerWaker,
    signal: Signal,
    leaves: [AtomicU64; 1],
    flag: AtomicU64,
}

impl Desk {
    fn new() -> Self {
        Self {
            waker: WorkerWaker::new(),
            signal: Signal::new(),
            leaves: [AtomicU64::new(0)],
            flag: AtomicU64::new(0),
        }
    }

    /// Word 0 is marked, though it is empty, and so are the leaf, the partition and the yield bit.
    /// The permits for all that are gone but for some.
    fn stale(permits: u64) -> Shared<Self> {
        let desk = Self::new();
        desk.waker.mark_active(0).unwrap();
        desk.waker.mark_partition_leaf_active(0).unwrap();
        desk.waker.mark_yield();
        while desk.waker.permits() > permits {
            assert!(desk.waker.try_acquire());
        }
        Shared::new(desk)
    }

    /// Changes the word, then marks it.
    fn publish(&self, index: u64) {
        self.signal.set(index).unwrap();
        self.waker.mark_active(0).unwrap();
    }

    fn unmark(&self) {
        self.waker
            .try_unmark_if_empty(0, self.signal.word())
            .unwrap();
    }

    fn marked(&self) -> bool {
        self.waker.summary_bits() & 1 != 0
    }

    /// Changes the leaf, then marks it.
    fn activate_leaf(&self) {
        self.leaves[0].fetch_or(1, Ordering::Release);
        self.waker.mark_partition_leaf_active(0).unwrap();
    }

    fn assert_leaf_is_known(&self) {
        assert!(self.waker.partition_leaf_has_work(0).unwrap());
        assert_ne!(self.waker.status() & PARTITION, 0);
    }
}

/// One marks, one takes and unmarks: what is left in the word is marked.
#[test]
fn false_negatives_impossible() {
    check(2, |order| {
        let desk = Desk::stale(0);
        order.run(vec![
            desk.body(|desk| desk.publish(5)),
            desk.body(|desk| {
                desk.signal.take();
                desk.unmark();
            }),
        ]);
        assert!(desk.signal.is_empty() || desk.marked());
    });
}

/// As above, with two producers and a consumer that takes only what the first has left.
#[test]
fn the_one_that_finds_the_word_empty_marks_for_both() {
    check(3, |order| {
        let desk = Desk::stale(0);
        let produce = |index| {
            desk.body(move |desk| {
                if desk.signal.set(index).unwrap() == taskweave_sys::signal::Set::First {
                    desk.waker.mark_active(0).unwrap();
                }
            })
        };
        order.run(vec![
            produce(0),
            produce(1),
            desk.body(|desk| {
                desk.signal.take_one(0).unwrap();
                desk.unmark();
            }),
        ]);
        assert!(desk.signal.is_empty() || desk.marked());
    });
}

/// The bit is set already, the permits are gone, and the consumer goes by the bit alone: it clears,
/// looks again, sleeps.
#[test]
fn no_lost_wakeups_when_a_set_bit_is_cleared() {
    check(2, |order| {
        let desk = Desk::stale(0);
        order.run(vec![
            desk.body(|desk| desk.publish(5)),
            desk.body(|desk| {
                loop {
                    if desk.waker.snapshot_summary() & 1 != 0 {
                        if desk.signal.take() != 0 {
                            break;
                        }
                        desk.unmark();
                    }
                    desk.waker.acquire();
                }
            }),
        ]);
    });
}

/// The consumer never unmarks, which is allowed: every mark finds the bit set. A permit of before may
/// be there, and be taken while the producer counts on it.
#[test]
fn no_lost_wakeups_though_bits_are_stale() {
    for permits in [0, 1] {
        check(2, move |order| {
            let desk = Desk::stale(permits);
            order.run(vec![
                desk.body(|desk| desk.publish(5)),
                desk.body(|desk| {
                    while desk.signal.take() == 0 {
                        desk.waker.acquire();
                    }
                }),
            ]);
            assert!(desk.marked());
        });
    }
}

/// Two consumers, two signals that are published apart, one permit each.
#[test]
fn no_lost_wakeups_of_two_sleepers() {
    check(3, |order| {
        let desk = Shared::new(Desk::new());
        let consume = || {
            desk.body(|desk| {
                desk.waker.acquire();
                desk.signal.take().count_ones()
            })
        };
        let produce = desk.body(|desk| {
            desk.publish(0);
            desk.publish(1);
            // The second may have found the bit set, and a permit that was there.
            desk.waker.release(1);
            0
        });
        let taken = order.run(vec![consume(), consume(), produce]);
        assert_eq!(
            taken.iter().sum::<u32>() + desk.signal.bits().count_ones(),
            2
        );
        assert_eq!(desk.waker.sleepers(), 0);
    });
}

#[test]
fn bounded_notifications() {
    check(3, |order| {
        let desk = Shared::new(Desk::new());
        let sleep = || {
            desk.body(|desk| {
                desk.waker.acquire();
                0
            })
        };
        let release = desk.body(|desk| {
            let first = desk.waker.release(1);
            let second = desk.waker.release(5);
            assert!(first <= 1 && second <= 2);
            first + second
        });
        let wakes = order.run(vec![sleep(), sleep(), release]);
        assert!(wakes[2] <= 2, "{} wakes of two sleepers", wakes[2]);
        assert_eq!((desk.waker.permits(), desk.waker.sleepers()), (4, 0));
    });
}

#[test]
fn a_timeout_keeps_what_it_takes_and_leaves_the_rest() {
    check(2, |order| {
        let desk = Shared::new(Desk::new());
        let sleep = desk.body(|desk| desk.waker.acquire_timeout(Duration::from_secs(1)));
        let release = desk.body(|desk| desk.waker.release(1) <= 1);
        let results = order.run(vec![sleep, release]);
        assert_eq!(
            (desk.waker.permits(), desk.waker.sleepers()),
            (u64::from(!results[0]), 0)
        );
    });
}

/// The leaf changes while the partition's summary is made anew; then its worker goes by the
/// summary.
#[test]
fn a_partition_sync_sees_the_leaf_or_leaves_its_mark() {
    check(2, |order| {
        let desk = Desk::stale(0);
        order.run(vec![
            desk.body(Desk::activate_leaf),
            desk.body(|desk| {
                while !desk
                    .waker
                    .sync_partition_summary(0, 1, &desk.leaves)
                    .unwrap()
                {
                    desk.waker.acquire();
                }
            }),
        ]);
        desk.assert_leaf_is_known();
    });
}

/// What a single sync clears it looks at again: the leaf that came meanwhile is known at once, not only by the permit that it leaves.
#[test]
fn a_partition_sync_clears_no_leaf_that_comes_meanwhile() {
    check(2, |order| {
        let desk = Desk::stale(0);
        order.run(vec![
            desk.body(Desk::activate_leaf),
            desk.body(|desk| {
                desk.waker
                    .sync_partition_summary(0, 1, &desk.leaves)
                    .unwrap();
            }),
        ]);
        desk.assert_leaf_is_known();
    });
}

/// The leaf changes while it is cleared.
#[test]
fn a_cleared_leaf_is_looked_at_again() {
    check(2, |order| {
        let desk = Desk::stale(0);
        order.run(vec![
            desk.body(Desk::activate_leaf),
            desk.body(|desk| {
                loop {
                    if desk.waker.status() & PARTITION != 0
                        && desk.waker.partition_leaf_has_work(0).unwrap()
                        && !desk.waker.clear_partition_leaf(0, &desk.leaves[0]).unwrap()
                        && desk.leaves[0].load(Ordering::Acquire) != 0
                    {
                        break;
                    }
                    desk.waker.acquire();
                }
            }),
        ]);
        desk.assert_leaf_is_known();
    });
}

/// The request to yield comes while an older one is cleared, and the worker goes to sleep.
#[test]
fn a_request_to_yield_reaches_a_worker_that_parks() {
    check(2, |order| {
        let desk = Desk::stale(0);
        order.run(vec![
            desk.body(|desk| {
                desk.flag.store(1, Ordering::Relaxed);
                desk.waker.mark_yield();
            }),
            desk.body(|desk| {
                while !(desk.waker.try_unmark_yield() && desk.flag.load(Ordering::Relaxed) == 1) {
                    desk.waker.acquire();
                }
            }),
        ]);
    });
}

/// What the producer of [`false_negatives_impossible`] would do if a look were enough: loom finds the
/// schedule in which the word has a signal, its bit is clear, and nobody will look.
#[test]
#[should_panic(expected = "the signal is lost")]
fn a_publish_that_only_looks_loses_the_signal() {
    check(2, |order| {
        let desk = Desk::stale(0);
        order.run(vec![
            desk.body(|desk| {
                desk.signal.set(5).unwrap();
                if !desk.marked() {
                    desk.waker.mark_active(0).unwrap();
                }
            }),
            desk.body(|desk| {
                desk.signal.take();
                desk.unmark();
            }),
        ]);
        assert!(
            desk.signal.is_empty() || desk.marked(),
            "the signal is lost"
        );
    });
}
