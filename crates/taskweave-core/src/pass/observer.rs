//! Looking on while passes run.

use super::report::{PassError, PassReport};

/// How a vertex ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VertexEnd {
    /// Its successors go on, or some of them.
    Done,
    /// It stopped the pass.
    Stopped,
    /// It returned an error or panicked.
    Failed,
    /// It didn't run.
    Skipped,
}

/// Told of each pass and each vertex of a graph, on the threads that run them, at any time and from several threads at once. What a method panics with
/// is dropped. A graph without observers never looks for one in its vertices.
#[expect(unused_variables, reason = "to be overridden by those who want it")]
pub trait PassObserver: Send + Sync {
    /// A pass begins; nothing of it has begun.
    fn pass_begins(&self, pass: u64) {}

    /// A pass has ended.
    fn pass_ends(&self, result: Result<&PassReport, &PassError>) {}

    /// A vertex's body is about to run. Not called for those that are skipped.
    fn vertex_begins(&self, vertex: usize, name: &str) {}

    /// A vertex has ended, and none of its successors has begun.
    fn vertex_ends(&self, vertex: usize, name: &str, end: VertexEnd) {}
}
