//! Parallel loops over ten million items: a sum of what is computed, and an update in place of what memory holds.
//!
//! Rayon gets `into_par_iter` over a `Range<usize>` and `par_iter_mut` over a slice: indexed iterators, which it splits best.

use std::{cell::RefCell, hint::black_box, rc::Rc};

use rayon::prelude::*;

use crate::{
    error::{BenchError, wrong},
    harness::{Pair, Side, Stopwatch},
    suites::{Case, Setup, Suite, pools},
};

const ITEMS: usize = 10_000_000;

pub(super) fn cases() -> Vec<Case> {
    let case = |name, peer, build| Case {
        suite: Suite::Kernel,
        name,
        peer,
        unit: "item",
        samples: 51,
        workers: None,
        build,
    };
    vec![
        case("loop sum", "rayon", |setup| {
            pair(our_sum(setup)?, rayon_sum(setup)?)
        }),
        case("loop sum", "sequential", |setup| {
            pair(our_sum(setup)?, sum("sequential", sequential_sum))
        }),
        case("loop axpy", "rayon", |setup| {
            let data = Points::new();
            pair(our_axpy(setup, &data)?, rayon_axpy(setup, &data)?)
        }),
        case("loop axpy", "sequential", |setup| {
            let data = Points::new();
            let step = |points: &mut [Point]| points.iter_mut().for_each(Point::step);
            pair(our_axpy(setup, &data)?, axpy("sequential", &data, step))
        }),
    ]
}

fn pair(ours: Side, peer: Side) -> Result<Pair, BenchError> {
    Ok(Pair {
        ours: ours.placed(),
        peer: peer.placed(),
    })
}

/// A few cycles of integer arithmetic that no closed form replaces.
fn mix(item: usize) -> u64 {
    let item = item as u64;
    let spread = item.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (spread ^ (spread >> 29)) >> 32
}

fn sequential_sum() -> u64 {
    (0..black_box(ITEMS)).map(mix).sum()
}

fn sum(name: &'static str, once: impl FnMut() -> u64 + 'static) -> Side {
    Side::checked(name, ITEMS as u64, sequential_sum(), once)
}

fn our_sum(setup: &Setup) -> Result<Side, BenchError> {
    let pool = pools::taskweave_placed(setup)?;
    Ok(sum("taskweave", move || {
        pool.install(|| taskweave::map_reduce(0..black_box(ITEMS), || 0, mix, |a, b| a + b))
    }))
}

fn rayon_sum(setup: &Setup) -> Result<Side, BenchError> {
    let pool = pools::rayon_placed(setup)?;
    Ok(sum("rayon", move || {
        pool.install(|| (0..black_box(ITEMS)).into_par_iter().map(mix).sum())
    }))
}

/// What the loop over memory works on: `y += a · x`, in integers so that the result can be checked exactly.
#[derive(Clone, Copy)]
struct Point {
    x: u32,
    y: u32,
}

impl Point {
    const FACTOR: u32 = 3;

    fn step(&mut self) {
        self.y = self.y.wrapping_add(self.x.wrapping_mul(Self::FACTOR));
    }
}

/// The points and how often they have been stepped. Both sides of a pair work on the same ones, so that both get the same pages.
struct Points {
    points: Vec<Point>,
    passes: u32,
}

impl Points {
    fn new() -> Rc<RefCell<Self>> {
        let point = |item| Point {
            x: mix(item) as u32,
            y: 0,
        };
        Rc::new(RefCell::new(Self {
            points: (0..ITEMS).map(point).collect(),
            passes: 0,
        }))
    }

    /// How many points are where they should be.
    fn right(&self) -> usize {
        let factor = Point::FACTOR.wrapping_mul(self.passes);
        let right = |point: &&Point| point.y == point.x.wrapping_mul(factor);
        self.points.iter().filter(right).count()
    }
}

/// A side whose `pass` steps every point once.
fn axpy(
    name: &'static str,
    data: &Rc<RefCell<Points>>,
    pass: impl Fn(&mut [Point]) + 'static,
) -> Side {
    let data = Rc::clone(data);
    Side::new(name, move |repetitions, watch: &mut Stopwatch| {
        let data = &mut *data.borrow_mut();
        watch.time(ITEMS as u64 * repetitions, || {
            for _ in 0..repetitions {
                pass(black_box(&mut data.points));
                data.passes = data.passes.wrapping_add(1);
            }
        });
        wrong(name, ITEMS as u64, data.right() as u64)
    })
}

fn our_axpy(setup: &Setup, data: &Rc<RefCell<Points>>) -> Result<Side, BenchError> {
    let pool = pools::taskweave_placed(setup)?;
    Ok(axpy("taskweave", data, move |points| {
        pool.install(|| taskweave::for_each(points, Point::step));
    }))
}

fn rayon_axpy(setup: &Setup, data: &Rc<RefCell<Points>>) -> Result<Side, BenchError> {
    let pool = pools::rayon_placed(setup)?;
    Ok(axpy("rayon", data, move |points| {
        pool.install(|| points.par_iter_mut().for_each(Point::step));
    }))
}
