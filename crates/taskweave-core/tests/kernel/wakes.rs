//! No wake is lost: whatever comes while a worker falls asleep is run all the same.

use std::sync::Arc;
use std::sync::mpsc;

use taskweave_core::{Pool, scope};

use taskweave_testing::{Gate, Random, block_on, builder, busy, rounds, watch};

/// Pools that fall asleep at once, and pools that look around first.
fn pools() -> impl Iterator<Item = Pool> {
    [1, 2, 8].into_iter().flat_map(|workers| {
        [
            builder(workers).spin_us(0).build().unwrap(),
            builder(workers).build().unwrap(),
            builder(workers).spin_us(200).build().unwrap(),
        ]
    })
}

/// A pause in which a worker may or may not fall asleep.
fn pause(random: &mut Random) {
    match random.below(8) {
        0 => std::thread::yield_now(),
        1 => std::thread::sleep(std::time::Duration::from_micros(random.below(60) as u64)),
        _ => {
            busy(random.below(4000) as u32);
        }
    }
}

#[test]
fn single_tasks_from_outside() {
    let _watch = watch();
    for pool in pools() {
        let mut random = Random::new(1);
        let (done, ends) = mpsc::channel();
        for i in 0..rounds(3000, 1_000_000) {
            let done = done.clone();
            drop(pool.spawn(move || done.send(i).unwrap()));
            assert_eq!(ends.recv(), Ok(i));
            pause(&mut random);
        }
    }
}

#[test]
fn single_tasks_that_are_awaited() {
    let _watch = watch();
    for pool in pools() {
        let mut random = Random::new(2);
        for i in 0..rounds(2000, 300_000) {
            assert_eq!(block_on(pool.spawn(move || i)).unwrap(), i);
            pause(&mut random);
        }
    }
}

#[test]
fn tasks_from_two_threads_at_once() {
    let _watch = watch();
    for pool in pools() {
        std::thread::scope(|s| {
            for thread in 0..2 {
                let pool = &pool;
                s.spawn(move || {
                    let mut random = Random::new(3 + thread);
                    let (done, ends) = mpsc::channel();
                    for i in 0..rounds(1500, 300_000) {
                        let done = done.clone();
                        drop(pool.spawn(move || done.send(i).unwrap()));
                        assert_eq!(ends.recv(), Ok(i));
                        pause(&mut random);
                    }
                });
            }
        });
    }
}

#[test]
fn prepared_jobs_from_outside() {
    let _watch = watch();
    for pool in pools() {
        let mut random = Random::new(5);
        let (done, ends) = mpsc::channel();
        let mut job = pool.prepare(move || done.send(()).unwrap());
        for _ in 0..rounds(2000, 300_000) {
            let submission = job.submit().unwrap();
            ends.recv().unwrap();
            if random.below(2) == 0 {
                submission.wait().unwrap();
            } else {
                while !submission.is_finished() {
                    std::hint::spin_loop();
                }
            }
            pause(&mut random);
        }
    }
}

#[test]
fn installed_bodies_that_borrow_a_slot_and_give_it_back() {
    let _watch = watch();
    for pool in pools() {
        std::thread::scope(|s| {
            for thread in 0..2 {
                let pool = &pool;
                s.spawn(move || {
                    let mut random = Random::new(7 + thread);
                    for i in 0..rounds(1000, 200_000) {
                        assert_eq!(pool.install(|| i), i);
                        pool.scope(|s| s.spawn(|| ()));
                        pause(&mut random);
                    }
                });
            }
        });
    }
}

#[test]
fn children_that_come_while_the_others_fall_asleep() {
    let _watch = watch();
    for pool in pools() {
        if pool.worker_threads() == 1 {
            continue;
        }
        let pool = Arc::new(pool);
        pool.install(|| {
            let mut random = Random::new(11);
            for _ in 0..rounds(500, 100_000) {
                let done = Gate::new();
                scope(|s| {
                    // A long kind of body: for others to take.
                    s.spawn(|| {
                        busy(20_000);
                        done.open();
                    });
                    if random.below(2) == 0 {
                        pause(&mut random);
                    } else {
                        done.pass();
                    }
                });
                pause(&mut random);
            }
        });
    }
}
