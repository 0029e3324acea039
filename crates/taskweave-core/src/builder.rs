//! How a pool is set up.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use taskweave_sys::machine::priority::{self, Priority};
use taskweave_sys::machine::{affinity, topology};

use crate::keeper;
use crate::pool::Pool;
use crate::shared::Shared;

/// Most workers a pool may have.
pub const MAX_WORKERS: usize = 4096;
/// Tasks a worker's deque holds before it spills into the worker's inbox.
const QUEUE_CAPACITY: usize = 512;
const MIN_STACK: usize = 64 * 1024;

type Hook = Arc<dyn Fn(usize) + Send + Sync>;

/// On which processors the workers run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Pinning {
    /// Wherever the system puts them.
    #[default]
    None,
    /// One processor each, far from one another: over all physical packages and cores first.
    Spread,
    /// One processor each, close to one another: one physical package after the other.
    Compact,
    /// Worker `i` runs on processor `list[i % list.len()]`.
    Explicit(Vec<usize>),
}

/// Checked settings.
pub(crate) struct Config {
    pub(crate) name: String,
    pub(crate) worker_threads: usize,
    pub(crate) max_blocked: usize,
    pub(crate) max_blocking: usize,
    pub(crate) queue_capacity: usize,
    pub(crate) stack_size: Option<usize>,
    pub(crate) spin_us: u64,
    pub(crate) priority: Option<Priority>,
    pub(crate) on_start: Option<Hook>,
    pub(crate) on_stop: Option<Hook>,
    cpus: Vec<usize>,
}

impl Config {
    pub(crate) fn thread_name(&self, index: usize) -> String {
        format!("{}-{index}", self.name)
    }

    pub(crate) fn cpus_of(&self, worker: usize) -> Option<Vec<usize>> {
        (!self.cpus.is_empty()).then(|| vec![self.cpus[worker % self.cpus.len()]])
    }
}

/// Settings of a pool to come, see [`Pool::builder`].
#[derive(Clone)]
#[must_use = "nothing starts before `build`"]
pub struct PoolBuilder {
    name: String,
    worker_threads: Option<usize>,
    max_blocked: usize,
    max_blocking: usize,
    queue_capacity: usize,
    stack_size: Option<usize>,
    spin_us: Option<u64>,
    pinning: Pinning,
    priority: Option<Priority>,
    on_start: Option<Hook>,
    on_stop: Option<Hook>,
}

impl fmt::Debug for PoolBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolBuilder")
            .field("name", &self.name)
            .field("worker_threads", &self.worker_threads)
            .field("pinning", &self.pinning)
            .finish_non_exhaustive()
    }
}

impl Default for PoolBuilder {
    fn default() -> Self {
        PoolBuilder {
            name: "taskweave".to_owned(),
            worker_threads: None,
            max_blocked: 256,
            max_blocking: 512,
            queue_capacity: QUEUE_CAPACITY,
            stack_size: None,
            spin_us: None,
            pinning: Pinning::None,
            priority: None,
            on_start: None,
            on_stop: None,
        }
    }
}

impl PoolBuilder {
    /// Number of workers, 1 to [`MAX_WORKERS`]. Default: the processors that this process may use, by its
    /// affinity mask and its cgroup's quota.
    pub fn worker_threads(mut self, count: usize) -> Self {
        self.worker_threads = Some(count);
        self
    }

    /// Threads are called `NAME-0`, `NAME-1`, … Default: `taskweave`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Where the workers run. Default: [`Pinning::None`].
    pub fn pinning(mut self, pinning: Pinning) -> Self {
        self.pinning = pinning;
        self
    }

    /// Stack of each worker in bytes, at least 64 KiB. Default: the standard library's.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// Priority of each worker. Default: inherited.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = Some(priority);
        self
    }

    /// Microseconds that a worker looks for work before it sleeps, up to 1,000,000; up to four times as many while its sleeps turn out to
    /// be short ones. Default: 30, or 0 with more workers than processors.
    pub fn spin_us(mut self, us: u64) -> Self {
        self.spin_us = Some(us);
        self
    }

    /// Most threads that may be blocked in waits inside of bodies, each replaced by a spare one. Default: 256.
    pub fn max_blocked(mut self, threads: usize) -> Self {
        self.max_blocked = threads;
        self
    }

    /// Most threads for `spawn_blocking`, at least 1. Default: 512.
    pub fn max_blocking(mut self, threads: usize) -> Self {
        self.max_blocking = threads;
        self
    }

    /// Tasks that a worker's deque holds before it spills; a power of two from 2 to 32,768. Default: 512.
    pub fn queue_capacity(mut self, tasks: usize) -> Self {
        self.queue_capacity = tasks;
        self
    }

    /// Called by each worker thread with its number before it runs anything (not by those of `spawn_blocking`). A panic is ignored.
    ///
    /// The hook is outside of the pool: `join`, `scope` and the like go to the [global pool](Pool::global), whose own hooks must not use them.
    pub fn on_start(mut self, hook: impl Fn(usize) + Send + Sync + 'static) -> Self {
        self.on_start = Some(Arc::new(hook));
        self
    }

    /// Called by each worker thread with its number before it ends. As for [`on_start`](Self::on_start).
    pub fn on_stop(mut self, hook: impl Fn(usize) + Send + Sync + 'static) -> Self {
        self.on_stop = Some(Arc::new(hook));
        self
    }

    /// Starts the threads.
    ///
    /// # Errors
    /// A setting that can't be met, and why; or the system's refusal to start a thread.
    pub fn build(self) -> Result<Pool, BuildError> {
        let shared = Shared::new(self.check()?);
        let pool = Pool::new(shared);
        keeper::start_all(pool.shared()).map_err(BuildError::Spawn)?;
        Ok(pool)
    }

    pub(crate) fn check(self) -> Result<Config, BuildError> {
        let worker_threads = self
            .worker_threads
            .unwrap_or_else(|| topology::available_cpus().min(MAX_WORKERS));
        bounded("worker_threads", worker_threads, 1, MAX_WORKERS)?;
        bounded("max_blocking", self.max_blocking, 1, usize::MAX)?;
        if !self.queue_capacity.is_power_of_two() || !(2..=32_768).contains(&self.queue_capacity) {
            return Err(BuildError::NotAPowerOfTwo {
                setting: "queue_capacity",
                value: self.queue_capacity,
                least: 2,
                most: 32_768,
            });
        }
        if let Some(bytes) = self.stack_size {
            bounded("stack_size", bytes, MIN_STACK, isize::MAX as usize)?;
        }
        if self.name.contains('\0') {
            return Err(BuildError::Name);
        }
        let spin_us = self.spin_us.unwrap_or_else(|| {
            if worker_threads > topology::available_cpus() {
                0
            } else {
                30
            }
        });
        bounded(
            "spin_us",
            usize::try_from(spin_us).unwrap_or(usize::MAX),
            0,
            1_000_000,
        )?;
        let cpus = cpus_for(&self.pinning)?;
        if let Some(wanted) = self.priority {
            probe_on_thread(move || priority::set_current(wanted).map_err(BuildError::Priority))?;
        }
        Ok(Config {
            name: self.name,
            worker_threads,
            max_blocked: self.max_blocked,
            max_blocking: self.max_blocking,
            queue_capacity: self.queue_capacity,
            stack_size: self.stack_size,
            spin_us: if cfg!(any(taskweave_loom, taskweave_shuttle)) {
                0
            } else {
                spin_us
            },
            priority: self.priority,
            on_start: self.on_start,
            on_stop: self.on_stop,
            cpus,
        })
    }
}

fn bounded(
    setting: &'static str,
    value: usize,
    least: usize,
    most: usize,
) -> Result<(), BuildError> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(BuildError::OutOfRange {
            setting,
            value,
            least,
            most,
        })
    }
}

fn in_order(order: topology::Order) -> Vec<usize> {
    order.arrange(&topology::processors())
}

fn cpus_for(pinning: &Pinning) -> Result<Vec<usize>, BuildError> {
    let cpus = match pinning {
        Pinning::None => return Ok(Vec::new()),
        Pinning::Spread => in_order(topology::Order::Spread),
        Pinning::Compact => in_order(topology::Order::Compact),
        Pinning::Explicit(list) => list.clone(),
    };
    if cpus.is_empty() {
        return Err(BuildError::NoProcessors);
    }
    for &cpu in &cpus {
        probe_on_thread(move || {
            affinity::pin_current_thread(&[cpu])
                .map_err(|source| BuildError::Processor { cpu, source })
        })?;
    }
    Ok(cpus)
}

/// Tries a setting out on a thread of its own, so that a refusal is an error of `build`.
fn probe_on_thread(
    probe: impl FnOnce() -> Result<(), BuildError> + Send + 'static,
) -> Result<(), BuildError> {
    taskweave_sys::sync::thread::Builder::new()
        .spawn(probe)
        .map_err(BuildError::Spawn)?
        .join()
        .unwrap_or(Ok(()))
}

/// Why a pool couldn't be built.
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// A number is outside of what the setting allows.
    OutOfRange {
        /// The builder's method.
        setting: &'static str,
        /// What was asked for.
        value: usize,
        /// The least it may be.
        least: usize,
        /// The most it may be.
        most: usize,
    },
    /// A number has to be a power of two within a range.
    NotAPowerOfTwo {
        /// The builder's method.
        setting: &'static str,
        /// What was asked for.
        value: usize,
        /// The least it may be.
        least: usize,
        /// The most it may be.
        most: usize,
    },
    /// The list of processors to pin workers to is empty.
    NoProcessors,
    /// The name contains a NUL byte.
    Name,
    /// A processor that workers should be pinned to isn't available.
    Processor {
        /// Its number.
        cpu: usize,
        /// The system's word.
        source: io::Error,
    },
    /// The priority can't be had.
    Priority(priority::PriorityError),
    /// A thread couldn't be started.
    Spawn(io::Error),
    /// The global pool exists already.
    GlobalExists,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::OutOfRange {
                setting,
                value,
                least,
                most: usize::MAX,
            } => write!(f, "`{setting}` is {value}; it must be at least {least}"),
            BuildError::OutOfRange {
                setting,
                value,
                least,
                most,
            } => write!(
                f,
                "`{setting}` is {value}; it must be from {least} to {most}"
            ),
            BuildError::NotAPowerOfTwo {
                setting,
                value,
                least,
                most,
            } => write!(
                f,
                "`{setting}` is {value}; it must be a power of two from {least} to {most}"
            ),
            BuildError::NoProcessors => {
                f.write_str("`pinning` names no processor; name at least one")
            }
            BuildError::Name => f.write_str("`name` contains a NUL byte; leave it out"),
            BuildError::Processor { cpu, source } => write!(
                f,
                "can't pin a worker to processor {cpu}: {source}; choose one of the process's own"
            ),
            BuildError::Priority(source) => source.fmt(f),
            BuildError::Spawn(source) => write!(f, "can't start a thread: {source}"),
            BuildError::GlobalExists => f.write_str(
                "the global pool exists already; configure it before anything uses it, once",
            ),
        }
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            BuildError::Processor { source, .. } | BuildError::Spawn(source) => Some(source),
            BuildError::Priority(source) => Some(source),
            _ => None,
        }
    }
}
