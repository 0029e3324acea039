//! Queues that overflow lose nothing: a ring of two spills into the inbox, and what is spilled runs once.

use std::sync::Arc;

use taskweave_core::{Pool, join, scope};

use taskweave_testing::{Count, Hits, SIZES, builder, watch};

fn small_pools() -> impl Iterator<Item = Pool> {
    [2, 4, 32].into_iter().flat_map(|capacity| {
        SIZES
            .into_iter()
            .map(move |workers| builder(workers).queue_capacity(capacity).build().unwrap())
    })
}

#[test]
fn top_level_tasks() {
    let _watch = watch();
    for pool in small_pools() {
        let pool = Arc::new(pool);
        let hits = Hits::new(3000);
        let (inner, counted) = (Arc::clone(&pool), Arc::clone(&hits));
        pool.spawn(move || {
            for i in 0..3000 {
                let hits = Arc::clone(&counted);
                drop(inner.spawn(move || hits.hit(i)));
            }
        })
        .wait()
        .unwrap();
        let pool = Arc::into_inner(pool).expect("the body has ended");
        drop(pool);
        hits.assert_each(1);
    }
}

#[test]
fn scoped_closures() {
    let _watch = watch();
    for pool in small_pools() {
        let hits = Hits::new(3000);
        pool.scope(|s| {
            for i in 0..1500 {
                let hits = &hits;
                s.spawn(move || {
                    hits.hit(i);
                    s.spawn(move || hits.hit(1500 + i));
                });
            }
        });
        hits.assert_each(1);
        let capacity = pool.metrics().total().spilled;
        if pool.worker_threads() == 1 {
            assert!(capacity > 0, "a ring of at most 32 has overflown");
        }
    }
}

#[test]
fn branches_of_join_deeper_than_the_ring() {
    let _watch = watch();
    fn depth(n: usize, hits: &Hits) {
        if n > 0 {
            join(|| depth(n - 1, hits), || hits.hit(n - 1));
        }
    }
    for pool in small_pools() {
        let hits = Hits::new(200);
        pool.install(|| depth(200, &hits));
        hits.assert_each(1);
    }
}

#[test]
fn closures_of_a_scope_under_branches_of_join() {
    let _watch = watch();
    fn tree<'a>(n: usize, s: &'a taskweave_core::Scope<'a, '_>, count: &'a Count) {
        if n > 0 {
            join(|| tree(n - 1, s, count), || tree(n - 1, s, count));
            s.spawn(move || {
                count.add();
            });
        }
    }
    for pool in small_pools() {
        let count = Count::new();
        pool.scope(|s| tree(8, s, &count));
        assert_eq!(count.get(), 255);
    }
}

#[test]
fn closures_of_any_size_and_alignment() {
    #[repr(align(128))]
    struct Aligned(u8);
    let _watch = watch();
    for pool in small_pools() {
        let count = Count::new();
        pool.scope(|s| {
            for i in 0..50_u8 {
                let count = &count;
                let (small, medium, large, huge) = ([i; 30], [i; 120], [i; 230], [i; 4000]);
                let aligned = Aligned(i);
                s.spawn(move || assert!(small == [i; 30] && count.add() < 250));
                s.spawn(move || assert!(medium == [i; 120] && count.add() < 250));
                s.spawn(move || assert!(large == [i; 230] && count.add() < 250));
                s.spawn(move || assert!(huge == [i; 4000] && count.add() < 250));
                s.spawn(move || {
                    let aligned = aligned;
                    assert_eq!((&raw const aligned).addr() % 128, 0);
                    assert!(aligned.0 == i && count.add() < 250);
                });
            }
        });
        assert_eq!(count.get(), 250);
    }
}

#[test]
fn closures_without_size() {
    let _watch = watch();
    for pool in small_pools() {
        pool.scope(|s| {
            for _ in 0..1000 {
                s.spawn(|| ());
            }
        });
        pool.install(|| scope(|_| ()));
        pool.install(|| join(|| (), || ()));
    }
}
