//! A million futures that are ready, begun by one future and awaited by it in order; each returns its number.

use std::hint::black_box;

use super::{
    Case, Setup, case,
    runtime::{AsyncExecutor, Ours, Runtime, Tokio},
};
use crate::{
    error::{BenchError, wrong},
    harness::{Pair, Side, Stopwatch},
};

const FUTURES: u64 = 1_000_000;
const SUM: u64 = FUTURES * (FUTURES - 1) / 2;
const NAME: &str = "ready futures";

pub(super) fn cases() -> Vec<Case> {
    let case = |peer, build| case(NAME, peer, "future", 11, build);
    vec![
        case("tokio", |setup| pair(setup, side(Tokio::start(setup)?))),
        case("async-executor", |setup| {
            pair(setup, side(AsyncExecutor::start(setup)?))
        }),
        case("sequential", |setup| pair(setup, sequential())),
        super::case(
            "ready futures, one worker",
            "tokio",
            "future",
            11,
            |setup| pair(setup, side(Tokio::start(setup)?)),
        )
        .on(1),
    ]
}

fn pair(setup: &Setup, peer: Side) -> Result<Pair, BenchError> {
    Ok(Pair {
        ours: side(Ours::start(setup)?),
        peer,
    })
}

fn side<R: Runtime>(runtime: R) -> Side {
    let mut kept = Vec::with_capacity(FUTURES as usize);
    Side::new(R::NAME, move |repetitions, watch: &mut Stopwatch| {
        for _ in 0..repetitions {
            let mut handles = std::mem::take(&mut kept);
            let own = runtime.clone();
            let (sum, emptied) = watch
                .time(FUTURES, || {
                    runtime.wait(async move {
                        handles
                            .extend((0..FUTURES).map(|i| own.spawn(async move { black_box(i) })));
                        let mut sum = 0;
                        for handle in handles.drain(..) {
                            sum += R::join(handle).await.unwrap_or(0);
                        }
                        (sum, handles)
                    })
                })
                .unwrap_or_default();
            kept = emptied;
            wrong(R::NAME, SUM, sum)?;
        }
        Ok(())
    })
}

fn sequential() -> Side {
    Side::checked("sequential", FUTURES, SUM, || {
        (0..FUTURES).map(black_box).sum()
    })
}
