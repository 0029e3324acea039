//! The inbox, used by one thread, against a queue.
#![cfg(not(any(taskweave_loom, taskweave_shuttle)))]

mod support;

use std::{collections::VecDeque, ptr::NonNull};

use proptest::prelude::*;
use support::Node;
use taskweave_sys::inbox::{Chain, Inbox, Pop, Take};

#[derive(Clone, Debug)]
enum Step {
    Push,
    PushChain(usize),
    Pop,
    Take(usize),
    /// Takes up to so many and pushes each second one again at once.
    Recirculate(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Push),
        1 => (0..5_usize).prop_map(Step::PushChain),
        3 => Just(Step::Pop),
        1 => (0..9_usize).prop_map(Step::Take),
        1 => (0..9_usize).prop_map(Step::Recirculate),
    ]
}

fn number(node: NonNull<Node>) -> usize {
    // SAFETY: the tests take nodes out of the queue that they made, and unbox each once.
    unsafe { Node::unboxed(node) }.1
}

fn take(inbox: &Inbox<Node>, max: usize) -> Vec<NonNull<Node>> {
    let mut taken = Vec::new();
    let result = inbox.try_take(max, |node| taken.push(node));
    assert_eq!(
        result,
        if taken.is_empty() {
            Take::Empty
        } else {
            Take::Taken(taken.len())
        }
    );
    taken
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_inbox_does_what_a_queue_does(steps in proptest::collection::vec(step(), 0..100)) {
        let inbox = Inbox::new();
        let mut oracle = VecDeque::new();
        let mut pushed = 0;
        let mut node = || {
            pushed += 1;
            (Node::boxed(0, pushed), pushed)
        };
        for step in steps {
            match step {
                Step::Push => {
                    let (node, number) = node();
                    // SAFETY: the node is fresh and lives until it is unboxed.
                    unsafe { inbox.push(node) };
                    oracle.push_back(number);
                }
                Step::PushChain(count) => {
                    let mut chain = Chain::new();
                    for _ in 0..count {
                        let (node, number) = node();
                        // SAFETY: as above.
                        unsafe { chain.push_back(node) };
                        oracle.push_back(number);
                    }
                    prop_assert_eq!((chain.len(), chain.is_empty()), (count, count == 0));
                    // SAFETY: as above.
                    unsafe { inbox.push_chain(chain) };
                }
                Step::Pop => match inbox.try_pop() {
                    Pop::Taken(node) => prop_assert_eq!(Some(number(node)), oracle.pop_front()),
                    Pop::Empty => prop_assert!(oracle.is_empty()),
                    Pop::Busy => prop_assert!(false, "busy without a producer"),
                },
                Step::Take(max) => {
                    let expected: Vec<_> = oracle.drain(..max.min(oracle.len())).collect();
                    let taken: Vec<_> = take(&inbox, max).into_iter().map(number).collect();
                    prop_assert_eq!(taken, expected);
                }
                Step::Recirculate(max) => {
                    let mut second = false;
                    let mut kept = Vec::new();
                    let _ = inbox.try_take(max, |node| {
                        if second {
                            // SAFETY: the node has just been taken.
                            unsafe { inbox.push(node) };
                        } else {
                            kept.push(node);
                        }
                        second = !second;
                    });
                    let mut second = false;
                    let mut expected = Vec::new();
                    for _ in 0..max {
                        let Some(number) = oracle.pop_front() else { break };
                        if second { oracle.push_back(number) } else { expected.push(number) }
                        second = !second;
                    }
                    prop_assert_eq!(kept.into_iter().map(number).collect::<Vec<_>>(), expected);
                }
            }
            prop_assert_eq!(inbox.is_empty(), oracle.is_empty());
        }
        let rest: Vec<_> = take(&inbox, usize::MAX).into_iter().map(number).collect();
        prop_assert_eq!(rest, Vec::from(oracle));
    }
}

#[test]
fn a_chain_gives_its_nodes_back() {
    let mut chain = Chain::new();
    for number in 0..3 {
        // SAFETY: the node is fresh and lives until it is unboxed.
        unsafe { chain.push_back(Node::boxed(0, number)) };
    }
    assert_eq!(chain.pop_front().map(number), Some(0));
    assert_eq!(chain.len(), 2);
    // SAFETY: as above.
    unsafe { chain.push_back(Node::boxed(0, 3)) };
    let rest: Vec<_> = std::iter::from_fn(|| chain.pop_front())
        .map(number)
        .collect();
    assert_eq!(rest, [1, 2, 3]);
    assert!(chain.is_empty());
}

#[test]
fn a_receiver_that_unwinds_leaves_the_inbox_usable() {
    let inbox = Inbox::new();
    for number in 0..3 {
        // SAFETY: the node is fresh and lives until it is unboxed.
        unsafe { inbox.push(Node::boxed(0, number)) };
    }
    let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        inbox.try_take(2, |node| panic!("at {}", number(node)))
    }));
    assert!(unwound.is_err());
    assert_eq!(
        take(&inbox, 9).into_iter().map(number).collect::<Vec<_>>(),
        [1, 2]
    );
}

#[test]
fn taking_none_takes_none() {
    let inbox = Inbox::new();
    // SAFETY: the node is fresh and lives until it is unboxed.
    unsafe { inbox.push(Node::boxed(0, 7)) };
    assert_eq!(
        inbox.try_take(0, |_| panic!("none were asked for")),
        Take::Empty
    );
    assert_eq!(
        take(&inbox, 1).into_iter().map(number).collect::<Vec<_>>(),
        [7]
    );
}

/// Whoever is refused must leave the door as it was, or the second to knock comes in.
#[test]
fn a_receiver_that_knocks_is_refused_each_time() {
    let inbox = Inbox::new();
    for number in 0..3 {
        // SAFETY: the node is fresh and lives until it is unboxed.
        unsafe { inbox.push(Node::boxed(0, number)) };
    }
    let mut taken = Vec::new();
    let result = inbox.try_take(2, |node| {
        taken.push(number(node));
        for _ in 0..3 {
            assert!(matches!(inbox.try_pop(), Pop::Busy));
            assert_eq!(inbox.try_take(1, |_| panic!("let in")), Take::Busy);
        }
    });
    assert_eq!((result, taken), (Take::Taken(2), vec![0, 1]));
    assert_eq!(
        take(&inbox, 1).into_iter().map(number).collect::<Vec<_>>(),
        [2]
    );
}
