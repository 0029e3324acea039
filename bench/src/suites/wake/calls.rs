//! Single calls on one thread: a mark on a bit that is set, a permit that is there.
//!
//! `maniac` returns from a mark on a set bit after one load, and thereby loses signals (see the essay of `taskweave_sys::waker`): what ours pays for
//! the difference is the row. Permits are put there before the clock runs. Sequential is the same on plain variables.

use std::{hint::black_box, num::NonZero};

use taskweave_sys::waker::WorkerWaker;

use super::{Case, Setup, Suite};
use crate::{
    error::{BenchError, wrong},
    harness::{Pair, Side, Stopwatch},
};

const OURS: &str = "taskweave";
const MARK: &str = "mark_active, set bit";
const ACQUIRE: &str = "try_acquire";

/// The bit that is marked.
const BIT: u64 = 17;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        case(MARK, "sequential", |_| {
            pair(our_mark(OURS)?, sequential_mark())
        }),
        case(ACQUIRE, "sequential", |_| {
            pair(our_acquire(OURS)?, sequential_acquire())
        }),
    ];
    cases.extend(with_maniac());
    cases
}

fn case(
    name: &'static str,
    peer: &'static str,
    build: fn(&Setup) -> Result<Pair, BenchError>,
) -> Case {
    Case {
        suite: Suite::Wake,
        name,
        peer,
        unit: "call",
        samples: 51,
        workers: None,
        build,
    }
}

fn pair(ours: Side, peer: Side) -> Result<Pair, BenchError> {
    Ok(Pair {
        ours: ours.placed(),
        peer: peer.placed(),
    })
}

/// `mark` says whether the bit was new, which it must never be.
fn marks<T: 'static>(name: &'static str, target: T, mark: impl Fn(&T) -> bool + 'static) -> Side {
    Side::new(name, move |calls, watch: &mut Stopwatch| {
        let target = black_box(&target);
        let new = watch.time_alone(calls, || (0..calls).filter(|_| mark(target)).count());
        wrong(name, 0, new as u64)
    })
}

/// `fill` puts so many permits there, `take` takes one if there is one.
fn permits<T: 'static>(
    name: &'static str,
    target: T,
    fill: impl Fn(&T, u64) + 'static,
    take: impl Fn(&T) -> bool + 'static,
) -> Side {
    Side::new(name, move |calls, watch: &mut Stopwatch| {
        let target = black_box(&target);
        fill(target, calls);
        let taken = watch.time_alone(calls, || (0..calls).filter(|_| take(target)).count());
        wrong(name, calls, taken as u64)?;
        wrong(name, 0, u64::from(take(target)))
    })
}

fn our_mark(name: &'static str) -> Result<Side, BenchError> {
    let waker = WorkerWaker::new();
    let refused = |why| BenchError::refused(name)(Box::new(why));
    waker.mark_active(BIT).map_err(refused)?;
    Ok(marks(name, waker, |waker| {
        waker.mark_active(black_box(BIT)) != Ok(false)
    }))
}

fn our_acquire(name: &'static str) -> Result<Side, BenchError> {
    Ok(permits(
        name,
        WorkerWaker::with_permit_cap(NonZero::<u32>::MAX),
        |waker, count| {
            waker.release(usize::try_from(count).unwrap_or(usize::MAX));
        },
        WorkerWaker::try_acquire,
    ))
}

fn sequential_mark() -> Side {
    let word = std::cell::Cell::new(1_u64 << BIT);
    marks("sequential", word, |word| {
        let bit = 1 << black_box(BIT);
        let before = black_box(word).replace(word.get() | bit);
        before & bit == 0
    })
}

fn sequential_acquire() -> Side {
    let fill = |count: &std::cell::Cell<u64>, permits| count.set(permits);
    permits("sequential", std::cell::Cell::new(0), fill, |count| {
        let before = black_box(count).get();
        count.set(before.saturating_sub(1));
        before > 0
    })
}

#[cfg(feature = "maniac")]
fn with_maniac() -> Vec<Case> {
    use maniac_runtime::runtime::waker::WorkerWaker as Theirs;

    const NAME: &str = "maniac";
    vec![
        case(MARK, NAME, |_| {
            let waker = Theirs::new();
            waker.mark_active(BIT);
            // It doesn't say whether the bit was new; that there is no permit afterwards does.
            while waker.try_acquire() {}
            let theirs = Side::new(NAME, move |calls, watch: &mut Stopwatch| {
                let waker = black_box(&waker);
                watch.time_alone(calls, || {
                    for _ in 0..calls {
                        waker.mark_active(black_box(BIT));
                    }
                });
                wrong(NAME, 0, waker.permits())
            });
            pair(our_mark(OURS)?, theirs)
        }),
        case(ACQUIRE, NAME, |_| {
            let theirs = permits(
                NAME,
                Theirs::new(),
                |waker, count| waker.release(usize::try_from(count).unwrap_or(usize::MAX)),
                Theirs::try_acquire,
            );
            pair(our_acquire(OURS)?, theirs)
        }),
    ]
}

#[cfg(not(feature = "maniac"))]
fn with_maniac() -> Vec<Case> {
    Vec::new()
}
