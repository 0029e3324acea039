//! Bodies borrow from the stack, and their captures are dropped once, with the graph.

use std::sync::Mutex;

use taskweave::graph::{Graph, GraphBuilder};

use crate::shapes::Shape;
use taskweave_testing::{Bomb, Count, Dropped, each_size, panic_of, pool, watch};

#[test]
fn bodies_borrow_mutably_from_the_stack() {
    let _watch = watch();
    each_size(|pool| {
        let (mut left, mut right) = (vec![1_u64; 100], [2_u64; 50]);
        let mut total = 0;
        let both = Mutex::new((0, 0));
        {
            let mut builder = GraphBuilder::new();
            let a = builder.task("left", || {
                left.iter_mut().for_each(|x| *x += 1);
                both.lock().unwrap().0 = left.iter().sum();
            });
            let b = builder.task("right", || {
                right.iter_mut().for_each(|x| *x += 1);
                both.lock().unwrap().1 = right.iter().sum();
            });
            let c = builder.task("total", || {
                let (left, right): (u64, u64) = *both.lock().unwrap();
                total += left + right;
            });
            builder.edge(a, c).unwrap();
            builder.edge(b, c).unwrap();
            let mut graph = builder.build().unwrap();
            for _ in 0..10 {
                graph.run(pool).unwrap();
            }
        }
        assert_eq!((left, right), (vec![11; 100], [12; 50]));
        let sums = (1..=10).map(|pass| 100 * (1 + pass) + 50 * (2 + pass));
        assert_eq!(total, sums.sum::<u64>());
    });
}

#[test]
fn bodies_borrow_parts_of_one_slice() {
    let _watch = watch();
    each_size(|pool| {
        let mut data = vec![0_usize; 1_000];
        let mut builder = GraphBuilder::new();
        for (index, chunk) in data.chunks_mut(10).enumerate() {
            builder.task("chunk", move || chunk.fill(index));
        }
        builder.build().unwrap().run(pool).unwrap();
        assert!(data.iter().copied().eq((0..1_000).map(|i| i / 10)));
    });
}

#[test]
fn a_graph_may_be_returned_while_what_it_borrows_lives() {
    let _watch = watch();
    fn build<'env>(count: &'env Count) -> Graph<'env> {
        Shape::fan(10).graph(|_| || count.tick())
    }
    let count = Count::new();
    let mut graph = build(&count);
    graph.run(&pool(2)).unwrap();
    drop(graph);
    assert_eq!(count.get(), 12);
}

#[test]
fn captures_are_dropped_once_whether_or_not_the_graph_ran() {
    let _watch = watch();
    let pool = pool(2);
    for passes in [0, 1, 10] {
        for shape in Shape::all() {
            let drops = Count::new();
            let mut graph = shape.graph(|_| {
                let dropped = Dropped(drops.clone());
                move || {
                    let _captured = &dropped;
                }
            });
            for _ in 0..passes {
                graph.run(&pool).unwrap();
            }
            assert_eq!(drops.get(), 0);
            drop(graph);
            assert_eq!(drops.get(), shape.n);
        }
    }
}

#[test]
fn captures_of_skipped_vertices_are_dropped_once() {
    let _watch = watch();
    each_size(|pool| {
        let drops = Count::new();
        let mut graph = Shape::line(50).graph(|vertex| {
            let dropped = Dropped(drops.clone());
            move || {
                let _captured = &dropped;
                if vertex == 10 {
                    Err("on purpose")
                } else {
                    Ok(())
                }
            }
        });
        for _ in 0..5 {
            assert_eq!(graph.run(pool).unwrap_err().skipped, 39);
        }
        assert_eq!(drops.get(), 0);
        drop(graph);
        assert_eq!(drops.get(), 50);
    });
}

#[test]
fn captures_whose_drop_panics_keep_no_other_from_being_dropped() {
    let _watch = watch();
    let pool = pool(2);
    for passes in [0, 3] {
        let drops = Count::new();
        let mut graph = Shape::fan(20).graph(|vertex| {
            let dropped = Dropped(drops.clone());
            let bomb = (vertex % 3 == 0).then(|| Bomb);
            move || {
                let _captured = (&dropped, &bomb);
            }
        });
        for _ in 0..passes {
            graph.run(&pool).unwrap();
        }
        drop(graph);
        assert_eq!(drops.get(), 22);
    }
}

#[test]
fn a_graph_that_is_never_dropped_does_no_harm() {
    /// Nothing here is ever dropped, nor is it a leak.
    static KEPT: Mutex<Vec<Graph<'static>>> = Mutex::new(Vec::new());
    let _watch = watch();
    each_size(|pool| {
        let count = Count::new();
        let counter = count.clone();
        let mut graph = Shape::fan(20).graph(|_| {
            let counter = counter.clone();
            move || counter.tick()
        });
        graph.run(pool).unwrap();
        KEPT.lock().unwrap().push(graph);
        pool.scope(|s| (0..100).for_each(|_| s.spawn(|| count.tick())));
        assert_eq!(count.get(), 122);
    });
}

#[test]
fn a_graph_is_dropped_by_a_panic_of_its_user() {
    let _watch = watch();
    let pool = pool(2);
    let drops = Count::new();
    let text = panic_of(|| {
        let mut graph = Shape::diamond().graph(|_| {
            let dropped = Dropped(drops.clone());
            move || {
                let _captured = &dropped;
            }
        });
        graph.run(&pool).unwrap();
        panic!("the user on purpose");
    });
    assert_eq!((text.as_str(), drops.get()), ("the user on purpose", 4));
}
