//! Fork-join at its finest: Fibonacci numbers, one join per addition.
//!
//! There is no cut-off, so that almost nothing but the joins is measured. Rayon and we enter the pool once per number, from outside; chili's
//! scope makes the calling thread a worker, which is how its documentation uses it.

use std::hint::black_box;

use crate::{
    error::BenchError,
    harness::{Pair, Side},
    suites::{Case, Setup, Suite, pools},
};

/// Some milliseconds for each of the systems.
const N: u64 = 29;
const VALUE: u64 = 514_229;
/// One for every call with `n >= 2`: the next Fibonacci number less one.
const JOINS: u64 = 832_039;

pub(super) fn cases() -> Vec<Case> {
    let case = |name, peer, build| Case {
        suite: Suite::Kernel,
        name,
        peer,
        unit: "join",
        samples: 51,
        workers: None,
        build,
    };
    vec![
        case("fib", "rayon", |setup| pair(setup, with_rayon(setup)?)),
        case("fib", "chili", |setup| pair(setup, with_chili(setup)?)),
        case("fib, one worker", "rayon", |setup| {
            pair(setup, with_rayon(setup)?)
        })
        .on(1),
        case("fib, one worker", "chili", |setup| {
            pair(setup, with_chili(setup)?)
        })
        .on(1),
        case("fib", "sequential", |setup| pair(setup, sequential())),
    ]
}

fn pair(setup: &Setup, peer: Side) -> Result<Pair, BenchError> {
    Ok(Pair {
        ours: ours(setup)?.placed(),
        peer: peer.placed(),
    })
}

fn ours(setup: &Setup) -> Result<Side, BenchError> {
    fn fib(n: u64) -> u64 {
        if n < 2 {
            return n;
        }
        let (a, b) = taskweave::join(|| fib(n - 1), || fib(n - 2));
        a + b
    }
    let pool = pools::taskweave_placed(setup)?;
    Ok(Side::checked("taskweave", JOINS, VALUE, move || {
        pool.install(|| fib(black_box(N)))
    }))
}

fn with_rayon(setup: &Setup) -> Result<Side, BenchError> {
    fn fib(n: u64) -> u64 {
        if n < 2 {
            return n;
        }
        let (a, b) = rayon::join(|| fib(n - 1), || fib(n - 2));
        a + b
    }
    let pool = pools::rayon_placed(setup)?;
    Ok(Side::checked("rayon", JOINS, VALUE, move || {
        pool.install(|| fib(black_box(N)))
    }))
}

fn with_chili(setup: &Setup) -> Result<Side, BenchError> {
    fn fib(n: u64, scope: &mut chili::Scope<'_>) -> u64 {
        if n < 2 {
            return n;
        }
        let (a, b) = scope.join(|scope| fib(n - 1, scope), |scope| fib(n - 2, scope));
        a + b
    }
    let pool = pools::chili_placed(setup)?;
    Ok(Side::checked("chili", JOINS, VALUE, move || {
        // A scope that lives on keeps the heartbeat thread awake while the other side is sampled.
        fib(black_box(N), &mut pool.scope())
    }))
}

fn sequential() -> Side {
    fn fib(n: u64) -> u64 {
        if n < 2 {
            return n;
        }
        fib(n - 1) + fib(n - 2)
    }
    Side::checked("sequential", JOINS, VALUE, || fib(black_box(N)))
}

#[cfg(test)]
mod tests {
    use super::{JOINS, N, VALUE};

    #[test]
    fn the_constants_are_those_of_the_series() {
        let (mut value, mut next) = (0, 1);
        for _ in 0..N {
            (value, next) = (next, value + next);
        }
        assert_eq!((value, next - 1), (VALUE, JOINS));
    }
}
