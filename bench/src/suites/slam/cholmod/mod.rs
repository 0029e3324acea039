//! CHOLMOD, in the form of all it has that is fastest on our system.
//!
//! It runs in a process of its own, because the number of threads of its BLAS is settled when a program starts. This program starts itself
//! again for that; see [`child`].

pub(crate) mod child;
mod ffi;
mod wire;

use std::{env, process::Command, time::Duration};

use super::{
    companion::{Companion, Program},
    ours,
};
use crate::{
    error::BenchError,
    harness::{Side, Stopwatch},
};

const NAME: &str = "cholmod";

/// With so many threads.
pub(super) fn factor(threads: usize) -> Result<Side, BenchError> {
    let own = env::current_exe().map_err(|why| BenchError::refused(NAME)(why.into()))?;
    let threads = threads.to_string();
    let mut command = Command::new(own);
    command
        .arg(child::COMMAND)
        .arg(&threads)
        // Its own parallel loops, and OpenBLAS in its two builds.
        .env("OMP_NUM_THREADS", &threads)
        .env("OPENBLAS_NUM_THREADS", &threads);
    let program = Program {
        side: NAME,
        command,
        itself: ["CHOLMOD", "apt-get install libsuitesparse-dev"],
        needs: ["OpenBLAS", "apt-get install libopenblas0-pthread"],
    };
    let system = wire::encode(&ours::system()?);
    let (mut companion, form) = Companion::start(program, &system)?;
    let side = Side::new(NAME, move |_, watch: &mut Stopwatch| {
        let sample: wire::Sample = companion.sample()?;
        let [wall, cpu] = [sample.wall_ns, sample.cpu_ns].map(Duration::from_nanos);
        watch.add(1, wall, cpu);
        Ok(())
    });
    Ok(side.single().in_form(form))
}
