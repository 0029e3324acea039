//! The models of passes: the code itself, on a pool without threads. Whoever waits for a pass there runs what is queued
//! (as on a pool that has ended); a second thread does the same beside it.

use std::sync::Arc;

use loom::cell::UnsafeCell;
use taskweave_sys::inbox::Pop;

use super::{FrozenPass, Verdict, VertexSpec};
use crate::model::{Body, body, check};
use crate::pool::Pool;
use crate::shared::Shared;
use crate::task::vtable;

/// What each vertex has written.
#[derive(Clone)]
struct Marks(Arc<[Mark; 3]>);

struct Mark(UnsafeCell<u32>);

// SAFETY: who may touch it is what the model checks.
unsafe impl Send for Mark {}
// SAFETY: as above.
unsafe impl Sync for Mark {}

impl Marks {
    fn new() -> Self {
        Marks(Arc::new([0, 0, 0].map(|mark| Mark(UnsafeCell::new(mark)))))
    }

    fn add(&self, vertex: usize) {
        // SAFETY: the vertex runs once at a time, which the model checks.
        self.0[vertex].0.with_mut(|mark| unsafe { *mark += 1 });
    }

    fn read(&self, vertex: usize) -> u32 {
        // SAFETY: the vertex has ended, which the model checks.
        self.0[vertex].0.with(|mark| unsafe { *mark })
    }
}

fn shared() -> Arc<Shared> {
    let builder = Pool::builder()
        .worker_threads(1)
        .queue_capacity(2)
        .spin_us(0);
    Shared::new(builder.check().unwrap())
}

/// Two vertices and one that comes after both and sees what they did.
fn two_before_one(marks: &Marks) -> FrozenPass<'static> {
    let specs = (0..3)
        .map(|vertex| {
            let marks = marks.clone();
            VertexSpec {
                name: vertex.to_string().into(),
                kind: vertex,
                body: Box::new(move || {
                    marks.add(vertex);
                    if vertex == 2 {
                        assert_eq!([marks.read(0), marks.read(1)], [marks.read(2); 2]);
                    }
                    Verdict::Continue
                }),
            }
        })
        .collect();
    FrozenPass::freeze(specs, &[(0, 2), (1, 2)]).unwrap()
}

fn passes(shared: &Arc<Shared>, mut frozen: FrozenPass<'static>, count: u32) -> Body<()> {
    let shared = Arc::clone(shared);
    body(move || {
        for _ in 0..count {
            frozen.begin(&shared);
            frozen.core().run_here(None);
            assert_eq!(frozen.finish().unwrap().executed, 3);
        }
    })
}

/// Runs what is there, and what it has made ready itself.
fn helper(shared: &Arc<Shared>) -> Body<()> {
    let shared = Arc::clone(shared);
    body(move || {
        while let Pop::Taken(task) = shared.slots[0].inbox.try_pop() {
            // SAFETY: taken, so it's alive until one of its verbs is called.
            let verbs = unsafe { vtable(task) };
            // SAFETY: one verb, once.
            unsafe { (verbs.run)(task) };
        }
    })
}

/// The seeds of a pass come from the immutable in-degrees: a root that runs while others are still being seeded makes
/// its successors ready, and they must not be seeded as well.
#[test]
fn seed_race() {
    check(2, |order| {
        let (shared, marks) = (shared(), Marks::new());
        let frozen = two_before_one(&marks);
        order.run(vec![passes(&shared, frozen, 1), helper(&shared)]);
        assert_eq!([0, 1, 2].map(|vertex| marks.read(vertex)), [1; 3]);
    });
}

/// Counters that are never reset serve the next pass; a helper that is late is of the first pass or of the second.
#[test]
fn two_passes_on_the_same_counters() {
    check(2, |order| {
        let (shared, marks) = (shared(), Marks::new());
        let frozen = two_before_one(&marks);
        order.run(vec![passes(&shared, frozen, 2), helper(&shared)]);
        assert_eq!([0, 1, 2].map(|vertex| marks.read(vertex)), [2; 3]);
    });
}
