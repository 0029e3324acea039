//! Random small pose graphs against dense oracles, and parallel runs against sequential ones.

mod common;

use common::{dense_equations, dense_solve, difference, fine_options, sketches};
use proptest::prelude::*;
use taskweave::Pool;
use taskweave_slam::{NormalEquations, Options, Solver};

/// Failing cases are shown in full: files of seeds would lie about the checkout.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

fn dense(equations: &NormalEquations) -> Vec<Vec<f64>> {
    let mut h = vec![vec![0.0; equations.unknowns()]; equations.unknowns()];
    for (column, span) in equations.column_starts.windows(2).enumerate() {
        for at in span[0]..span[1] {
            h[equations.rows[at]][column] = equations.values[at];
            h[column][equations.rows[at]] = equations.values[at];
        }
    }
    h
}

proptest! {
    #![proptest_config(config(200))]

    /// Linearisation: what the chunks hold is what numerical derivatives give.
    #[test]
    fn normal_equations_match_numerical_derivatives(sketch in sketches(12), options in fine_options()) {
        let problem = sketch.problem();
        let (h, b) = dense_equations(&problem);
        prop_assume!(!b.is_empty());
        let mut solver = Solver::new(&problem, options).unwrap();
        solver.linearise();
        let equations = solver.normal_equations();
        let found = dense(&equations);
        // Residuals near half a turn are not smooth there: a numerical derivative is no oracle then.
        prop_assume!(problem.constraints().iter().all(|c| {
            let (from, to) = (problem.poses()[c.from as usize], problem.poses()[c.to as usize]);
            c.measured.between(from.between(to)).theta.abs() < 3.1
        }));
        prop_assert!(difference(&found.concat(), &h.concat()) < 1e-7);
        prop_assert!(difference(&equations.right_hand_side, &b) < 1e-6);
        for (column, rows) in equations.column_starts.windows(2).enumerate() {
            let rows = &equations.rows[rows[0]..rows[1]];
            prop_assert!(rows.first() == Some(&column) && rows.is_sorted_by(|a, b| a < b), "lower triangle, ascending");
        }
    }

    /// Factorisation and both solves: the step is the dense solution, however the tree is cut.
    #[test]
    fn steps_match_a_dense_solve(sketch in sketches(40), options in fine_options()) {
        let problem = sketch.problem();
        let Ok(mut solver) = Solver::new(&problem, options) else {
            // Two poses, both fixed.
            prop_assert!((0..problem.poses().len()).all(|n| problem.is_fixed(n)));
            return Ok(());
        };
        solver.linearise();
        solver.factorise_and_solve_sequential().unwrap();
        let equations = solver.normal_equations();
        let expected = dense_solve(dense(&equations), equations.right_hand_side.clone());
        prop_assert!(difference(&solver.step(), &expected) < 1e-9);
        prop_assert_eq!(solver.poses(), problem.poses(), "solving alone moves nothing");
        // The expected decrease is gᵀ H⁻¹ g.
        let report = solver.iterate_sequential().unwrap();
        let decrease: f64 = expected.iter().zip(&equations.right_hand_side).map(|(x, b)| x * b).sum();
        prop_assert!((report.expected_decrease - decrease).abs() <= 1e-9 * decrease.abs());
        let chi_squared = problem.chi_squared(problem.poses());
        prop_assert!((report.chi_squared - chi_squared).abs() <= 1e-11 * chi_squared);
    }
}

proptest! {
    #![proptest_config(config(60))]

    /// One thread and several give the same bits, pass after pass.
    #[test]
    fn parallel_runs_give_the_same_bits(sketch in sketches(60), options in fine_options(), workers in 1..4_usize) {
        let problem = sketch.problem();
        let (Ok(mut alone), Ok(mut together)) = (Solver::new(&problem, options.clone()), Solver::new(&problem, options)) else {
            return Ok(());
        };
        let pool = Pool::builder().worker_threads(workers).build().unwrap();
        for _ in 0..4 {
            let (a, b) = (alone.iterate_sequential(), together.iterate(&pool));
            let (Ok(a), Ok(b)) = (a, b) else { break };
            prop_assert_eq!(a.chi_squared.to_bits(), b.chi_squared.to_bits());
            prop_assert_eq!(a.expected_decrease.to_bits(), b.expected_decrease.to_bits());
            prop_assert_eq!(alone.poses(), together.poses());
            prop_assert_eq!(alone.step(), together.step());
        }
        together.linearise();
        together.factorise_and_solve(&pool).unwrap();
        let step = together.step();
        together.factorise_and_solve_sequential().unwrap();
        prop_assert_eq!(step, together.step());
    }

    /// A graph whose measurements agree is solved exactly, from a guess that is a little wrong.
    #[test]
    fn consistent_measurements_are_met(sketch in sketches(25)) {
        let mut sketch = sketch;
        for edge in &mut sketch.edges {
            let at = |id| sketch.poses.iter().find(|(other, _)| *other == id).map(|(_, [x, y, t])| taskweave_slam::Pose::new(*x, *y, *t)).unwrap();
            let seen = at(edge.from).between(at(edge.to));
            edge.measured = [seen.x, seen.y, seen.theta];
        }
        for (n, (_, pose)) in sketch.poses.iter_mut().enumerate() {
            pose[0] += 0.01 * (n % 3) as f64;
            pose[2] -= 0.01 * (n % 2) as f64;
        }
        sketch.fixed.truncate(1);
        let problem = sketch.problem();
        let mut solver = Solver::new(&problem, Options::default()).unwrap();
        let summary = solver.solve_sequential().unwrap();
        prop_assert!(summary.converged && summary.chi_squared < 1e-12, "{summary:?}");
    }
}
