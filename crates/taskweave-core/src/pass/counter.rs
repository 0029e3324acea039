//! Join counters that are never reset: see the essay in the folder.

use taskweave_sys::sync::atomic::{AtomicU32, Ordering};
use taskweave_sys::{mutated, ordering};

/// Bit 0 says that somebody watches; above it, arrivals are counted.
pub(super) struct JoinCounter(AtomicU32);

const WATCHED: u32 = 1;
const ARRIVAL: u32 = 2;

/// How many predecessors a vertex can count.
pub(super) const MOST_PREDECESSORS: u32 = u32::MAX / ARRIVAL;

/// What came of an arrival by somebody who would watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Others are to come, and somebody else watches.
    Counted,
    /// It was the last one: the vertex is the caller's.
    Last,
    /// Others are to come. The last one leaves the vertex to the caller, who has to ask until it's there, or to
    /// [stop](JoinCounter::stop_watching).
    Watching,
}

impl JoinCounter {
    pub(super) fn new() -> Self {
        JoinCounter(AtomicU32::new(0))
    }

    /// A predecessor has ended. True: it was the last one of the `in_degree` in this pass, and the vertex is the caller's. If somebody
    /// watches, it's theirs.
    #[inline]
    #[must_use]
    pub(super) fn arrive(&self, in_degree: u32, pass: u32) -> bool {
        let target = Self::target(in_degree, pass);
        // Acquire: pairs with the Release of all the others, which have arrived if this is the value.
        let now = self.0.load(ordering!(Acquire, "pass-last-arrival-relaxed"));
        if now == target.wrapping_sub(ARRIVAL) {
            // Nobody else will arrive in this pass, hence nobody watch. Relaxed: the next one begins after its end.
            self.0.store(target, Ordering::Relaxed);
            return true;
        }
        // AcqRel: the last to arrive sees what all the others did, and so does who watches.
        let before = self
            .0
            .fetch_add(ARRIVAL, ordering!(AcqRel, "pass-arrive-relaxed"));
        let after = before.wrapping_add(ARRIVAL);
        after == target || mutated!("pass-watcher-overlooked") && after == target | WATCHED
    }

    /// As [`arrive`](Self::arrive), by somebody who has nothing else to do than to watch.
    #[inline]
    pub(super) fn arrive_to_watch(&self, in_degree: u32, pass: u32) -> Arrival {
        let target = Self::target(in_degree, pass);
        // Acquire, both: as in `arrive`.
        let mut before = self.0.load(Ordering::Acquire);
        while before != target.wrapping_sub(ARRIVAL) {
            // In one exchange with the arrival: a mark that came later could meet the last one's store.
            match self.0.compare_exchange_weak(
                before,
                before.wrapping_add(ARRIVAL) | WATCHED,
                // AcqRel: as in `arrive`.
                ordering!(AcqRel, "pass-watching-arrival-relaxed"),
                Ordering::Acquire,
            ) {
                Ok(_) if before & WATCHED == 0 => return Arrival::Watching,
                Ok(_) => return Arrival::Counted,
                Err(now) => before = now,
            }
        }
        // Relaxed: as in `arrive`.
        self.0.store(target, Ordering::Relaxed);
        Arrival::Last
    }

    /// For whoever watches: whether the last one has arrived. True: the vertex is the caller's, and nobody watches any longer.
    #[inline]
    #[must_use]
    pub(super) fn is_left_to_watcher(&self, in_degree: u32, pass: u32) -> bool {
        let target = Self::target(in_degree, pass);
        // Acquire: pairs with the Release of every arrival.
        if self.0.load(ordering!(Acquire, "pass-watcher-relaxed")) != target | WATCHED {
            return false;
        }
        if !mutated!("pass-watch-stays") {
            // Relaxed: all have arrived, and the next pass begins after this one's end.
            self.0.store(target, Ordering::Relaxed);
        }
        true
    }

    /// For whoever watches: no longer. True: the last one has arrived by now, and the vertex is the caller's.
    #[must_use]
    pub(super) fn stop_watching(&self, in_degree: u32, pass: u32) -> bool {
        // Acquire: as in `is_left_to_watcher`. It need not release anything: what this thread did came before its arrival.
        let before = self
            .0
            .fetch_and(!WATCHED, ordering!(Acquire, "pass-stop-watching-relaxed"));
        before == Self::target(in_degree, pass) | WATCHED && !mutated!("pass-stop-watching-blindly")
    }

    /// Whether all predecessors have ended in this pass, at this moment. By an exchange, for the sake of the model that is to find it a fault to ask: loom
    /// overlooks that a load meets another thread's exchange if that one has loaded just before.
    pub(super) fn is_full(&self, in_degree: u32, pass: u32) -> bool {
        self.0.fetch_add(0, Ordering::AcqRel) == Self::target(in_degree, pass)
    }

    fn target(in_degree: u32, pass: u32) -> u32 {
        let pass = if mutated!("pass-target-of-one") {
            0
        } else {
            pass
        };
        in_degree
            .wrapping_mul(pass.wrapping_add(1))
            .wrapping_mul(ARRIVAL)
    }
}
