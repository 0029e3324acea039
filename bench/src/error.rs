//! What can go wrong while measuring.

use std::{io, path::PathBuf};

use thiserror::Error;

use crate::report::FillError;

/// Why there is no result.
#[derive(Debug, Error)]
pub(crate) enum BenchError {
    /// A side computed something else than it should have: its time means nothing.
    #[error("{side} got {got} where {expected} was expected: its time would mean nothing")]
    Wrong {
        side: &'static str,
        expected: String,
        got: String,
    },
    /// The calibration found no work in a side.
    #[error(
        "{side} takes no time at all, however often it is repeated: the work was optimised away"
    )]
    NothingTimed { side: &'static str },
    /// A runtime refused to start, or a call on it failed.
    #[error("{side} refused: {why}")]
    Refused { side: &'static str, why: String },
    /// A peer that is not a crate isn't installed.
    #[cfg(any(feature = "slam-peers", feature = "native-peers"))]
    #[error("{package} is missing ({why}); install it with: {command}")]
    Missing {
        package: &'static str,
        why: String,
        command: &'static str,
    },
    /// A peer in another process didn't answer as agreed.
    #[cfg(any(feature = "slam-peers", feature = "native-peers"))]
    #[error("{side}, in a process of its own, {what}")]
    Process { side: &'static str, what: String },
    /// Nothing has such a name.
    #[error("there is no case of {0}: see --list")]
    NoCase(String),
    /// Some cases failed.
    #[error("{0} of the cases have no figures; why stands above")]
    Without(usize),
    /// A file couldn't be read.
    #[error("can't read {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
    /// A page has places for figures that can't be filled.
    #[error("{path}: {why}")]
    Fill { path: PathBuf, why: FillError },
    /// A file couldn't be written.
    #[error("can't write {path}: {source}")]
    Write { path: PathBuf, source: io::Error },
}

impl BenchError {
    /// For `map_err`: what `side` said when it refused.
    pub(crate) fn refused(side: &'static str) -> impl Fn(Box<dyn std::error::Error>) -> Self {
        move |why| Self::Refused {
            side,
            why: why.to_string(),
        }
    }
}

/// An error if `got` is not `expected`.
pub(crate) fn wrong(side: &'static str, expected: u64, got: u64) -> Result<(), BenchError> {
    if got == expected {
        Ok(())
    } else {
        Err(BenchError::Wrong {
            side,
            expected: expected.to_string(),
            got: got.to_string(),
        })
    }
}
