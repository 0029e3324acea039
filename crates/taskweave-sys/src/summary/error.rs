//! Why a tree isn't made or doesn't grow.

use std::{collections::TryReserveError, fmt};

/// Why a tree isn't made, or doesn't grow. A tree that refuses to grow stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TreeError {
    /// More leaves than a tree can have.
    TooManyLeaves {
        /// How many were asked for.
        leaves: usize,
        /// How many there can be.
        most: usize,
    },
    /// More workers than a tree can have.
    TooManyWorkers {
        /// How many were asked for.
        workers: usize,
        /// How many there can be.
        most: usize,
    },
    /// No memory for so many leaves.
    Memory {
        /// How many were asked for.
        leaves: usize,
        /// What the allocator said.
        why: TryReserveError,
    },
}

impl fmt::Display for TreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyLeaves { leaves, most } => write!(
                f,
                "a summary tree of {leaves} leaves is too large: use at most {most}, or several trees"
            ),
            Self::TooManyWorkers { workers, most } => write!(
                f,
                "a summary tree for {workers} workers is too large: use at most {most}, or several trees"
            ),
            Self::Memory { leaves, why } => {
                write!(f, "no memory for a summary tree of {leaves} leaves: {why}")
            }
        }
    }
}

impl std::error::Error for TreeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Memory { why, .. } => Some(why),
            _ => None,
        }
    }
}
