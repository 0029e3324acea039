//! Tasks behind gates.

use std::time::{Duration, Instant};

use taskweave_core::gate::{Gate, gate};
use taskweave_core::{CancelToken, Pool, Shutdown, TaskError, sleep};
use taskweave_testing::{Count, inside_and_outside, pool, until, watch};

fn root_of(result: Result<impl std::fmt::Debug, TaskError>) -> std::sync::Arc<TaskError> {
    match result {
        Err(TaskError::Poisoned { root }) => root,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_task_begins_when_all_gates_are_open() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let count = Count::new();
        let (one, first) = gate();
        let (two, second) = gate();
        let ran = count.clone();
        let task = pool
            .task()
            .after(first)
            .after(&second)
            .after(Duration::from_millis(1))
            .spawn(move || ran.tick());
        one.open();
        assert!(!task.is_finished());
        assert!(!second.is_open().unwrap());
        two.open();
        task.wait().unwrap();
        assert_eq!(count.get(), 1);
    });
}

#[test]
fn what_is_open_already_holds_nobody() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let (completion, done) = gate();
        completion.open();
        let past = Instant::now();
        let task = pool.task().after((done, past)).spawn(|| 7);
        assert_eq!(task.wait().unwrap(), 7);
        let none = Gate::all(Vec::<Gate>::new());
        assert_eq!(pool.task().after(none).spawn(|| 8).wait().unwrap(), 8);
    });
}

#[test]
fn a_failure_is_told_with_its_root_and_runs_nobody() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let ran = Count::new();
        let (completion, gate) = gate();
        let mut line = pool.task().after(&gate).spawn(|| ());
        for _ in 0..100 {
            let ran = ran.clone();
            line = pool.task().after(line).spawn(move || ran.tick());
        }
        completion.fail(TaskError::Shutdown);
        assert!(matches!(*root_of(line.wait()), TaskError::Shutdown));
        assert!(matches!(*root_of(gate.wait()), TaskError::Shutdown));
        assert_eq!(ran.get(), 0);
    });
}

#[test]
fn a_completion_or_a_future_that_is_dropped_fails_its_gate() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let (completion, gate) = gate();
        drop(completion);
        assert!(matches!(*root_of(gate.wait()), TaskError::Cancelled));
        // A future that nobody could ever wake, dropped with its token.
        let token = CancelToken::new();
        let never = pool
            .task()
            .cancel_with(&token)
            .spawn_future(std::future::pending::<()>());
        let task = pool.task().after(never).spawn(|| ());
        token.cancel();
        assert!(matches!(*root_of(task.wait()), TaskError::Cancelled));
        let panics =
            pool.spawn_future(async { std::panic::resume_unwind(Box::new("in a future")) });
        let after = pool.task().after(panics).spawn(|| ());
        assert!(root_of(after.wait()).to_string().contains("in a future"));
    });
}

#[test]
fn a_cancelled_task_never_runs_and_says_so_at_once() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let (completion, gate) = gate();
        let ran = Count::new();
        let own = ran.clone();
        let task = pool.task().after(gate).spawn(move || own.tick());
        assert!(task.cancel());
        assert!(matches!(task.wait(), Err(TaskError::Cancelled)));
        completion.open();
        assert_eq!(pool.spawn(|| 1).wait().unwrap(), 1);
        assert_eq!(ran.get(), 0);
    });
}

#[test]
fn a_million_gates_in_a_line_need_no_deep_stack() {
    let _watch = watch();
    let (completion, first) = gate();
    let mut last = first;
    for _ in 0..if cfg!(debug_assertions) {
        100_000
    } else {
        1_000_000
    } {
        last = Gate::all([last]);
    }
    completion.open();
    last.wait().unwrap();
}

#[test]
fn a_gate_opens_after_its_pool_has_gone() {
    let _watch = watch();
    for fails in [false, true] {
        let (completion, gate) = gate();
        let gone: Pool = pool(2);
        let task = gone.task().after(gate).spawn(|| ());
        gone.shutdown(Shutdown::Drain, None).unwrap();
        drop(gone);
        if fails {
            drop(completion);
            assert!(matches!(*root_of(task.wait()), TaskError::Cancelled));
        } else {
            completion.open();
            assert!(matches!(task.wait(), Err(TaskError::Shutdown)));
        }
        let late = pool(1);
        late.shutdown(Shutdown::Drain, None).unwrap();
        let refused = late.task().after(Duration::ZERO).spawn(|| ());
        assert!(matches!(refused.wait(), Err(TaskError::Shutdown)));
    }
}

/// A wait within a body for a task whose gate somebody outside opens is no stall.
#[test]
fn who_waits_behind_a_gate_is_not_taken_for_stuck() {
    let _watch = watch();
    let pool = pool(1);
    let (completion, gate) = gate();
    let behind = pool.task().after(gate).spawn(|| 7);
    let waits = pool.spawn(move || behind.wait().unwrap());
    until(|| pool.dump().contains("1 asleep"));
    std::thread::sleep(Duration::from_millis(20));
    assert!(!waits.is_finished());
    completion.open();
    assert_eq!(waits.wait().unwrap(), 7);
}

#[test]
fn gates_are_awaited_and_dropped_in_the_middle() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let (completion, gate) = gate();
        let impatient = pool.block_on(async {
            let wait = taskweave_core::timeout(Duration::from_millis(1), gate.clone());
            wait.await.is_err()
        });
        assert!(impatient);
        let patient = pool.spawn_future(gate);
        pool.block_on(sleep(Duration::from_millis(1)));
        completion.open();
        patient.wait().unwrap().unwrap();
    });
}

/// Whoever opens a gate in a telling may wait for what it has opened: a body's drop, say.
#[test]
fn what_is_opened_within_a_telling_is_told_at_once() {
    struct Opens(
        Option<(
            taskweave_core::gate::Completion,
            taskweave_core::JoinHandle<i32>,
        )>,
    );
    impl Drop for Opens {
        fn drop(&mut self) {
            let (completion, handle) = self.0.take().unwrap();
            completion.open();
            assert_eq!(handle.wait().unwrap(), 7);
        }
    }
    let _watch = watch();
    let pool = pool(2);
    let (inner, opened) = gate();
    let opens = Opens(Some((inner, pool.task().after(opened).spawn(|| 7))));
    let (outer, fails) = gate();
    let never = pool.task().after(fails).spawn(move || drop(opens));
    outer.fail(TaskError::Cancelled);
    assert!(matches!(*root_of(never.wait()), TaskError::Cancelled));
}

/// A completion in a thread-local goes with its thread, whatever else has gone by then.
#[test]
fn a_completion_is_dropped_as_its_thread_ends() {
    use std::cell::RefCell;
    thread_local!(static KEPT: RefCell<Option<taskweave_core::gate::Completion>> = const { RefCell::new(None) });
    let _watch = watch();
    let (completion, gate) = gate();
    let thread = taskweave_sys::sync::thread::spawn(move || {
        KEPT.with(|kept| *kept.borrow_mut() = Some(completion));
        let (other, opened) = taskweave_core::gate::gate();
        other.open();
        opened.wait().unwrap();
    });
    thread.join().unwrap();
    assert!(matches!(*root_of(gate.wait()), TaskError::Cancelled));
}
