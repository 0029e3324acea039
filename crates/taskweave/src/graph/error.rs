//! Why a graph, or an edge of it, is refused.

use std::error::Error;
use std::fmt;

/// Why an edge was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EdgeError {
    /// A task would come before itself.
    SelfEdge {
        /// Its name.
        task: String,
    },
    /// The edge stands already.
    Duplicate {
        /// The earlier task's name.
        before: String,
        /// The later task's name.
        after: String,
    },
    /// The task is another builder's.
    Foreign {
        /// Its position there.
        index: usize,
    },
}

impl fmt::Display for EdgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EdgeError::SelfEdge { task } => {
                write!(
                    f,
                    "task {task:?} can't come before itself; a loop is a graph that is run again"
                )
            }
            EdgeError::Duplicate { before, after } => {
                write!(
                    f,
                    "the edge from {before:?} to {after:?} stands already; add it once"
                )
            }
            EdgeError::Foreign { index } => write!(
                f,
                "task number {index} belongs to another builder; use the ids that this one's `task` returned"
            ),
        }
    }
}

impl Error for EdgeError {}

/// Why a graph can't be built.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GraphError {
    /// There is no task.
    Empty,
    /// Tasks wait for one another in a circle.
    Cycle {
        /// Their names, each before the next, and the last before the first.
        path: Vec<String>,
    },
    /// More than 2³² − 1 tasks or edges.
    TooLarge,
    /// Two tasks, of which at least one writes it, use a slot in no order.
    Unordered {
        /// The slot.
        slot: String,
        /// One of the tasks.
        one: String,
        /// The other one.
        other: String,
    },
    /// Too many graphs inside of graphs.
    TooDeep {
        /// How many there may be.
        limit: usize,
    },
}

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GraphError::Empty => f.write_str("the graph has no task; add one before building it"),
            GraphError::Cycle { path } => {
                f.write_str("the tasks wait for one another in a circle: ")?;
                for name in path {
                    write!(f, "{name:?} → ")?;
                }
                write!(f, "{:?}", path.first().map_or("", String::as_str))
            }
            GraphError::Unordered { slot, one, other } => write!(
                f,
                "tasks {one:?} and {other:?} use the slot {slot:?}, and at least one of them writes it, but no edges say which comes first; add one"
            ),
            GraphError::TooDeep { limit } => {
                write!(f, "graphs may be nested {limit} deep; take a level out")
            }
            GraphError::TooLarge => {
                f.write_str("the graph has more than 4,294,967,295 tasks or edges; split it")
            }
        }
    }
}

impl Error for GraphError {}
