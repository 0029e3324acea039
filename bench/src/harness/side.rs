//! One of the two systems in a comparison.

use std::{fmt, hint::black_box};

use super::{Pinned, Stopwatch, processors};
use crate::error::{BenchError, wrong};

type Body = Box<dyn FnMut(u64, &mut Stopwatch) -> Result<(), BenchError>>;

/// A way to do the job of a case, with the pool it needs.
pub(crate) struct Side {
    name: &'static str,
    scale: Scale,
    form: Option<String>,
    body: Body,
}

/// How long a sample is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// As many repetitions as fill a sample.
    Calibrated,
    /// One: a repetition is long, or timed elsewhere.
    Single,
}

impl Side {
    /// The general form: `body` is told how many repetitions a sample has, times what counts and checks its results.
    pub(crate) fn new(
        name: &'static str,
        body: impl FnMut(u64, &mut Stopwatch) -> Result<(), BenchError> + 'static,
    ) -> Self {
        Self {
            name,
            scale: Scale::Calibrated,
            form: None,
            body: Box::new(body),
        }
    }

    /// `once` does `ops` operations and must return `expected`, in every repetition.
    pub(crate) fn checked(
        name: &'static str,
        ops: u64,
        expected: u64,
        mut once: impl FnMut() -> u64 + 'static,
    ) -> Self {
        Self::new(name, move |repetitions, watch| {
            let mut got = expected;
            watch.time(ops * repetitions, || {
                for _ in 0..repetitions {
                    let result = black_box(once());
                    if result != expected {
                        got = result;
                    }
                }
            });
            wrong(name, expected, got)
        })
    }

    /// The calling thread stays on the first processor while a sample runs.
    pub(crate) fn placed(self) -> Self {
        let mut body = self.body;
        Self {
            body: Box::new(move |repetitions, watch| {
                let cpus = processors()?;
                let _pinned = Pinned::to(&cpus[..1])?;
                body(repetitions, watch)
            }),
            ..self
        }
    }

    /// Every sample is one repetition.
    pub(crate) fn single(self) -> Self {
        Self {
            scale: Scale::Single,
            ..self
        }
    }

    /// Says in which of several forms a peer runs, for the notes under the table.
    pub(crate) fn in_form(self, form: impl Into<Option<String>>) -> Self {
        Self {
            form: form.into(),
            ..self
        }
    }

    /// In which of several forms it runs.
    pub(crate) fn form(&self) -> Option<&str> {
        self.form.as_deref()
    }

    /// The system's name.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// How long a sample is.
    pub(crate) fn scale(&self) -> Scale {
        self.scale
    }

    /// One sample.
    pub(crate) fn sample(&mut self, repetitions: u64) -> Result<Stopwatch, BenchError> {
        let mut watch = Stopwatch::default();
        (self.body)(repetitions, &mut watch)?;
        Ok(watch)
    }
}

impl fmt::Debug for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Side")
            .field("name", &self.name)
            .field("scale", &self.scale)
            .finish_non_exhaustive()
    }
}
