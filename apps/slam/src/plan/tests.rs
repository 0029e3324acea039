use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::options::Options;
use crate::order::Random;
use crate::plan::engine::Engine;
use crate::plan::structure::{Storage, Structure};
use crate::plan::tasks::Plan;
use crate::problem::Problem;

fn w100() -> Problem {
    Problem::read(concat!(env!("CARGO_MANIFEST_DIR"), "/data/w100.graph")).unwrap()
}

fn fine() -> Options {
    Options { grain: 1.5, tile_above: 2.0, tile: 12, ..Options::default() }
}

fn bits(engine: &Engine, problem: &Problem) -> Vec<[u64; 3]> {
    let mut poses = problem.poses.clone();
    engine.read_poses(&mut poses);
    poses.iter().map(|pose| [pose.x, pose.y, pose.theta].map(f64::to_bits)).collect()
}

/// Were an edge missing, some order that the edges allow would give other bits: a task would read what is not there yet.
#[test]
fn every_order_that_the_edges_allow_gives_the_same_bits() {
    let problem = w100();
    let structure = Structure::new(&problem, &fine()).unwrap();
    assert!(structure.groups.iter().filter(|group| group.tiled).count() > 3);
    let plan = Plan::new(&structure, true);
    let engine = Engine::new(&problem, structure);
    let run = |order: &[usize]| {
        engine.set_poses(&problem.poses);
        for _ in 0..2 {
            order.iter().for_each(|&task| engine.perform(plan.operations[task], true).unwrap());
        }
        let totals = engine.totals();
        (bits(&engine, &problem), totals.chi_squared.to_bits(), totals.expected_decrease.to_bits())
    };
    let count = plan.operations.len();
    let expected = run(&(0..count).collect::<Vec<_>>());
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); count];
    plan.edges.iter().for_each(|&(a, b)| after[a as usize].push(b as usize));
    for seed in 1..=60 {
        let mut random = Random(seed * 0x1234_5677);
        let mut waiting = vec![0; count];
        plan.edges.iter().for_each(|&(_, b)| waiting[b as usize] += 1);
        let mut ready: Vec<usize> = (0..count).filter(|&task| waiting[task] == 0).collect();
        let mut order = Vec::new();
        while !ready.is_empty() {
            // Some orders go deep, some go wide, most do neither.
            let next = match seed % 3 {
                0 => ready.len() - 1,
                1 => 0,
                _ => random.next() as usize % ready.len(),
            };
            let task = if seed % 2 == 0 { ready.swap_remove(next) } else { ready.remove(next) };
            order.push(task);
            for &next in &after[task] {
                waiting[next] -= 1;
                if waiting[next] == 0 {
                    ready.push(next);
                }
            }
        }
        assert_eq!(order.len(), count);
        assert!(run(&order) == expected, "seed {seed}");
    }
}

#[test]
fn edges_lead_forward_and_stand_once() {
    let problem = w100();
    for options in [fine(), Options::default(), Options::sequential()] {
        let structure = Structure::new(&problem, &options).unwrap();
        for linearise in [true, false] {
            let plan = Plan::new(&structure, linearise);
            assert!(plan.edges.iter().all(|(a, b)| a < b));
            assert_eq!(plan.edges.iter().collect::<BTreeSet<_>>().len(), plan.edges.len());
            let names: BTreeSet<String> = plan.operations.iter().map(|operation| operation.name()).collect();
            assert_eq!(names.len(), plan.operations.len(), "every task has a name of its own");
        }
    }
}

#[test]
fn modelled_times_are_those_of_schedules() {
    let plan = Plan {
        operations: Vec::new(),
        //            0 ─► 1 ─► 3
        //            └──► 2 ──┘      4
        costs: vec![1.0, 5.0, 2.0, 1.0, 3.0],
        edges: vec![(0, 1), (0, 2), (1, 3), (2, 3)],
    };
    assert_eq!(plan.work(), 12.0);
    assert_eq!(plan.critical_path(), 7.0);
    assert_eq!(plan.makespan(1), 12.0);
    assert_eq!(plan.makespan(2), 7.0);
    assert_eq!(plan.makespan(9), 7.0);
}

/// A pose in the middle and many around it; in the middle stands the pose with this id, and pose 0 is fixed.
fn star(leaves: usize, hub: usize) -> Problem {
    let mut text = String::new();
    for n in 0..=leaves {
        let _ = writeln!(text, "VERTEX2 {n} {} {} 0", n % 100, n / 100);
        if n != hub {
            let (x, y) = ((n % 100) as f64 - (hub % 100) as f64, (n / 100) as f64 - (hub / 100) as f64);
            let _ = writeln!(text, "EDGE2 {hub} {n} {x} {y} 0 1 0 1 1 0 0");
        }
    }
    Problem::parse("star", &text).unwrap()
}

/// The sequential form has one group, so whatever is looked for among its tops or its updates is looked for among as many as there are leaves.
#[test]
fn a_star_is_one_group_for_one_thread_and_its_layout_has_no_waste() {
    let leaves = 50_000;
    for (hub, tops) in [(0, leaves), (7, 1)] {
        let problem = star(leaves, hub);
        let structure = Structure::new(&problem, &Options::sequential()).unwrap();
        assert_eq!(structure.groups.len(), 1);
        assert_eq!(structure.groups[0].tops.len(), tops);
        let Storage::Whole(layout) = &structure.storage[0] else { panic!("tiles in the sequential form") };
        assert_eq!(layout.fronts.len(), structure.symbolic.supernodes.len());
        // Three rows and the right-hand side, padded to a vector, by three columns, for each leaf that isn't the hub's own front.
        let updates = if hub == 0 { 0 } else { layout.fronts.len() - 1 };
        assert_eq!(layout.scratch_length, 24 * updates);
        let engine = Engine::new(&problem, structure);
        let plan = Plan::new(&engine.structure, true);
        assert_eq!(plan.operations.len(), 4, "linearise, factor, backward, reduce");
        plan.operations.iter().for_each(|&operation| engine.perform(operation, true).unwrap());
        assert!(engine.totals().chi_squared < 1e-9 * leaves as f64);
    }
}

/// Which top takes a boundary pose's diagonal is part of the sums' order, and so of the bits: the first that reaches it.
#[test]
fn siblings_that_share_a_task_share_the_poses_above_them() {
    let problem = star(2_000, 7);
    let structure = Structure::new(&problem, &Options::default()).unwrap();
    assert!(structure.groups.iter().any(|group| group.tops.len() > 100));
    let plan = Plan::new(&structure, true);
    assert!(plan.operations.len() < 200, "{}", plan.operations.len());
    let alone = Structure::new(&problem, &Options::sequential()).unwrap();
    let [together, alone] = [structure, alone].map(|structure| {
        let plan = Plan::new(&structure, true);
        let engine = Engine::new(&problem, structure);
        plan.operations.iter().for_each(|&operation| engine.perform(operation, true).unwrap());
        let mut poses = problem.poses.clone();
        engine.read_poses(&mut poses);
        poses
    });
    for (a, b) in together.iter().zip(&alone) {
        assert!((a.x - b.x).abs() + (a.y - b.y).abs() + (a.theta - b.theta).abs() < 1e-9, "{a:?} {b:?}");
    }
}
