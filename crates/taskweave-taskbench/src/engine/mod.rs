#![doc = include_str!("README.md")]

mod ours;
mod sequential;
mod spinning;
mod team;

use std::{fmt, io, str::FromStr, sync::Arc, time::Duration};

use taskweave_sys::machine::affinity;
use thiserror::Error;

use crate::work::{Fault, Workload};

/// The engines of this crate. Others are made by [`Engine::new`] and [`Engine::elsewhere`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A loop, on the calling thread.
    Sequential,
    /// Threads that own columns and spin until their inputs are there: the floor.
    Spinning,
    /// Our static graph, built once.
    Graph,
}

impl Kind {
    /// All of them, our own first.
    pub const ALL: &[Self] = &[Self::Graph, Self::Sequential, Self::Spinning];

    /// Its name in options and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Spinning => "spinning",
            Self::Graph => "taskweave",
        }
    }

    /// Starts its threads and has it take up `work`.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub fn start(self, setup: &Setup, work: Workload) -> Result<Engine, EngineError> {
        setup.check()?;
        let work = Arc::new(work);
        let shared = Arc::clone(&work);
        let runner: Box<dyn Runner> = match self {
            Self::Sequential => Box::new(sequential::Sequential::new(shared)),
            Self::Spinning => Box::new(spinning::Spinning::new(setup, shared)?),
            Self::Graph => Box::new(ours::Static::new(setup, shared)?),
        };
        let threads = match self {
            Self::Sequential => 1,
            _ => setup.threads,
        };
        Ok(Engine::new(self.name(), threads, work, runner))
    }
}

impl crate::conformance::Startable for Kind {
    fn start_on(self, setup: &Setup, work: Workload) -> Result<Engine, EngineError> {
        self.start(setup, work)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// No engine has this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no engine `{name}`; there are {known}", known = known())]
pub struct UnknownEngine {
    name: String,
}

fn known() -> String {
    let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    names.join(", ")
}

impl FromStr for Kind {
    type Err = UnknownEngine;

    fn from_str(name: &str) -> Result<Self, UnknownEngine> {
        let found = Self::ALL.iter().find(|kind| kind.name() == name);
        found.copied().ok_or_else(|| UnknownEngine {
            name: name.to_owned(),
        })
    }
}

/// What all engines are told alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// How many threads may compute. Where the calling thread computes too, it is one of them.
    pub threads: usize,
    /// Where: a processor for each, in turn; anywhere if there is none. The first is that of the calling thread where that computes.
    pub processors: Vec<usize>,
}

impl Setup {
    /// So many threads, wherever the system puts them.
    pub fn anywhere(threads: usize) -> Self {
        let processors = Vec::new();
        Self {
            threads,
            processors,
        }
    }

    /// Whether so many threads can be had.
    ///
    /// # Errors
    /// [`EngineError::Threads`].
    pub fn check(&self) -> Result<(), EngineError> {
        if self.threads == 0 || self.threads > MOST_THREADS {
            return Err(EngineError::Threads(self.threads));
        }
        Ok(())
    }

    /// Puts the calling thread, number `thread` of its engine, where it belongs.
    ///
    /// # Errors
    /// What the system said.
    pub fn place(&self, thread: usize) -> io::Result<()> {
        match self.processors.len() {
            0 => Ok(()),
            many => affinity::pin_current_thread(&[self.processors[thread % many]]),
        }
    }
}

const MOST_THREADS: usize = 1024;

/// Why an engine can't start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EngineError {
    /// No thread, or too many.
    #[error("{0} threads can't be started; choose between 1 and {MOST_THREADS}")]
    Threads(usize),
    /// A runtime refused.
    #[error("{engine} refused: {why}")]
    Refused {
        /// Which.
        engine: &'static str,
        /// What it said.
        why: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl EngineError {
    /// For `map_err`: what the runtime behind `engine` said.
    pub fn refused<E: std::error::Error + Send + Sync + 'static>(
        engine: &'static str,
    ) -> impl Fn(E) -> Self {
        move |why| Self::Refused {
            engine,
            why: Box::new(why),
        }
    }
}

/// An engine that has taken up its work.
pub struct Engine {
    name: &'static str,
    threads: usize,
    work: Arc<Workload>,
    way: Way,
}

enum Way {
    Here(Box<dyn Runner>),
    Elsewhere(Box<dyn Elsewhere>),
}

impl Engine {
    /// An engine in this process, with so many threads that compute. `runner` must run the tasks of `work`.
    pub fn new(
        name: &'static str,
        threads: usize,
        work: Arc<Workload>,
        runner: Box<dyn Runner>,
    ) -> Self {
        Self {
            name,
            threads,
            work,
            way: Way::Here(runner),
        }
    }

    /// An engine in other processes, which has its own copy of `work`.
    pub fn elsewhere(
        name: &'static str,
        threads: usize,
        work: Arc<Workload>,
        engine: Box<dyn Elsewhere>,
    ) -> Self {
        Self {
            name,
            threads,
            work,
            way: Way::Elsewhere(engine),
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How many threads compute.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// What it runs.
    pub fn work(&self) -> &Workload {
        &self.work
    }

    /// Runs every task once; returns how long that took, without what is looked at afterwards.
    ///
    /// # Errors
    /// What the engine got wrong.
    pub fn pass(&mut self) -> Result<Duration, Fault> {
        match &mut self.way {
            Way::Here(runner) => self.work.pass(|| runner.run()),
            Way::Elsewhere(engine) => engine.pass(&self.work),
        }
    }

    /// The version and the form of a runtime in other processes.
    pub fn form(&self) -> Option<&str> {
        match &self.way {
            Way::Here(_) => None,
            Way::Elsewhere(engine) => Some(engine.form()),
        }
    }

    /// What it has used of the processors in other processes, in all of its passes; zero for an engine in this one.
    pub fn used_elsewhere(&self) -> Duration {
        match &self.way {
            Way::Here(_) => Duration::ZERO,
            Way::Elsewhere(engine) => engine.used(),
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("name", &self.name)
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}

/// Runs each task of its work once, after those that it reads, whenever it is called, and returns when all have ended.
pub trait Runner {
    /// One pass.
    fn run(&mut self);
}

/// Has other processes run a copy of the work, and check it as [`Workload`] does.
pub trait Elsewhere {
    /// One pass with the iterations that are set in `work`; how long it took, as timed over there.
    ///
    /// # Errors
    /// [`Fault::Elsewhere`].
    fn pass(&mut self, work: &Workload) -> Result<Duration, Fault>;

    /// What all passes have used of the processors.
    fn used(&self) -> Duration;

    /// The runtime's version and how it is used, in words.
    fn form(&self) -> &str;
}
