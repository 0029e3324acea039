//! The models of passes: the code itself, on a pool without threads. Whoever waits for a pass there runs what is queued
//! (as on a pool that has ended); a second thread does the same beside it.

mod background;
mod watch;

use std::sync::Arc;

use loom::cell::UnsafeCell;
use taskweave_sys::inbox::Pop;

use super::{FrozenPass, PassError, PassPlan, PassReport, Verdict, VertexSpec};
use crate::cancel::CancelToken;
use crate::error::TaskError;
use crate::model::{Body, body, check};
use crate::pool::Pool;
use crate::shared::Shared;
use crate::thread;

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

/// Of all bodies.
const KIND: usize = 0x40;

fn shared() -> Arc<Shared> {
    let builder = Pool::builder()
        .worker_threads(1)
        .queue_capacity(2)
        .spin_us(0);
    Shared::new(builder.check().unwrap())
}

/// Two vertices and one that comes after both and sees what they did.
fn two_before_one(marks: &Marks) -> FrozenPass<'static> {
    two_before_one_plan(marks).freeze().unwrap()
}

fn two_before_one_plan(marks: &Marks) -> PassPlan<'static> {
    let specs: Vec<_> = (0..3)
        .map(|vertex| {
            let marks = marks.clone();
            VertexSpec {
                name: vertex.to_string().into(),
                kind: KIND,
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
    (specs, vec![(0, 2), (1, 2)]).into()
}

fn passes(shared: &Arc<Shared>, mut frozen: FrozenPass<'static>, count: u32) -> Body<()> {
    let shared = Arc::clone(shared);
    body(move || {
        for _ in 0..count {
            assert_eq!(pass(&shared, &mut frozen, None).unwrap().executed, 3);
        }
    })
}

/// As `FrozenPass::run`, on a pool without threads.
fn pass(
    shared: &Shared,
    frozen: &mut FrozenPass<'static>,
    token: Option<&CancelToken>,
) -> Result<PassReport, PassError> {
    frozen.begin(shared, token);
    frozen.core.run_here(None);
    // SAFETY: the wait is over.
    unsafe { frozen.core.finish() }
}

fn vertex(name: &str, body: impl FnMut() -> Verdict + Send + 'static) -> VertexSpec<'static> {
    VertexSpec {
        name: name.into(),
        kind: KIND,
        body: Box::new(body),
    }
}

/// A worker that runs what is there, and what it has made ready itself.
fn helper(shared: &Arc<Shared>) -> Body<()> {
    let shared = Arc::clone(shared);
    body(move || {
        let slot = &shared.slots[0];
        thread::set_current(&slot.worker);
        while let Pop::Taken(task) = slot.inbox.try_pop() {
            slot.worker.run(task);
            while let Some(task) = slot.worker.owner.pop() {
                slot.worker.run(task);
            }
        }
        slot.worker.enter_ends();
        thread::set_current(core::ptr::null());
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

/// Two bodies, one of which stops the pass, while somebody cancels it. One of the two is why the pass ended, and the next one is clean.
#[test]
fn a_stop_meets_a_cancel() {
    check(3, |order| {
        let (shared, token, marks) = (shared(), CancelToken::new(), Marks::new());
        let stops = marks.clone();
        let specs = vec![
            vertex("stop", move || {
                stops.add(0);
                Verdict::Stop
            }),
            vertex("behind", || Verdict::Continue),
            vertex("beside", || Verdict::Continue),
        ];
        let mut frozen = FrozenPass::freeze(specs, &[(0, 1)]).unwrap();
        let owner = {
            let (shared, token, marks) = (Arc::clone(&shared), token.clone(), marks.clone());
            body(move || {
                match pass(&shared, &mut frozen, Some(&token)) {
                    Ok(report) => {
                        assert_eq!(report.executed + report.skipped, 3);
                        assert_eq!(marks.read(0), 1, "nobody has stopped the pass");
                    }
                    Err(error) => {
                        assert!(matches!(error.error, TaskError::Cancelled));
                        assert_eq!(error.executed + error.skipped, 3);
                        assert!(error.skipped > 0);
                    }
                }
                let stopped = marks.read(0);
                let again = pass(&shared, &mut frozen, None).unwrap();
                assert_eq!(marks.read(0), stopped + 1);
                assert!(again.executed >= 1 && again.skipped >= 1);
            })
        };
        let cancel = body(move || token.cancel());
        order.run(vec![owner, helper(&shared), cancel]);
    });
}

/// Vertices are skipped by two threads at once.
#[test]
fn skips_are_counted() {
    check(2, |order| {
        let (shared, token) = (shared(), CancelToken::new());
        token.cancel();
        let specs = (0..3)
            .map(|_| vertex("skipped", || unreachable!()))
            .collect();
        let mut frozen = FrozenPass::freeze(specs, &[]).unwrap();
        let owner = {
            let shared = Arc::clone(&shared);
            body(move || {
                let error = pass(&shared, &mut frozen, Some(&token)).unwrap_err();
                assert_eq!((error.executed, error.skipped), (0, 3));
            })
        };
        order.run(vec![owner, helper(&shared)]);
    });
}

/// A vertex after two: one comes by a branch that isn't chosen, the other's edge is live.
#[test]
fn a_live_edge_is_seen_by_the_last_to_arrive() {
    check(2, |order| {
        let (shared, marks) = (shared(), Marks::new());
        let mut plan = PassPlan::new();
        plan.vertex(vertex("decide", || Verdict::Branch(1)));
        plan.vertex(vertex("live", || Verdict::Continue));
        let both = marks.clone();
        plan.vertex(vertex("both", move || {
            both.add(0);
            Verdict::Continue
        }));
        plan.vertex(vertex("chosen", || Verdict::Continue));
        plan.branch(0, 2);
        plan.branch(0, 3);
        plan.edge(1, 2);
        let mut frozen = plan.freeze().unwrap();
        let owner = {
            let shared = Arc::clone(&shared);
            body(move || {
                let report = pass(&shared, &mut frozen, None).unwrap();
                assert_eq!((report.executed, report.skipped), (4, 0));
            })
        };
        order.run(vec![owner, helper(&shared)]);
        assert_eq!(marks.read(0), 1);
    });
}
