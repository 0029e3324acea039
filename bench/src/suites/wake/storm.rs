//! Eight producers set signals, four sleepers share one waker and go by its summary. In a storm producers go on as fast as they can; in bursts each of them
//! sleeps for a moment after every 62 items, so that sleepers may sleep, too.
//!
//! Producers and sleepers run the same code on either waker: a producer that finds the signal word empty marks it, a sleeper takes what the summary
//! shows, unmarks what it emptied, and acquires. A wake is counted where it happens, in the system: each time one of the sleepers had gone to
//! sleep, by its own count of voluntary switches. That includes what happens inside an acquire and never shows outside: a wake for nothing, a
//! mutex that somebody else holds. Rows of wakes show these counts in the columns of the
//! nanoseconds.
//!
//! A wake-up can be lost in `maniac`'s waker; its own runtime waits for a quarter of a second at most, and so do its sleepers here. A lost
//! wake-up thus shows in its time.

#[cfg(not(feature = "maniac"))]
use super::Case;

#[cfg(not(feature = "maniac"))]
pub(super) fn cases() -> Vec<Case> {
    Vec::new()
}

#[cfg(feature = "maniac")]
pub(super) use peers::cases;

#[cfg(feature = "maniac")]
mod peers {
    use std::{
        fs,
        time::{Duration, Instant},
    };

    use maniac_runtime::runtime::waker::WorkerWaker as Theirs;
    use taskweave_sys::{
        signal::{Set, Signal, nearest},
        sync::{
            Arc,
            atomic::{AtomicU64, Ordering},
            thread,
        },
        waker::WorkerWaker as Ours,
    };

    use super::super::{Case, Setup, Suite};
    use crate::{
        error::{BenchError, wrong},
        harness::{Cpu, Pair, Side, Stopwatch},
    };

    const PRODUCERS: usize = 8;
    const SLEEPERS: usize = 4;
    const WORDS: usize = 62;
    /// Of each producer.
    const ITEMS: u64 = 25_000;
    const ALL: u64 = PRODUCERS as u64 * ITEMS;
    const PER: u64 = 1000;
    const THOUSAND: &str = "1000 items";

    pub(in super::super) fn cases() -> Vec<Case> {
        let case = |name, unit, build: fn(&Setup) -> Result<Pair, BenchError>| {
            let case = Case {
                suite: Suite::Wake,
                name,
                peer: "maniac",
                unit,
                samples: 21,
                workers: None,
                build,
            };
            case.on(SLEEPERS)
        };
        vec![
            case("storm, wakes", THOUSAND, |_| pair(Calm::None, Count::Wakes)),
            case("storm", "item", |_| pair(Calm::None, Count::Time)),
            case("bursts, wakes", THOUSAND, |_| {
                pair(Calm::Short, Count::Wakes)
            }),
            case("bursts", "item", |_| pair(Calm::Short, Count::Time)),
        ]
    }

    fn pair(calm: Calm, count: Count) -> Result<Pair, BenchError> {
        Ok(Pair {
            ours: side::<Ours>("taskweave", calm, count).single(),
            peer: side::<Theirs>("maniac", calm, count).single(),
        })
    }

    /// What a producer does between two bursts.
    #[derive(Clone, Copy, PartialEq)]
    enum Calm {
        None,
        Short,
    }

    const SHORT: Duration = Duration::from_micros(200);

    /// What a row is about.
    #[derive(Clone, Copy)]
    enum Count {
        Wakes,
        Time,
    }

    /// What both wakers can do.
    trait Waker: Default + Send + Sync + 'static {
        fn mark(&self, word: u64);
        fn acquire(&self);
        fn summary(&self) -> u64;
        fn unmark(&self, word: u64, signal: &AtomicU64);
        fn release(&self, count: usize);
        fn sleepers(&self) -> usize;
    }

    impl Waker for Ours {
        fn mark(&self, word: u64) {
            // The words are as many as there are bits; a mark that was refused would show in the count.
            let _ = self.mark_active(word);
        }

        fn acquire(&self) {
            self.acquire();
        }

        fn summary(&self) -> u64 {
            self.snapshot_summary()
        }

        fn unmark(&self, word: u64, signal: &AtomicU64) {
            // As above.
            let _ = self.try_unmark_if_empty(word, signal);
        }

        fn release(&self, count: usize) {
            self.release(count);
        }

        fn sleepers(&self) -> usize {
            self.sleepers()
        }
    }

    impl Waker for Theirs {
        fn mark(&self, word: u64) {
            self.mark_active(word);
        }

        fn acquire(&self) {
            self.acquire_timeout(Duration::from_millis(250));
        }

        fn summary(&self) -> u64 {
            self.snapshot_summary()
        }

        fn unmark(&self, word: u64, signal: &AtomicU64) {
            self.try_unmark_if_empty(word, signal);
        }

        fn release(&self, count: usize) {
            self.release(count);
        }

        fn sleepers(&self) -> usize {
            self.sleepers()
        }
    }

    struct Storm<W> {
        waker: W,
        signals: [Signal; WORDS],
        taken: AtomicU64,
    }

    impl<W: Waker> Storm<W> {
        /// Each producer has a signal of its own in every word, and goes round the words; a burst is once round.
        fn produce(&self, producer: usize, calm: Calm) {
            for item in 0..ITEMS as usize {
                let word = (item + 7 * producer) % WORDS;
                loop {
                    match self.signals[word].set(producer as u64) {
                        Ok(Set::First) => self.waker.mark(word as u64),
                        Ok(Set::Already) => {
                            thread::yield_now();
                            continue;
                        }
                        _ => {}
                    }
                    break;
                }
                if calm == Calm::Short && item % WORDS == WORDS - 1 {
                    thread::sleep(SHORT);
                }
            }
        }

        /// Returns how often this thread went to sleep.
        fn consume(&self) -> u64 {
            let before = sleeps();
            while self.taken.load(Ordering::Relaxed) < ALL {
                self.waker.acquire();
                let mut summary = self.waker.summary();
                while let Some(word) = nearest(summary, 0) {
                    summary &= !(1 << word);
                    let signal = &self.signals[word as usize];
                    let taken = signal.take().count_ones();
                    self.taken.fetch_add(taken.into(), Ordering::Relaxed);
                    self.waker.unmark(word.into(), signal.word());
                }
            }
            self.waker.release(SLEEPERS);
            sleeps() - before
        }
    }

    fn side<W: Waker>(name: &'static str, calm: Calm, count: Count) -> Side {
        Side::new(name, move |_, watch: &mut Stopwatch| {
            let storm = Arc::new(Storm {
                waker: W::default(),
                signals: [const { Signal::new() }; WORDS],
                taken: AtomicU64::new(0),
            });
            let sleepers: Vec<_> = (0..SLEEPERS)
                .map(|_| {
                    let storm = Arc::clone(&storm);
                    thread::spawn(move || storm.consume())
                })
                .collect();
            while storm.waker.sleepers() < SLEEPERS {
                thread::yield_now();
            }
            let cpu = Cpu::start();
            let started = Instant::now();
            let producers: Vec<_> = (0..PRODUCERS)
                .map(|producer| {
                    let storm = Arc::clone(&storm);
                    thread::spawn(move || storm.produce(producer, calm))
                })
                .collect();
            for producer in producers {
                let _ = producer.join();
            }
            let wakes: u64 = sleepers
                .into_iter()
                .map(|sleeper| sleeper.join().unwrap_or(0))
                .sum();
            let wall = started.elapsed();
            wrong(name, ALL, storm.taken.load(Ordering::Relaxed))?;
            let cpu = cpu.settled();
            match count {
                Count::Time => watch.add(ALL, wall, cpu),
                Count::Wakes => watch.add(ALL / PER, Duration::from_nanos(wakes), cpu),
            }
            Ok(())
        })
    }

    /// How often this thread has given up its processor in order to sleep; zero if the system doesn't tell.
    fn sleeps() -> u64 {
        let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
        let count = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        count
            .and_then(|count| count.trim().parse().ok())
            .unwrap_or(0)
    }
}
