//! An owner and a thief on one deque at the same time.
//!
//! In the rows called "two threads" the owner only pushes, a burst at a time, and every element crosses over to the thief. In those called
//! "owner and thief" the owner also pops until it finds nothing, while the thief takes what it can get: the harshest place for the protocol
//! between the two ends. How the elements are shared out is up to the deque; each must reach one end, and none twice.

use std::{
    hint::black_box,
    ptr::NonNull,
    time::{Duration, Instant},
};

use crossbeam_deque as crossbeam;
use taskweave_sys::{deque, sync::hint};

use super::thief::{Haul, Thief};
use crate::{
    error::{BenchError, wrong},
    harness::{Cpu, Pair, Side, Stopwatch},
    suites::{Case, Suite},
};

/// The elements of a burst.
const BURST: usize = 256;
static ITEMS: [u64; BURST] = [0; BURST];
/// What crossbeam moves at most.
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
        case("steal one, two threads", "crossbeam", |_| {
            pair(ours_one(Role::Leaves)?, crossbeam_one(Role::Leaves)?)
        }),
        case("steal one, two threads", "sequential", |_| {
            pair(ours_one(Role::Leaves)?, sequential())
        }),
        case("steal batch, two threads", "crossbeam", |_| {
            pair(ours_batch(Role::Leaves)?, crossbeam_batch(Role::Leaves)?)
        }),
        case("steal batch, two threads", "sequential", |_| {
            pair(ours_batch(Role::Leaves)?, sequential())
        }),
        case("owner and thief, one", "crossbeam", |_| {
            pair(ours_one(Role::Pops)?, crossbeam_one(Role::Pops)?)
        }),
        case("owner and thief, one", "sequential", |_| {
            pair(ours_one(Role::Pops)?, sequential())
        }),
        case("owner and thief, batch", "crossbeam", |_| {
            pair(ours_batch(Role::Pops)?, crossbeam_batch(Role::Pops)?)
        }),
        case("owner and thief, batch", "sequential", |_| {
            pair(ours_batch(Role::Pops)?, sequential())
        }),
    ]
}

/// What the owner does with a burst that it has pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// It waits until the thief has all of it.
    Leaves,
    /// It takes back what it can.
    Pops,
}

fn pair(ours: Side, peer: Side) -> Result<Pair, BenchError> {
    Ok(Pair { ours, peer })
}

/// `owner_pass` pushes a burst and returns when nothing is left of it in the deque; what it popped it adds to the haul.
fn contended(
    name: &'static str,
    thief: Thief,
    mut owner_pass: impl FnMut(&mut Haul) + 'static,
) -> Side {
    Side::new(name, move |repetitions, watch: &mut Stopwatch| {
        let (mut haul, mut wall) = (Haul::default(), Duration::ZERO);
        let cpu = Cpu::start();
        // One run a sample: starting and stopping the thief is not what is timed, but it costs processor time.
        let stolen = thief.run(|| {
            let started = Instant::now();
            for _ in 0..repetitions {
                owner_pass(&mut haul);
            }
            wall = started.elapsed();
        })?;
        watch.add(BURST as u64 * repetitions, wall, cpu.settled());
        check(name, repetitions, haul, stolen)
    })
}

/// Whether the two ends have every item of `bursts` bursts between them.
fn check(name: &'static str, bursts: u64, owner: Haul, thief: Haul) -> Result<(), BenchError> {
    let burst = ITEMS.iter().map(address).fold(0, u64::wrapping_add);
    wrong(name, BURST as u64 * bursts, owner.items + thief.items)?;
    wrong(
        name,
        burst.wrapping_mul(bursts),
        owner.sum.wrapping_add(thief.sum),
    )
}

fn address(item: &u64) -> u64 {
    std::ptr::from_ref(item).addr() as u64
}

fn address_of(item: NonNull<u64>) -> u64 {
    item.addr().get() as u64
}

type OurEnds = (deque::Owner<u64>, deque::Stealer<u64>);

fn our_deque(capacity: usize) -> Result<OurEnds, BenchError> {
    deque::new(capacity).map_err(|why| BenchError::refused("taskweave")(why.into()))
}

fn ours_one(role: Role) -> Result<Side, BenchError> {
    let (owner, stealer) = our_deque(2 * BURST)?;
    let thief = Thief::start(move |haul| match stealer.steal_one() {
        deque::Steal::Taken { first, .. } => haul.add(address_of(first)),
        deque::Steal::Busy | deque::Steal::Empty => hint::spin_loop(),
    })?;
    Ok(our_owner(role, owner, thief))
}

fn ours_batch(role: Role) -> Result<Side, BenchError> {
    let (owner, stealer) = our_deque(2 * BURST)?;
    let (loot, _) = our_deque(2 * BATCH)?;
    let thief = Thief::start(move |haul| match stealer.steal_into(&loot, BATCH) {
        deque::Steal::Taken { first, .. } => {
            haul.add(address_of(first));
            while let Some(item) = loot.pop() {
                haul.add(address_of(item));
            }
        }
        deque::Steal::Busy | deque::Steal::Empty => hint::spin_loop(),
    })?;
    Ok(our_owner(role, owner, thief))
}

fn our_owner(role: Role, owner: deque::Owner<u64>, thief: Thief) -> Side {
    contended("taskweave", thief, move |haul| {
        for item in &ITEMS {
            // A full ring shows in the count.
            let _ = owner.push(NonNull::from(black_box(item)));
        }
        owner.publish_all();
        if role == Role::Leaves {
            while owner.public_len() > 0 {
                hint::spin_loop();
            }
        }
        while let Some(item) = owner.pop() {
            haul.add(address_of(item));
        }
    })
}

type Worker = crossbeam::Worker<&'static u64>;

fn crossbeam_one(role: Role) -> Result<Side, BenchError> {
    let worker = Worker::new_lifo();
    let stealer = worker.stealer();
    let thief = Thief::start(move |haul| match stealer.steal() {
        crossbeam::Steal::Success(item) => haul.add(address(item)),
        crossbeam::Steal::Retry | crossbeam::Steal::Empty => hint::spin_loop(),
    })?;
    Ok(crossbeam_owner(role, worker, thief))
}

fn crossbeam_batch(role: Role) -> Result<Side, BenchError> {
    // As in the row without contention: batches leave a FIFO deque in one step.
    let worker = Worker::new_fifo();
    let stealer = worker.stealer();
    let loot = Worker::new_fifo();
    let thief = Thief::start(move |haul| match stealer.steal_batch_and_pop(&loot) {
        crossbeam::Steal::Success(item) => {
            haul.add(address(item));
            while let Some(item) = loot.pop() {
                haul.add(address(item));
            }
        }
        crossbeam::Steal::Retry | crossbeam::Steal::Empty => hint::spin_loop(),
    })?;
    Ok(crossbeam_owner(role, worker, thief))
}

fn crossbeam_owner(role: Role, worker: Worker, thief: Thief) -> Side {
    contended("crossbeam", thief, move |haul| {
        for item in &ITEMS {
            worker.push(black_box(item));
        }
        if role == Role::Leaves {
            while !worker.is_empty() {
                hint::spin_loop();
            }
        }
        while let Some(item) = worker.pop() {
            haul.add(address(item));
        }
    })
}

/// One thread that pushes and pops the same bursts, with nobody to steal them.
fn sequential() -> Side {
    let mut stack = Vec::with_capacity(BURST);
    Side::new("sequential", move |repetitions, watch: &mut Stopwatch| {
        let mut haul = Haul::default();
        watch.time_alone(BURST as u64 * repetitions, || {
            for _ in 0..repetitions {
                for item in &ITEMS {
                    stack.push(black_box(item));
                }
                while let Some(item) = stack.pop() {
                    haul.add(address(item));
                }
            }
        });
        check("sequential", repetitions, haul, Haul::default())
    })
}
