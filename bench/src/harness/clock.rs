//! Wall time and CPU time of the same stretch.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::quiet;

/// What all threads of this process use of the processors from some moment on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cpu(Duration);

impl Cpu {
    /// From now on.
    pub(crate) fn start() -> Self {
        Self(process_cpu())
    }

    /// Waits until the other threads sleep, when the account is complete; returns what has been used.
    pub(crate) fn settled(self) -> Duration {
        let before = used(ClockId::ThreadCPUTime);
        quiet::settle();
        // Looking after the others is not their doing.
        let looking = used(ClockId::ThreadCPUTime).saturating_sub(before);
        process_cpu().saturating_sub(self.0 + looking)
    }
}

fn process_cpu() -> Duration {
    used(ClockId::ProcessCPUTime)
}

fn used(clock: ClockId) -> Duration {
    let used = clock_gettime(clock);
    Duration::new(
        used.tv_sec.unsigned_abs(),
        u32::try_from(used.tv_nsec).unwrap_or(0),
    )
}

/// Adds up the timed stretches of one sample. What a side does outside of [`time`](Self::time), such as filling a queue or checking a
/// result, costs it nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stopwatch {
    wall: Duration,
    cpu: Duration,
    ops: u64,
}

impl Stopwatch {
    /// Times `stretch`, in which `ops` operations happen, on all threads. The CPU time includes what the pool needs to go to sleep again.
    pub(crate) fn time<R>(&mut self, ops: u64, stretch: impl FnOnce() -> R) -> R {
        let cpu = Cpu::start();
        let wall = Instant::now();
        let result = stretch();
        let wall = wall.elapsed();
        self.add(ops, wall, cpu.settled());
        result
    }

    /// Times `stretch`, which runs on the calling thread alone, so that nobody has to be waited for.
    pub(crate) fn time_alone<R>(&mut self, ops: u64, stretch: impl FnOnce() -> R) -> R {
        let cpu = process_cpu();
        let wall = Instant::now();
        let result = stretch();
        let wall = wall.elapsed();
        self.add(ops, wall, process_cpu().saturating_sub(cpu));
        result
    }

    /// Adds a stretch that somebody else has timed: another process, say.
    pub(crate) fn add(&mut self, ops: u64, wall: Duration, cpu: Duration) {
        self.wall += wall;
        self.cpu += cpu;
        self.ops += ops;
    }

    /// The time on the wall.
    pub(crate) fn wall(&self) -> Duration {
        self.wall
    }

    /// The time of all processors.
    pub(crate) fn cpu(&self) -> Duration {
        self.cpu
    }

    /// Nanoseconds on the wall per operation; zero if there was none.
    pub(crate) fn wall_ns(&self) -> f64 {
        per_op(self.wall, self.ops)
    }

    /// Nanoseconds of all processors together per operation; zero if there was none.
    pub(crate) fn cpu_ns(&self) -> f64 {
        per_op(self.cpu, self.ops)
    }
}

fn per_op(time: Duration, ops: u64) -> f64 {
    if ops == 0 {
        0.0
    } else {
        time.as_nanos() as f64 / ops as f64
    }
}
