//! What bodies say when they end, and what a pass says.

use core::fmt;
use std::sync::Arc;

use crate::error::TaskError;

/// What a body says when it ends.
#[derive(Debug)]
pub enum Verdict {
    /// Go on with the successors.
    Continue,
    /// Skip everything that hasn't begun.
    Stop,
    /// Skip everything that hasn't begun, and report this.
    Fail(Arc<dyn std::error::Error + Send + Sync>),
    /// Of the vertex's branches go on with this one alone, and with the successors that aren't branches.
    Branch(usize),
}

/// How a pass ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PassReport {
    /// Number of this pass, from 0.
    pub pass: u64,
    /// Vertices whose bodies ran.
    pub executed: usize,
    /// Vertices whose bodies didn't run: after a stop, or on branches that weren't chosen.
    pub skipped: usize,
}

/// A pass in which a body failed or panicked, or that was cancelled.
#[derive(Debug)]
#[non_exhaustive]
pub struct PassError {
    /// The vertex that failed first. Of a pass that was cancelled, the first one that didn't begin for that reason. Empty if no vertex is to
    /// blame: a wait inside of the pass for that very pass.
    pub vertex: String,
    /// How it failed.
    pub error: TaskError,
    /// How many more failed before the stop reached them.
    pub others: usize,
    /// Vertices whose bodies ran, those that failed included.
    pub executed: usize,
    /// Vertices skipped.
    pub skipped: usize,
}

impl PassError {
    /// No vertex is to blame.
    pub(super) fn of(error: TaskError) -> Self {
        PassError {
            vertex: String::new(),
            error,
            others: 0,
            executed: 0,
            skipped: 0,
        }
    }

    /// Whether the pass was cancelled, and no body has failed.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.error, TaskError::Cancelled)
    }
}

impl fmt::Display for PassError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.vertex.is_empty() {
            write!(f, "{}", self.error)?;
        } else {
            write!(f, "vertex {:?}: {}", self.vertex, self.error)?;
        }
        if self.others > 0 {
            write!(f, " (and {} more failed)", self.others)?;
        }
        Ok(())
    }
}

impl std::error::Error for PassError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// A body chose a branch that its vertex doesn't have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoSuchBranch {
    pub(super) chosen: usize,
    pub(super) branches: usize,
}

impl fmt::Display for NoSuchBranch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "branch {} was chosen, but the vertex has {}; the first is branch 0",
            self.chosen, self.branches
        )
    }
}

impl std::error::Error for NoSuchBranch {}
