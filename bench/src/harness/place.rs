//! Which processors threads run on while a sample does.
//!
//! Some systems pack threads that have slept for a while onto one processor, and spread them only after milliseconds of load. A side that
//! happens to be packed looks as if it had one worker. So where throughput is measured every thread that computes has a processor of its
//! own, on both sides alike.

use std::io;

use taskweave_sys::machine::affinity;

use crate::error::BenchError;

/// The processors of this process, in the order in which workers get them: the calling thread's place is the first.
pub(crate) fn processors() -> Result<Vec<usize>, BenchError> {
    affinity::current().map_err(refused)
}

pub(crate) fn refused(why: io::Error) -> BenchError {
    BenchError::refused("the placement of threads")(why.into())
}

/// Keeps the current thread, and what it starts, on some processors, until dropped.
#[derive(Debug)]
pub(crate) struct Pinned {
    before: Vec<usize>,
}

impl Pinned {
    /// From now on.
    pub(crate) fn to(cpus: &[usize]) -> Result<Self, BenchError> {
        let before = processors()?;
        affinity::pin_current_thread(cpus).map_err(refused)?;
        Ok(Self { before })
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // These were allowed before, and the thread is none the worse for staying where it is.
        let _ = affinity::pin_current_thread(&self.before);
    }
}
