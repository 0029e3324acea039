//! The models of the countdowns and the latch.
#![cfg(taskweave_loom)]

mod model;

use model::{Shared, check};
use taskweave_sys::{
    countdown::{Biased, Countdown, Latch},
    parker::Parker,
    sync::cell::UnsafeCell,
};

/// Results, each written by one thread and read by whoever comes last; loom reports a race if
/// nothing orders that.
struct Results<C> {
    counter: C,
    cells: [UnsafeCell<u32>; 2],
}

impl<C: 'static> Results<C> {
    fn new(counter: C) -> Shared<Self> {
        Shared::new(Self {
            counter,
            cells: [UnsafeCell::new(0), UnsafeCell::new(0)],
        })
    }

    fn write(&self, index: usize) {
        // SAFETY: this thread alone has the cell until it says that it is done.
        self.cells[index].with_mut(|cell| unsafe { *cell = 1 });
    }

    fn assert_written(&self, count: usize) {
        for cell in &self.cells[..count] {
            // SAFETY: everyone is done.
            cell.with(|cell| assert_eq!(unsafe { *cell }, 1));
        }
    }

    fn assert_all_written_if(&self, last: bool) -> bool {
        if last {
            self.assert_written(2);
        }
        last
    }
}

fn only_one(results: Vec<bool>) {
    assert_eq!(
        results.iter().filter(|&&last| last).count(),
        1,
        "{results:?}"
    );
}

#[test]
fn exactly_one_is_the_last_and_sees_all() {
    check(2, |order| {
        let results = Results::new(Countdown::new(1));
        results.counter.add(1);
        let finish = |index| {
            results.body(move |results| {
                results.write(index);
                results.assert_all_written_if(results.counter.done(1))
            })
        };
        only_one(order.run(vec![finish(0), finish(1)]));
        assert_eq!(results.counter.outstanding(), 0);
    });
}

#[test]
fn one_who_is_counted_adds_another() {
    check(2, |order| {
        // One task and the other thread are counted; the task adds a second task and does it, too.
        let results = Results::new(Countdown::new(2));
        let tasks = results.body(|results| {
            results.counter.add(1);
            results.write(0);
            assert!(!results.counter.done(1) || results.counter.outstanding() == 0);
            results.assert_all_written_if(results.counter.done(1))
        });
        let other = results.body(|results| {
            results.write(1);
            results.assert_all_written_if(results.counter.done(1))
        });
        only_one(order.run(vec![tasks, other]));
    });
}

#[test]
fn the_owner_settles_or_the_last_one_tells() {
    check(3, |order| {
        let results = Results::new(Biased::new());
        // The owner has added one by its own count, the other was added remotely.
        results.counter.remote_add(1);
        let finish = |index| {
            results.body(move |results| {
                results.write(index);
                results.assert_all_written_if(results.counter.done(1))
            })
        };
        let owner =
            results.body(|results| results.assert_all_written_if(results.counter.owner_settle(1)));
        only_one(order.run(vec![owner, finish(0), finish(1)]));
    });
}

#[test]
fn a_latch_wakes_its_waiter_once_and_shows_what_came_before() {
    check(2, |order| {
        let results = Results::new((Latch::new(), Parker::with_cap(1)));
        let setter = results.body(|results| {
            let (latch, parker) = &results.counter;
            results.write(0);
            if latch.set() {
                // What the waiter wrote before it announced itself.
                results.assert_all_written_if(true);
                parker.release(1);
            }
        });
        let waiter = results.body(|results| {
            let (latch, parker) = &results.counter;
            results.write(1);
            if latch.prepare_wait() {
                parker.prepare().commit();
            }
            assert!(latch.probe());
            results.assert_all_written_if(true);
        });
        order.run(vec![setter, waiter]);
        assert_eq!(results.counter.1.permits(), 0);
    });
}

#[test]
fn a_waiter_that_gives_up_knows_whether_a_wake_is_on_its_way() {
    check(2, |order| {
        let results = Results::new(Latch::new());
        let setter = results.body(|results| {
            results.write(0);
            results.counter.set()
        });
        let waiter = results.body(|results| {
            let waiting = results.counter.prepare_wait();
            let given_up = waiting && results.counter.cancel_wait();
            if !given_up {
                results.assert_written(1);
            }
            waiting && !given_up
        });
        let woken = order.run(vec![setter, waiter]);
        assert_eq!(woken[0], woken[1]);
    });
}
