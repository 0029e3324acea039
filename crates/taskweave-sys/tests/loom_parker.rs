//! The parker's models.
#![cfg(taskweave_loom)]

mod model;

use std::time::Duration;

use model::{Shared, check};
use taskweave_sys::{
    parker::Parker,
    sync::atomic::{AtomicU64, Ordering, fence},
};

/// A parker and a word of work bits, stored and loaded without any ordering: what orders them is
/// the parker.
struct Place {
    parker: Parker,
    work: AtomicU64,
}

impl Place {
    fn new(cap: u32) -> Shared<Self> {
        Shared::new(Self {
            parker: Parker::with_cap(cap),
            work: AtomicU64::new(0),
        })
    }

    fn has(&self, bits: u64) -> bool {
        self.work.load(Ordering::Relaxed) & bits == bits
    }

    /// Announce, look again, sleep: until all of `bits` are there.
    fn wait_for(&self, bits: u64) {
        while !self.has(bits) {
            let ticket = self.parker.prepare();
            if self.has(bits) {
                ticket.cancel();
            } else {
                ticket.commit();
            }
        }
    }

    fn counts(&self) -> (u32, u32) {
        (self.parker.permits(), self.parker.sleepers())
    }
}

/// The producer looks for sleepers, behind a fence of its own, and releases only if there are any.
#[test]
fn a_producer_that_looks_first_wakes_the_sleeper() {
    check(2, |order| {
        let place = Place::new(1);
        order.run(vec![
            place.body(|place| place.wait_for(1)),
            place.body(|place| {
                place.work.store(1, Ordering::Relaxed);
                fence(Ordering::SeqCst);
                if place.parker.sleepers() > 0 {
                    place.parker.release(1);
                }
            }),
        ]);
        assert_eq!(place.parker.sleepers(), 0);
    });
}

/// Two producers always release, without a fence; the second permit may exceed the cap, and must
/// carry its producer's work all the same.
#[test]
fn a_release_beyond_the_cap_still_tells_what_came_before() {
    check(3, |order| {
        let place = Place::new(1);
        let produce = |bit| {
            place.body(move |place| {
                place.work.fetch_or(bit, Ordering::Relaxed);
                place.parker.release(1);
            })
        };
        order.run(vec![
            place.body(|place| place.wait_for(3)),
            produce(1),
            produce(2),
        ]);
        let (permits, sleepers) = place.counts();
        assert!(permits <= 1 && sleepers == 0);
    });
}

#[test]
fn every_permit_lets_one_sleeper_go() {
    check(3, |order| {
        let place = Place::new(2);
        let sleep = || place.body(|place| place.parker.prepare().commit());
        let release = place.body(|place| {
            assert!(place.parker.release(1) <= 1);
            assert!(place.parker.release(1) <= 1);
        });
        order.run(vec![sleep(), sleep(), release]);
        assert_eq!(place.counts(), (0, 0));
    });
}

/// The permit may be dropped with the sleeper it was for. Then the other either was asleep, and was
/// woken for it, or looks again.
#[test]
fn a_wake_meant_for_one_who_cancels_reaches_the_other() {
    check(3, |order| {
        let place = Place::new(0);
        order.run(vec![
            place.body(|place| place.wait_for(1)),
            place.body(|place| place.parker.prepare().cancel()),
            place.body(|place| {
                place.work.store(1, Ordering::Relaxed);
                place.parker.release(2);
            }),
        ]);
        assert_eq!(place.counts(), (0, 0));
    });
}

#[test]
fn a_timeout_neither_swallows_nor_invents_a_permit() {
    check(2, |order| {
        let place = Place::new(1);
        let sleep = place.body(|place| {
            place
                .parker
                .prepare()
                .commit_timeout(Duration::from_secs(1))
        });
        let release = place.body(|place| place.parker.release(1) <= 1);
        let results = order.run(vec![sleep, release]);
        assert_eq!(place.counts(), (u32::from(!results[0]), 0));
    });
}

#[test]
fn a_timed_sleeper_and_an_untimed_one_share_two_permits() {
    check(3, |order| {
        let place = Place::new(2);
        let timed = place.body(|place| {
            place
                .parker
                .prepare()
                .commit_timeout(Duration::from_secs(1))
        });
        let patient = place.body(|place| {
            place.parker.prepare().commit();
            true
        });
        let release = place.body(|place| place.parker.release(1) + place.parker.release(1) <= 2);
        let results = order.run(vec![timed, patient, release]);
        assert_eq!(place.counts(), (u32::from(!results[0]), 0));
    });
}

/// One who takes a permit in passing leaves a woken sleeper without one, who goes back to sleep and
/// is not forgotten.
#[test]
fn a_permit_taken_in_passing_is_made_up_for_by_the_next() {
    check(3, |order| {
        let place = Place::new(2);
        let sleep = place.body(|place| {
            place.parker.prepare().commit();
            true
        });
        let pass = place.body(|place| place.parker.try_acquire());
        let release = place.body(|place| {
            place.parker.release(1);
            place.parker.release(1);
            true
        });
        let results = order.run(vec![sleep, pass, release]);
        assert_eq!(place.counts(), (u32::from(!results[1]), 0));
    });
}
