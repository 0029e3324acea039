//! Threads at work for a while on each lock-free part.
#![cfg(not(any(taskweave_loom, taskweave_shuttle)))]

mod support;

use std::ptr::NonNull;

use support::{Choices, Node, boxed, rounds, unboxed};
use taskweave_sys::{
    countdown::{Biased, Countdown, Latch},
    deque::{self, Owner, Steal},
    futex,
    inbox::{Chain, Inbox, Pop, Take},
    parker::Parker,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
        thread,
    },
};

fn consume(element: NonNull<usize>, seen: &mut Vec<usize>) {
    // SAFETY: the tests box each element once and take it from the deque.
    seen.push(unsafe { unboxed(element) });
}

#[test]
fn an_owner_and_two_thieves_see_every_element_once() {
    for capacity in [2, 8, 256] {
        let total = rounds(200_000);
        let (owner, stealer) = deque::new(capacity).unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let thieves = [1, 2].map(|seed| {
            let (stealer, over) = (stealer.clone(), Arc::clone(&over));
            thread::spawn(move || {
                let mut choices = Choices::new(seed);
                let (dest, _) = deque::new(8).unwrap();
                let mut seen = Vec::new();
                loop {
                    // Acquire: pairs with the owner's Release; all it left is public by then.
                    let last_look = over.load(Ordering::Acquire);
                    match stealer.steal_into(&dest, choices.below(10)) {
                        Steal::Taken { first, .. } => consume(first, &mut seen),
                        Steal::Busy => thread::yield_now(),
                        Steal::Empty if last_look && stealer.is_empty() => return seen,
                        Steal::Empty => thread::yield_now(),
                    }
                    while let Some(element) = dest.pop() {
                        consume(element, &mut seen);
                    }
                }
            })
        });
        let mut seen = Vec::new();
        own(&owner, total, &mut seen);
        owner.publish_all();
        // Release: pairs with the thieves' Acquire.
        over.store(true, Ordering::Release);
        for thief in thieves {
            seen.extend(thief.join().unwrap());
        }
        assert!(owner.is_empty());
        seen.sort_unstable();
        assert!(
            seen.into_iter().eq(0..total),
            "an element was lost or doubled"
        );
    }
}

fn own(owner: &Owner<usize>, total: usize, seen: &mut Vec<usize>) {
    let mut choices = Choices::new(7);
    let mut pushed = 0;
    while pushed < total {
        match choices.below(8) {
            0..=3 => match owner.push(boxed(pushed)) {
                Ok(()) => pushed += 1,
                Err(full) => {
                    // SAFETY: the refused element is the one boxed above.
                    unsafe { unboxed(full.0) };
                    owner.spill(owner.capacity() / 2, |element| consume(element, seen));
                }
            },
            4 => {
                if let Some(element) = owner.pop() {
                    consume(element, seen);
                }
            }
            5 => {
                if let Some(element) = owner.pop_oldest() {
                    consume(element, seen);
                }
            }
            6 => {
                owner.publish(choices.below(4));
            }
            _ => {
                let mark = owner.position();
                let before = pushed;
                match owner.push(boxed(pushed)) {
                    Ok(()) => pushed += 1,
                    // SAFETY: the refused element is the one boxed above.
                    Err(full) => drop(unsafe { unboxed(full.0) }),
                }
                owner.publish_all();
                if let Some(element) = owner.pop_above(mark) {
                    let mut above = Vec::new();
                    consume(element, &mut above);
                    assert_eq!(above, [before]);
                    seen.extend(above);
                }
            }
        }
    }
}

#[test]
fn producers_and_consumers_of_an_inbox_keep_each_producers_order() {
    const PRODUCERS: usize = 3;
    let each = rounds(100_000);
    let inbox = Arc::new(Inbox::new());
    let left = Arc::new(AtomicUsize::new(PRODUCERS * each));
    let producers = [0, 1, 2].map(|producer| {
        let inbox = Arc::clone(&inbox);
        thread::spawn(move || {
            let mut choices = Choices::new(producer as u64);
            let mut number = 0;
            while number < each {
                if choices.below(4) == 0 {
                    let mut chain = Chain::new();
                    for _ in 0..choices.below(5).min(each - number) {
                        // SAFETY: the node is fresh and lives until it is unboxed.
                        unsafe { chain.push_back(Node::boxed(producer, number)) };
                        number += 1;
                    }
                    // SAFETY: as above.
                    unsafe { inbox.push_chain(chain) };
                } else {
                    // SAFETY: as above.
                    unsafe { inbox.push(Node::boxed(producer, number)) };
                    number += 1;
                }
            }
        })
    });
    let consumers = [5, 16].map(|most| {
        let (inbox, left) = (Arc::clone(&inbox), Arc::clone(&left));
        thread::spawn(move || {
            let mut seen = [const { Vec::new() }; PRODUCERS];
            let mut choices = Choices::new(most as u64);
            while left.load(Ordering::Relaxed) > 0 {
                let receive = |node| {
                    // SAFETY: each node is taken once.
                    let (producer, number) = unsafe { Node::unboxed(node) };
                    seen[producer].push(number);
                };
                match inbox.try_take(choices.below(most), receive) {
                    Take::Taken(count) => drop(left.fetch_sub(count, Ordering::Relaxed)),
                    Take::Empty | Take::Busy => thread::yield_now(),
                }
            }
            seen
        })
    });
    for producer in producers {
        producer.join().unwrap();
    }
    let seen = consumers.map(|consumer| consumer.join().unwrap());
    for producer in 0..PRODUCERS {
        let [one, two] = seen.each_ref().map(|seen| &seen[producer]);
        assert!(one.is_sorted() && two.is_sorted(), "out of order");
        let mut all = [one.as_slice(), two].concat();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..each), "a node was lost or doubled");
    }
    assert!(inbox.is_empty());
}

/// A node goes back and forth between two inboxes, always the last node of the one it leaves.
#[test]
fn a_single_node_commutes() {
    let inboxes = Arc::new([Inbox::new(), Inbox::new()]);
    // SAFETY: the node is fresh and lives until it is unboxed.
    unsafe { inboxes[0].push(Node::boxed(0, 0)) };
    let commuters = [0, 1].map(|from| {
        let inboxes = Arc::clone(&inboxes);
        thread::spawn(move || {
            let mut trips = 0;
            while trips < rounds(50_000) {
                match inboxes[from].try_pop() {
                    Pop::Taken(node) => {
                        // SAFETY: the node has just been taken.
                        unsafe { inboxes[1 - from].push(node) };
                        trips += 1;
                    }
                    Pop::Empty | Pop::Busy => thread::yield_now(),
                }
            }
        })
    });
    for commuter in commuters {
        commuter.join().unwrap();
    }
    let Pop::Taken(node) = inboxes[0].try_pop() else {
        panic!("the node is lost")
    };
    // SAFETY: the node was made above, and is taken for the last time.
    assert_eq!(unsafe { Node::unboxed(node) }, (0, 0));
}

#[test]
fn nobody_oversleeps_a_ping_pong() {
    let parkers = Arc::new([Parker::with_cap(1), Parker::with_cap(1)]);
    let player = thread::spawn({
        let parkers = Arc::clone(&parkers);
        move || {
            for _ in 0..rounds(20_000) {
                parkers[0].prepare().commit();
                parkers[1].release(1);
            }
        }
    });
    for _ in 0..rounds(20_000) {
        parkers[0].release(1);
        parkers[1].prepare().commit();
    }
    player.join().unwrap();
    for parker in parkers.iter() {
        assert_eq!((parker.permits(), parker.sleepers()), (0, 0));
    }
}

/// Work is a counter; workers sleep when they find it at zero, and everybody is waited for.
#[test]
fn all_work_gets_done_though_workers_sleep() {
    let total = rounds(100_000);
    let parker = Arc::new(Parker::with_cap(1));
    let work = Arc::new(AtomicUsize::new(0));
    let open = Arc::new(Countdown::new(total));
    let workers = [(); 3].map(|()| {
        let (parker, work, open) = (Arc::clone(&parker), Arc::clone(&work), Arc::clone(&open));
        thread::spawn(move || {
            while open.outstanding() > 0 {
                // Relaxed: the parker orders what matters here.
                let take = |work: usize| work.checked_sub(1);
                if work
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
                    .is_ok()
                {
                    if open.done(1) {
                        // The others may sleep.
                        parker.release(u32::MAX);
                    }
                    continue;
                }
                let ticket = parker.prepare();
                if work.load(Ordering::Relaxed) == 0 && open.outstanding() > 0 {
                    ticket.commit();
                }
            }
        })
    });
    for round in 0..total {
        work.fetch_add(1, Ordering::Relaxed);
        parker.release(1);
        if round % 64 == 0 {
            thread::yield_now();
        }
    }
    for worker in workers {
        worker.join().unwrap();
    }
    assert_eq!((work.load(Ordering::Relaxed), parker.sleepers()), (0, 0));
}

#[test]
fn timeouts_and_permits_add_up() {
    let parker = Arc::new(Parker::with_cap(u32::MAX));
    let sleepers = [1, 20, 50].map(|micros| {
        let parker = Arc::clone(&parker);
        thread::spawn(move || {
            let time = std::time::Duration::from_micros(micros);
            (0..rounds(3_000))
                .filter(|_| parker.prepare().commit_timeout(time))
                .count()
        })
    });
    let released = rounds(5_000);
    for _ in 0..released {
        parker.release(1);
        thread::yield_now();
    }
    let taken: usize = sleepers.map(|sleeper| sleeper.join().unwrap()).iter().sum();
    assert_eq!(
        (taken + parker.permits() as usize, parker.sleepers()),
        (released, 0)
    );
}

#[test]
fn a_futex_hands_over() {
    let word = Arc::new(AtomicU32::new(0));
    let other = thread::spawn({
        let word = Arc::clone(&word);
        move || {
            for turn in 0..rounds(10_000) as u32 {
                while word.load(Ordering::Acquire) != 2 * turn + 1 {
                    futex::wait(&word, 2 * turn, None);
                }
                word.store(2 * turn + 2, Ordering::Release);
                futex::wake(&word, 1);
            }
        }
    });
    for turn in 0..rounds(10_000) as u32 {
        word.store(2 * turn + 1, Ordering::Release);
        futex::wake(&word, 1);
        while word.load(Ordering::Acquire) != 2 * turn + 2 {
            futex::wait(&word, 2 * turn + 1, None);
        }
    }
    other.join().unwrap();
}

#[test]
fn a_scope_of_biased_counts_ends_once() {
    for round in 0..rounds(2_000) {
        let shared = Arc::new((Biased::new(), Latch::new(), Parker::with_cap(1)));
        let children: Vec<_> = (0..3)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    let (count, latch, parker) = &*shared;
                    count.remote_add(1);
                    let ended = count.done(2);
                    if ended && latch.set() {
                        parker.release(1);
                    }
                    ended
                })
            })
            .collect();
        let (count, latch, parker) = &*shared;
        let settled = count.owner_settle(3);
        if !settled && latch.prepare_wait() {
            parker.prepare().commit();
        }
        let ended = children
            .into_iter()
            .map(|child| child.join().unwrap())
            .filter(|&ended| ended)
            .count();
        assert_eq!(ended + usize::from(settled), 1, "round {round}");
        assert!(settled || latch.probe());
    }
}
