//! A frozen graph and its passes.

use std::fmt::{self, Write};

use taskweave_core::pass::{FrozenPass, PassError, PassReport};
use taskweave_core::{CancelToken, Pool};

/// A graph that is checked and frozen, to be run any number of times.
#[derive(Debug)]
pub struct Graph<'env> {
    frozen: FrozenPass<'env>,
}

/// How a pass ended.
pub type Pass = PassReport;

impl<'env> Graph<'env> {
    pub(super) fn new(frozen: FrozenPass<'env>) -> Self {
        Graph { frozen }
    }

    /// Runs each task once, each after its predecessors, and waits for the end. This thread works along, if it is one of the
    /// pool's or one of its workers sleeps. On a pool that has been shut down it runs the whole pass.
    ///
    /// Bodies may run graphs of their own. But **hold no lock while a graph runs** (nor around [`join`](crate::join) or
    /// [`scope`](crate::scope)): the wait for its end may run other tasks on top of this stack, and one that needs a
    /// [`Mutex`](std::sync::Mutex) which the code below has locked waits for ever. Nothing finds that out.
    ///
    /// # Errors
    /// The first body that failed or panicked, and how many more did; the rest was skipped. The graph can be run again.
    ///
    /// # Cost
    /// About ten nanoseconds a task, one atomic operation for each edge into a task with several predecessors, and none for the others.
    ///
    /// No allocation and no lock, but for these. A pass that fails allocates twice, for the error's `Arc` and for the task's name, and a
    /// panic brings its own. A thread that sleeps for a pool for the first time in its life allocates what it sleeps on. And in a spawned task or
    /// a prepared job, where the wait may only help with parts of the same task: when none are left and others still run elsewhere, the
    /// worker's slot goes to a spare thread, which takes a lock and may start that thread.
    pub fn run(&mut self, pool: &Pool) -> Result<Pass, PassError> {
        self.frozen.run(pool)
    }

    /// As [`run`](Self::run); once `token` is cancelled, from whatever thread, tasks that haven't begun are skipped. A body that has begun goes on, unless it asks the token
    /// itself. A cancel that comes when nothing is left to be skipped changes nothing.
    ///
    /// # Errors
    /// As for `run`. If a task was skipped for the cancel and none has failed, the error is [`TaskError::Cancelled`](crate::TaskError::Cancelled), with the
    /// first such task and the counts. The next pass is clean.
    ///
    /// ```
    /// use taskweave::{CancelToken, Pool, graph::GraphBuilder};
    ///
    /// let pool = Pool::builder().worker_threads(2).build()?;
    /// let token = CancelToken::new();
    /// let mut builder = GraphBuilder::new();
    /// let first = builder.task("first", || token.cancel());
    /// let second = builder.task("second", || ());
    /// builder.edge(first, second)?;
    /// let error = builder.build()?.run_with(&pool, &token).unwrap_err();
    /// assert!(error.is_cancelled());
    /// assert_eq!((error.executed, error.skipped, &*error.vertex), (1, 1, "second"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run_with(&mut self, pool: &Pool, token: &CancelToken) -> Result<Pass, PassError> {
        self.frozen.run_with(pool, token)
    }

    /// Number of tasks.
    pub fn tasks(&self) -> usize {
        self.frozen.vertices()
    }

    /// Number of edges.
    pub fn edges(&self) -> usize {
        self.frozen.edges()
    }

    /// The graph in the DOT language, for `dot -Tsvg`.
    pub fn dot(&self) -> String {
        let mut text = String::from("digraph taskweave {\n  node [shape=box];\n");
        for vertex in 0..self.tasks() {
            // Writing to a string can't fail.
            let _ = writeln!(
                text,
                "  {vertex} [label={}];",
                Quoted(self.frozen.name(vertex))
            );
        }
        for vertex in 0..self.tasks() {
            for (place, next) in self.frozen.successors(vertex).iter().enumerate() {
                let _ = match self.frozen.branch(vertex, place) {
                    None => writeln!(text, "  {vertex} -> {next};"),
                    Some(branch) => {
                        writeln!(
                            text,
                            "  {vertex} -> {next} [style=dashed, label=\"{branch}\"];"
                        )
                    }
                };
            }
        }
        text.push_str("}\n");
        text
    }
}

/// A string as DOT writes it.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                // Labels may hold entities.
                '&' => f.write_str("&amp;")?,
                // Neither `dot` nor the SVG that it writes can hold them.
                c if c.is_control() && c != '\t' => f.write_char(char::REPLACEMENT_CHARACTER)?,
                c => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}
