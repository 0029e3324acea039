//! The pool of those who name none: the one they are in, else the global one, which is set once.
#![cfg(not(any(taskweave_loom, taskweave_shuttle)))]

use std::sync::Arc;

use taskweave_core::{BuildError, Pool, for_each, join, map_reduce, scope, spawn};
use taskweave_sys::sync::thread;
use taskweave_testing::{Count, block_on, builder, until, watch};

/// Whether this thread belongs to the pool of that name.
fn in_pool(name: &str) -> bool {
    thread::current()
        .name()
        .is_some_and(|thread| thread.starts_with(name))
}

/// Everything that names no pool, and runs in the one called `name`, where it is not on the thread that calls.
fn everything(name: &'static str) {
    assert!(block_on(spawn(move || in_pool(name))).unwrap(), "{name}");
    let here = thread::current().id();
    let is_right = || in_pool(name) || thread::current().id() == here;
    assert_eq!(join(is_right, is_right), (true, true));
    let wrong = Count::new();
    scope(|s| {
        for _ in 0..50 {
            s.spawn(|| {
                if !is_right() {
                    wrong.tick();
                }
            });
        }
    });
    for_each(0..1000, |_| {
        if !is_right() {
            wrong.tick();
        }
    });
    assert!(map_reduce(0..1000, || true, |_| is_right(), |a, b| a && b));
    assert_eq!(wrong.get(), 0, "{name}");
}

#[test]
fn the_pool_of_those_who_name_none() {
    let _watch = watch();
    builder(2)
        .name("everybodys")
        .build()
        .unwrap()
        .set_global()
        .unwrap();
    assert_eq!(Pool::global().worker_threads(), 2);
    let late = builder(1).name("late").build().unwrap().set_global();
    assert!(matches!(&late, Err(BuildError::GlobalExists)));
    assert!(late.unwrap_err().to_string().contains("once"));
    until(|| !threads_of("late"));
    everything("everybodys");
    std::thread::scope(|s| {
        for _ in 0..3 {
            // Each works in the pool as a guest, and so may run what another one has spawned.
            let guest = std::thread::Builder::new().name("everybodys-guest".to_owned());
            guest.spawn_scoped(s, || everything("everybodys")).unwrap();
        }
    });

    let own = Arc::new(builder(2).name("own").build().unwrap());
    own.install(|| everything("own"));
    block_on(own.spawn(|| everything("own"))).unwrap();
    // On a thread that may block, and after a wait that has given the slot away.
    block_on(own.spawn_blocking(|| everything("own"))).unwrap();
    let inner = Arc::clone(&own);
    let body = own.spawn(move || {
        let pause = || std::thread::sleep(std::time::Duration::from_millis(5));
        inner.spawn_blocking(pause).wait().unwrap();
        everything("own");
        // One pool within another.
        let nested = builder(2).name("nested").build().unwrap();
        nested.install(|| everything("nested"));
        everything("own");
    });
    block_on(body).unwrap();
    everything("everybodys");
}

/// Whether there is a thread of such a name.
fn threads_of(name: &str) -> bool {
    std::fs::read_dir("/proc/self/task")
        .expect("this is Linux")
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .any(|comm| comm.starts_with(name))
}
