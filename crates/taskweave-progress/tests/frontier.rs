//! Frontiers: what is held is never passed, and who waits is told.
#![cfg(not(any(taskweave_loom, taskweave_shuttle)))]

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use proptest::prelude::*;
use taskweave_progress::timely::PartialOrder;
use taskweave_progress::timely::order::Product;
use taskweave_progress::{Capability, NotLater, Progress};
use taskweave_sys::sync::atomic::{AtomicUsize, Ordering};
use taskweave_sys::sync::thread;

type Pair = Product<u64, u64>;

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn poll(future: &mut (impl Future<Output = ()> + Unpin), wakes: &Arc<Wakes>) -> Poll<()> {
    Pin::new(future).poll(&mut Context::from_waker(&Waker::from(Arc::clone(wakes))))
}

#[test]
fn times_of_two_dimensions_have_frontiers_of_several_elements() {
    let (progress, root) = Progress::<Pair>::new();
    let one = root.mint(Product::new(1, 5)).unwrap();
    let other = root.mint(Product::new(3, 2)).unwrap();
    drop(root);
    let mut frontier = progress.frontier();
    frontier.sort();
    assert_eq!(
        frontier.elements(),
        [Product::new(1, 5), Product::new(3, 2)]
    );
    assert!(progress.has_passed(&Product::new(2, 4)));
    assert!(!progress.has_passed(&Product::new(2, 5)));
    let told = Arc::new(Wakes::default());
    let mut neither = progress.on_passed(Product::new(3, 5));
    assert_eq!(poll(&mut neither, &told), Poll::Pending);
    drop(one);
    assert_eq!(
        poll(&mut neither, &told),
        Poll::Pending,
        "(3, 2) is before it, too"
    );
    assert_eq!(told.0.load(Ordering::SeqCst), 0);
    drop(other);
    assert_eq!(told.0.load(Ordering::SeqCst), 1);
    assert_eq!(poll(&mut neither, &told), Poll::Ready(()));
    assert!(progress.frontier().is_empty());
}

#[test]
fn a_time_out_of_reach_is_refused_with_the_facts() {
    let (progress, mut root) = Progress::<Pair>::new();
    root.downgrade(Product::new(2, 2)).unwrap();
    let refused = NotLater {
        asked: Product::new(7, 1),
        held: Product::new(2, 2),
    };
    assert_eq!(root.mint(Product::new(7, 1)).unwrap_err(), refused);
    assert_eq!(root.downgrade(Product::new(7, 1)), Err(refused));
    assert_eq!(*root.time(), Product::new(2, 2), "left as it was");
    assert_eq!(progress.frontier().elements(), [Product::new(2, 2)]);
    let (_, mut root) = Progress::<u64>::new();
    root.downgrade(4).unwrap();
    assert_eq!(
        root.mint(3).unwrap_err().to_string(),
        "a capability at 4 can't reach 3: ask for its own time or a later one, or use a capability that is held earlier"
    );
    root.downgrade(4).unwrap();
    root.downgrade(u64::MAX).unwrap();
    assert!(root.mint(u64::MAX).is_ok());
}

#[test]
fn waits_of_threads_end() {
    let (progress, mut root) = Progress::<u64>::new();
    let waiting: Vec<_> = (0..4)
        .map(|time| {
            let progress = progress.clone();
            thread::spawn(move || {
                progress.wait_until_passed(&time);
                assert!(progress.has_passed(&time));
            })
        })
        .collect();
    for time in 1..5 {
        thread::yield_now();
        root.downgrade(time).unwrap();
    }
    for thread in waiting {
        thread.join().unwrap();
    }
}

#[test]
fn a_wait_with_a_time_limit_gives_up_or_not() {
    let (progress, mut root) = Progress::<u64>::new();
    assert!(!progress.wait_timeout(&0, Duration::from_millis(2)));
    assert!(!progress.wait_timeout(&0, Duration::ZERO));
    root.downgrade(1).unwrap();
    assert!(progress.wait_timeout(&0, Duration::ZERO));
    assert!(progress.wait_timeout(&0, Duration::MAX));
}

#[test]
fn a_future_is_woken_once_by_its_last_waker_and_may_be_given_up() {
    let (progress, mut root) = Progress::<u64>::new();
    let (first, last) = (Arc::new(Wakes::default()), Arc::new(Wakes::default()));
    let mut kept = progress.on_passed(3);
    let mut given_up = progress.on_passed(3);
    assert_eq!(poll(&mut kept, &first), Poll::Pending);
    assert_eq!(poll(&mut kept, &last), Poll::Pending);
    assert_eq!(poll(&mut given_up, &first), Poll::Pending);
    drop(given_up);
    assert_eq!(Arc::strong_count(&first), 1, "nobody keeps its waker");
    root.downgrade(3).unwrap();
    assert_eq!(last.0.load(Ordering::SeqCst), 0);
    root.downgrade(4).unwrap();
    root.downgrade(5).unwrap();
    assert_eq!(
        (
            first.0.load(Ordering::SeqCst),
            last.0.load(Ordering::SeqCst)
        ),
        (0, 1)
    );
    assert_eq!(poll(&mut kept, &last), Poll::Ready(()));
    let mut late = progress.on_passed(4);
    assert_eq!(poll(&mut late, &last), Poll::Ready(()), "passed already");
}

#[test]
fn closures_are_called_once_in_the_order_of_times() {
    let (progress, mut root) = Progress::<u64>::new();
    let called = Arc::new(Mutex::new(Vec::new()));
    for time in [5, 1, 3, 9] {
        let called = Arc::clone(&called);
        progress.when_passed(time, move || called.lock().unwrap().push(time));
    }
    root.downgrade(6).unwrap();
    assert_eq!(*called.lock().unwrap(), [1, 3, 5]);
    let again = Arc::clone(&called);
    progress.when_passed(2, move || again.lock().unwrap().push(2));
    drop(root);
    assert_eq!(*called.lock().unwrap(), [1, 3, 5, 2, 9]);
}

/// The closure uses what calls it: no lock is held.
#[test]
fn a_closure_may_mint_wait_and_drop() {
    let (progress, root) = Progress::<u64>::new();
    let held = root.mint(8).unwrap();
    let inner = progress.clone();
    progress.when_passed(3, move || {
        assert!(inner.has_passed(&3));
        let more = held.mint(9).unwrap();
        drop(held);
        inner.wait_until_passed(&8);
        drop(more);
    });
    drop(root);
    assert!(progress.frontier().is_empty());
}

#[test]
fn a_closure_that_panics_keeps_none_of_the_others() {
    let (progress, root) = Progress::<u64>::new();
    let called = Arc::new(Wakes::default());
    for time in 0..4 {
        let called = Arc::clone(&called);
        progress.when_passed(time, move || {
            called.0.fetch_add(1, Ordering::SeqCst);
            if time == 1 {
                std::panic::resume_unwind(Box::new("one of them"));
            }
        });
    }
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(root)));
    assert_eq!(
        dropped.unwrap_err().downcast_ref::<&str>(),
        Some(&"one of them")
    );
    assert_eq!(called.0.load(Ordering::SeqCst), 4);
    assert!(progress.frontier().is_empty());
}

/// A second panic would end the process.
#[test]
fn a_capability_that_is_dropped_while_unwinding_ends_nothing() {
    let (progress, root) = Progress::<u64>::new();
    progress.when_passed(0, || {
        std::panic::resume_unwind(Box::new("from the closure"))
    });
    let unwound = catch_unwind(AssertUnwindSafe(move || {
        let _dropped = root;
        std::panic::resume_unwind(Box::new("from the body"));
    }));
    assert_eq!(
        unwound.unwrap_err().downcast_ref::<&str>(),
        Some(&"from the body")
    );
    assert!(progress.has_passed(&0));
}

#[test]
fn the_count_of_moves_tells_when_to_look() {
    let (progress, mut root) = Progress::<u64>::new();
    let before = progress.moves();
    let copy = root.clone();
    root.downgrade(3).unwrap();
    drop(root);
    assert_eq!(progress.moves(), before, "0 is held all along");
    drop(copy);
    assert_eq!(progress.moves(), before + 1);
}

#[derive(Clone, Debug)]
enum Step {
    Mint(usize, u64, u64),
    Downgrade(usize, u64, u64),
    Drop(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let advance = || (any::<usize>(), 0..3_u64, 0..3_u64);
    prop_oneof![
        3 => advance().prop_map(|(which, outer, inner)| Step::Mint(which, outer, inner)),
        3 => advance().prop_map(|(which, outer, inner)| Step::Downgrade(which, outer, inner)),
        2 => any::<usize>().prop_map(Step::Drop),
    ]
}

proptest! {
    /// The frontier is exactly the least times that are held: it passes nothing that is, and everything else.
    #[test]
    fn a_frontier_passes_what_nobody_holds_and_nothing_else(steps in prop::collection::vec(step(), 0..60)) {
        let (progress, root) = Progress::<Pair>::new();
        let mut held: Vec<Capability<Pair>> = vec![root];
        let calls = Arc::new(Mutex::new(Vec::new()));
        for outer in 0..6 {
            let calls = Arc::clone(&calls);
            progress.when_passed(Product::new(outer, 6), move || calls.lock().unwrap().push(outer));
        }
        for step in steps {
            if held.is_empty() {
                break;
            }
            let count = held.len();
            let later = |time: &Pair, outer, inner| Product::new(time.outer + outer, time.inner + inner);
            match step {
                Step::Mint(which, outer, inner) => {
                    let from = &held[which % count];
                    let minted = from.mint(later(from.time(), outer, inner)).unwrap();
                    held.push(minted);
                }
                Step::Downgrade(which, outer, inner) => {
                    let from = &mut held[which % count];
                    let time = later(from.time(), outer, inner);
                    from.downgrade(time).unwrap();
                }
                Step::Drop(which) => drop(held.swap_remove(which % count)),
            }
            for outer in 0..6 {
                for inner in 0..8 {
                    let time = Product::new(outer, inner);
                    let reachable = held.iter().any(|capability| capability.time().less_equal(&time));
                    prop_assert_eq!(progress.has_passed(&time), !reachable);
                }
                let passed = progress.has_passed(&Product::new(outer, 6));
                let called = calls.lock().unwrap().iter().filter(|call| **call == outer).count();
                prop_assert_eq!(called, usize::from(passed));
            }
        }
    }
}

/// Messages carry capabilities from thread to thread; each thread's frontier may lag, but not pass what is under way.
#[test]
fn what_is_under_way_is_never_passed() {
    const EPOCHS: u64 = 200;
    let (progress, mut root) = Progress::<u64>::new();
    let (sender, receiver) = std::sync::mpsc::channel::<(Capability<u64>, u64)>();
    let receiver = Arc::new(Mutex::new(receiver));
    let done: Arc<Vec<AtomicUsize>> = Arc::new((0..EPOCHS).map(|_| AtomicUsize::new(0)).collect());
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let (receiver, done, progress) =
                (Arc::clone(&receiver), Arc::clone(&done), progress.clone());
            thread::spawn(move || {
                loop {
                    let message = receiver.lock().unwrap().recv();
                    let Ok((capability, epoch)) = message else {
                        return;
                    };
                    assert!(!progress.has_passed(&epoch));
                    done[epoch as usize].fetch_add(1, Ordering::Relaxed);
                    drop(capability);
                }
            })
        })
        .collect();
    for epoch in 0..EPOCHS {
        for _ in 0..5 {
            sender.send((root.mint(epoch).unwrap(), epoch)).unwrap();
        }
        root.downgrade(epoch + 1).unwrap();
    }
    drop((root, sender));
    for epoch in 0..EPOCHS {
        progress.wait_until_passed(&epoch);
        assert_eq!(done[epoch as usize].load(Ordering::Relaxed), 5);
    }
    for worker in workers {
        worker.join().unwrap();
    }
}

/// Each closure moves the frontier, and so has the next one called: two thousand need no more stack than one.
#[test]
fn a_long_line_of_closures_needs_no_deep_stack() {
    const TIMES: u64 = 2_000;
    let (progress, root) = Progress::<u64>::new();
    let called = Arc::new(AtomicUsize::new(0));
    for time in 0..TIMES {
        let next = root.mint(time + 1).unwrap();
        let called = Arc::clone(&called);
        progress.when_passed(time, move || {
            assert_eq!(called.fetch_add(1, Ordering::SeqCst) as u64, time);
            drop(next);
        });
    }
    let small = thread::Builder::new().stack_size(64 << 10);
    let dropped = small.spawn(move || drop(root)).unwrap();
    dropped.join().unwrap();
    assert_eq!(called.load(Ordering::SeqCst) as u64, TIMES);
}
