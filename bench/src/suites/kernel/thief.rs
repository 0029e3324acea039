//! A second thread for the owner's tests: it steals while a sample runs and sleeps between samples.
//!
//! Left alone, the system may put it on the processor of the thread that woke it, and then the two take turns instead of meeting. So each
//! has a processor of its own while a sample runs.

use std::{
    io,
    sync::mpsc::{self, Receiver, Sender},
};

use taskweave_sys::{
    machine::affinity,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        hint, thread,
    },
};

use crate::{
    error::BenchError,
    harness::{Pinned, processors},
};

const NAME: &str = "the thief's thread";

/// What one end has got: how many elements, and the sum of their addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Haul {
    pub(super) items: u64,
    pub(super) sum: u64,
}

impl Haul {
    /// Counts one more.
    pub(super) fn add(&mut self, address: u64) {
        self.items += 1;
        self.sum = self.sum.wrapping_add(address);
    }
}

/// The other thread.
pub(super) struct Thief {
    orders: Sender<()>,
    hauls: Receiver<Haul>,
    signals: Arc<Signals>,
    /// Where the owner runs while a sample does.
    owner_cpu: usize,
}

#[derive(Default)]
struct Signals {
    ready: AtomicBool,
    stop: AtomicBool,
}

impl Thief {
    /// A thread that calls `steal` again and again while a sample runs. It ends when the handle is dropped.
    pub(super) fn start(
        mut steal: impl FnMut(&mut Haul) + Send + 'static,
    ) -> Result<Self, BenchError> {
        let [owner_cpu, own_cpu] = two_processors()?;
        let (orders, starts) = mpsc::channel::<()>();
        let (results, hauls) = mpsc::channel();
        let signals = Arc::new(Signals::default());
        let heard = Arc::clone(&signals);
        let body = move || {
            if affinity::pin_current_thread(&[own_cpu]).is_err() {
                return;
            }
            while starts.recv().is_ok() {
                let mut haul = Haul::default();
                // Release: pairs with the Acquire in `run`, for nothing but the order of events.
                heard.ready.store(true, Ordering::Release);
                while !heard.stop.load(Ordering::Relaxed) {
                    steal(&mut haul);
                }
                if results.send(haul).is_err() {
                    return;
                }
            }
        };
        thread::Builder::new()
            .name("thief".to_owned())
            .spawn(body)
            .map_err(refused)?;
        Ok(Self {
            orders,
            hauls,
            signals,
            owner_cpu,
        })
    }

    /// Runs `owner` while the thief is at work; returns what the thief got.
    pub(super) fn run(&self, owner: impl FnOnce()) -> Result<Haul, BenchError> {
        let _pinned = Pinned::to(&[self.owner_cpu])?;
        // The channel orders these before the thief's own accesses.
        self.signals.stop.store(false, Ordering::Relaxed);
        self.signals.ready.store(false, Ordering::Relaxed);
        self.orders.send(()).map_err(|_| gone())?;
        // Acquire: pairs with the Release in the thief.
        while !self.signals.ready.load(Ordering::Acquire) {
            hint::spin_loop();
        }
        owner();
        self.signals.stop.store(true, Ordering::Relaxed);
        self.hauls.recv().map_err(|_| gone())
    }
}

fn two_processors() -> Result<[usize; 2], BenchError> {
    match processors()?[..] {
        [first, second, ..] => Ok([first, second]),
        _ => Err(BenchError::Refused {
            side: NAME,
            why: "it needs a processor beside the owner's, and this process has one".to_owned(),
        }),
    }
}

fn refused(why: io::Error) -> BenchError {
    BenchError::refused(NAME)(why.into())
}

fn gone() -> BenchError {
    BenchError::Refused {
        side: NAME,
        why: "it is gone".to_owned(),
    }
}
