//! The inbox's models.
#![cfg(taskweave_loom)]

mod model;

use std::ptr::NonNull;

use model::{Body, Shared, check};
use taskweave_sys::{
    inbox::{Chain, Inbox, Linked, Pop, Take},
    sync::{
        Arc,
        atomic::{AtomicPtr, AtomicU64, Ordering},
        cell::UnsafeCell,
        thread,
    },
};

struct Node {
    link: AtomicPtr<Node>,
    payload: UnsafeCell<u64>,
}

// SAFETY: the link is a field of the node, computed without a reference to it.
unsafe impl Linked for Node {
    fn link(node: NonNull<Self>) -> NonNull<AtomicPtr<Self>> {
        // SAFETY: a node is valid, so that its field is within it.
        let link = unsafe { &raw mut (*node.as_ptr()).link };
        // SAFETY: a place within a valid node isn't null.
        unsafe { NonNull::new_unchecked(link) }
    }
}

fn node(payload: u64) -> NonNull<Node> {
    let node = Node {
        link: AtomicPtr::new(std::ptr::null_mut()),
        payload: UnsafeCell::new(payload),
    };
    NonNull::from(Box::leak(Box::new(node)))
}

/// Takes everything back from a node: if anyone may still touch it, loom reports a race.
fn consume(node: NonNull<Node>) -> u64 {
    // SAFETY: the node was made by `node` and is out of the queue.
    let mut node = unsafe { Box::from_raw(node.as_ptr()) };
    node.link.with_mut(|link| *link = std::ptr::dangling_mut());
    node.payload.into_inner()
}

fn push(inbox: &Inbox<Node>, payload: u64) {
    // SAFETY: the node is fresh.
    unsafe { inbox.push(node(payload)) };
}

/// Takes until `count` nodes have come, yielding whenever there are none.
fn take(inbox: &Inbox<Node>, count: usize) -> Vec<u64> {
    let mut taken = Vec::new();
    while taken.len() < count {
        match inbox.try_pop() {
            Pop::Taken(node) => taken.push(consume(node)),
            Pop::Empty | Pop::Busy => thread::yield_now(),
        }
    }
    taken
}

fn pushing(inbox: &Shared<Inbox<Node>>, payload: u64) -> Body<Vec<u64>> {
    inbox.body(move |inbox| {
        push(inbox, payload);
        Vec::new()
    })
}

#[test]
fn two_producers_lose_and_double_nothing() {
    check(3, |order| {
        let inbox = Shared::new(Inbox::new());
        let mut taken = order
            .run(vec![
                pushing(&inbox, 1),
                pushing(&inbox, 2),
                inbox.body(|inbox| take(inbox, 2)),
            ])
            .concat();
        taken.sort_unstable();
        assert_eq!(taken, [1, 2]);
        assert!(inbox.is_empty());
        assert!(matches!(inbox.try_pop(), Pop::Empty));
    });
}

#[test]
fn a_producer_stays_in_order_and_a_chain_stays_together() {
    check(2, |order| {
        let inbox = Shared::new(Inbox::new());
        let producer = inbox.body(|inbox| {
            push(inbox, 1);
            let mut chain = Chain::new();
            for payload in [2, 3] {
                // SAFETY: the node is fresh.
                unsafe { chain.push_back(node(payload)) };
            }
            // SAFETY: the nodes live until they are consumed.
            unsafe { inbox.push_chain(chain) };
            Vec::new()
        });
        assert_eq!(
            order
                .run(vec![producer, inbox.body(|inbox| take(inbox, 3))])
                .concat(),
            [1, 2, 3]
        );
    });
}

/// The last node is pushed again as soon as it is taken, while another producer arrives behind it.
#[test]
fn a_taken_node_is_never_touched_again() {
    check(2, |order| {
        let inbox = Shared::new(Inbox::new());
        push(&inbox, 1);
        let consumer = inbox.body(|inbox| {
            let mut again = false;
            let mut taken = Vec::new();
            while taken.len() < 2 {
                match inbox.try_pop() {
                    Pop::Taken(mut node) if !again => {
                        again = true;
                        // SAFETY: the node is out of the queue, thus this thread's alone.
                        let node_mut = unsafe { node.as_mut() };
                        node_mut
                            .link
                            .with_mut(|link| *link = std::ptr::dangling_mut());
                        // SAFETY: as above.
                        unsafe { inbox.push(node) };
                    }
                    Pop::Taken(node) => taken.push(consume(node)),
                    Pop::Empty | Pop::Busy => thread::yield_now(),
                }
            }
            taken
        });
        let mut taken = order.run(vec![consumer, pushing(&inbox, 2)]).concat();
        taken.sort_unstable();
        assert_eq!(taken, [1, 2]);
    });
}

/// Each tries twice, so that one who was refused comes back while the other is still at work.
#[test]
fn two_consumers_never_take_the_same() {
    check(2, |order| {
        let inbox = Shared::new(Inbox::new());
        for payload in [1, 2, 3] {
            push(&inbox, payload);
        }
        let attempts = || {
            inbox.body(|inbox| {
                let attempts = [inbox.try_pop(), inbox.try_pop()];
                let taken = attempts.into_iter().filter_map(|attempt| match attempt {
                    Pop::Taken(node) => Some(consume(node)),
                    Pop::Empty | Pop::Busy => None,
                });
                taken.collect::<Vec<_>>()
            })
        };
        let mut taken = order.run(vec![attempts(), attempts()]).concat();
        while let Pop::Taken(node) = inbox.try_pop() {
            taken.push(consume(node));
        }
        taken.sort_unstable();
        assert_eq!(taken, [1, 2, 3]);
        assert!(inbox.is_empty());
    });
}

#[test]
fn a_batch_taker_a_single_taker_and_a_producer() {
    check(3, |order| {
        let inbox = Shared::new(Inbox::new());
        push(&inbox, 1);
        let producer = inbox.body(|inbox| {
            push(inbox, 2);
            push(inbox, 3);
            Vec::new()
        });
        let batch = inbox.body(|inbox| {
            let mut taken = Vec::new();
            match inbox.try_take(usize::MAX, |node| taken.push(consume(node))) {
                Take::Taken(count) => assert_eq!(taken.len(), count),
                Take::Empty | Take::Busy => assert!(taken.is_empty()),
            }
            assert!(taken.is_sorted());
            taken
        });
        let single = inbox.body(|inbox| match inbox.try_pop() {
            Pop::Taken(node) => vec![consume(node)],
            Pop::Empty | Pop::Busy => Vec::new(),
        });
        let mut taken = order.run(vec![producer, batch, single]).concat();
        while let Pop::Taken(node) = inbox.try_pop() {
            taken.push(consume(node));
        }
        taken.sort_unstable();
        assert_eq!(taken, [1, 2, 3]);
    });
}

/// What a sleeper relies on: once it knows of a push that has returned, `is_empty` doesn't deny it.
#[test]
fn a_finished_push_is_never_overlooked() {
    check(2, |order| {
        let inbox = Shared::new(Inbox::new());
        let pushed = Arc::new(AtomicU64::new(0));
        push(&inbox, 1);
        let producer = inbox.body({
            let pushed = Arc::clone(&pushed);
            move |inbox| {
                push(inbox, 2);
                pushed.store(1, Ordering::Release);
            }
        });
        let consumer = inbox.body(move |inbox| {
            assert_eq!(take(inbox, 1), [1]);
            if pushed.load(Ordering::Acquire) == 1 {
                assert!(!inbox.is_empty());
            }
        });
        order.run(vec![producer, consumer]);
        assert_eq!(take(&inbox, 1), [2]);
    });
}
