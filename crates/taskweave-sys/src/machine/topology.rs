//! How many processors there are for this program, and where they sit.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    num::NonZeroUsize,
    path::Path,
};

use super::{affinity, cgroup};

/// How many processors' worth of time this program can get: the number of those it may run on, or
/// the quota of its control groups (either version, rounded up) if that is less; at least one.
///
/// Reads a handful of files: call it when a pool is built, not more often.
///
/// ```
/// assert!(taskweave_sys::machine::topology::available_cpus() >= 1);
/// ```
pub fn available_cpus() -> usize {
    let allowed = affinity::current()
        .ok()
        .map(|cpus| cpus.len())
        .filter(|&count| count > 0);
    let allowed = allowed
        .or_else(|| {
            std::thread::available_parallelism()
                .ok()
                .map(NonZeroUsize::get)
        })
        .unwrap_or(1);
    cgroup::cpu_limit(&read).map_or(allowed, |limit| allowed.min(limit))
}

/// A logical processor, as the system numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Processor {
    /// The package (socket) it is in; zero where the system doesn't say.
    pub package: usize,
    /// The core within the package, which it may share with others; its own number where the system
    /// doesn't say.
    pub core: usize,
    /// Its number, as [`pin_current_thread`](affinity::pin_current_thread) takes it.
    pub id: usize,
}

/// The processors that the current thread may run on, with what the system tells about their place.
/// Empty if it doesn't tell which they are.
pub fn processors() -> Vec<Processor> {
    let ids = affinity::current().unwrap_or_default();
    ids.into_iter().map(|id| processor(id, &read)).collect()
}

fn processor(id: usize, read: &impl Fn(&Path) -> Option<String>) -> Processor {
    let number = |name: &str| {
        let path = format!("/sys/devices/system/cpu/cpu{id}/topology/{name}");
        // Some virtual machines say -1.
        read(Path::new(&path)).and_then(|text| text.trim().parse().ok())
    };
    Processor {
        package: number("physical_package_id").unwrap_or(0),
        core: number("core_id").unwrap_or(id),
        id,
    }
}

/// In what order threads are laid over processors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Neighbours first: the threads of a core, then the cores of a package. For threads that share
    /// much.
    Compact,
    /// Strangers first: packages, then cores, and the second threads of cores last. For threads
    /// that need bandwidth.
    Spread,
}

impl Order {
    /// The numbers of the processors in this order.
    ///
    /// ```
    /// use taskweave_sys::machine::topology::{Order, Processor};
    ///
    /// // One package, two cores of two threads, numbered as usual.
    /// let processors = [(0, 0), (1, 1), (0, 2), (1, 3)].map(|(core, id)| Processor { package: 0, core, id });
    /// assert_eq!(Order::Compact.arrange(&processors), [0, 2, 1, 3]);
    /// assert_eq!(Order::Spread.arrange(&processors), [0, 1, 2, 3]);
    /// ```
    pub fn arrange(self, processors: &[Processor]) -> Vec<usize> {
        let mut sorted = processors.to_vec();
        sorted.sort_unstable();
        if self == Self::Spread {
            let mut cores_of: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
            let mut threads_of: BTreeMap<(usize, usize), usize> = BTreeMap::new();
            // The processors come package by package and core by core, so that counting ranks them.
            let mut ranked: Vec<_> = Vec::with_capacity(sorted.len());
            for processor in sorted {
                let cores = cores_of.entry(processor.package).or_default();
                cores.insert(processor.core);
                let threads = threads_of
                    .entry((processor.package, processor.core))
                    .or_default();
                *threads += 1;
                ranked.push((*threads, cores.len(), processor));
            }
            ranked.sort_unstable();
            sorted = ranked
                .into_iter()
                .map(|(.., processor)| processor)
                .collect();
        }
        sorted.iter().map(|processor| processor.id).collect()
    }
}

fn read(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok()
}

#[cfg(test)]
#[path = "topology_tests.rs"]
mod tests;
