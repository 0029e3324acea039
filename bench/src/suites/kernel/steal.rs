//! The thief's end, called by the only thread there is: what stealing costs without contention.
//!
//! Only the stealing is timed; filling the deque isn't. Single elements come from a LIFO deque of crossbeam's, whose thieves do the same in
//! both flavours; batches come from a FIFO one, since from a LIFO deque it takes the elements of a batch one by one.

use std::{collections::VecDeque, ptr::NonNull};

use crossbeam_deque as crossbeam;
use taskweave_sys::deque::{self, Steal};

use crate::{
    error::{BenchError, wrong},
    harness::{Pair, Side, Stopwatch},
    suites::{Case, Suite},
};

/// Long enough that the clock costs nothing beside it; well within our rings.
const ITEMS: usize = 4096;
static ITEM_ARRAY: [u64; ITEMS] = [0; ITEMS];
/// What crossbeam moves at most, as its source says; we ask for as many.
const BATCH: usize = 32;

pub(super) fn cases() -> Vec<Case> {
    let case = |name, peer, build| Case {
        suite: Suite::Kernel,
        name,
        peer,
        unit: "item",
        samples: 51,
        workers: None,
        build,
    };
    vec![
        case("steal one", "crossbeam", |_| {
            pair(ours_one()?, crossbeam_one())
        }),
        case("steal one", "sequential", |_| pair(ours_one()?, plain())),
        case("steal batch", "crossbeam", |_| {
            pair(ours_batch()?, crossbeam_batch())
        }),
        case("steal batch", "sequential", |_| {
            pair(ours_batch()?, plain())
        }),
    ]
}

fn pair(ours: Side, peer: Side) -> Result<Pair, BenchError> {
    Ok(Pair { ours, peer })
}

/// A side that fills a queue with `fill`, untimed, and empties it with `drain`, which returns the sum of the addresses.
fn emptied<Q: 'static>(
    name: &'static str,
    mut queue: Q,
    fill: impl Fn(&mut Q, &'static u64) + 'static,
    ready: impl Fn(&mut Q) + 'static,
    drain: impl Fn(&mut Q) -> usize + 'static,
) -> Side {
    let expected: usize = ITEM_ARRAY.iter().map(address).sum();
    Side::new(name, move |repetitions, watch: &mut Stopwatch| {
        for _ in 0..repetitions {
            for item in &ITEM_ARRAY {
                fill(&mut queue, item);
            }
            ready(&mut queue);
            let sum = watch.time_alone(ITEMS as u64, || drain(&mut queue));
            wrong(name, expected as u64, sum as u64)?;
        }
        Ok(())
    })
}

fn address(item: &u64) -> usize {
    std::ptr::from_ref(item).addr()
}

fn refused(why: deque::CapacityError) -> BenchError {
    BenchError::refused("taskweave")(why.into())
}

fn ours_one() -> Result<Side, BenchError> {
    let (owner, stealer) = deque::new::<u64>(ITEMS).map_err(refused)?;
    Ok(emptied(
        "taskweave",
        owner,
        |owner, item| {
            let _ = owner.push(NonNull::from(item));
        },
        |owner| {
            owner.publish_all();
        },
        move |_| {
            let mut sum = 0;
            loop {
                match stealer.steal_one() {
                    Steal::Taken { first, .. } => sum += first.addr().get(),
                    Steal::Busy => {}
                    Steal::Empty => return sum,
                }
            }
        },
    ))
}

fn ours_batch() -> Result<Side, BenchError> {
    let (owner, stealer) = deque::new::<u64>(ITEMS).map_err(refused)?;
    let (thief, _) = deque::new::<u64>(2 * BATCH).map_err(refused)?;
    Ok(emptied(
        "taskweave",
        owner,
        |owner, item| {
            let _ = owner.push(NonNull::from(item));
        },
        |owner| {
            owner.publish_all();
        },
        move |_| {
            let mut sum = 0;
            loop {
                match stealer.steal_into(&thief, BATCH) {
                    Steal::Taken { first, .. } => {
                        sum += first.addr().get();
                        while let Some(item) = thief.pop() {
                            sum += item.addr().get();
                        }
                    }
                    Steal::Busy => {}
                    Steal::Empty => return sum,
                }
            }
        },
    ))
}

fn crossbeam_one() -> Side {
    let worker = crossbeam::Worker::new_lifo();
    let stealer = worker.stealer();
    emptied(
        "crossbeam",
        worker,
        |worker, item| worker.push(item),
        |_| {},
        move |_| {
            let mut sum = 0;
            loop {
                match stealer.steal() {
                    crossbeam::Steal::Success(item) => sum += address(item),
                    crossbeam::Steal::Retry => {}
                    crossbeam::Steal::Empty => return sum,
                }
            }
        },
    )
}

fn crossbeam_batch() -> Side {
    let worker = crossbeam::Worker::new_fifo();
    let stealer = worker.stealer();
    let thief = crossbeam::Worker::new_fifo();
    emptied(
        "crossbeam",
        worker,
        |worker, item| worker.push(item),
        |_| {},
        move |_| {
            let mut sum = 0;
            loop {
                match stealer.steal_batch_and_pop(&thief) {
                    crossbeam::Steal::Success(item) => {
                        sum += address(item);
                        while let Some(item) = thief.pop() {
                            sum += address(item);
                        }
                    }
                    crossbeam::Steal::Retry => {}
                    crossbeam::Steal::Empty => return sum,
                }
            }
        },
    )
}

fn plain() -> Side {
    emptied(
        "sequential",
        VecDeque::with_capacity(ITEMS),
        |queue, item| queue.push_back(item),
        |_| {},
        |queue| {
            let mut sum = 0;
            while let Some(item) = queue.pop_front() {
                sum += address(item);
            }
            sum
        },
    )
}
