//! Futures: what it costs to begin, to yield, to hand over, and to wait for a time.
//!
//! All sides run the same async code; what differs is who polls it. Each has as many threads, a processor for each, and the caller waits outside.

mod begin;
mod exchange;
mod runtime;
mod timers;
mod waiting;

use super::{Case, Setup, Suite};

pub(super) fn cases() -> Vec<Case> {
    [
        begin::cases(),
        exchange::cases(),
        timers::cases(),
        waiting::cases(),
    ]
    .concat()
}

fn case(
    name: &'static str,
    peer: &'static str,
    unit: &'static str,
    samples: usize,
    build: fn(&Setup) -> Result<crate::harness::Pair, crate::error::BenchError>,
) -> Case {
    Case {
        suite: Suite::Future,
        name,
        peer,
        unit,
        samples,
        workers: None,
        build,
    }
}
