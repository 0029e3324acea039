//! Graphs of extreme shapes: they are cut into sensible tasks, and one thread and two agree.

use std::fmt::Write as _;

use taskweave::Pool;
use taskweave_slam::{Options, Problem, Solver};

fn graph(count: usize, at: impl Fn(usize) -> (f64, f64), edges: impl Iterator<Item = (usize, usize)>) -> Problem {
    let mut text = String::new();
    for n in 0..count {
        let (x, y) = at(n);
        let _ = writeln!(text, "VERTEX2 {n} {} {y} {}", x + 0.01 * (n % 5) as f64, 0.001 * (n % 7) as f64);
    }
    for (a, b) in edges {
        let ((ax, ay), (bx, by)) = (at(a), at(b));
        let _ = writeln!(text, "EDGE2 {a} {b} {} {} 0 1 0 1 1 0 0", bx - ax, by - ay);
    }
    Problem::parse("shape", &text).unwrap()
}

/// Solves on one thread and on two; how many tasks an iteration has.
fn solve(problem: &Problem) -> usize {
    let mut solver = Solver::new(problem, Options::default()).unwrap();
    let alone = solver.solve_sequential().unwrap();
    assert!(alone.converged && alone.chi_squared < 1e-9, "{alone:?}");
    let poses = solver.poses();
    solver.reset();
    let pool = Pool::builder().worker_threads(2).build().unwrap();
    let together = solver.solve(&pool).unwrap();
    assert_eq!(alone.chi_squared.to_bits(), together.chi_squared.to_bits());
    assert_eq!(poses, solver.poses());
    solver.statistics().tasks
}

fn on_a_line(n: usize) -> (f64, f64) {
    (n as f64, 0.0)
}

#[test]
fn a_chain_with_loops() {
    let chain = (1..2000).map(|n| (n - 1, n)).chain((30..2000).step_by(10).map(|n| (n - 30, n)));
    let tasks = solve(&graph(2000, on_a_line, chain));
    assert!(tasks < 200, "{tasks}");
}

#[test]
fn a_star_around_the_fixed_pose_is_many_trees() {
    let tasks = solve(&graph(5000, on_a_line, (1..5000).map(|n| (0, n))));
    assert!(tasks < 200, "siblings share tasks: {tasks}");
}

#[test]
fn a_star_around_a_free_pose_is_one_front_with_many_children() {
    let tasks = solve(&graph(5000, on_a_line, (0..5000).filter(|&n| n != 7).map(|n| (7, n))));
    assert!(tasks < 200, "siblings share tasks: {tasks}");
}

#[test]
fn a_clique_is_one_front_in_tiles() {
    let at = |n: usize| ((n % 20) as f64, (n / 20) as f64);
    let problem = graph(120, at, (0..120).flat_map(|a| (0..a).map(move |b| (a, b))));
    let tasks = solve(&problem);
    let statistics = Solver::new(&problem, Options::default()).unwrap().statistics();
    assert_eq!((statistics.fronts, statistics.tiled_fronts, statistics.largest_front), (1, 1, 357));
    assert!((50..500).contains(&tasks), "{tasks}");
}

#[test]
fn every_other_pose_fixed() {
    let mut text = String::new();
    for n in 0..400 {
        let _ = writeln!(text, "VERTEX_SE2 {n} {} 0 0\nFIX {}", n as f64 + 0.1 * (n % 2) as f64, n / 2 * 2);
    }
    for n in 1..400 {
        let _ = writeln!(text, "EDGE_SE2 {n} {} -1 0 0 1 0 0 1 0 1", n - 1);
    }
    let problem = Problem::parse("fixed", &text).unwrap();
    assert!(solve(&problem) < 20);
    let solver = Solver::new(&problem, Options::default()).unwrap();
    assert_eq!(solver.statistics().unknowns, 3 * 200);
}
