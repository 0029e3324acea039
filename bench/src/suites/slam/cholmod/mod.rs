//! CHOLMOD, in the form of all it has that is fastest on our system.
//!
//! It runs in a process of its own, because the number of threads of its BLAS and of its own parallel loops is settled when a program starts.
//! This program starts itself again for that, see [`child`], once for each way to use the threads, and keeps the fastest.
//!
//! Debian's CHOLMOD asks for four threads in the loops of its supernodal form, however many processors there are and whatever
//! `OMP_NUM_THREADS` says; spinning at their ends, they take two to three times as long as one thread would. Only `OMP_THREAD_LIMIT` holds them
//! back.

pub(crate) mod child;
mod ffi;
mod wire;

use std::{env, process::Command, time::Duration};

use super::ours;
use crate::{
    companion::{Companion, Greeting, Program},
    error::BenchError,
    harness::{Side, Stopwatch},
};

const NAME: &str = "cholmod";

/// With at most so many threads.
pub(super) fn factor(threads: usize) -> Result<Side, BenchError> {
    let system = wire::encode(&ours::system()?);
    // Threads of the BLAS and of the loops. Both at once would be more threads than there may be.
    let mut ways = vec![[1, 1], [threads, 1], [1, threads]];
    ways.dedup();
    let mut best: Option<(Companion, Greeting)> = None;
    for way in ways {
        let started = start(way, &system)?;
        if best
            .as_ref()
            .is_none_or(|best| least(&started) < least(best))
        {
            best = Some(started);
        }
    }
    let Some((mut companion, greeting)) = best else {
        return Err(BenchError::Refused {
            side: NAME,
            why: "there is no way to use threads".to_owned(),
        });
    };
    let side = Side::new(NAME, move |_, watch: &mut Stopwatch| {
        let sample: wire::Sample = companion.sample()?;
        let [wall, cpu] = [sample.wall_ns, sample.cpu_ns].map(Duration::from_nanos);
        watch.add(1, wall, cpu);
        Ok(())
    });
    Ok(side.single().in_form(greeting.form))
}

fn least((_, greeting): &(Companion, Greeting)) -> f64 {
    greeting.least_ns.unwrap_or(f64::INFINITY)
}

fn start([blas, loops]: [usize; 2], system: &[u8]) -> Result<(Companion, Greeting), BenchError> {
    let own = env::current_exe().map_err(|why| BenchError::refused(NAME)(why.into()))?;
    let (blas, loops) = (blas.to_string(), loops.to_string());
    let mut command = Command::new(own);
    command
        .args([child::COMMAND, &blas, &loops])
        .env("OPENBLAS_NUM_THREADS", &blas)
        .env("OMP_NUM_THREADS", &loops)
        .env("OMP_THREAD_LIMIT", &loops);
    let program = Program {
        side: NAME,
        command,
        itself: ["CHOLMOD", "apt-get install libsuitesparse-dev"],
        needs: ["OpenBLAS", "apt-get install libopenblas0-pthread"],
    };
    Companion::start(program, system)
}
