//! What waiting costs: ten thousand intervals of 10 ms, and ten thousand futures that sleep. What is compared is CPU time, which stands in the columns of the
//! nanoseconds on the wall, too: everybody takes as long as the clock says.

use std::time::Duration;

use taskweave_sys::sync::thread;

use super::{
    Case, case,
    runtime::{Ours, Runtime, Tokio},
};
use crate::{
    error::wrong,
    harness::{Cpu, Pair, Side, Stopwatch},
};

const FUTURES: u64 = 10_000;
const PERIOD: Duration = Duration::from_millis(10);
/// A sample is a second long.
const TICKS: u64 = 100;
const INTERVALS: &str = "intervals of 10 ms, CPU";
const ASLEEP: &str = "10,000 asleep, CPU";

pub(super) fn cases() -> Vec<Case> {
    vec![
        case(INTERVALS, "tokio", "tick", 5, |setup| {
            Ok(Pair {
                ours: intervals(Ours::start(setup)?),
                peer: intervals(Tokio::start(setup)?),
            })
        }),
        case(INTERVALS, "sequential", "tick", 5, |setup| {
            Ok(Pair {
                ours: intervals(Ours::start(setup)?),
                peer: loops(),
            })
        }),
        case(ASLEEP, "tokio", "second", 5, |setup| {
            Ok(Pair {
                ours: asleep(Ours::start(setup)?),
                peer: asleep(Tokio::start(setup)?),
            })
        }),
        case(ASLEEP, "sequential", "second", 5, |setup| {
            Ok(Pair {
                ours: asleep(Ours::start(setup)?),
                peer: one_second(),
            })
        }),
    ]
}

fn intervals<R: Runtime>(runtime: R) -> Side {
    Side::new(R::NAME, move |_, watch: &mut Stopwatch| {
        let own = runtime.clone();
        let cpu = Cpu::start();
        let ended = runtime.wait(async move {
            let all: Vec<_> = (0..FUTURES)
                .map(|_| own.spawn(R::ticks(PERIOD, TICKS)))
                .collect();
            let mut ended = 0;
            for handle in all {
                ended += u64::from(R::join(handle).await.is_some());
            }
            ended
        });
        let cpu = cpu.settled();
        watch.add(FUTURES * TICKS, cpu, cpu);
        wrong(R::NAME, FUTURES, ended.unwrap_or(0))
    })
    .single()
}

fn asleep<R: Runtime>(runtime: R) -> Side {
    // For the rest of the program's life, which is shorter.
    let mut sleepers = Vec::new();
    Side::new(R::NAME, move |_, watch: &mut Stopwatch| {
        if sleepers.is_empty() {
            let own = runtime.clone();
            let made = runtime.wait(async move {
                (0..FUTURES)
                    .map(|i| {
                        own.spawn(async move { R::sleep(Duration::from_secs(86_400 + i)).await })
                    })
                    .collect::<Vec<_>>()
            });
            sleepers = made.unwrap_or_default();
            thread::sleep(Duration::from_millis(100));
        }
        let cpu = Cpu::start();
        thread::sleep(Duration::from_secs(1));
        let cpu = cpu.settled();
        watch.add(1, cpu, cpu);
        wrong(R::NAME, FUTURES, sleepers.len() as u64)
    })
    .single()
}

/// One thread that goes through all intervals each time.
fn loops() -> Side {
    Side::new("sequential", |_, watch: &mut Stopwatch| {
        let cpu = Cpu::start();
        let mut ticks = 0;
        for _ in 0..TICKS {
            thread::sleep(PERIOD);
            ticks = std::hint::black_box(ticks) + FUTURES;
        }
        let cpu = cpu.settled();
        watch.add(FUTURES * TICKS, cpu, cpu);
        wrong("sequential", FUTURES * TICKS, ticks)
    })
    .single()
}

/// One thread that sleeps.
fn one_second() -> Side {
    Side::new("sequential", |_, watch: &mut Stopwatch| {
        let cpu = Cpu::start();
        thread::sleep(Duration::from_secs(1));
        let cpu = cpu.settled();
        watch.add(1, cpu, cpu);
        Ok(())
    })
    .single()
}
