//! Two threads that wake each other, on a processor each.
//!
//! Ours pass permits of two wakers. `std`'s pass flags, with `park` and `unpark`: a flag says whose turn it is, as `park` may return for no reason.
//! Parked, a thread goes to sleep as soon as it finds that it isn't its turn. Spinning, ours tries for a permit again and again and never
//! sleeps. `park` can't be tried, so `std` sleeps in that row, too: it is about what a thread gains that can look first. `flag` is what one writes by hand
//! then: it spins on its flag and never parks, and the other calls `unpark` all the same. That is the floor, and no semaphore.

use std::{sync::OnceLock, time::Instant};

use taskweave_sys::{
    machine::affinity,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        hint, thread,
    },
    waker::WorkerWaker,
};

use super::{Case, Setup, Suite};
use crate::{
    error::{BenchError, wrong},
    harness::{Cpu, Pair, Pinned, Side, Stopwatch, processors},
};

pub(super) fn cases() -> Vec<Case> {
    let case = |name, peer, build| {
        let case = Case {
            suite: Suite::Wake,
            name,
            peer,
            unit: "round trip",
            samples: 51,
            workers: None,
            build,
        };
        case.on(2)
    };
    vec![
        case("ping-pong, spinning", "std", |_: &Setup| {
            pair::<true>(side::<Flags, false>("std"))
        }),
        case("ping-pong, spinning", "flag", |_: &Setup| {
            pair::<true>(side::<Flags, true>("flag"))
        }),
        case("ping-pong, parked", "std", |_: &Setup| {
            pair::<false>(side::<Flags, false>("std"))
        }),
    ]
}

fn pair<const SPIN: bool>(peer: Side) -> Result<Pair, BenchError> {
    Ok(Pair {
        ours: side::<Permits, SPIN>("taskweave"),
        peer,
    })
}

/// What two players wake each other by.
trait Table: Default + Send + Sync + 'static {
    /// The player sits down, before any other call for it.
    fn sit(&self, player: usize);
    fn wake(&self, player: usize);
    fn look(&self, player: usize) -> bool;
    fn sleep(&self, player: usize);
}

#[derive(Default)]
struct Permits([WorkerWaker; 2]);

impl Table for Permits {
    fn sit(&self, _: usize) {}

    fn wake(&self, player: usize) {
        self.0[player].release(1);
    }

    fn look(&self, player: usize) -> bool {
        self.0[player].try_acquire()
    }

    fn sleep(&self, player: usize) {
        self.0[player].acquire();
    }
}

#[derive(Default)]
struct Flags([(AtomicBool, OnceLock<thread::Thread>); 2]);

impl Table for Flags {
    fn sit(&self, player: usize) {
        // Each player sits down once a table.
        let _ = self.0[player].1.set(thread::current());
    }

    fn wake(&self, player: usize) {
        let (turn, thread) = &self.0[player];
        // Release: pairs with the Acquire in `look`.
        turn.store(true, Ordering::Release);
        if let Some(thread) = thread.get() {
            thread.unpark();
        }
    }

    fn look(&self, player: usize) -> bool {
        let turn = &self.0[player].0;
        // Acquire: pairs with the Release in `wake`. Nobody else writes it until this player has answered.
        let mine = turn.load(Ordering::Acquire);
        if mine {
            turn.store(false, Ordering::Relaxed);
        }
        mine
    }

    fn sleep(&self, player: usize) {
        while !self.look(player) {
            thread::park();
        }
    }
}

fn wait<T: Table, const SPIN: bool>(table: &T, player: usize) {
    if SPIN {
        while !table.look(player) {
            hint::spin_loop();
        }
    } else {
        table.sleep(player);
    }
}

fn side<T: Table, const SPIN: bool>(name: &'static str) -> Side {
    Side::new(name, move |trips, watch: &mut Stopwatch| {
        let [here, there] = two_processors()?;
        let _pinned = Pinned::to(&[here])?;
        let table = Arc::new(T::default());
        table.sit(0);
        let ready = Arc::new(AtomicBool::new(false));
        let other = thread::spawn({
            let (table, ready) = (Arc::clone(&table), Arc::clone(&ready));
            move || {
                let placed = affinity::pin_current_thread(&[there]).is_ok();
                table.sit(1);
                // Release: pairs with the Acquire below, for what `sit` wrote.
                ready.store(true, Ordering::Release);
                for _ in 0..trips {
                    wait::<T, SPIN>(&table, 1);
                    table.wake(0);
                }
                placed
            }
        });
        while !ready.load(Ordering::Acquire) {
            hint::spin_loop();
        }
        let cpu = Cpu::start();
        let started = Instant::now();
        for _ in 0..trips {
            table.wake(1);
            wait::<T, SPIN>(&table, 0);
        }
        let wall = started.elapsed();
        let placed = other.join().unwrap_or(false);
        watch.add(trips, wall, cpu.settled());
        wrong(name, 1, u64::from(placed))
    })
}

fn two_processors() -> Result<[usize; 2], BenchError> {
    match processors()?[..] {
        [first, second, ..] => Ok([first, second]),
        _ => Err(BenchError::Refused {
            side: "the second player",
            why: "it needs a processor beside the first one's, and this process has one".to_owned(),
        }),
    }
}
