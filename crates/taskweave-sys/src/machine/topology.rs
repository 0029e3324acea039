//! How many processors there are for this program, and where.

use std::num::NonZeroUsize;

use super::affinity;

/// How many processors' worth of time this program can get: those it may run on, or the quota of its cgroups if that is less, rounded up.
///
/// Reads files; call it once, not per task.
pub fn available_cpus() -> usize {
    let allowed = affinity::current()
        .map(|cpus| cpus.len())
        .ok()
        .filter(|&count| count > 0);
    let allowed = allowed
        .or_else(|| {
            std::thread::available_parallelism()
                .ok()
                .map(NonZeroUsize::get)
        })
        .unwrap_or(1);
    allowed.max(1)
}
