//! Naming tasks and edges, and checking them.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use taskweave_core::pass::{FreezeError, PassPlan, Verdict, VertexSpec};
use taskweave_sys::sync::atomic::{AtomicU64, Ordering};

use super::cycle;
use super::error::{EdgeError, GraphError};
use super::outcome::Outcome;
use super::run::Graph;
use super::slots::Slots;

/// A task of one builder. It can't be used with another one: that's an error, not a mix-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TaskId {
    builder: u64,
    index: u32,
}

impl TaskId {
    /// Position in the order of the `task` calls, from 0.
    pub fn index(self) -> usize {
        self.index as usize
    }
}

/// A graph under construction. Bodies may borrow what outlives `'env`.
pub struct GraphBuilder<'env> {
    id: u64,
    pub(super) plan: PassPlan<'env>,
    known: HashSet<(u32, u32)>,
    /// Graphs inside of graphs, below this one.
    pub(super) depth: usize,
    pub(super) slots: Slots,
}

impl fmt::Debug for GraphBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphBuilder")
            .field("tasks", &self.len())
            .field("edges", &self.known.len())
            .finish_non_exhaustive()
    }
}

impl Default for GraphBuilder<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'env> GraphBuilder<'env> {
    /// An empty builder.
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        GraphBuilder {
            // Relaxed: only uniqueness matters.
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            plan: PassPlan::new(),
            known: HashSet::new(),
            depth: 0,
            slots: Slots::default(),
        }
    }

    /// Adds a task. Its body runs once a pass, never twice at once.
    ///
    /// # Panics
    /// With 2³² tasks.
    pub fn task<O, F>(&mut self, name: impl Into<Cow<'static, str>>, mut body: F) -> TaskId
    where
        O: Outcome,
        F: FnMut() -> O + Send + 'env,
    {
        let index = self.plan.vertex(VertexSpec {
            name: name.into().into(),
            body: Box::new(move || call(&mut body)),
            kind: call::<F, O> as *const () as usize,
        });
        self.task_id(index)
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn task_id(&self, index: u32) -> TaskId {
        TaskId {
            builder: self.id,
            index,
        }
    }

    /// Has `before` end before `after` begins.
    ///
    /// # Errors
    /// See [`EdgeError`]; the builder is unchanged then.
    pub fn edge(&mut self, before: TaskId, after: TaskId) -> Result<(), EdgeError> {
        let (from, to) = self.new_edge(before, after)?;
        self.plan.edge(from, to);
        Ok(())
    }

    /// Has each task end before the next one begins.
    ///
    /// # Errors
    /// See [`EdgeError`]; the edges before the one that is refused stand.
    ///
    /// ```
    /// # use taskweave::{Pool, graph::GraphBuilder};
    /// let mut builder = GraphBuilder::new();
    /// let steps = ["fetch", "build", "test"].map(|name| builder.task(name, || ()));
    /// builder.chain(steps)?;
    /// assert_eq!(builder.build()?.edges(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn chain(&mut self, tasks: impl IntoIterator<Item = TaskId>) -> Result<(), EdgeError> {
        let mut tasks = tasks.into_iter();
        let Some(mut before) = tasks.next() else {
            return Ok(());
        };
        for after in tasks {
            self.edge(before, after)?;
            before = after;
        }
        Ok(())
    }

    /// Names the branches of a task: edges of which its body chooses one with [`Next::Branch`](super::Next::Branch), by the position here, from 0. Called again,
    /// it adds to them. Edges of the same task that were added by [`edge`](Self::edge) are no branches.
    ///
    /// The rule: **once all of a task's predecessors have ended, it runs if at least one of its incoming edges is live, or if it has none; otherwise it's
    /// skipped.** An edge is live if its predecessor ran and didn't choose another branch than this edge. So skips go on behind a task that is skipped, as far as no live edge
    /// comes in. A body that returns `()` or [`Next::Continue`](super::Next::Continue) takes all branches. Of a task without the branch that is chosen the pass reports an error.
    ///
    /// # Errors
    /// See [`EdgeError`]; the branches before the one that is refused stand.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    /// use taskweave::{Pool, graph::{GraphBuilder, Next}};
    ///
    /// let pool = Pool::builder().worker_threads(2).build()?;
    /// let (number, odd, even) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    /// let mut builder = GraphBuilder::new();
    /// let decide = builder.task("decide", || Next::Branch(number.fetch_add(1, Relaxed) as usize % 2));
    /// let on_even = builder.task("even", || even.store(1, Relaxed));
    /// let on_odd = builder.task("odd", || odd.store(1, Relaxed));
    /// builder.branches(decide, [on_even, on_odd])?;
    /// let mut graph = builder.build()?;
    ///
    /// assert_eq!(graph.run(&pool)?.skipped, 1);
    /// drop(graph);
    /// assert_eq!((even.into_inner(), odd.into_inner()), (1, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn branches(
        &mut self,
        task: TaskId,
        branches: impl IntoIterator<Item = TaskId>,
    ) -> Result<(), EdgeError> {
        for branch in branches {
            let (from, to) = self.new_edge(task, branch)?;
            self.plan.branch(from, to);
        }
        Ok(())
    }

    /// Checks an edge and notes it.
    fn new_edge(&mut self, before: TaskId, after: TaskId) -> Result<(u32, u32), EdgeError> {
        self.own(before)?;
        self.own(after)?;
        let edge = (before.index, after.index);
        if edge.0 == edge.1 {
            return Err(EdgeError::SelfEdge {
                task: self.name(before),
            });
        }
        if !self.known.insert(edge) {
            return Err(EdgeError::Duplicate {
                before: self.name(before),
                after: self.name(after),
            });
        }
        Ok(edge)
    }

    /// Checks that the task is this builder's.
    pub(super) fn own(&self, task: TaskId) -> Result<u32, EdgeError> {
        if task.builder == self.id {
            Ok(task.index)
        } else {
            Err(EdgeError::Foreign {
                index: task.index(),
            })
        }
    }

    fn name(&self, task: TaskId) -> String {
        self.plan.name(task.index).to_owned()
    }

    /// Number of tasks so far.
    pub fn len(&self) -> usize {
        self.plan.vertices()
    }

    /// Whether there is no task yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Checks and freezes the graph. Linear in tasks and edges, in time and allocations; for slots, once more for each task that uses one.
    ///
    /// # Errors
    /// See [`GraphError`]. The builder is dropped then, with its bodies and what they hold. It isn't handed back in the error, since an error
    /// that borrows what the bodies borrow couldn't leave a function through `?` as a `Box<dyn Error>`.
    pub fn build(self) -> Result<Graph<'env>, GraphError> {
        if self.is_empty() {
            return Err(GraphError::Empty);
        }
        let mut successors = vec![Vec::new(); self.len()];
        for &(from, to) in self.plan.edges() {
            successors[from as usize].push(to);
        }
        if let Some(path) = cycle::find(&successors) {
            let path = path
                .into_iter()
                .map(|index| self.plan.name(index).to_owned())
                .collect();
            return Err(GraphError::Cycle { path });
        }
        self.check_slots(&successors)?;
        let frozen = self.plan.freeze();
        frozen.map(Graph::new).map_err(|error| match error {
            FreezeError::TooLarge => GraphError::TooLarge,
            other => unreachable!("checked above: {other}"),
        })
    }
}

/// Its address tells bodies of one type from those of another.
fn call<F: FnMut() -> O, O: Outcome>(body: &mut F) -> Verdict {
    body().verdict()
}
