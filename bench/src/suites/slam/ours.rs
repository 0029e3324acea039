//! Our side: the library of the SLAM program.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

#[cfg(feature = "slam-peers")]
use taskweave_slam::NormalEquations;
use taskweave_slam::{Options, Problem, SlamError, Solver, default_data_path};

use super::{ITERATIONS, check_map, check_solution};
use crate::{
    error::BenchError,
    harness::{Cpu, Side, Stopwatch, median},
    suites::{Setup, pools},
};

const NAME: &str = "taskweave";

pub(super) fn refused(why: SlamError) -> BenchError {
    BenchError::refused(NAME)(why.into())
}

fn problem() -> Result<Problem, BenchError> {
    Problem::read(default_data_path().map_err(refused)?).map_err(refused)
}

/// On a pool.
pub(super) fn iteration(setup: &Setup) -> Result<Side, BenchError> {
    let pool = pools::taskweave_placed(setup)?;
    let solver = Solver::new(&problem()?, Options::default()).map_err(refused)?;
    Ok(nine(solver, move |solver| solver.iterate(&pool).map(drop)))
}

/// On this thread, in the form that is fastest there.
pub(super) fn iteration_sequential() -> Result<Side, BenchError> {
    let solver = Solver::new(&problem()?, Options::sequential()).map_err(refused)?;
    Ok(nine(solver, |solver| solver.iterate_sequential().map(drop)))
}

fn nine(
    mut solver: Solver,
    mut iterate: impl FnMut(&mut Solver) -> Result<(), SlamError> + 'static,
) -> Side {
    Side::new(NAME, move |_, watch: &mut Stopwatch| {
        solver.reset();
        let cpu = Cpu::start();
        let mut wall = Vec::with_capacity(ITERATIONS);
        for _ in 0..ITERATIONS {
            let started = Instant::now();
            iterate(&mut solver).map_err(refused)?;
            wall.push(started.elapsed().as_nanos() as f64);
        }
        let cpu = cpu.settled() / ITERATIONS as u32;
        watch.add(1, Duration::from_nanos(median(&wall) as u64), cpu);
        check_map(NAME, solver.problem().chi_squared(&solver.poses()))
    })
    .placed()
    .single()
}

/// The system that both sides solve: the one at the guess.
#[cfg(feature = "slam-peers")]
pub(super) fn system() -> Result<NormalEquations, BenchError> {
    let mut solver = Solver::new(&problem()?, Options::sequential()).map_err(refused)?;
    solver.linearise();
    Ok(solver.normal_equations())
}

/// On a pool.
pub(super) fn factor(setup: &Setup) -> Result<Side, BenchError> {
    let pool = pools::taskweave_placed(setup)?;
    let solver = Solver::new(&problem()?, Options::default()).map_err(refused)?;
    Ok(solved(solver, move |solver| {
        solver.factorise_and_solve(&pool)
    }))
}

/// On this thread, in the form that is fastest there.
pub(super) fn factor_sequential() -> Result<Side, BenchError> {
    let solver = Solver::new(&problem()?, Options::sequential()).map_err(refused)?;
    Ok(solved(solver, Solver::factorise_and_solve_sequential))
}

fn solved(
    mut solver: Solver,
    solve: impl Fn(&mut Solver) -> Result<(), SlamError> + 'static,
) -> Side {
    solver.linearise();
    let system = Rc::new(solver.normal_equations());
    Side::new(NAME, move |repetitions, watch: &mut Stopwatch| {
        watch
            .time(repetitions, || {
                (0..repetitions).try_for_each(|_| solve(&mut solver))
            })
            .map_err(refused)?;
        check_solution(NAME, &system, &solver.step())
    })
    .placed()
}
