//! Graphs whose bodies check what happens to them.
//!
//! The checks use Relaxed atomics only: it's the graph that has to order the accesses, not the test.

use std::sync::Arc;

use taskweave::Pool;
use taskweave::graph::{Graph, Next, Pass, PassError};
use taskweave_sys::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering::Relaxed};

use crate::shapes::{Shape, name, vertex};
use taskweave_testing::busy;

/// What a body is to do in the next pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Plan {
    Continue,
    Stop,
    Fail,
    Panic,
}

impl Plan {
    pub(crate) const ALL: [Plan; 4] = [Plan::Continue, Plan::Stop, Plan::Fail, Plan::Panic];

    pub(crate) fn fails(self) -> bool {
        matches!(self, Plan::Fail | Plan::Panic)
    }
}

/// What a body returns.
pub(crate) type Returned = Result<Next, String>;

/// What is known of one vertex.
#[derive(Default)]
struct Mark {
    plan: AtomicU8,
    /// Whether it ran in this pass; set at the end of its body.
    ran: AtomicBool,
    /// How often it ran in all.
    times: AtomicUsize,
    inside: AtomicBool,
}

/// The marks of all vertices.
pub(crate) struct Marks {
    marks: Vec<Mark>,
    before: Vec<Vec<usize>>,
    /// How long bodies take, in steps of [`busy`].
    steps: u32,
}

impl Marks {
    fn body(&self, vertex: usize) -> Returned {
        let mark = &self.marks[vertex];
        assert!(!mark.inside.swap(true, Relaxed), "v{vertex} runs already");
        assert!(!mark.ran.load(Relaxed), "v{vertex} runs twice in a pass");
        for &before in &self.before[vertex] {
            let before_mark = &self.marks[before];
            assert!(
                before_mark.ran.load(Relaxed),
                "v{vertex} runs before v{before} has ended"
            );
            assert_eq!(
                before_mark.plan.load(Relaxed),
                Plan::Continue as u8,
                "v{vertex} runs though v{before} has stopped the pass"
            );
        }
        if self.steps > 0 {
            busy(self.steps);
        }
        mark.times.store(mark.times.load(Relaxed) + 1, Relaxed);
        mark.inside.store(false, Relaxed);
        mark.ran.store(true, Relaxed);
        let plan = mark.plan.load(Relaxed);
        match Plan::ALL[plan as usize] {
            Plan::Continue => Ok(Next::Continue),
            Plan::Stop => Ok(Next::Stop),
            Plan::Fail => Err(failure(vertex)),
            Plan::Panic => panic!("{}", failure(vertex)),
        }
    }
}

/// What the body of this vertex says when it fails or panics.
fn failure(vertex: usize) -> String {
    format!("v{vertex} on purpose")
}

/// A graph, and the marks of its vertices.
pub(crate) struct Tracked {
    pub(crate) shape: Shape,
    pub(crate) graph: Graph<'static>,
    marks: Arc<Marks>,
    pass: u64,
}

/// What a pass said, once the invariants have been checked.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) result: Result<Pass, PassError>,
    /// The vertices whose bodies ran, in ascending order.
    pub(crate) ran: Vec<usize>,
}

impl Tracked {
    /// Both ways of making one.
    pub(crate) const KINDS: [fn(&Shape) -> Tracked; 2] = [Tracked::new, Tracked::long];

    /// With bodies so short that a pass keeps to few workers.
    pub(crate) fn new(shape: &Shape) -> Self {
        Self::with_steps(shape, 0)
    }

    /// With bodies so long that it pays to wake others for them.
    pub(crate) fn long(shape: &Shape) -> Self {
        Self::with_steps(shape, 500)
    }

    fn with_steps(shape: &Shape, steps: u32) -> Self {
        let marks = Arc::new(Marks {
            marks: (0..shape.n).map(|_| Mark::default()).collect(),
            before: shape.predecessors(),
            steps,
        });
        let graph = shape.graph(|vertex| {
            let marks = Arc::clone(&marks);
            move || marks.body(vertex)
        });
        Tracked {
            shape: shape.clone(),
            graph,
            marks,
            pass: 0,
        }
    }

    /// From the next pass on, until it's changed.
    pub(crate) fn plan(&mut self, vertex: usize, plan: Plan) {
        self.marks.marks[vertex].plan.store(plan as u8, Relaxed);
    }

    pub(crate) fn plan_all(&mut self, plan: Plan) {
        (0..self.shape.n).for_each(|vertex| self.plan(vertex, plan));
    }

    fn planned(&self, vertex: usize) -> Plan {
        Plan::ALL[self.marks.marks[vertex].plan.load(Relaxed) as usize]
    }

    /// How often each body has run so far.
    pub(crate) fn times(&self) -> Vec<usize> {
        let marks = &self.marks.marks;
        marks.iter().map(|mark| mark.times.load(Relaxed)).collect()
    }

    /// Runs a pass in which nothing is planned but to go on.
    #[track_caller]
    pub(crate) fn run_clean(&mut self, pool: &Pool) {
        let report = self.graph.run(pool).expect("a clean pass");
        assert_eq!(report.pass, self.pass);
        assert_eq!((report.executed, report.skipped), (self.shape.n, 0));
        for (vertex, mark) in self.marks.marks.iter().enumerate() {
            assert!(mark.ran.swap(false, Relaxed), "v{vertex} didn't run");
        }
        self.pass += 1;
    }

    /// Runs a pass and checks what holds whatever the vertices do and however they are timed.
    #[track_caller]
    pub(crate) fn run(&mut self, pool: &Pool) -> Checked {
        let result = self.graph.run(pool);
        let ran: Vec<usize> = (0..self.shape.n)
            .filter(|&vertex| self.marks.marks[vertex].ran.swap(false, Relaxed))
            .collect();
        let skipped = self.shape.n - ran.len();
        let ends = |vertex: &&usize| self.planned(**vertex) != Plan::Continue;
        if ran.iter().find(ends).is_none() {
            assert_eq!(skipped, 0, "nobody has stopped the pass");
        }
        let failed: Vec<usize> = ran
            .iter()
            .copied()
            .filter(|&vertex| self.planned(vertex).fails())
            .collect();
        match &result {
            Ok(report) => {
                assert_eq!(failed, [0; 0], "failures go unreported");
                assert_eq!(report.pass, self.pass);
                assert_eq!(report.executed, ran.len());
                assert_eq!(report.skipped, skipped);
            }
            Err(error) => {
                let first = vertex(&error.vertex);
                assert!(
                    failed.contains(&first),
                    "{} hasn't failed: {error}",
                    error.vertex
                );
                assert_eq!(error.others, failed.len() - 1);
                assert_eq!(error.skipped, skipped);
                let (how, said) = match self.planned(first) {
                    Plan::Fail => ("failed", failure(first)),
                    _ => ("panicked", failure(first)),
                };
                let mut text = format!("vertex {:?}: the task {how}: {said}", name(first));
                if error.others > 0 {
                    text += &format!(" (and {} more failed)", error.others);
                }
                assert_eq!(error.to_string(), text);
            }
        }
        self.pass += 1;
        Checked { result, ran }
    }
}
