#![doc = include_str!("README.md")]

mod chili;
mod flow;
mod latch;
#[cfg(feature = "native-peers")]
pub(crate) mod native;
mod rayon;
mod smol;
#[cfg(test)]
mod tests;
mod tokio;

use std::{fmt, str::FromStr, sync::Arc};

use taskweave_taskbench::{Engine, EngineError, Kind, Runner, Setup, Workload};
use thiserror::Error;

#[cfg(feature = "native-peers")]
use native::Native;

/// All engines that Task Bench is run on here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Contestant {
    /// One of our own.
    Own(Kind),
    /// Rayon: a task that is the last input of others spawns them.
    RayonScope,
    /// Rayon: the same, but one of them runs at once, without being spawned.
    RayonInline,
    /// Tokio: tasks spawn those that they make ready.
    Tokio,
    /// Smol's executor: likewise.
    AsyncExecutor,
    /// Chili: a step at a time, split in halves by its join.
    Chili,
    /// A program in another language.
    #[cfg(feature = "native-peers")]
    Native(Native),
}

impl Contestant {
    /// What the others are compared with.
    pub(crate) const OURS: Self = Self::Own(Kind::Graph);

    /// All of them, our own first.
    pub(crate) const ALL: &[Self] = &[
        Self::OURS,
        Self::Own(Kind::Sequential),
        Self::Own(Kind::Spinning),
        Self::RayonScope,
        Self::RayonInline,
        Self::Tokio,
        Self::AsyncExecutor,
        Self::Chili,
        #[cfg(feature = "native-peers")]
        Self::Native(Native::Tbb),
        #[cfg(feature = "native-peers")]
        Self::Native(Native::OpenmpGcc),
        #[cfg(feature = "native-peers")]
        Self::Native(Native::OpenmpClang),
        #[cfg(feature = "native-peers")]
        Self::Native(Native::Starpu),
        #[cfg(feature = "native-peers")]
        Self::Native(Native::Mpi),
    ];

    /// Its name in options and tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Own(kind) => kind.name(),
            Self::RayonScope => "rayon-scope",
            Self::RayonInline => "rayon-inline",
            Self::Tokio => "tokio",
            Self::AsyncExecutor => "async-executor",
            Self::Chili => "chili",
            #[cfg(feature = "native-peers")]
            Self::Native(native) => native.name(),
        }
    }

    /// Starts its threads, or processes, and has it take up `work`.
    pub(crate) fn start(self, setup: &Setup, work: Workload) -> Result<Engine, EngineError> {
        setup.check()?;
        if let Self::Own(kind) = self {
            return kind.start(setup, work);
        }
        let work = Arc::new(work);
        let shared = Arc::clone(&work);
        let runner: Box<dyn Runner> = match self {
            Self::Own(kind) => unreachable!("{kind} is started above"),
            Self::RayonScope => Box::new(rayon::Rayon::new(setup, shared, rayon::Form::Scope)?),
            Self::RayonInline => Box::new(rayon::Rayon::new(setup, shared, rayon::Form::Inline)?),
            Self::Tokio => Box::new(tokio::Tokio::new(setup, shared)?),
            Self::AsyncExecutor => Box::new(smol::Smol::new(setup, shared)?),
            Self::Chili => Box::new(chili::Chili::new(setup, shared)?),
            #[cfg(feature = "native-peers")]
            Self::Native(native) => return native.start(setup, work),
        };
        Ok(Engine::new(self.name(), setup.threads, work, runner))
    }
}

impl fmt::Display for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// No engine has this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no engine `{name}`; there are {known}", known = known())]
pub(crate) struct UnknownEngine {
    name: String,
}

fn known() -> String {
    let names: Vec<&str> = Contestant::ALL.iter().map(|engine| engine.name()).collect();
    names.join(", ")
}

impl FromStr for Contestant {
    type Err = UnknownEngine;

    fn from_str(name: &str) -> Result<Self, UnknownEngine> {
        let found = Self::ALL.iter().find(|engine| engine.name() == name);
        found.copied().ok_or_else(|| UnknownEngine {
            name: name.to_owned(),
        })
    }
}
