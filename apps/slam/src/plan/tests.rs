use std::collections::BTreeSet;

use crate::options::Options;
use crate::order::Random;
use crate::plan::engine::Engine;
use crate::plan::structure::Structure;
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
