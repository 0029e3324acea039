//! Tasks that are more than a closure: those that end elsewhere, and those that run a graph.

use std::borrow::Cow;

use taskweave_core::pass::{self, StaleCompletion};

use super::builder::{GraphBuilder, TaskId};
use super::error::GraphError;
use super::outcome::Outcome;
use super::run::Pass;

impl<'env> GraphBuilder<'env> {
    /// Adds a task that begins something which ends elsewhere: a request, a timer, another thread. Its body is given a [`Completion`] and returns; the task ends when
    /// the completion, or a clone of it, has been used as well, from whatever thread. No thread waits meanwhile.
    ///
    /// # Panics
    /// With 2³² tasks.
    ///
    /// ```
    /// use std::{thread, time::Duration};
    /// use taskweave::{Pool, graph::GraphBuilder};
    ///
    /// let pool = Pool::builder().worker_threads(1).build()?;
    /// let mut builder = GraphBuilder::new();
    /// let request = builder.begin("request", |completion| {
    ///     thread::spawn(move || {
    ///         thread::sleep(Duration::from_millis(1));
    ///         completion.complete()
    ///     });
    /// });
    /// let answer = builder.task("answer", || println!("it's there"));
    /// builder.edge(request, answer)?;
    /// builder.build()?.run(&pool)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn begin<F>(&mut self, name: impl Into<Cow<'static, str>>, mut body: F) -> TaskId
    where
        F: FnMut(Completion) + Send + 'env,
    {
        let kind = begin::<F> as *const () as usize;
        let body = Box::new(move |completion| begin(&mut body, completion));
        let index = self.plan.begin(name.into().into(), kind, body);
        self.task_id(index)
    }

    /// Adds a task that runs a graph of its own, on the same pool. It ends when that graph's pass has ended; nobody waits for it on a stack.
    ///
    /// A [`Next::Stop`](super::Next::Stop) inside ends the inner pass alone. A failure inside is a failure of this task, with the inner [`PassError`](super::PassError) as its
    /// source. What stops, fails or is cancelled outside skips what hasn't begun inside, too. The counts of a [`Pass`] are those of its own graph: this task counts as one.
    ///
    /// # Errors
    /// As for [`build`](Self::build), of the inner graph; and [`GraphError::TooDeep`].
    ///
    /// # Panics
    /// With 2³² tasks.
    ///
    /// ```
    /// use taskweave::{Pool, graph::GraphBuilder};
    ///
    /// let mut inner = GraphBuilder::new();
    /// let steps = ["open", "write", "close"].map(|name| inner.task(name, || ()));
    /// inner.chain(steps)?;
    /// let mut outer = GraphBuilder::new();
    /// let save = outer.nested("save", inner)?;
    /// let tell = outer.task("tell", || println!("saved"));
    /// outer.edge(save, tell)?;
    /// let pool = Pool::builder().worker_threads(2).build()?;
    /// assert_eq!(outer.build()?.run(&pool)?.executed, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn nested(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        inner: GraphBuilder<'env>,
    ) -> Result<TaskId, GraphError> {
        self.add_nested(name.into(), inner, 1, None)
    }

    /// As [`nested`](Self::nested), up to `most` times, one pass after the other: after each but the last, `again` is asked whether to go on. A pass that a
    /// [`Next::Stop`](super::Next::Stop) cut short is the last one. There are no edges back in a graph: this is how it loops.
    ///
    /// # Errors
    /// As for `nested`.
    ///
    /// # Panics
    /// With 2³² tasks.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    /// use taskweave::{Pool, graph::GraphBuilder};
    ///
    /// let value = AtomicU32::new(1);
    /// let mut step = GraphBuilder::new();
    /// step.task("double", || value.store(2 * value.load(Relaxed), Relaxed));
    /// let mut builder = GraphBuilder::new();
    /// builder.repeat("until it's large", step, 100, |_pass| value.load(Relaxed) < 1000)?;
    /// let pool = Pool::builder().worker_threads(2).build()?;
    /// builder.build()?.run(&pool)?;
    /// assert_eq!(value.load(Relaxed), 1024);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn repeat<P>(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        inner: GraphBuilder<'env>,
        most: u64,
        again: P,
    ) -> Result<TaskId, GraphError>
    where
        P: FnMut(&Pass) -> bool + Send + 'env,
    {
        self.add_nested(name.into(), inner, most, Some(Box::new(again)))
    }

    fn add_nested(
        &mut self,
        name: Cow<'static, str>,
        inner: GraphBuilder<'env>,
        most: u64,
        again: Option<pass::Again<'env>>,
    ) -> Result<TaskId, GraphError> {
        let depth = inner.depth + 1;
        if depth > MAX_DEPTH {
            return Err(GraphError::TooDeep { limit: MAX_DEPTH });
        }
        let inner = inner.build()?.into_frozen();
        self.depth = self.depth.max(depth);
        let index = self.plan.nested(name.into(), inner, most, again);
        Ok(self.task_id(index))
    }
}

/// Graphs inside of graphs, at most.
pub(super) const MAX_DEPTH: usize = 200;

/// Its address tells bodies of one type from those of another.
fn begin<F: FnMut(Completion)>(body: &mut F, completion: pass::Completion) {
    body(Completion(completion));
}

/// Ends a task that [has begun something](GraphBuilder::begin): once, from any thread. Clones stand for the same task in the same pass; the first one that is used
/// counts, and later ones, also those of earlier passes, are refused.
///
/// If all of them are dropped unused, the task fails, so that a pass never waits for nothing. (It does wait for a completion that was leaked, by
/// [`mem::forget`](std::mem::forget) or a cycle of reference counts.) A body's panic fails the task whatever was said of it.
#[derive(Clone, Debug)]
pub struct Completion(pass::Completion);

impl Completion {
    /// The task has ended well. Successors are queued by this thread; if their pool was shut down, they run here.
    ///
    /// # Errors
    /// [`StaleCompletion`], if this task was completed in this pass before.
    pub fn complete(self) -> Result<(), StaleCompletion> {
        self.0.complete()
    }

    /// The task has ended as a body that returns `outcome`: a [`Next`](super::Next), or a `Result`.
    ///
    /// # Errors
    /// As for [`complete`](Self::complete).
    pub fn complete_with(self, outcome: impl Outcome) -> Result<(), StaleCompletion> {
        self.0.complete_with(outcome.verdict())
    }

    /// Whether it would be refused.
    pub fn is_stale(&self) -> bool {
        self.0.is_stale()
    }
}
