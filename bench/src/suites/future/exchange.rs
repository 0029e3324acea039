//! A thousand futures that yield a hundred times each; two that send each other a number over two channels.

use std::hint::black_box;

use super::{
    Case, Setup, case,
    runtime::{AsyncExecutor, Ours, Runtime, Tokio},
};
use crate::{
    error::{BenchError, wrong},
    harness::{Pair, Side, Stopwatch},
};

const RING: u64 = 1000;
const ROUNDS: u64 = 100;
const TRIPS: u64 = 10_000;

const YIELDS: &str = "yield ring";
const PING_PONG: &str = "ping-pong, async-channel";

pub(super) fn cases() -> Vec<Case> {
    let ring = |peer, build| case(YIELDS, peer, "yield", 31, build);
    let trips = |peer, build| case(PING_PONG, peer, "round trip", 31, build);
    vec![
        ring("tokio", |setup| {
            yields(setup, ring_of(Tokio::start(setup)?))
        }),
        ring("async-executor", |setup| {
            yields(setup, ring_of(AsyncExecutor::start(setup)?))
        }),
        ring("sequential", |setup| yields(setup, count(RING * ROUNDS))),
        trips("tokio", |setup| {
            exchange(setup, table_of(Tokio::start(setup)?))
        }),
        trips("async-executor", |setup| {
            exchange(setup, table_of(AsyncExecutor::start(setup)?))
        }),
        trips("sequential", |setup| exchange(setup, count(TRIPS))),
    ]
}

fn yields(setup: &Setup, peer: Side) -> Result<Pair, BenchError> {
    Ok(Pair {
        ours: ring_of(Ours::start(setup)?),
        peer,
    })
}

fn exchange(setup: &Setup, peer: Side) -> Result<Pair, BenchError> {
    Ok(Pair {
        ours: table_of(Ours::start(setup)?),
        peer,
    })
}

fn ring_of<R: Runtime>(runtime: R) -> Side {
    Side::new(R::NAME, move |repetitions, watch: &mut Stopwatch| {
        for _ in 0..repetitions {
            let own = runtime.clone();
            let sum = watch.time(RING * ROUNDS, || {
                runtime.wait(async move {
                    let ring: Vec<_> = (0..RING)
                        .map(|_| {
                            own.spawn(async {
                                for _ in 0..ROUNDS {
                                    R::yield_now().await;
                                }
                                ROUNDS
                            })
                        })
                        .collect();
                    let mut sum = 0;
                    for handle in ring {
                        sum += R::join(handle).await.unwrap_or(0);
                    }
                    sum
                })
            });
            wrong(R::NAME, RING * ROUNDS, sum.unwrap_or(0))?;
        }
        Ok(())
    })
}

fn table_of<R: Runtime>(runtime: R) -> Side {
    Side::new(R::NAME, move |repetitions, watch: &mut Stopwatch| {
        for _ in 0..repetitions {
            let own = runtime.clone();
            let last = watch.time(TRIPS, || {
                runtime.wait(async move {
                    let (there, arrived) = async_channel::bounded::<u64>(1);
                    let (back, returned) = async_channel::bounded::<u64>(1);
                    let other = own.spawn(async move {
                        while let Ok(ball) = arrived.recv().await {
                            if back.send(ball + 1).await.is_err() {
                                break;
                            }
                        }
                    });
                    let mut ball = 0;
                    for _ in 0..TRIPS {
                        if there.send(ball).await.is_err() {
                            break;
                        }
                        ball = returned.recv().await.unwrap_or(0);
                    }
                    drop(there);
                    R::join(other).await;
                    ball
                })
            });
            wrong(R::NAME, TRIPS, last.unwrap_or(0))?;
        }
        Ok(())
    })
}

fn count(ops: u64) -> Side {
    Side::checked("sequential", ops, ops, move || {
        (0..ops).fold(0, |sum, _| black_box(sum) + 1)
    })
}
