//! The whole: a pose graph of ten thousand poses, solved by Gauss–Newton.
//!
//! `iteration` is one of the nine iterations from the file's guess to the map: linearise, factorise, solve, move the poses. A sample is all
//! nine, and its time the median of them, so that nobody's first one counts, for which memory is cold. `factorise+solve` is what the middle
//! of it costs on the normal equations at the guess; orders are found and the analysis is made before.
//!
//! The rows called "one thread" compare our sequential form. GTSAM as `pip` installs it computes on one thread and has no other form.

#[cfg(feature = "slam-peers")]
mod cholmod;
#[cfg(feature = "slam-peers")]
mod gtsam;
mod ours;

use super::{Case, Setup, Suite};
use crate::{
    error::BenchError,
    harness::{Pair, Side},
};

#[cfg(feature = "slam-peers")]
pub(crate) use cholmod::child as cholmod_child;

/// The iterations from the guess to the map.
const ITERATIONS: usize = 9;
/// χ² of the map, to the figures that are known.
const CHI_SQUARED: f64 = 289.73476;
const CHI_SQUARED_ERROR: f64 = 1e-5;
/// How far H x may be from b, by the largest entries of either.
const RESIDUAL: f64 = 1e-8;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        case("iteration", "sequential", |setup| {
            pair(ours::iteration(setup)?, ours::iteration_sequential()?)
        }),
        case("factorise+solve", "sequential", |setup| {
            pair(ours::factor(setup)?, ours::factor_sequential()?)
        }),
    ];
    cases.extend(native());
    cases
}

#[cfg(not(feature = "slam-peers"))]
fn native() -> Vec<Case> {
    Vec::new()
}

#[cfg(feature = "slam-peers")]
fn native() -> Vec<Case> {
    vec![
        case("iteration", "gtsam", |setup| {
            pair(ours::iteration(setup)?, gtsam::iteration()?)
        }),
        case("iteration, one thread", "gtsam", |_| {
            pair(ours::iteration_sequential()?, gtsam::iteration()?)
        })
        .on(1),
        case("factorise+solve", "cholmod", |setup| {
            pair(ours::factor(setup)?, cholmod::factor(setup.workers)?)
        }),
        case("factorise+solve, one thread", "cholmod", |setup| {
            pair(ours::factor_sequential()?, cholmod::factor(setup.workers)?)
        })
        .on(1),
    ]
}

fn case(
    name: &'static str,
    peer: &'static str,
    build: fn(&Setup) -> Result<Pair, BenchError>,
) -> Case {
    Case {
        suite: Suite::Slam,
        name,
        peer,
        unit: if name.starts_with("iteration") {
            "iteration"
        } else {
            "system"
        },
        samples: 15,
        workers: None,
        build,
    }
}

fn pair(ours: Side, peer: Side) -> Result<Pair, BenchError> {
    Ok(Pair { ours, peer })
}

/// An error unless the map is the known one.
fn check_map(side: &'static str, chi_squared: f64) -> Result<(), BenchError> {
    if (chi_squared - CHI_SQUARED).abs() <= CHI_SQUARED_ERROR {
        return Ok(());
    }
    Err(BenchError::Wrong {
        side,
        expected: format!("χ² = {CHI_SQUARED}"),
        got: format!("{chi_squared}"),
    })
}

/// An error unless `x` solves the system.
fn check_solution(
    side: &'static str,
    system: &taskweave_slam::NormalEquations,
    x: &[f64],
) -> Result<(), BenchError> {
    let largest = |values: &mut dyn Iterator<Item = f64>| {
        values.fold(0.0_f64, |largest, value| {
            // `max` alone would pass over what is not a number.
            if value.is_nan() {
                f64::INFINITY
            } else {
                largest.max(value.abs())
            }
        })
    };
    let product = system.multiply(x);
    let b = &system.right_hand_side;
    let off = largest(&mut product.iter().zip(b).map(|(a, b)| a - b));
    let scale = largest(&mut b.iter().copied());
    if off <= RESIDUAL * scale {
        return Ok(());
    }
    Err(BenchError::Wrong {
        side,
        expected: format!("|Hx − b| below {RESIDUAL} of |b|, which is {scale}"),
        got: format!("{off}"),
    })
}
