//! Threads that do the same thing at the same time, and are ready for it: they spin for a while before they sleep.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crossbeam_utils::CachePadded;
use taskweave_sys::sync::{
    atomic::{AtomicBool, AtomicU32, Ordering},
    hint,
    thread::{self, JoinHandle},
};

use super::{EngineError, Setup};

/// How long a helper spins for the next round. Waking another thread costs some tens of microseconds.
const PATIENCE: Duration = Duration::from_micros(50);
/// So many looks before the clock is read, or the processor is offered to others.
const LOOKS: u32 = 1000;

/// A fixed number of threads, of which the calling one is number 0.
pub(super) struct Team {
    shared: Arc<Shared>,
    helpers: Vec<JoinHandle<()>>,
}

struct Shared {
    work: Box<dyn Fn(usize) + Send + Sync>,
    /// Rounds that were begun.
    round: CachePadded<AtomicU32>,
    /// Rounds that each helper has ended.
    done: Box<[CachePadded<AtomicU32>]>,
    over: AtomicBool,
}

impl Team {
    /// `work` is called once a round on each of the threads, with its number.
    pub(super) fn new(
        engine: &'static str,
        setup: &Setup,
        work: impl Fn(usize) + Send + Sync + 'static,
    ) -> Result<Self, EngineError> {
        let shared = Arc::new(Shared {
            work: Box::new(work),
            round: CachePadded::new(AtomicU32::new(0)),
            done: (1..setup.threads)
                .map(|_| CachePadded::new(AtomicU32::new(0)))
                .collect(),
            over: AtomicBool::new(false),
        });
        let mut team = Self {
            shared,
            helpers: Vec::new(),
        };
        for helper in 0..setup.threads - 1 {
            let (shared, setup) = (Arc::clone(&team.shared), setup.clone());
            let body = move || {
                // The processor was allowed a moment ago; who isn't placed after all is only slower.
                let _ = setup.place(helper + 1);
                shared.help(helper);
            };
            let started = thread::Builder::new()
                .name(format!("{engine} {}", helper + 1))
                .spawn(body);
            team.helpers
                .push(started.map_err(EngineError::refused(engine))?);
        }
        Ok(team)
    }

    /// One round.
    pub(super) fn run(&self) {
        // Release: pairs with the Acquire in `await_round`; helpers see what the caller has prepared.
        let round = self.shared.round.fetch_add(1, Ordering::Release);
        self.wake();
        (self.shared.work)(0);
        for done in &self.shared.done {
            // Acquire: pairs with the Release in `help`.
            spin_until(|| done.load(Ordering::Acquire) == round.wrapping_add(1));
        }
    }

    fn wake(&self) {
        // Costs no system call for those that don't sleep.
        self.helpers
            .iter()
            .for_each(|helper| helper.thread().unpark());
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `await_round`.
        self.shared.over.store(true, Ordering::Release);
        self.wake();
        for helper in self.helpers.drain(..) {
            // A helper's panic was reported when it happened.
            let _ = helper.join();
        }
    }
}

impl Shared {
    fn help(&self, helper: usize) {
        let mut seen = 0;
        while self.await_round(&mut seen) {
            (self.work)(helper + 1);
            // Release: pairs with the Acquire in `Team::run`.
            self.done[helper].store(seen, Ordering::Release);
        }
    }

    /// Returns when a round has begun that wasn't `seen`; false at the end of all.
    fn await_round(&self, seen: &mut u32) -> bool {
        let mut since = Instant::now();
        let mut looks = 0_u32;
        loop {
            // Acquire, both: pair with the Releases in `Team::run` and `Team::drop`.
            if self.over.load(Ordering::Acquire) {
                return false;
            }
            let round = self.round.load(Ordering::Acquire);
            if round != *seen {
                *seen = round;
                return true;
            }
            hint::spin_loop();
            looks += 1;
            if looks.is_multiple_of(LOOKS) && since.elapsed() > PATIENCE {
                // A round that begins now has unparked this thread already, or will.
                thread::park();
                since = Instant::now();
            }
        }
    }
}

/// Spins; where there are more threads than processors, whoever is waited for gets its turn.
#[inline]
pub(super) fn spin_until(done: impl Fn() -> bool) {
    let mut looks = 0_u32;
    while !done() {
        hint::spin_loop();
        looks = looks.wrapping_add(1);
        if looks.is_multiple_of(LOOKS) {
            thread::yield_now();
        }
    }
}
