//! Larger casts than loom can take, over random schedules: `cargo test --test shuttle` with `--cfg
//! taskweave_shuttle`.
#![cfg(all(taskweave_shuttle, not(taskweave_loom)))]

mod support;

use std::time::Duration;

use support::{Choices, Node, boxed, unboxed};
use taskweave_sys::{
    countdown::Countdown,
    deque::{self, Steal},
    inbox::{Inbox, Pop},
    parker::Parker,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        thread,
    },
};

const SCHEDULES: usize = 300;

taskweave_sys::thread_local! {
    static VISITS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[test]
fn a_small_pool_finishes_its_work_and_sleeps() {
    shuttle::check_random(
        || {
            let parker = Arc::new(Parker::with_cap(1));
            let inbox = Arc::new(Inbox::new());
            let open = Arc::new(Countdown::new(8));
            let workers: Vec<_> = (0..3)
                .map(|_| {
                    let (parker, inbox, open) =
                        (Arc::clone(&parker), Arc::clone(&inbox), Arc::clone(&open));
                    thread::spawn(move || {
                        while open.outstanding() > 0 {
                            match inbox.try_pop() {
                                Pop::Taken(node) => {
                                    // SAFETY: each node is taken once.
                                    unsafe { Node::unboxed(node) };
                                    VISITS.with(|visits| visits.set(visits.get() + 1));
                                    if open.done(1) {
                                        parker.release(u32::MAX);
                                    }
                                    continue;
                                }
                                Pop::Busy => {
                                    thread::yield_now();
                                    continue;
                                }
                                Pop::Empty => {}
                            }
                            let ticket = parker.prepare();
                            if inbox.is_empty() && open.outstanding() > 0 {
                                ticket.commit();
                            }
                        }
                        VISITS.with(std::cell::Cell::get)
                    })
                })
                .collect();
            let producers: Vec<_> = (0..2)
                .map(|producer| {
                    let (parker, inbox) = (Arc::clone(&parker), Arc::clone(&inbox));
                    thread::spawn(move || {
                        for number in 0..4 {
                            // SAFETY: the node is fresh and lives until it is unboxed.
                            unsafe { inbox.push(Node::boxed(producer, number)) };
                            parker.release(1);
                        }
                    })
                })
                .collect();
            for producer in producers {
                producer.join().unwrap();
            }
            let visits: usize = workers
                .into_iter()
                .map(|worker| worker.join().unwrap())
                .sum();
            assert_eq!(visits, 8);
            assert_eq!(parker.sleepers(), 0);
        },
        SCHEDULES,
    );
}

#[test]
fn thieves_and_an_owner_see_every_element_once() {
    shuttle::check_random(
        || {
            let (owner, stealer) = deque::new(4).unwrap();
            let seen = Arc::new([const { AtomicUsize::new(0) }; 12]);
            let see = |seen: &[AtomicUsize; 12], element| {
                // SAFETY: each element is taken once.
                let element = unsafe { unboxed(element) };
                assert_eq!(seen[element].fetch_add(1, Ordering::Relaxed), 0);
            };
            let thieves: Vec<_> = (0..2)
                .map(|_| {
                    let (stealer, seen) = (stealer.clone(), Arc::clone(&seen));
                    thread::spawn(move || {
                        let (dest, _) = deque::new(2).unwrap();
                        for _ in 0..6 {
                            if let Steal::Taken { first, .. } = stealer.steal_into(&dest, 3) {
                                see(&seen, first);
                            }
                            while let Some(element) = dest.pop() {
                                see(&seen, element);
                            }
                        }
                    })
                })
                .collect();
            let mut choices = Choices::new(3);
            let mut pushed = 0;
            while pushed < 12 {
                match owner.push(boxed(pushed)) {
                    Ok(()) => pushed += 1,
                    Err(full) => {
                        // SAFETY: the refused element is the one boxed above.
                        unsafe { unboxed(full.0) };
                        owner.spill(2, |element| see(&seen, element));
                    }
                }
                owner.publish(choices.below(3));
            }
            while let Some(element) = owner.pop() {
                see(&seen, element);
            }
            for thief in thieves {
                thief.join().unwrap();
            }
            assert!(owner.is_empty() && seen.iter().all(|seen| seen.load(Ordering::Relaxed) == 1));
        },
        SCHEDULES,
    );
}

#[test]
fn timed_sleepers_lose_no_permit() {
    shuttle::check_random(
        || {
            let parker = Arc::new(Parker::with_cap(5));
            let sleepers: Vec<_> = (0..4)
                .map(|_| {
                    let parker = Arc::clone(&parker);
                    thread::spawn(move || parker.prepare().commit_timeout(Duration::from_secs(1)))
                })
                .collect();
            let patient = thread::spawn({
                let parker = Arc::clone(&parker);
                move || parker.prepare().commit()
            });
            for _ in 0..5 {
                parker.release(1);
            }
            let taken = sleepers
                .into_iter()
                .map(|sleeper| sleeper.join().unwrap())
                .filter(|&taken| taken)
                .count();
            patient.join().unwrap();
            assert_eq!(
                (parker.permits() as usize, parker.sleepers()),
                (4 - taken, 0)
            );
        },
        SCHEDULES,
    );
}
