//! Counters add up, and a dump says what goes on.

use std::sync::Arc;

use taskweave_core::{Metrics, Shutdown, WorkerMetrics, scope};

use taskweave_testing::{Gate, block_on, builder, each_pool, pool, until, watch};

#[track_caller]
fn consistent(metrics: &Metrics) -> WorkerMetrics {
    let total = metrics.total();
    for (index, (name, sum)) in total.entries().enumerate() {
        let by_hand: u64 = metrics
            .workers
            .iter()
            .map(|worker| worker.entries().nth(index).expect("the same names").1)
            .sum();
        assert_eq!(sum, by_hand, "{name}");
    }
    assert!(total.steals_won <= total.steals_tried);
    assert!(total.run_next <= total.executed);
    assert_eq!(metrics.wakes(), total.wakes_sent + metrics.outside_wakes);
    let text = metrics.to_string();
    for (name, value) in total.entries() {
        assert!(text.contains(name) && text.contains(&value.to_string()));
    }
    total
}

#[test]
fn each_task_is_counted_once_where_it_came_from() {
    let _watch = watch();
    each_pool(|pool| {
        for _ in 0..1000 {
            drop(pool.spawn(|| ()));
        }
        pool.shutdown(Shutdown::Drain, None).unwrap();
        let total = consistent(&pool.metrics());
        assert_eq!(
            (total.pushed_remote, total.pushed_local, total.executed),
            (1000, 0, 1000)
        );
    });
    each_pool(|pool| {
        let inner = Arc::new(pool);
        let pool = Arc::clone(&inner);
        let body = pool.spawn(move || {
            // Before the scope: its wait may cost this thread its slot, and what it submits afterwards comes from outside.
            (0..300).for_each(|_| drop(inner.spawn(|| ())));
            scope(|s| {
                for _ in 0..500 {
                    s.spawn(|| s.spawn(|| ()));
                }
            });
        });
        block_on(body).unwrap();
        pool.shutdown(Shutdown::Drain, None).unwrap();
        let total = consistent(&pool.metrics());
        assert_eq!(
            (total.pushed_remote, total.pushed_local, total.executed),
            (1, 1300, 1301)
        );
    });
}

#[test]
fn bodies_that_lose_their_slot_are_counted_too() {
    let _watch = watch();
    each_pool(|pool| {
        let pool = Arc::new(pool);
        let handles: Vec<_> = (0..50)
            .map(|_| {
                let inner = Arc::clone(&pool);
                pool.spawn(move || inner.spawn_blocking(|| ()).wait().unwrap())
            })
            .collect();
        for handle in handles {
            block_on(handle).unwrap();
        }
        pool.shutdown(Shutdown::Drain, None).unwrap();
        let total = consistent(&pool.metrics());
        assert_eq!((total.pushed_remote, total.executed), (50, 50));
    });
}

#[test]
fn loans_and_overflow_are_counted() {
    let _watch = watch();
    let pool = builder(2).queue_capacity(4).build().unwrap();
    until(|| pool.dump().contains("2 asleep"));
    pool.install(|| scope(|s| (0..100).for_each(|_| s.spawn(|| ()))));
    let metrics = pool.metrics();
    assert_eq!(metrics.borrowed, 1);
    assert!(consistent(&metrics).spilled > 0);
}

#[test]
fn counters_may_be_read_at_any_time() {
    let _watch = watch();
    let pool = pool(3);
    std::thread::scope(|s| {
        let done = Gate::new();
        let over = done.clone();
        let pool = &pool;
        s.spawn(move || {
            let mut last = 0;
            while !over.is_open() {
                let executed = pool.metrics().total().executed;
                assert!(executed >= last, "counters don't go back");
                last = executed;
                assert!(pool.dump().contains("3 workers"));
            }
        });
        for _ in 0..30 {
            pool.scope(|s| (0..1000).for_each(|_| s.spawn(|| ())));
        }
        done.open();
    });
}

#[test]
fn a_dump_tells_what_runs_and_what_waits() {
    let _watch = watch();
    let pool = Arc::new(builder(2).name("weaver").build().unwrap());
    until(|| pool.dump().contains("2 asleep"));
    let gate = Gate::new();
    let hold = gate.clone();
    let awaited = pool.spawn_blocking(move || hold.pass());
    until(|| pool.dump().contains("blocking: 1 running, 0 queued"));
    let (begun, hold) = (Gate::new(), gate.clone());
    let begin = begun.clone();
    let named = pool.task().name("the second").spawn(move || {
        begin.open();
        hold.pass();
    });
    begun.pass();
    let waiter = pool.task().name("the first").spawn(move || {
        awaited.wait().unwrap();
        named.wait().unwrap();
    });
    until(|| pool.dump().contains("waits for"));
    let text = pool.dump();
    assert!(text.contains("pool \"weaver\": open, 2 workers"), "{text}");
    assert!(text.contains("1 without a slot"), "{text}");
    assert!(text.contains("runs a spawn task"), "{text}");
    for queued in 0..10 {
        drop(pool.spawn(move || assert!(queued < 10)));
    }
    // From within, too.
    let inner = Arc::clone(&pool);
    let own = block_on(pool.spawn(move || inner.dump())).unwrap();
    assert!(own.contains("runs a spawn task"), "{own}");
    gate.open();
    block_on(waiter).unwrap();
    assert!(!pool.dump().contains("waits for"));
    pool.shutdown(Shutdown::Drain, None).unwrap();
    assert!(pool.dump().contains("ended"));
}
