//! Several pools, guests and limits that have to do with each other.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use taskweave_core::{JoinHandle, Limit, Shutdown, TaskError, join};

use taskweave_testing::{Count, Gate, builder, each_pool, pool, until, watch};

/// The wait of the `join` helps with a task that leaves for another pool, and no spare thread may take the slot.
#[test]
fn a_wait_helps_with_a_task_that_leaves_for_another_pool() {
    let _watch = watch();
    let a = builder(2).max_blocked(0).build().unwrap();
    let b = Arc::new(pool(1));
    // Both workers are busy until both branches are wanted, so that the closure below becomes a task.
    let (busy, go) = (Count::new(), Gate::new());
    for _ in 0..2 {
        let (begin, hold) = (busy.clone(), go.clone());
        drop(a.spawn(move || {
            begin.add();
            hold.pass();
        }));
    }
    until(|| busy.get() == 2);
    std::thread::scope(|s| {
        s.spawn(|| {
            a.install(|| {
                let (stolen, helped) = (Gate::new(), Gate::new());
                let ended = Count::new();
                join(
                    || {
                        stolen.pass();
                        let (helped, b) = (helped.clone(), Arc::clone(&b));
                        drop(a.spawn(move || {
                            b.install(|| ());
                            helped.open();
                        }));
                    },
                    || {
                        stolen.open();
                        helped.pass();
                        ended.add();
                    },
                );
                assert_eq!(ended.get(), 1, "the frame was left too early");
            });
        });
        go.open();
    });
}

#[test]
fn a_guest_begins_a_shutdown_and_does_not_wait_for_itself() {
    let _watch = watch();
    each_pool(|pool| {
        let pool = Arc::new(pool);
        let inner = Arc::clone(&pool);
        let refused = pool.install(move || inner.shutdown(Shutdown::Drain, None));
        assert!(refused.is_err());
        pool.shutdown(Shutdown::Drain, None).unwrap();
    });
}

#[test]
fn the_last_share_of_a_pool_is_dropped_by_a_task_that_a_guest_runs() {
    let _watch = watch();
    each_pool(|pool| {
        let pool = Arc::new(pool);
        let last = Arc::clone(&pool);
        let task = pool.spawn(move || drop(last));
        drop(pool);
        task.wait().unwrap();
    });
}

#[test]
fn a_worker_that_waits_for_the_end_of_another_pool_lends_its_slot() {
    let _watch = watch();
    for dropped in [false, true] {
        let (a, b) = (Arc::new(pool(1)), Arc::new(pool(1)));
        let (ending, begun) = (Gate::new(), Gate::new());
        let (needed, hold, begin) = (Arc::clone(&a), ending.clone(), begun.clone());
        drop(b.spawn(move || {
            begin.open();
            hold.pass();
            needed.install(|| ());
        }));
        begun.pass();
        let ends = a.spawn(move || {
            ending.open();
            if dropped {
                drop(b);
            } else {
                b.shutdown(Shutdown::Drain, None).unwrap();
            }
        });
        until(|| ends.is_finished());
        ends.wait().unwrap();
    }
}

/// A unit of the limit goes from one pool that has ended to the next, and comes back.
#[test]
fn tasks_of_pools_that_have_gone_hand_a_unit_on() {
    let _watch = watch();
    let (last, limit) = (pool(1), Limit::new(1));
    let (begun, gate) = (Gate::new(), Gate::new());
    let (begin, hold) = (begun.clone(), gate.clone());
    let holder = last.task().limit(&limit).spawn(move || {
        begin.open();
        hold.pass();
    });
    begun.pass();
    let in_line: Vec<JoinHandle<()>> = (0..5)
        .map(|_| {
            let gone = pool(1);
            let before = gone.metrics().total().executed;
            let task = gone.task().limit(&limit).spawn(|| ());
            until(|| gone.metrics().total().executed > before);
            gone.shutdown(Shutdown::Drain, None).unwrap();
            task
        })
        .collect();
    gate.open();
    holder.wait().unwrap();
    for task in in_line {
        assert!(matches!(task.wait(), Ok(()) | Err(TaskError::Shutdown)));
    }
    assert_eq!(last.task().limit(&limit).spawn(|| 3).wait().unwrap(), 3);
}

#[test]
fn a_unit_that_another_pool_holds_is_worth_waiting_for() {
    let _watch = watch();
    let (one, two, limit) = (Arc::new(pool(1)), pool(1), Limit::new(1));
    let (begun, gate) = (Gate::new(), Gate::new());
    let (begin, hold) = (begun.clone(), gate.clone());
    let holder = two.task().limit(&limit).spawn(move || {
        begin.open();
        hold.pass();
    });
    begun.pass();
    let (inner, same) = (Arc::clone(&one), limit.clone());
    let waits = one.spawn(move || inner.task().limit(&same).spawn(|| 7).wait());
    // Both slots of the first pool are asleep by and by, and nothing is wrong.
    until(|| one.dump().contains("waits for"));
    gate.open();
    assert_eq!(waits.wait().unwrap().unwrap(), 7);
    holder.wait().unwrap();
}

#[test]
fn waits_with_a_deadline_close_no_circle() {
    let _watch = watch();
    let pool = Arc::new(pool(3));
    let (to_first, at_first) = mpsc::channel::<JoinHandle<u32>>();
    let (to_second, at_second) = mpsc::channel::<JoinHandle<u32>>();
    let (impatient, patient) = (Gate::new(), Gate::new());
    let (first_waits, second_begun) = (impatient.clone(), patient.clone());
    let first = pool.spawn(move || {
        let other = at_first.recv().unwrap();
        first_waits.open();
        let late = other.wait_timeout(Duration::from_millis(50));
        assert!(late.is_err(), "it waits for this task");
        1
    });
    let second = pool.spawn(move || {
        let other = at_second.recv().unwrap();
        impatient.pass();
        second_begun.open();
        other.wait().unwrap() + 1
    });
    // Neither is run by its waiter: both have begun.
    to_first.send(second).unwrap();
    to_second.send(first).unwrap();
    patient.pass();
    until(|| !pool.dump().contains("waits for"));
}

#[test]
fn a_task_that_waits_for_itself_with_a_deadline_gets_its_handle_back() {
    let _watch = watch();
    let pool = pool(2);
    let (to_task, at_task) = mpsc::channel::<JoinHandle<()>>();
    let (done, end) = mpsc::channel();
    let task = pool.spawn(move || {
        let itself = at_task.recv().unwrap();
        let late = itself.wait_timeout(Duration::from_millis(10));
        done.send(late.is_err()).unwrap();
    });
    to_task.send(task).unwrap();
    assert!(end.recv().unwrap());
}
