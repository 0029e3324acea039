//! What the queues and the parker promise not to do: allocate.
#![cfg(not(any(taskweave_loom, taskweave_shuttle)))]

mod support;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use support::{Node, boxed, unboxed};
use taskweave_sys::{
    deque::{self, Steal},
    inbox::{Chain, Inbox, Pop},
};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's obligations are those of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(act: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    act();
    ALLOCATIONS.get() - before
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
}

#[test]
fn a_deque_in_use_does_not_allocate() {
    let (owner, stealer) = deque::new(64).unwrap();
    let (thief, _) = deque::new(64).unwrap();
    let elements: Vec<_> = (0..64).map(boxed).collect();
    let count = allocations(|| {
        for &element in &elements {
            owner.push(element).unwrap();
        }
        owner.publish_all();
        assert!(matches!(
            stealer.steal_into(&thief, 9),
            Steal::Taken { more: 8, .. }
        ));
        while thief.pop().is_some() {}
        owner.spill(20, |_| {});
        while owner.pop_oldest().is_some() {}
    });
    assert_eq!(count, 0);
    for element in elements {
        // SAFETY: boxed above, and forgotten by the deques.
        unsafe { unboxed(element) };
    }
}

#[test]
fn an_inbox_in_use_does_not_allocate() {
    let inbox = Inbox::new();
    let nodes: Vec<_> = (0..8).map(|number| Node::boxed(0, number)).collect();
    let count = allocations(|| {
        let mut chain = Chain::new();
        for (number, &node) in nodes.iter().enumerate() {
            if number % 2 == 0 {
                // SAFETY: the node lives until it is unboxed below, and is in no other queue.
                unsafe { chain.push_back(node) };
            } else {
                // SAFETY: as above.
                unsafe { inbox.push(node) };
            }
        }
        // SAFETY: as above.
        unsafe { inbox.push_chain(chain) };
        while matches!(inbox.try_pop(), Pop::Taken(_)) {}
    });
    assert_eq!(count, 0);
    for node in nodes {
        // SAFETY: boxed above, and out of the inbox.
        unsafe { Node::unboxed(node) };
    }
}

#[test]
#[cfg(all(target_os = "linux", not(taskweave_portable)))]
fn sleeping_does_not_allocate() {
    use std::time::Duration;

    use taskweave_sys::parker::Parker;

    let parker = Parker::new();
    let count = allocations(|| {
        parker.release(1);
        parker.prepare().commit();
        assert!(!parker.prepare().commit_timeout(Duration::from_micros(50)));
    });
    assert_eq!(count, 0);
}

#[test]
#[cfg(all(target_os = "linux", not(taskweave_portable)))]
fn waking_does_not_allocate() {
    use std::time::Duration;

    use taskweave_sys::{signal::Signal, summary::SummaryTree, sync::Arc, waker::WorkerWaker};

    let wakers = [(); 2].map(|()| Arc::new(WorkerWaker::new()));
    let tree = SummaryTree::new(70, wakers).unwrap();
    let signal = Signal::new();
    let waker = tree.waker(1).unwrap();
    let round = |word: usize| {
        signal.set(3).unwrap();
        tree.mark(word).unwrap();
        waker.mark_active(5).unwrap();
        waker.acquire();
        assert_eq!(tree.select(1, 0).unwrap(), Some(word));
        signal.take();
        tree.unmark_if_empty(word, signal.word()).unwrap();
        waker.try_unmark_if_empty(5, signal.word()).unwrap();
        while waker.acquire_timeout(Duration::from_micros(50)) {}
    };
    let count = allocations(|| {
        for word in [35 * SummaryTree::LEAF, tree.words() - 1] {
            round(word);
        }
        tree.set_workers(1).unwrap();
        tree.set_workers(2).unwrap();
    });
    assert_eq!(count, 0);
    assert_ne!(allocations(|| drop(tree.grow(200))), 0, "growth does");
}
