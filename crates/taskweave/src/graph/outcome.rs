//! What a body's return value means for the pass.

use std::error::Error;
use std::sync::Arc;

use taskweave_core::pass::Verdict;

/// How the pass goes on after a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Next {
    /// With the successors.
    #[default]
    Continue,
    /// Not at all: what hasn't begun is skipped.
    Stop,
    /// With this one of the task's [branches](super::GraphBuilder::branches), counted from 0, and with the successors that are no branches. If there is
    /// no such branch, that's an error of this task.
    Branch(usize),
}

/// What a body may return: nothing, a [`Next`], or a `Result` of either with any error.
pub trait Outcome {
    #[doc(hidden)]
    fn verdict(self) -> Verdict;
}

impl Outcome for () {
    #[inline]
    fn verdict(self) -> Verdict {
        Verdict::Continue
    }
}

impl Outcome for Next {
    #[inline]
    fn verdict(self) -> Verdict {
        match self {
            Next::Continue => Verdict::Continue,
            Next::Stop => Verdict::Stop,
            Next::Branch(chosen) => Verdict::Branch(chosen),
        }
    }
}

impl<T: Outcome, E: Into<Box<dyn Error + Send + Sync>>> Outcome for Result<T, E> {
    #[inline]
    fn verdict(self) -> Verdict {
        match self {
            Ok(outcome) => outcome.verdict(),
            Err(error) => Verdict::Fail(Arc::from(error.into())),
        }
    }
}
