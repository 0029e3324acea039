//! The models of prepared jobs: the code itself, on a pool whose queue is emptied by a thread of the model.

use std::sync::Arc;

use loom::cell::UnsafeCell;
use taskweave_sys::inbox::Pop;

use super::Prepared;
use crate::error::TaskError;
use crate::model::{Body, body, check};
use crate::pool::Pool;
use crate::shared::Shared;
use crate::task::vtable;

struct World {
    shared: Arc<Shared>,
    job: Option<Prepared>,
    runs: Runs,
}

/// How often the closure ran.
#[derive(Clone)]
struct Runs(Arc<Count>);

struct Count(UnsafeCell<u32>);

// SAFETY: who may touch it is what the model checks.
unsafe impl Send for Count {}
// SAFETY: as above.
unsafe impl Sync for Count {}

impl Runs {
    fn add(&self) {
        // SAFETY: one run at a time, which the model checks.
        self.0.0.with_mut(|runs| unsafe { *runs += 1 });
    }

    fn read(&self) -> u32 {
        // SAFETY: no run is under way, which the model checks.
        self.0.0.with(|runs| unsafe { *runs })
    }
}

impl World {
    fn new() -> Self {
        let builder = Pool::builder()
            .worker_threads(1)
            .queue_capacity(2)
            .spin_us(0);
        let shared = Shared::new(builder.check().unwrap());
        let runs = Runs(Arc::new(Count(UnsafeCell::new(0))));
        let counter = runs.clone();
        let job = Prepared::new(Arc::clone(&shared), Box::new(move || counter.add()));
        World {
            shared,
            job: Some(job),
            runs,
        }
    }

    /// A worker that takes up to `count` headers from the queue, and runs or abandons them.
    fn worker(&self, count: usize, abandon: bool) -> Body<()> {
        let shared = Arc::clone(&self.shared);
        body(move || {
            for _ in 0..count {
                settle(&shared, abandon);
            }
        })
    }

    fn owner(&mut self, act: impl FnOnce(Prepared, Runs) + 'static) -> Body<()> {
        let (job, runs) = (self.job.take().unwrap(), self.runs.clone());
        body(move || act(job, runs))
    }

    /// Afterwards: what is left in the queue is taken out, and the job is freed.
    fn end(self) -> u32 {
        while settle(&self.shared, false) {}
        assert_eq!(Arc::strong_count(&self.shared), 1, "the job isn't freed");
        self.runs.read()
    }
}

fn settle(shared: &Shared, abandon: bool) -> bool {
    let Pop::Taken(task) = shared.slots[0].inbox.try_pop() else {
        return false;
    };
    // SAFETY: taken, so it's alive until one of its verbs is called.
    let verbs = unsafe { vtable(task) };
    let verb = if abandon { verbs.abandon } else { verbs.run };
    // SAFETY: one verb, once.
    unsafe { verb(task) };
    true
}

#[test]
fn a_wait_meets_the_run() {
    check(2, |order| {
        let mut world = World::new();
        let owner = world.owner(|mut job, runs| {
            job.submit().unwrap().wait().unwrap();
            assert_eq!(runs.read(), 1);
        });
        order.run(vec![world.worker(1, false), owner]);
        assert_eq!(world.end(), 1);
    });
}

/// Whoever doesn't run it here sleeps before it begins, or while it runs, or finds it ended.
#[test]
fn a_wait_for_a_worker_is_woken_by_the_end() {
    check(2, |order| {
        let mut world = World::new();
        drop(world.job.as_mut().unwrap().submit().unwrap());
        let owner = world.owner(|job, runs| {
            job.last_submission().wait_for_worker().unwrap();
            assert_eq!(runs.read(), 1);
        });
        order.run(vec![world.worker(1, false), owner]);
        assert_eq!(world.end(), 1);
    });
}

/// The second submission may find the header still queued from the first, or just taken.
#[test]
fn a_second_submission_meets_the_first_ones_shell() {
    check(2, |order| {
        let mut world = World::new();
        let owner = world.owner(|mut job, runs| {
            job.submit().unwrap().wait().unwrap();
            job.submit().unwrap().wait().unwrap();
            assert_eq!(runs.read(), 2);
        });
        order.run(vec![world.worker(2, false), owner]);
        assert_eq!(world.end(), 2);
    });
}

#[test]
fn a_run_on_the_spot_comes_after_the_submission() {
    check(2, |order| {
        let mut world = World::new();
        let owner = world.owner(|mut job, runs| {
            drop(job.submit().unwrap());
            job.run().unwrap();
            assert_eq!(runs.read(), 2);
        });
        order.run(vec![world.worker(1, false), owner]);
        assert_eq!(world.end(), 2);
    });
}

#[test]
fn a_dropped_job_is_freed_once() {
    check(2, |order| {
        let mut world = World::new();
        let owner = world.owner(|mut job, _| {
            drop(job.submit().unwrap());
            drop(job);
        });
        order.run(vec![world.worker(1, false), owner]);
        assert!(world.end() <= 1);
    });
}

#[test]
fn an_abandoned_job_says_so_once() {
    check(2, |order| {
        let mut world = World::new();
        let owner = world.owner(|mut job, runs| {
            match job.submit().unwrap().wait() {
                Ok(()) => assert_eq!(runs.read(), 1),
                Err(TaskError::Shutdown) => assert_eq!(runs.read(), 0),
                Err(other) => panic!("{other}"),
            }
            job.run().unwrap();
        });
        order.run(vec![world.worker(1, true), owner]);
        world.end();
    });
}
