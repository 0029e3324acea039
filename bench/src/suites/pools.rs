//! The pools, each as its own documentation recommends, with the same number of computing threads.
//!
//! "Placed" pools have a processor for each worker; see [`Side::placed`](crate::harness::Side::placed) for the calling thread. Rayon's caller
//! sleeps while its workers compute; chili's is a worker itself; and a caller of ours takes the place of the first worker that sleeps, number
//! zero in an idle pool.

use std::num::NonZero;

use taskweave_sys::machine::affinity;

use super::Setup;
use crate::{
    error::BenchError,
    harness::{Pinned, processors},
};

fn refused(side: &'static str, why: impl std::error::Error + 'static) -> BenchError {
    BenchError::refused(side)(Box::new(why))
}

/// Ours.
pub(super) fn taskweave(setup: &Setup) -> Result<taskweave::Pool, BenchError> {
    taskweave_with(setup, taskweave::Pinning::None)
}

/// Ours, placed.
pub(super) fn taskweave_placed(setup: &Setup) -> Result<taskweave::Pool, BenchError> {
    taskweave_with(setup, taskweave::Pinning::Explicit(processors()?))
}

fn taskweave_with(
    setup: &Setup,
    pinning: taskweave::Pinning,
) -> Result<taskweave::Pool, BenchError> {
    taskweave::Pool::builder()
        .worker_threads(setup.workers)
        .pinning(pinning)
        .build()
        .map_err(|why| refused("taskweave", why))
}

/// Rayon's. `install` and `scope` on it are the documented ways in from outside.
pub(super) fn rayon(setup: &Setup) -> Result<rayon::ThreadPool, BenchError> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(setup.workers)
        .build()
        .map_err(|why| refused("rayon", why))
}

/// Rayon's, placed.
pub(super) fn rayon_placed(setup: &Setup) -> Result<rayon::ThreadPool, BenchError> {
    let cpus = processors()?;
    rayon::ThreadPoolBuilder::new()
        .num_threads(setup.workers)
        .start_handler(move |worker| {
            // The processor was allowed a moment ago; a worker that isn't placed after all shows in the spread.
            let _ = affinity::pin_current_thread(&[cpus[worker % cpus.len()]]);
        })
        .build()
        .map_err(|why| refused("rayon", why))
}

/// Chili's, placed. The calling thread is one of its `thread_count` threads, so that the count means the same as elsewhere.
pub(super) fn chili_placed(setup: &Setup) -> Result<chili::ThreadPool, BenchError> {
    let threads = NonZero::new(setup.workers).ok_or_else(|| BenchError::Refused {
        side: "chili",
        why: "it needs at least one thread".to_owned(),
    })?;
    let cpus = processors()?;
    // It has no hook for its threads: they inherit where they may run, which is beside the caller.
    let _pinned = match &cpus[..] {
        [_, others @ ..] if !others.is_empty() => Some(Pinned::to(others)?),
        _ => None,
    };
    Ok(chili::ThreadPool::with_config(chili::Config {
        thread_count: Some(threads),
        ..chili::Config::default()
    }))
}
