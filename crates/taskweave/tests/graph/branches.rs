//! `Next::Branch`: what isn't chosen is skipped, and skips go on as far as no live edge comes in.

use std::sync::Arc;

use taskweave::graph::{EdgeError, Graph, GraphBuilder, Next};
use taskweave_sys::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use taskweave_testing::{Count, Random, inside_and_outside, rounds, watch};

/// What the deciding tasks choose next, and which tasks ran.
#[derive(Clone, Default)]
struct World {
    choice: Arc<AtomicUsize>,
    ran: Arc<std::sync::Mutex<Vec<&'static str>>>,
}

impl World {
    fn body(&self, name: &'static str) -> impl FnMut() + Send + use<> {
        let ran = Arc::clone(&self.ran);
        move || ran.lock().unwrap().push(name)
    }

    fn decide(&self, name: &'static str) -> impl FnMut() -> Next + Send + use<> {
        let (mut body, choice) = (self.body(name), Arc::clone(&self.choice));
        move || {
            body();
            Next::Branch(choice.load(SeqCst))
        }
    }

    fn ran(&self) -> Vec<&'static str> {
        let mut ran = std::mem::take(&mut *self.ran.lock().unwrap());
        ran.sort_unstable();
        ran
    }
}

/// decide → a → a2 ┐
///        → b      ├ join → end, and decide ⟶ always
fn fork(world: &World) -> Graph<'static> {
    let mut builder = GraphBuilder::new();
    let decide = builder.task("decide", world.decide("decide"));
    let [a, a2, b, join, end, always] =
        ["a", "a2", "b", "join", "end", "always"].map(|name| builder.task(name, world.body(name)));
    builder.branches(decide, [a, b]).unwrap();
    builder.edge(decide, always).unwrap();
    builder.chain([a, a2, join, end]).unwrap();
    builder.edge(b, join).unwrap();
    builder.build().unwrap()
}

#[test]
fn the_branch_that_is_chosen_runs_and_the_other_is_skipped() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let world = World::default();
        let mut graph = fork(&world);
        for round in 0..20 {
            world.choice.store(round % 2, SeqCst);
            let report = graph.run(pool).unwrap();
            if round % 2 == 0 {
                assert_eq!(world.ran(), ["a", "a2", "always", "decide", "end", "join"]);
                assert_eq!((report.executed, report.skipped), (6, 1));
            } else {
                assert_eq!(world.ran(), ["always", "b", "decide", "end", "join"]);
                assert_eq!((report.executed, report.skipped), (5, 2));
            }
        }
    });
}

#[test]
fn a_branch_that_does_not_exist_is_an_error_of_the_task() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let world = World::default();
        let mut graph = fork(&world);
        for choice in [2, usize::MAX] {
            world.choice.store(choice, SeqCst);
            let error = graph.run(pool).unwrap_err();
            assert_eq!((error.executed, error.skipped), (1, 6));
            assert_eq!(
                error.to_string(),
                format!(
                    "vertex \"decide\": the task failed: branch {choice} was chosen, but the vertex has 2; the first is branch 0"
                )
            );
            assert_eq!(world.ran(), ["decide"]);
        }
        world.choice.store(0, SeqCst);
        assert_eq!(graph.run(pool).unwrap().executed, 6);
        // Also in a graph without branches.
        let mut builder = GraphBuilder::new();
        builder.task("plain", || Next::Branch(0));
        let error = builder.build().unwrap().run(pool).unwrap_err();
        assert!(error.to_string().contains("has 0"), "{error}");
    });
}

#[test]
fn a_task_that_does_not_choose_takes_all_branches() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let mut builder = GraphBuilder::new();
        let all = builder.task("all", || ());
        let branches = [0, 1, 2].map(|i| builder.task(format!("{i}"), || ()));
        builder.branches(all, branches).unwrap();
        let report = builder.build().unwrap().run(pool).unwrap();
        assert_eq!((report.executed, report.skipped), (4, 0));
    });
}

#[test]
fn branches_are_checked_as_edges_are() {
    let mut builder = GraphBuilder::new();
    let [a, b] = ["a", "b"].map(|name| builder.task(name, || ()));
    let foreign = GraphBuilder::new().task("c", || ());
    assert!(matches!(
        builder.branches(a, [a]),
        Err(EdgeError::SelfEdge { .. })
    ));
    assert!(matches!(
        builder.branches(a, [foreign]),
        Err(EdgeError::Foreign { .. })
    ));
    assert!(matches!(
        builder.branches(a, [b, b]),
        Err(EdgeError::Duplicate { .. })
    ));
    assert!(matches!(
        builder.edge(a, b),
        Err(EdgeError::Duplicate { .. })
    ));
    assert!(
        builder
            .build()
            .unwrap()
            .dot()
            .contains("  0 -> 1 [style=dashed, label=\"0\"];\n")
    );
}

/// Layers of tasks that all decide, with edges at random, against a loop over the vertices in order.
#[test]
fn skips_go_on_as_the_rule_says() {
    let _watch = watch();
    inside_and_outside(|pool| {
        for seed in 0..rounds(20, 2_000) as u64 {
            let mut random = Random::new(seed + 1);
            let n = 2 + random.below(60);
            let choices: Vec<_> = (0..n).map(|_| Arc::new(AtomicUsize::new(0))).collect();
            let runs: Vec<_> = (0..n).map(|_| Count::new()).collect();
            let mut builder = GraphBuilder::new();
            let ids: Vec<_> = (0..n)
                .map(|v| {
                    let (choice, runs) = (Arc::clone(&choices[v]), runs[v].clone());
                    builder.task(format!("{v}"), move || {
                        runs.tick();
                        match choice.load(SeqCst) {
                            usize::MAX => Next::Continue,
                            chosen => Next::Branch(chosen),
                        }
                    })
                })
                .collect();
            let mut edges = vec![Vec::new(); n];
            let mut branches = vec![0; n];
            for from in 0..n {
                for to in from + 1..n {
                    if random.below(n) > 3 {
                        continue;
                    }
                    if random.below(3) == 0 {
                        builder.edge(ids[from], ids[to]).unwrap();
                        edges[from].push((to, None));
                    } else {
                        builder.branches(ids[from], [ids[to]]).unwrap();
                        edges[from].push((to, Some(branches[from])));
                        branches[from] += 1;
                    }
                }
            }
            let mut graph = builder.build().unwrap();
            for _ in 0..5 {
                let mut incoming = vec![(0, 0); n];
                let mut expected = vec![false; n];
                for v in 0..n {
                    let choice = match branches[v] {
                        0 => usize::MAX,
                        some => [random.below(some), usize::MAX][usize::from(random.below(5) == 0)],
                    };
                    choices[v].store(choice, SeqCst);
                    let (all, live) = incoming[v];
                    expected[v] = all == 0 || live > 0;
                    for &(to, branch) in &edges[v] {
                        let chosen = choice == usize::MAX || branch.is_none_or(|b| b == choice);
                        incoming[to].0 += 1;
                        incoming[to].1 += usize::from(expected[v] && chosen);
                    }
                }
                let before: Vec<_> = runs.iter().map(Count::get).collect();
                let report = graph.run(pool).unwrap();
                let ran: Vec<_> = (0..n).map(|v| runs[v].get() == before[v] + 1).collect();
                assert_eq!(ran, expected);
                let executed = ran.iter().filter(|ran| **ran).count();
                assert_eq!((report.executed, report.skipped), (executed, n - executed));
            }
        }
    });
}
