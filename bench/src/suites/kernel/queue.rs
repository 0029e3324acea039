//! The owner's end of the deques, with no thief about: bursts of pushes, then of pops.
//!
//! Elements are pointers on both sides: that is what ours holds, and as cheap as anything for crossbeam's. The sum of the addresses that come
//! out is checked. Ours keeps elements private until they are published, crossbeam's are public at once; so there is a row for each way of
//! using ours. The target is for the private one: it's how the kernel queues what nobody else wants. The published one is like for like, and has none:
//! both sides then spend one barrier or read-modify-write on each element, 7 to 8 ns, and next to nothing else.

use std::{collections::VecDeque, hint::black_box, ptr::NonNull};

use crossbeam_deque::Worker;
use taskweave_sys::{
    deque::{self, Owner},
    ready_ring::ReadyRing,
};

use crate::{
    error::BenchError,
    harness::{Pair, Side},
    suites::{Case, Suite},
};

/// The elements of a burst: fits every ring, and crossbeam's never grows for it after the first.
const BURST: usize = 64;
static ITEMS: [u64; BURST] = [0; BURST];

pub(super) fn cases() -> Vec<Case> {
    let case = |name, peer, build| Case {
        suite: Suite::Kernel,
        name,
        peer,
        unit: "push+pop",
        samples: 51,
        workers: None,
        build,
    };
    vec![
        case("push+pop lifo", "crossbeam", |_| {
            pair(private_lifo()?, crossbeam(Worker::new_lifo()))
        }),
        case("push+pop lifo", "sequential", |_| {
            pair(private_lifo()?, plain_lifo())
        }),
        case("push+publish+pop lifo", "crossbeam", |_| {
            pair(public_lifo()?, crossbeam(Worker::new_lifo()))
        }),
        case("push+publish+pop lifo", "sequential", |_| {
            pair(public_lifo()?, plain_lifo())
        }),
        case("push+pop fifo", "crossbeam", |_| {
            pair(private_fifo()?, crossbeam(Worker::new_fifo()))
        }),
        case("push+pop fifo", "sequential", |_| {
            pair(private_fifo()?, plain_fifo())
        }),
        case("push+publish+pop fifo", "crossbeam", |_| {
            pair(public_fifo()?, crossbeam(Worker::new_fifo()))
        }),
        case("push+publish+pop fifo", "sequential", |_| {
            pair(public_fifo()?, plain_fifo())
        }),
        case("ready ring", "our deque", |_| {
            pair(ready_ring(), private_fifo()?)
        }),
        case("ready ring", "our deque, published", |_| {
            pair(ready_ring(), public_fifo()?)
        }),
    ]
}

fn pair(ours: Side, peer: Side) -> Result<Pair, BenchError> {
    Ok(Pair { ours, peer })
}

/// A side that pushes all items with `push`, then takes as many with `pop`. Both see the queue through `black_box`: nothing of a burst is
/// known to the next one.
fn burst<Q: 'static>(
    name: &'static str,
    mut queue: Q,
    push: impl Fn(&mut Q, &'static u64) + 'static,
    between: impl Fn(&mut Q) + 'static,
    pop: impl Fn(&mut Q) -> usize + 'static,
) -> Side {
    let expected = ITEMS.iter().map(address).sum::<usize>();
    Side::checked(name, BURST as u64, expected as u64, move || {
        let queue = black_box(&mut queue);
        for item in &ITEMS {
            push(queue, black_box(item));
        }
        let queue = black_box(queue);
        between(queue);
        (0..BURST).map(|_| black_box(pop(queue))).sum::<usize>() as u64
    })
}

fn address(item: &u64) -> usize {
    std::ptr::from_ref(item).addr()
}

/// What a queue that should have held an element counts for: the sum comes out wrong.
const NOTHING: usize = 0;

fn new_deque() -> Result<Owner<u64>, BenchError> {
    let (owner, _) =
        deque::new(2 * BURST).map_err(|why| BenchError::refused("taskweave")(why.into()))?;
    Ok(owner)
}

fn push(owner: &mut Owner<u64>, item: &'static u64) {
    // A full ring shows in the sum.
    let _ = owner.push(NonNull::from(item));
}

fn taken(item: Option<NonNull<u64>>) -> usize {
    item.map_or(NOTHING, |item| item.addr().get())
}

fn private_lifo() -> Result<Side, BenchError> {
    let owner = new_deque()?;
    Ok(burst(
        "taskweave",
        owner,
        push,
        |_| {},
        |owner| taken(owner.pop()),
    ))
}

fn public_lifo() -> Result<Side, BenchError> {
    let owner = new_deque()?;
    Ok(burst(
        "taskweave",
        owner,
        push,
        |owner| {
            owner.publish_all();
        },
        |owner| taken(owner.pop()),
    ))
}

fn public_fifo() -> Result<Side, BenchError> {
    let owner = new_deque()?;
    Ok(burst(
        "published deque",
        owner,
        push,
        |owner| {
            owner.publish_all();
        },
        |owner| taken(owner.pop_oldest()),
    ))
}

fn private_fifo() -> Result<Side, BenchError> {
    let owner = new_deque()?;
    Ok(burst(
        "taskweave",
        owner,
        push,
        |_| {},
        |owner| taken(owner.pop_oldest()),
    ))
}

/// What a driver that stays on its own thread pays for each number that it is told.
fn ready_ring() -> Side {
    burst(
        "taskweave",
        ReadyRing::with_capacity(2 * BURST),
        |(ring, _), item| {
            // A full ring shows in the sum.
            let _ = ring.push(address(item));
        },
        |_| {},
        |(_, taker)| taker.take().unwrap_or(NOTHING),
    )
}

fn crossbeam(worker: Worker<&'static u64>) -> Side {
    burst(
        "crossbeam",
        worker,
        |worker, item| worker.push(item),
        |_| {},
        |worker| worker.pop().map_or(NOTHING, address),
    )
}

fn plain_lifo() -> Side {
    burst(
        "sequential",
        Vec::with_capacity(BURST),
        |stack, item| stack.push(item),
        |_| {},
        |stack| stack.pop().map_or(NOTHING, address),
    )
}

fn plain_fifo() -> Side {
    burst(
        "sequential",
        VecDeque::with_capacity(BURST),
        |queue, item| queue.push_back(item),
        |_| {},
        |queue| queue.pop_front().map_or(NOTHING, address),
    )
}
