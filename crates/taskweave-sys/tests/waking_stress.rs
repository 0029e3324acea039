//! The seed's promises under load: rounds of a hammer, trips of a ping-pong. `TASKWEAVE_SOAK=1` runs six million of
//! the ones and three million of the others.
#![cfg(not(any(taskweave_loom, taskweave_shuttle)))]

use taskweave_sys::{
    signal::{Set, Signal},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        thread,
    },
    waker::WorkerWaker,
};

fn rounds(usual: usize, soak: usize) -> usize {
    match std::env::var_os("TASKWEAVE_SOAK").is_some_and(|value| value != "0") {
        true => soak,
        false => usual,
    }
}

const WORDS: usize = 62;

/// Producers set signals, consumers sleep on one waker and go by its summary.
struct Bench {
    waker: WorkerWaker,
    signals: [Signal; WORDS],
    taken: AtomicUsize,
    wanted: usize,
}

impl Bench {
    fn new(wanted: usize) -> Arc<Self> {
        Arc::new(Self {
            waker: WorkerWaker::new(),
            signals: [const { Signal::new() }; WORDS],
            taken: AtomicUsize::new(0),
            wanted,
        })
    }

    fn done(&self) -> bool {
        self.taken.load(Ordering::Relaxed) >= self.wanted
    }

    /// Sets a signal that isn't set, however long that takes.
    fn publish(&self, word: usize, index: u64) {
        loop {
            match self.signals[word].set(index).unwrap() {
                Set::First => {
                    self.waker.mark_active(word as u64).unwrap();
                    return;
                }
                Set::Joined => return,
                Set::Already => thread::yield_now(),
            }
        }
    }

    /// Takes permits and whatever the summary shows, until all is taken. Sleeps without a timeout: a
    /// lost wake-up is a test that never ends.
    fn consume(&self, unmark: bool) {
        while !self.done() {
            self.waker.acquire();
            let mut near = 0;
            let mut summary = self.waker.snapshot_summary();
            while let Some(word) = taskweave_sys::signal::nearest(summary, near) {
                summary &= !(1 << word);
                near = word;
                let signal = &self.signals[word as usize];
                let taken = signal.take().count_ones() as usize;
                if taken > 0 {
                    self.taken.fetch_add(taken, Ordering::Relaxed);
                }
                if unmark {
                    self.waker
                        .try_unmark_if_empty(word.into(), signal.word())
                        .unwrap();
                }
            }
        }
        // The others may sleep.
        self.waker.release(usize::MAX);
    }
}

/// `unmark`: whether consumers clear the bits of what they emptied, or leave them all stale.
fn hammer(producers: usize, consumers: usize, unmark: bool, rounds: usize) {
    let each = rounds / producers;
    let bench = Bench::new(each * producers);
    let consumers: Vec<_> = (0..consumers)
        .map(|_| {
            let bench = Arc::clone(&bench);
            thread::spawn(move || bench.consume(unmark))
        })
        .collect();
    let producers: Vec<_> = (0..producers)
        .map(|producer| {
            let bench = Arc::clone(&bench);
            thread::spawn(move || {
                for round in 0..each {
                    bench.publish((round * 7 + producer) % WORDS, producer as u64);
                }
            })
        })
        .collect();
    for thread in producers.into_iter().chain(consumers) {
        thread.join().unwrap();
    }
    assert_eq!(bench.taken.load(Ordering::Relaxed), bench.wanted);
    assert!(bench.signals.iter().all(Signal::is_empty), "stranded");
    assert_eq!(bench.waker.sleepers(), 0);
    if unmark {
        for word in 0..WORDS {
            let signal = bench.signals[word].word();
            bench
                .waker
                .try_unmark_if_empty(word as u64, signal)
                .unwrap();
        }
        assert_eq!(bench.waker.snapshot_summary(), 0);
    }
}

#[test]
fn no_lost_wakeups_under_a_hammer() {
    hammer(3, 2, true, rounds(150_000, 2_400_000));
}

#[test]
fn no_lost_wakeups_of_a_single_consumer() {
    hammer(2, 1, true, rounds(100_000, 1_800_000));
}

#[test]
fn no_lost_wakeups_under_a_hammer_though_bits_are_stale() {
    hammer(2, 2, false, rounds(100_000, 1_800_000));
}

/// Each trip is a release and a wait on either side; nothing but permits passes.
#[test]
fn no_lost_wakeups_in_a_ping_pong() {
    let trips = rounds(50_000, 3_000_000);
    let wakers = Arc::new([WorkerWaker::new(), WorkerWaker::new()]);
    let player = thread::spawn({
        let wakers = Arc::clone(&wakers);
        move || {
            for _ in 0..trips {
                wakers[0].acquire();
                wakers[1].release(1);
            }
        }
    });
    for _ in 0..trips {
        wakers[0].release(1);
        wakers[1].acquire();
    }
    player.join().unwrap();
    for waker in wakers.iter() {
        assert_eq!((waker.permits(), waker.sleepers()), (0, 0));
    }
}

/// Leaves of a partition are changed while its worker clears them and makes its summary anew.
#[test]
fn false_negatives_impossible_in_a_partition() {
    const LEAVES: usize = 5;
    let rounds = rounds(60_000, 1_000_000);
    let shared = Arc::new((WorkerWaker::new(), [const { AtomicU64::new(0) }; LEAVES]));
    let worker = thread::spawn({
        let shared = Arc::clone(&shared);
        move || {
            let (waker, leaves) = &*shared;
            let mut taken = 0;
            while taken < rounds {
                waker.acquire();
                for (local, leaf) in leaves.iter().enumerate() {
                    if waker.partition_leaf_has_work(local).unwrap() {
                        taken += leaf.swap(0, Ordering::AcqRel).count_ones() as usize;
                        waker.clear_partition_leaf(local, leaf).unwrap();
                    }
                }
                if taken % 3 == 0 {
                    waker.sync_partition_summary(0, LEAVES, leaves).unwrap();
                }
            }
        }
    });
    let (waker, leaves) = &*shared;
    for round in 0..rounds {
        let local = round % LEAVES;
        let bit = 1 << (round % 64);
        while leaves[local].fetch_or(bit, Ordering::AcqRel) & bit != 0 {
            thread::yield_now();
        }
        waker.mark_partition_leaf_active(local).unwrap();
    }
    worker.join().unwrap();
    assert!(!waker.sync_partition_summary(0, LEAVES, leaves).unwrap());
    assert_eq!((waker.status(), waker.sleepers()), (0, 0));
}
