//! Data that tasks pass on.

use taskweave::graph::{GraphBuilder, GraphError, Next, SlotError, TaskId, reads, writes};

use taskweave_testing::{Random, inside_and_outside, quiet, rounds, watch};

#[test]
fn what_is_written_is_read_behind() {
    let _watch = watch();
    inside_and_outside(|pool| {
        let mut builder = GraphBuilder::new();
        let input = builder.slot("input", 0_u64);
        let halves = [0, 1].map(|i| builder.slot(format!("half {i}"), Vec::new()));
        let output = builder.slot("output", String::new());
        let split = {
            let access = (reads(&input), [writes(&halves[0]), writes(&halves[1])]);
            builder
                .task_with("split", access, |(input, halves)| {
                    for (i, half) in (0..).zip(halves) {
                        half.clear();
                        half.extend((0..*input).filter(|n| n % 2 == i));
                    }
                })
                .unwrap()
        };
        let sort = |builder: &mut GraphBuilder<'_>, i: usize| -> TaskId {
            let access = writes(&halves[i]);
            let body = |half: &mut Vec<u64>| half.sort_by_key(|n| std::cmp::Reverse(*n));
            builder
                .task_with(format!("sort {i}"), access, body)
                .unwrap()
        };
        let sorted = [sort(&mut builder, 0), sort(&mut builder, 1)];
        let access = (halves.each_ref().map(reads), writes(&output));
        let join = builder
            .task_with("join", access, |([even, odd], output)| {
                *output = format!("{even:?} {odd:?}");
            })
            .unwrap();
        for middle in sorted {
            builder.chain([split, middle, join]).unwrap();
        }
        let mut graph = builder.build().unwrap();
        for n in 0..rounds(20, 1_000) as u64 {
            input.replace(n);
            graph.run(pool).unwrap();
            let down = |odd| (0..n).rev().filter(|n| n % 2 == odd).collect::<Vec<_>>();
            assert_eq!(output.get(), format!("{:?} {:?}", down(0), down(1)));
        }
    });
}

#[test]
fn values_are_kept_from_pass_to_pass_and_can_be_taken() {
    let _watch = watch();
    quiet();
    inside_and_outside(|pool| {
        let mut builder = GraphBuilder::new();
        let total = builder.slot("total", 0);
        let parcel = builder.slot("parcel", None::<Box<usize>>);
        let pack = builder
            .task_with("pack", writes(&parcel), |parcel| {
                *parcel = Some(Box::new(7))
            })
            .unwrap();
        let mut pass = 0;
        let unpack = builder
            .task_with(
                "unpack",
                (writes(&parcel), writes(&total)),
                move |(parcel, total)| {
                    *total += *parcel.take().expect("packed before");
                    pass += 1;
                    match pass {
                        2 => panic!("on purpose"),
                        3 => Next::Stop,
                        _ => Next::Continue,
                    }
                },
            )
            .unwrap();
        builder.edge(pack, unpack).unwrap();
        let mut graph = builder.build().unwrap();
        for pass in 1..6 {
            assert_eq!(graph.run(pool).is_err(), pass == 2);
            assert_eq!((total.get(), parcel.get()), (7 * pass, None));
        }
    });
}

fn task(builder: &mut GraphBuilder<'_>, name: &'static str) -> TaskId {
    builder.task(name, || ())
}

#[test]
fn two_writers_or_a_writer_and_a_reader_without_an_order_are_refused() {
    for second_writes in [true, false] {
        for swapped in [true, false] {
            let build = |link: &dyn Fn(&mut GraphBuilder<'_>, TaskId, TaskId)| {
                let mut builder = GraphBuilder::new();
                let slot = builder.slot("slot", 0);
                let add = |builder: &mut GraphBuilder<'_>, writer: bool| {
                    if writer {
                        builder.task_with("writer", writes(&slot), |_| ()).unwrap()
                    } else if second_writes {
                        builder.task_with("other", writes(&slot), |_| ()).unwrap()
                    } else {
                        builder.task_with("other", reads(&slot), |_| ()).unwrap()
                    }
                };
                let first = add(&mut builder, swapped);
                let second = add(&mut builder, !swapped);
                link(&mut builder, first, second);
                builder.build().map(|graph| graph.tasks())
            };
            let error = build(&|_, _, _| ()).unwrap_err();
            let GraphError::Unordered { slot, one, other } = &error else {
                panic!("{error}");
            };
            let mut names = [&**one, &**other];
            names.sort_unstable();
            assert_eq!((&**slot, names), ("slot", ["other", "writer"]));
            assert!(error.to_string().contains("no edges say which comes first"));
            // A common predecessor and successor order nothing.
            let around = build(&|builder, a, b| {
                let (before, after) = (task(builder, "before"), task(builder, "after"));
                builder.chain([before, a, after]).unwrap();
                builder.chain([before, b, after]).unwrap();
            });
            assert!(around.is_err());
            for turn in [true, false] {
                let linked = build(&|builder, a, b| {
                    let (a, b) = if turn { (a, b) } else { (b, a) };
                    let between = task(builder, "between");
                    builder.chain([a, between, b]).unwrap();
                });
                assert_eq!(linked, Ok(3));
            }
        }
    }
    // Readers need no order among themselves.
    let mut builder = GraphBuilder::new();
    let slot = builder.slot("slot", 0);
    for _ in 0..2 {
        builder.task_with("reader", reads(&slot), |_| ()).unwrap();
    }
    builder.build().unwrap();
}

#[test]
fn slots_are_branded_and_named_once_a_task() {
    let mut builder = GraphBuilder::new();
    let slot = builder.slot("slot", 0);
    let foreign = GraphBuilder::new().slot("foreign", 0);
    let error = builder
        .task_with("t", writes(&foreign), |_| ())
        .unwrap_err();
    assert_eq!(error, SlotError::Foreign { task: "t".into() });
    let error = builder
        .task_with("t", (reads(&slot), writes(&slot)), |_| ())
        .unwrap_err();
    let twice = SlotError::Twice {
        task: "t".into(),
        slot: "slot".into(),
    };
    assert_eq!(error, twice);
    assert!(builder.is_empty());
}

/// Random graphs and random users of slots: refused if and only if some two users without an order conflict.
#[test]
fn the_check_agrees_with_a_slow_one() {
    for seed in 0..rounds(300, 20_000) as u64 {
        let mut random = Random::new(seed + 1);
        let n = 2 + random.below(12);
        let mut builder = GraphBuilder::new();
        let slots = [0, 1].map(|i| builder.slot(format!("{i}"), 0));
        let users: Vec<_> = (0..n)
            .map(|_| (random.below(3), random.below(3) == 0))
            .collect();
        let ids: Vec<_> = users
            .iter()
            .map(|&(slot, writer)| match (slots.get(slot), writer) {
                (None, _) => builder.task("none", || ()),
                (Some(slot), true) => builder.task_with("w", writes(slot), |_| ()).unwrap(),
                (Some(slot), false) => builder.task_with("r", reads(slot), |_| ()).unwrap(),
            })
            .collect();
        let mut leads = vec![vec![false; n]; n];
        for from in 0..n {
            for to in from + 1..n {
                if random.below(3) == 0 {
                    builder.edge(ids[from], ids[to]).unwrap();
                    leads[from][to] = true;
                }
            }
        }
        for middle in 0..n {
            for from in 0..n {
                for to in 0..n {
                    leads[from][to] |= leads[from][middle] && leads[middle][to];
                }
            }
        }
        let conflict = (0..n).any(|b| {
            (0..b).any(|a| {
                users[a].0 < 2
                    && users[a].0 == users[b].0
                    && (users[a].1 || users[b].1)
                    && !leads[a][b]
            })
        });
        let refused = matches!(builder.build(), Err(GraphError::Unordered { .. }));
        assert_eq!(refused, conflict, "seed {seed}");
    }
}
