//! Known answers of the two published graphs, and what is promised about their plan.

use std::path::PathBuf;

use taskweave::Pool;
use taskweave_slam::{Options, Problem, Solver, default_data_path};

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data").join(name)
}

#[test]
fn w100_is_found_in_three_iterations() {
    let problem = Problem::read(data("w100.graph")).unwrap();
    assert_eq!((problem.poses().len(), problem.constraints().len()), (100, 300));
    let guess = problem.chi_squared(problem.poses());
    assert!((guess / 2.0 - 38.5).abs() < 0.05, "{guess}");
    let mut solver = Solver::new(&problem, Options::default()).unwrap();
    for _ in 0..3 {
        solver.iterate_sequential().unwrap();
    }
    let found = problem.chi_squared(&solver.poses());
    assert!((found - 1.137_855).abs() < 1e-6, "{found}");
    assert_eq!(solver.poses()[0], problem.poses()[0], "the first pose is fixed");
}

#[test]
fn w10000_is_found_in_nine_iterations() {
    let problem = Problem::read(default_data_path().unwrap()).unwrap();
    assert_eq!((problem.poses().len(), problem.constraints().len()), (10_000, 64_311));
    let mut solver = Solver::new(&problem, Options::default()).unwrap();
    let summary = solver.solve_sequential().unwrap();
    assert!(summary.converged && summary.iterations.len() == 9, "{summary:?}");
    assert!((summary.chi_squared - 289.734_76).abs() < 1e-4, "{summary:?}");
    let alone = solver.poses();

    solver.reset();
    let pool = Pool::builder().worker_threads(2).build().unwrap();
    let again = solver.solve(&pool).unwrap();
    assert_eq!(again.chi_squared.to_bits(), summary.chi_squared.to_bits());
    for (a, b) in summary.iterations.iter().zip(&again.iterations) {
        assert_eq!(
            (a.chi_squared.to_bits(), a.expected_decrease.to_bits()),
            (b.chi_squared.to_bits(), b.expected_decrease.to_bits())
        );
    }
    assert_eq!(solver.poses(), alone, "one thread and two give the same bits");
}

#[test]
fn the_plan_of_w10000_keeps_its_promises() {
    let problem = Problem::read(data("w10000.graph")).unwrap();
    let solver = Solver::new(&problem, Options::default()).unwrap();
    let statistics = solver.statistics();
    println!("{statistics}");
    assert_eq!((statistics.unknowns, statistics.constraints), (29_997, 64_311));
    // Nested dissection elsewhere: 1.26 million entries and 92 MFLOP.
    assert!(statistics.factor_entries < 1_340_000, "{statistics}");
    assert!(statistics.factor_flops < 102_000_000, "{statistics}");
    assert!((300..3000).contains(&statistics.tasks), "{statistics}");
    assert!(statistics.critical_path * 4 < statistics.work, "{statistics}");
    let (one, two) = (solver.modelled_time(1), solver.modelled_time(2));
    assert!(one.abs_diff(statistics.work).as_micros() < 10);
    assert!(two.as_secs_f64() / one.as_secs_f64() <= 0.55, "{two:?} of {one:?}");
    assert!(solver.modelled_time(8).as_secs_f64() / one.as_secs_f64() <= 0.25);
}

#[test]
fn the_normal_equations_of_w10000_are_solved_to_rounding() {
    let problem = Problem::read(data("w10000.graph")).unwrap();
    let mut solver = Solver::new(&problem, Options::default()).unwrap();
    solver.linearise();
    solver.factorise_and_solve_sequential().unwrap();
    let (equations, step) = (solver.normal_equations(), solver.step());
    let largest = |values: &[f64]| values.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
    let product = equations.multiply(&step);
    let residual: Vec<f64> = product.iter().zip(&equations.right_hand_side).map(|(p, b)| p - b).collect();
    let scale = largest(&equations.values) * largest(&step);
    assert!(largest(&residual) < 1e-14 * scale, "{:e} of {scale:e}", largest(&residual));

    // However the tree is cut, it is the same system.
    let mut whole = Solver::new(&problem, Options::sequential()).unwrap();
    whole.linearise();
    assert_eq!(whole.normal_equations().rows, equations.rows);
    whole.factorise_and_solve_sequential().unwrap();
    let difference: Vec<f64> = whole.step().iter().zip(&step).map(|(a, b)| a - b).collect();
    assert!(largest(&difference) < 1e-7 * largest(&step), "{:e} of {:e}", largest(&difference), largest(&step));
}

#[test]
fn the_graph_can_be_drawn() {
    let problem = Problem::read(data("w100.graph")).unwrap();
    let mut options = Options::default();
    (options.grain, options.tile_above, options.tile) = (2.0, 2.0, 24);
    let solver = Solver::new(&problem, options).unwrap();
    let dot = solver.dot().unwrap();
    let statistics = solver.statistics();
    assert_eq!(dot.matches("label=").count(), statistics.tasks);
    assert_eq!(dot.matches(" -> ").count(), statistics.edges);
    for kind in ["linearise", "factor", "assemble", "solve", "update", "backward", "reduce"] {
        assert!(dot.contains(kind), "no task called {kind}");
    }
}
