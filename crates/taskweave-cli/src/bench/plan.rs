//! What is to be measured, checked before it begins.

use std::io;

use taskweave_sys::machine::affinity;
use taskweave_taskbench::metg::COMPARED;
use taskweave_taskbench::{Kind, Pattern, Setup};

use crate::args::BenchArgs;
use crate::failure::Failure;

/// Points that a task reads, where the pattern leaves that open.
const RADIX: u32 = 5;

/// All of it.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) setup: Setup,
    pub(crate) width: u32,
    /// Each with its radix.
    pub(crate) patterns: Vec<(Pattern, u32)>,
    pub(crate) tasks: u32,
    pub(crate) effort: Effort,
}

/// How carefully.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// How often everything is measured; engines take turns.
    pub(crate) rounds: usize,
    /// Half octaves of the kernel's iterations between the points of a curve …
    pub(crate) stride: usize,
    /// … and at its last one.
    pub(crate) last: u32,
    /// About so many tasks a pass, unless told otherwise.
    tasks: u32,
}

impl Effort {
    const QUICK: Self = Self {
        rounds: 1,
        stride: 4,
        last: 16,
        tasks: 3000,
    };
    const FULL: Self = Self {
        rounds: 5,
        stride: 2,
        last: 24,
        tasks: 8000,
    };
}

/// The engines, ours first.
pub(crate) const ENGINES: [Kind; 3] = [Kind::Graph, Kind::Sequential, Kind::Spinning];

impl Plan {
    /// Fails if there can't be so many workers that all have something to do.
    pub(crate) fn new(args: &BenchArgs) -> Result<Self, Failure> {
        let processors = affinity::current().map_err(no_processors)?;
        let width = args.width as usize;
        let most = processors.len().min(width);
        let threads = args.worker_threads.unwrap_or(most);
        let refused = |why: String| {
            Err(Failure::Usage(format!(
                "invalid value '{threads}' for '--worker-threads <N>': {why} (see `taskweave bench --help`)"
            )))
        };
        if threads > processors.len() {
            return refused(format!(
                "there are {} processors for this process, and what they can do is what engines are measured by",
                processors.len()
            ));
        }
        if threads > width {
            return refused(format!(
                "with a width of {width} there is no work for so many"
            ));
        }
        let effort = if args.quick {
            Effort::QUICK
        } else {
            Effort::FULL
        };
        Ok(Self {
            setup: Setup {
                threads,
                processors,
            },
            width: args.width,
            patterns: patterns(&args.pattern),
            tasks: args.tasks.unwrap_or(effort.tasks),
            effort,
        })
    }

    /// How many samples there will be.
    pub(crate) fn samples(&self) -> u64 {
        (self.patterns.len() * self.effort.rounds * ENGINES.len()) as u64
    }

    /// The threads of an engine: a loop has one, and is held against what one can do.
    pub(crate) fn setup_of(&self, kind: Kind) -> Setup {
        let threads = match kind {
            Kind::Sequential => 1,
            _ => self.setup.threads,
        };
        Setup {
            threads,
            ..self.setup.clone()
        }
    }
}

/// Those that were named, each once, or those that are compared everywhere.
fn patterns(named: &[Pattern]) -> Vec<(Pattern, u32)> {
    let mut patterns = Vec::new();
    for &pattern in named {
        let compared = COMPARED.into_iter().find(|(other, _)| *other == pattern);
        let one = compared.unwrap_or((pattern, RADIX));
        if !patterns.contains(&one) {
            patterns.push(one);
        }
    }
    if patterns.is_empty() {
        COMPARED.to_vec()
    } else {
        patterns
    }
}

fn no_processors(why: io::Error) -> Failure {
    Failure::Bench(format!(
        "the system doesn't say which processors this process may use: {why}"
    ))
}
