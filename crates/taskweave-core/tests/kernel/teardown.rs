//! What comes before a thread's first task and after its last: hooks, and the destructors of thread-locals.

use std::cell::RefCell;
use std::sync::{Arc, mpsc};

use taskweave_core::{Limit, Pool, TaskError, for_each, join, scope, spawn};
use taskweave_sys::sync::thread;

use taskweave_testing::{Count, builder, pool, watch};

/// Calls its closure when the thread ends that it was given to.
struct AtExit(RefCell<Option<Box<dyn FnOnce()>>>);

impl Drop for AtExit {
    fn drop(&mut self) {
        if let Some(last) = self.0.take() {
            last();
        }
    }
}

thread_local! {
    static AT_EXIT: AtExit = const { AtExit(RefCell::new(None)) };
}

fn at_exit(last: impl FnOnce() + 'static) {
    AT_EXIT.with(|slot| *slot.0.borrow_mut() = Some(Box::new(last)));
}

fn everything() -> usize {
    let (a, b) = join(|| 1, || 2);
    let sum = Count::new();
    scope(|s| {
        s.spawn(|| {
            sum.add();
        })
    });
    for_each(0..10, |_| {
        sum.add();
    });
    a + b + spawn(|| 4).wait().unwrap() + sum.get()
}

#[test]
fn a_destructor_of_a_worker_finds_no_pool_that_has_gone() {
    let _watch = watch();
    for blocking in [false, true] {
        let pool = pool(1);
        let (late, results) = mpsc::channel();
        let (go, gone) = mpsc::channel::<()>();
        let body = move || {
            at_exit(move || {
                // Not before the pool's own memory may be gone.
                let _ = gone.recv();
                late.send(everything()).unwrap();
            });
        };
        if blocking {
            pool.spawn_blocking(body).wait().unwrap();
        } else {
            let (done, end) = mpsc::channel();
            drop(pool.spawn(move || {
                body();
                done.send(()).unwrap();
            }));
            end.recv().unwrap();
        }
        drop(pool);
        drop(go);
        assert_eq!(results.recv().unwrap(), 18, "blocking: {blocking}");
    }
}

/// A task that waits for one that waits in line behind it.
fn waits_for_itself(pool: &Arc<Pool>) -> Result<i32, TaskError> {
    let limit = Limit::new(1);
    let (inner, same) = (Arc::clone(pool), limit.clone());
    let waits = pool
        .task()
        .limit(&limit)
        .spawn(move || inner.task().limit(&same).spawn(|| 7).wait());
    waits.wait().unwrap()
}

#[test]
fn a_wait_in_a_destructor_leaves_the_search_for_stalls_as_it_was() {
    let _watch = watch();
    let pool = Arc::new(pool(2));
    assert!(matches!(waits_for_itself(&pool), Err(TaskError::Deadlock)));
    let inner = Arc::clone(&pool);
    thread::spawn(move || {
        // Registered before the thread's parker, so destroyed after it.
        let guest = Arc::clone(&inner);
        at_exit(move || {
            guest.install(|| {
                let (began, begun) = mpsc::channel();
                let (end, ended) = mpsc::channel::<()>();
                let task = guest.spawn(move || {
                    began.send(()).unwrap();
                    let _ = ended.recv();
                });
                begun.recv().unwrap();
                // It sleeps here, without its slot, until the other task has seen to it.
                drop(guest.spawn(move || drop(end)));
                task.wait().unwrap();
            });
        });
        inner.spawn_blocking(|| ()).wait().unwrap();
    })
    .join()
    .unwrap();
    assert!(matches!(waits_for_itself(&pool), Err(TaskError::Deadlock)));
}

#[test]
fn hooks_may_use_the_global_pool() {
    let _watch = watch();
    let calls = Count::new();
    for workers in [1, 3] {
        let (started, stopped) = (calls.clone(), calls.clone());
        let pool = builder(workers)
            .on_start(move |_| {
                assert_eq!(everything(), 18);
                started.add();
            })
            .on_stop(move |_| {
                assert_eq!(everything(), 18);
                stopped.add();
            })
            .build()
            .unwrap();
        assert_eq!(pool.spawn(|| 1).wait().unwrap(), 1);
    }
    assert_eq!(calls.get(), 2 * (1 + 3));
}
