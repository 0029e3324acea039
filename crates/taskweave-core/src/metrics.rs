//! What each worker has counted.

use std::fmt;
use std::ops::AddAssign;

use taskweave_sys::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counters of one worker, or the sum over workers, since the pool was built.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct WorkerMetrics {
            $($(#[$doc])* pub $name: u64,)*
        }

        /// The counters that the occupant of a slot writes. A task is counted once: what is handed over not among those `executed`, to which it's added when they are read.
        #[derive(Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)*
        }

        impl Counters {
            pub(crate) fn read(&self) -> WorkerMetrics {
                let mut metrics = WorkerMetrics { $($name: self.$name.read(),)* };
                metrics.executed += metrics.run_next;
                metrics
            }
        }

        impl AddAssign for WorkerMetrics {
            fn add_assign(&mut self, other: Self) {
                $(self.$name += other.$name;)*
            }
        }

        impl WorkerMetrics {
            /// Names and values, in a fixed order.
            pub fn entries(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)*].into_iter()
            }
        }
    };
}

counters! {
    /// Tasks run, inlined `join` branches not included.
    executed,
    /// Of these, tasks that the one before handed over directly.
    run_next,
    /// Taken from the private part of the worker's own deque.
    popped_fast,
    /// Taken from the public part of the worker's own deque.
    popped_slow,
    /// Taken from the worker's own inbox.
    inbox,
    /// Visits to another worker's queues.
    steals_tried,
    /// Of these, visits that brought a task.
    steals_won,
    /// Tasks that came with the first one of a visit.
    stolen_in_batch,
    /// Tasks that a body on this worker queued on this worker.
    pushed_local,
    /// Tasks queued on this worker from outside the pool.
    pushed_remote,
    /// Tasks that a full deque moved to the inbox.
    spilled,
    /// Run-next chains broken because something else was waiting.
    chain_breaks,
    /// Times the worker went to sleep.
    parks,
    /// Wakes this worker sent for queued work.
    wakes_sent,
    /// Fairness turns taken: oldest first, inbox first, a look at a victim.
    fairness_turns,
    /// Futures begun.
    futures,
    /// Futures ended.
    futures_ended,
    /// Polls of futures. A task counts as run that may be up to 64 of them.
    polls,
}

/// A counter with one writer at a time and any number of readers.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    #[inline]
    pub(crate) fn add(&self, n: u64) {
        // Relaxed, and no RMW: only the slot's occupant writes, and readers want a recent value.
        self.0
            .store(self.0.load(Ordering::Relaxed) + n, Ordering::Relaxed);
    }

    /// For writers that don't occupy the slot.
    pub(crate) fn add_shared(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A snapshot of a pool's counters, see `Pool::metrics`.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Metrics {
    /// One entry a worker slot.
    pub workers: Vec<WorkerMetrics>,
    /// Wakes sent from outside the pool's workers.
    pub outside_wakes: u64,
    /// Times a thread from outside worked in the slot of a sleeping worker.
    pub borrowed: u64,
}

impl Metrics {
    /// The sum over the workers.
    pub fn total(&self) -> WorkerMetrics {
        let mut total = WorkerMetrics::default();
        for worker in &self.workers {
            total += *worker;
        }
        total
    }

    /// Futex wakes sent for queued work, by anybody.
    pub fn wakes(&self) -> u64 {
        self.total().wakes_sent + self.outside_wakes
    }
}

impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.total().entries() {
            writeln!(f, "{name:>16} {value}")?;
        }
        writeln!(f, "{:>16} {}", "outside_wakes", self.outside_wakes)?;
        write!(f, "{:>16} {}", "borrowed", self.borrowed)
    }
}
