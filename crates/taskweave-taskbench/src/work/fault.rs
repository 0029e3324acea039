//! What engines get wrong.

use std::fmt;

use taskweave_sys::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};
use thiserror::Error;

use super::Task;

/// What was wrong in a pass. A time that an engine needed for this means nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the messages say what the fields are")]
pub enum Fault {
    /// An input is not what it should be.
    #[error(
        "{task} got {found} as input {at}, where the output of point {point} of the step before belongs"
    )]
    WrongInput {
        task: Task,
        at: usize,
        point: u32,
        found: Found,
    },
    /// There are more inputs than edges, or fewer.
    #[error("{task} got {given} inputs; the pattern gives it {expected}")]
    InputCount {
        task: Task,
        expected: usize,
        given: usize,
    },
    /// An input was cut off.
    #[error("{task} got an input of {given} bytes as input {at}; outputs have {expected}")]
    InputLength {
        task: Task,
        at: usize,
        expected: usize,
        given: usize,
    },
    /// A task ran more than once in a pass.
    #[error("{task} ran twice in one pass")]
    RanTwice { task: Task },
    /// A task never ran.
    #[error("{task} didn't run in the pass")]
    NeverRan { task: Task },
    /// The column's memory isn't what it was prepared to be.
    #[error("{task} found its scratch memory overwritten")]
    Scratch { task: Task },
    /// An engine in another process says so, in its own words.
    #[error("{engine}, in a process of its own: {what}")]
    Elsewhere { engine: &'static str, what: String },
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { graph, step, point } = self;
        write!(f, "point {point} of step {step} of graph {graph}")
    }
}

/// What an input holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "a step and a point everywhere")]
pub enum Found {
    /// Nothing was ever written there.
    Nothing,
    /// An output of this pass.
    Pair { step: u32, point: u64 },
    /// What an earlier pass has left.
    EarlierPass { step: u32, point: u64 },
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("memory that was never written"),
            Self::Pair { step, point } => write!(f, "the output of point {point} of step {step}"),
            Self::EarlierPass { step, point } => write!(
                f,
                "what an earlier pass has left of point {point} of step {step}"
            ),
        }
    }
}

/// Keeps the first fault of a pass.
#[derive(Debug, Default)]
pub(super) struct FaultLog {
    any: AtomicBool,
    first: Mutex<Option<Fault>>,
}

impl FaultLog {
    #[cold]
    pub(super) fn report(&self, fault: impl FnOnce() -> Fault) {
        // Relaxed: the mutex orders what is behind it; the flag only keeps later faults away from it.
        if !self.any.swap(true, Ordering::Relaxed) {
            *self.lock() = Some(fault());
        }
    }

    pub(super) fn clear(&self) {
        self.any.store(false, Ordering::Relaxed);
        *self.lock() = None;
    }

    pub(super) fn first(&self) -> Result<(), Fault> {
        self.lock().take().map_or(Ok(()), Err)
    }

    fn lock(&self) -> taskweave_sys::sync::MutexGuard<'_, Option<Fault>> {
        match self.first.lock() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        }
    }
}
