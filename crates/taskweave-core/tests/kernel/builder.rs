//! Settings: what they do, and that a bad one is an error which says what may be.

use std::path::Path;
use std::sync::{Arc, Mutex};

use taskweave_core::{BuildError, MAX_WORKERS, Pinning, Pool, PoolBuilder, Priority};
use taskweave_sys::machine::{affinity, topology};
use taskweave_sys::sync::thread;

use taskweave_testing::{Gate, block_on, builder, pool, until, watch};

/// Tries to build a pool, and returns the error's text.
#[track_caller]
fn refused(builder: PoolBuilder) -> String {
    match builder.build() {
        Ok(_) => panic!("it should have been refused"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn numbers_out_of_range() {
    let _watch = watch();
    let cases: [(PoolBuilder, &str); 13] = [
        (
            Pool::builder().worker_threads(0),
            "`worker_threads` is 0; it must be from 1 to 4096",
        ),
        (
            Pool::builder().worker_threads(4097),
            "`worker_threads` is 4097; it must be from 1 to 4096",
        ),
        (
            builder(1).queue_capacity(0),
            "`queue_capacity` is 0; it must be a power of two from 2 to 32768",
        ),
        (
            builder(1).queue_capacity(1),
            "`queue_capacity` is 1; it must be a power of two from 2 to 32768",
        ),
        (
            builder(1).queue_capacity(3),
            "`queue_capacity` is 3; it must be a power of two from 2 to 32768",
        ),
        (
            builder(1).queue_capacity(65_536),
            "`queue_capacity` is 65536; it must be a power of two from 2 to 32768",
        ),
        (
            builder(1).max_blocking(0),
            "`max_blocking` is 0; it must be at least 1",
        ),
        (
            builder(1).stack_size(0),
            "`stack_size` is 0; it must be from 65536 to 9223372036854775807",
        ),
        (
            builder(1).stack_size(65_535),
            "`stack_size` is 65535; it must be from 65536 to 9223372036854775807",
        ),
        (
            builder(1).spin_us(1_000_001),
            "`spin_us` is 1000001; it must be from 0 to 1000000",
        ),
        (
            builder(1).spin_us(u64::MAX),
            "`spin_us` is 18446744073709551615; it must be from 0 to 1000000",
        ),
        (
            builder(1).pinning(Pinning::Explicit(vec![])),
            "`pinning` names no processor; name at least one",
        ),
        (
            builder(1).name("a\0b"),
            "`name` contains a NUL byte; leave it out",
        ),
    ];
    for (builder, text) in cases {
        assert_eq!(refused(builder), text);
    }
    assert_eq!(MAX_WORKERS, 4096);
}

#[test]
fn processors_that_are_not_there() {
    let _watch = watch();
    let own = affinity::current().unwrap();
    // One that this process was merely kept off could be had.
    let is_there = |cpu: &usize| Path::new(&format!("/sys/devices/system/cpu/cpu{cpu}")).exists();
    let absent = (0..)
        .find(|cpu| !own.contains(cpu) && !is_there(cpu))
        .unwrap();
    for list in [vec![absent], vec![own[0], absent], vec![1 << 20]] {
        let bad = *list.last().unwrap();
        let text = refused(builder(1).pinning(Pinning::Explicit(list)));
        assert!(
            text.starts_with(&format!("can't pin a worker to processor {bad}: ")),
            "{text}"
        );
    }
}

#[test]
fn priorities_out_of_range() {
    let _watch = watch();
    for priority in [
        Priority::Nice(-21),
        Priority::Nice(20),
        Priority::Realtime(0),
        Priority::Realtime(100),
    ] {
        let error = builder(1).priority(priority).build().unwrap_err();
        assert!(matches!(&error, BuildError::Priority(_)), "{error}");
        assert!(
            error.to_string().contains(&format!("{priority:?}")),
            "{error}"
        );
        assert!(std::error::Error::source(&error).is_some());
    }
}

#[test]
fn threads_that_cannot_be_had() {
    let _watch = watch();
    // More address space than there is for the fourth thread at the latest; the first ones may start.
    for size in [isize::MAX as usize, 1 << 46, 1 << 45] {
        let error = builder(8).stack_size(size).build().unwrap_err();
        assert!(matches!(&error, BuildError::Spawn(_)), "{error}");
    }
    assert_eq!(pool(2).install(|| 1), 1);
}

#[test]
fn the_default_number_of_workers_is_that_of_the_processors() {
    let _watch = watch();
    let pool = Pool::builder().build().unwrap();
    assert_eq!(pool.worker_threads(), topology::available_cpus());
    assert_eq!(builder(5).build().unwrap().worker_threads(), 5);
}

/// Has `f` called once by each worker's own thread, and returns what it said.
fn on_each_thread<T: Send + 'static>(
    pool: &Pool,
    f: impl Fn() -> T + Clone + Send + 'static,
) -> Vec<T> {
    let (begun, go) = (taskweave_testing::Count::new(), Gate::new());
    let handles: Vec<_> = (0..pool.worker_threads())
        .map(|_| {
            let (f, begun, go) = (f.clone(), begun.clone(), go.clone());
            pool.spawn(move || {
                begun.add();
                go.pass();
                f()
            })
        })
        .collect();
    // Each on a thread of its own, since none has ended.
    until(|| begun.get() == handles.len());
    go.open();
    handles
        .into_iter()
        .map(|handle| block_on(handle).unwrap())
        .collect()
}

#[test]
fn names() {
    let _watch = watch();
    let name = || thread::current().name().map(str::to_owned);
    let pool = builder(3).name("loom").build().unwrap();
    let mut names: Vec<_> = on_each_thread(&pool, name).into_iter().flatten().collect();
    names.sort();
    assert_eq!(names, ["loom-0", "loom-1", "loom-2"]);
    for odd in [
        "",
        "ein Webstuhl aus Übermut, länger als das System es will",
        "🧵",
    ] {
        let pool = builder(1).name(odd).build().unwrap();
        assert_eq!(on_each_thread(&pool, name), [Some(format!("{odd}-0"))]);
        assert!(pool.dump().contains(odd) && format!("{pool:?}").contains(odd));
    }
}

#[test]
fn hooks_know_their_thread() {
    let _watch = watch();
    let started = Arc::new(Mutex::new(Vec::new()));
    let stopped = Arc::new(Mutex::new(Vec::new()));
    let (start, stop) = (Arc::clone(&started), Arc::clone(&stopped));
    let pool = builder(4)
        .on_start(move |index| start.lock().unwrap().push((index, thread::current().id())))
        .on_stop(move |index| stop.lock().unwrap().push((index, thread::current().id())))
        .build()
        .unwrap();
    drop(pool);
    let sorted = |list: &Mutex<Vec<(usize, thread::ThreadId)>>| {
        let mut list = list.lock().unwrap().clone();
        list.sort_by_key(|entry| entry.0);
        list
    };
    let started = sorted(&started);
    assert!(started.iter().map(|entry| entry.0).eq(0..4));
    assert_eq!(started, sorted(&stopped));
}

#[test]
fn stacks_are_as_large_as_asked_for() {
    fn deep(n: usize) -> usize {
        let page = std::hint::black_box([0_u8; 4096]);
        if n == 0 {
            0
        } else {
            1 + deep(n - 1) + usize::from(page[17])
        }
    }
    let _watch = watch();
    let pool = builder(2).stack_size(64 << 20).build().unwrap();
    assert_eq!(on_each_thread(&pool, || deep(8000)), [8000, 8000]);
    let pool = builder(2).stack_size(64 << 10).build().unwrap();
    assert_eq!(on_each_thread(&pool, || 1), [1, 1]);
}

#[test]
fn pinned_workers() {
    let _watch = watch();
    let own = affinity::current().unwrap();
    let here = || affinity::current().unwrap();
    let pool = builder(2)
        .pinning(Pinning::Explicit(vec![own[0]]))
        .build()
        .unwrap();
    assert_eq!(on_each_thread(&pool, here), [[own[0]], [own[0]]]);
    for pinning in [Pinning::Spread, Pinning::Compact] {
        let workers = own.len();
        let pool = builder(workers).pinning(pinning).build().unwrap();
        let mut cpus: Vec<_> = on_each_thread(&pool, here).concat();
        cpus.sort_unstable();
        assert_eq!(cpus, own, "one processor each");
    }
    let pool = builder(2).pinning(Pinning::None).build().unwrap();
    assert_eq!(on_each_thread(&pool, here), [own.clone(), own]);
}

#[test]
fn niceness() {
    let _watch = watch();
    let nice = || {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let fields: Vec<&str> = stat
            .rsplit(')')
            .next()
            .unwrap()
            .split_whitespace()
            .collect();
        fields[16].parse::<i32>().unwrap()
    };
    let own = nice();
    let pool = builder(2).priority(Priority::Nice(19)).build().unwrap();
    assert_eq!(on_each_thread(&pool, nice), [19, 19]);
    assert_eq!(nice(), own, "the probe was on a thread of its own");
}

#[test]
fn a_builder_builds_more_than_one() {
    let _watch = watch();
    let builder = builder(2)
        .name("twin")
        .max_blocked(3)
        .queue_capacity(4)
        .spin_us(0);
    let pools = [
        builder.clone().build().unwrap(),
        builder.clone().build().unwrap(),
    ];
    for pool in pools {
        assert_eq!(pool.worker_threads(), 2);
        assert_eq!(pool.install(|| 5), 5);
    }
    assert!(format!("{builder:?}").contains("twin"));
}
