//! A million timers, set and dropped before their time, a thousand at once: between a second and a quarter of an hour from now. Sequential is a binary
//! heap that is filled and emptied.

use std::{
    collections::BinaryHeap,
    future::Future,
    hint::black_box,
    pin::Pin,
    task::{Context, Waker},
    time::Duration,
};

use super::{
    Case, Setup, case,
    runtime::{Ours, Runtime, Tokio},
};
use crate::{
    error::{BenchError, wrong},
    harness::{Pair, Side, Stopwatch},
};

const TIMERS: u64 = 1_000_000;
const AT_ONCE: u64 = 1000;
const NAME: &str = "timers, set and dropped";

pub(super) fn cases() -> Vec<Case> {
    vec![
        case(NAME, "tokio", "timer", 11, |setup| {
            pair(setup, side(Tokio::start(setup)?))
        }),
        case(NAME, "sequential", "timer", 11, |setup| {
            pair(setup, sequential())
        }),
    ]
}

fn pair(setup: &Setup, peer: Side) -> Result<Pair, BenchError> {
    Ok(Pair {
        ours: side(Ours::start(setup)?),
        peer,
    })
}

/// Milliseconds for timer `i`, all over the place.
fn time(i: u64) -> u64 {
    1000 + i * 7919 % 900_000
}

fn side<R: Runtime>(runtime: R) -> Side {
    Side::new(R::NAME, move |repetitions, watch: &mut Stopwatch| {
        for _ in 0..repetitions {
            let set = watch.time(TIMERS, || {
                runtime.wait(async move {
                    let mut set = 0;
                    let context = &mut Context::from_waker(Waker::noop());
                    let mut timers: Vec<Option<Pin<Box<R::Sleep>>>> = Vec::new();
                    for round in 0..TIMERS / AT_ONCE {
                        for i in 0..AT_ONCE {
                            let wait = Duration::from_millis(time(round * AT_ONCE + i));
                            let mut timer = Box::pin(R::sleep(wait));
                            set += u64::from(timer.as_mut().poll(context).is_pending());
                            timers.push(Some(timer));
                        }
                        timers.clear();
                    }
                    set
                })
            });
            wrong(R::NAME, TIMERS, set.unwrap_or(0))?;
        }
        Ok(())
    })
}

fn sequential() -> Side {
    Side::checked("sequential", TIMERS, TIMERS, || {
        let mut heap = BinaryHeap::new();
        let mut set = 0;
        for round in 0..TIMERS / AT_ONCE {
            heap.extend((0..AT_ONCE).map(|i| black_box(time(round * AT_ONCE + i))));
            while heap.pop().is_some() {
                set += 1;
            }
        }
        set
    })
}
