//! One graph, and what may be wrong with it.

use thiserror::Error;

use super::{Pattern, Shape, topology::MOST_ENTRIES};
use crate::kernel::Kernel;

/// The size of what tasks tell each other with: a step and a point.
pub(crate) const PAIR: usize = 16;
/// Tasks have an output each, of at least 64 bytes with what keeps them apart.
const MOST_TASKS: u64 = 1 << 26;
/// All outputs of a graph together, and likewise its scratch memory.
const MOST_BYTES: u64 = 4 << 30;

/// A task graph: its edges, and what each task does. The defaults are the field's.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphSpec {
    /// How the steps hang together.
    pub pattern: Pattern,
    /// How many steps there are.
    pub steps: u32,
    /// How many points the widest step has.
    pub width: u32,
    /// How many points a task reads, for `nearest`, `spread` and `random_nearest`.
    pub radix: u32,
    /// After how many steps the edges repeat, for `spread` and `random_nearest`. By default three, or the most that there may be.
    pub period: Option<u32>,
    /// How likely an edge is, for `random_nearest`.
    pub fraction: f64,
    /// What tasks compute.
    pub kernel: Kernel,
    /// How often.
    pub iterations: u64,
    /// The length of a task's output in bytes, at least 16.
    pub output_bytes: usize,
    /// The length of a column's scratch memory in bytes, for `memory_bound`: a multiple of 16 for each sample.
    pub scratch_bytes: usize,
    /// Into how many parts scratch memory is divided.
    pub samples: u32,
    /// How far tasks differ, for `load_imbalance`, from 0 to 2.
    pub imbalance: f64,
}

impl Default for GraphSpec {
    fn default() -> Self {
        Self {
            pattern: Pattern::Trivial,
            steps: 4,
            width: 4,
            radix: 3,
            period: None,
            fraction: 0.25,
            kernel: Kernel::Empty,
            iterations: 0,
            output_bytes: PAIR,
            scratch_bytes: 0,
            samples: 16,
            imbalance: 0.0,
        }
    }
}

/// Why a graph can't be. `graph` counts from 0.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the messages say what the fields are")]
pub enum SpecError {
    /// There is no graph.
    #[error("there is no graph; give at least one")]
    NoGraph,
    /// A number that must not be zero is.
    #[error("graph {graph}: {what} is 0; it must be at least 1")]
    Zero { graph: u32, what: &'static str },
    /// A number lies outside of its range.
    #[error("graph {graph}: {what} is {value}; it must lie between {least} and {most}")]
    Range {
        graph: u32,
        what: &'static str,
        value: f64,
        least: f64,
        most: f64,
    },
    /// Points would be read twice.
    #[error(
        "graph {graph}: spread has radix {radix} but only {width} points to spread to; the radix can be at most the width"
    )]
    Radix { graph: u32, radix: u32, width: u32 },
    /// Later sets of edges would meet earlier ones.
    #[error(
        "graph {graph}: spread has period {period}, at which its edges would coincide; with width {width} and radix {radix} it can be at most {most}"
    )]
    Period {
        graph: u32,
        period: u32,
        width: u32,
        radix: u32,
        most: u32,
    },
    /// A period was given to a pattern that has none of its own choosing.
    #[error("graph {graph}: the pattern {pattern} has no period to choose; leave it out")]
    NoPeriod { graph: u32, pattern: Pattern },
    /// The output can't hold a step and a point.
    #[error(
        "graph {graph}: an output of {bytes} bytes is too short for a step and a point; it must have at least 16"
    )]
    Output { graph: u32, bytes: usize },
    /// The scratch memory can't be divided.
    #[error(
        "graph {graph}: {bytes} bytes of scratch memory can't be divided into {samples} samples of two halves of whole words; the next length that can is {next}"
    )]
    Scratch {
        graph: u32,
        bytes: usize,
        samples: u32,
        next: u64,
    },
    /// Too many tasks.
    #[error("graph {graph} has {tasks} tasks; the most is {most}")]
    TooManyTasks { graph: u32, tasks: u64, most: u64 },
    /// Too many edges.
    #[error("graph {graph} has more than {most} edges between two steps, or sets of them")]
    TooManyEdges { graph: u32, most: usize },
    /// Too much memory.
    #[error("graph {graph} needs {bytes} bytes for {what}; the most is {most}")]
    TooLarge {
        graph: u32,
        what: &'static str,
        bytes: u64,
        most: u64,
    },
    /// More graphs than can be told apart.
    #[error("there are {0} graphs; the most is 65536")]
    TooManyGraphs(usize),
}

impl GraphSpec {
    /// Whether each task needs its column's memory.
    pub(crate) fn has_scratch(&self) -> bool {
        self.kernel == Kernel::MemoryBound
    }

    /// How many cache lines an output takes. It has them for itself.
    pub(crate) fn lines(&self) -> usize {
        self.output_bytes.div_ceil(64)
    }

    /// Checks it as graph number `graph`.
    pub(crate) fn check(&self, graph: u32) -> Result<Shape, SpecError> {
        let numbers = [
            ("the number of steps", self.steps),
            ("the width", self.width),
            ("the number of samples", self.samples),
        ];
        for (what, number) in numbers {
            if number == 0 {
                return Err(SpecError::Zero { graph, what });
            }
        }
        within(graph, "the fraction", self.fraction, 1.0)?;
        within(graph, "the imbalance", self.imbalance, 2.0)?;
        if self.width as usize > MOST_ENTRIES {
            let most = MOST_ENTRIES;
            return Err(SpecError::TooManyEdges { graph, most });
        }
        self.check_memory(graph)?;
        Ok(Shape {
            index: graph,
            pattern: self.pattern,
            steps: self.steps,
            width: self.width,
            radix: self.radix,
            period: self.checked_period(graph)?,
            fraction: self.fraction,
        })
    }

    fn checked_period(&self, graph: u32) -> Result<u32, SpecError> {
        let Self { width, radix, .. } = *self;
        let most = match self.pattern {
            Pattern::RandomNearest => u32::MAX,
            Pattern::Spread if radix == 0 => {
                let what = "the radix of spread";
                return Err(SpecError::Zero { graph, what });
            }
            Pattern::Spread if radix > width => {
                return Err(SpecError::Radix {
                    graph,
                    radix,
                    width,
                });
            }
            Pattern::Spread => width.div_ceil(radix),
            pattern if self.period.is_some_and(|period| period != 0) => {
                return Err(SpecError::NoPeriod { graph, pattern });
            }
            _ => return Ok(1),
        };
        match self.period {
            None => Ok(most.min(3)),
            Some(0) => Err(SpecError::Zero {
                graph,
                what: "the period",
            }),
            Some(period) if period > most => Err(SpecError::Period {
                graph,
                period,
                width,
                radix,
                most,
            }),
            Some(period) => Ok(period),
        }
    }

    fn check_memory(&self, graph: u32) -> Result<(), SpecError> {
        let tasks = u64::from(self.steps) * u64::from(self.width);
        if tasks > MOST_TASKS {
            return Err(SpecError::TooManyTasks {
                graph,
                tasks,
                most: MOST_TASKS,
            });
        }
        let bytes = self.output_bytes;
        if bytes < PAIR {
            return Err(SpecError::Output { graph, bytes });
        }
        let each = (bytes as u64).saturating_add(63) / 64 * 64;
        room(graph, "outputs", each, tasks)?;
        if !self.has_scratch() {
            return Ok(());
        }
        let (bytes, samples) = (self.scratch_bytes, self.samples);
        let each = PAIR as u64 * u64::from(samples);
        if bytes == 0 || !(bytes as u64).is_multiple_of(each) {
            return Err(SpecError::Scratch {
                graph,
                bytes,
                samples,
                next: (bytes as u64).div_ceil(each).max(1).saturating_mul(each),
            });
        }
        room(graph, "scratch memory", bytes as u64, self.width.into())
    }
}

fn within(graph: u32, what: &'static str, value: f64, most: f64) -> Result<(), SpecError> {
    // Nor is what isn't a number within any range.
    if (0.0..=most).contains(&value) {
        return Ok(());
    }
    Err(SpecError::Range {
        graph,
        what,
        value,
        least: 0.0,
        most,
    })
}

fn room(graph: u32, what: &'static str, each: u64, count: u64) -> Result<(), SpecError> {
    let bytes = each.saturating_mul(count);
    if bytes <= MOST_BYTES {
        return Ok(());
    }
    Err(SpecError::TooLarge {
        graph,
        what,
        bytes,
        most: MOST_BYTES,
    })
}
