//! A frozen graph and its passes.

use std::fmt::{self, Write};

use taskweave_core::Pool;
use taskweave_core::pass::{FrozenPass, PassError, PassReport};

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
    /// pool's or one of its workers sleeps.
    ///
    /// # Errors
    /// The first body that failed or panicked, and how many more did; the rest was skipped. The graph can be run again.
    ///
    /// # Cost
    /// No allocation, no lock; about ten nanoseconds a task, one atomic operation for each edge into a task with
    /// several predecessors, and none for the others.
    pub fn run(&mut self, pool: &Pool) -> Result<Pass, PassError> {
        self.frozen.run(pool)
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
            for next in self.frozen.successors(vertex) {
                let _ = writeln!(text, "  {vertex} -> {next};");
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
