//! The summary tree's models. In a model a leaf has two words, and so has every word above two bits.
#![cfg(taskweave_loom)]

mod model;

use model::{Shared, check};
use taskweave_sys::{signal::Signal, summary::SummaryTree, sync::Arc, waker::WorkerWaker};

const LEAVES: usize = 4;
const WORDS: usize = LEAVES * SummaryTree::LEAF;

struct Desk {
    tree: SummaryTree,
    signals: [Signal; WORDS],
}

impl Desk {
    /// A tree of four leaves and as many wakers, parted among `workers`.
    fn new(workers: usize) -> Self {
        let wakers = (0..LEAVES).map(|_| Arc::new(WorkerWaker::new()));
        let tree = SummaryTree::new(LEAVES, wakers).unwrap();
        tree.set_workers(workers).unwrap();
        Self {
            tree,
            signals: std::array::from_fn(|_| Signal::new()),
        }
    }

    fn publish(&self, word: usize) {
        self.signals[word].set(0).unwrap();
        self.tree.mark(word).unwrap();
    }

    fn unmark(&self, word: usize) {
        let signal = self.signals[word].word();
        self.tree.unmark_if_empty(word, signal).unwrap();
    }

    fn waker(&self, worker: usize) -> &WorkerWaker {
        self.tree.waker(worker).unwrap()
    }

    fn spend_permits(&self) {
        for worker in 0..LEAVES {
            while self.waker(worker).try_acquire() {}
        }
    }
}

/// A word gets a signal while its own stale mark is cleared.
#[test]
fn false_negatives_impossible_of_a_word() {
    check(2, |order| {
        let desk = Desk::new(1);
        desk.tree.mark(0).unwrap();
        desk.spend_permits();
        let desk = Shared::new(desk);
        order.run(vec![
            desk.body(|desk| desk.publish(0)),
            desk.body(|desk| desk.unmark(0)),
        ]);
        assert_eq!(desk.tree.nearest(0), Some(0));
        assert_eq!(desk.tree.select(0, 7).unwrap(), Some(0));
        assert_ne!(desk.waker(0).permits(), 0);
    });
}

/// A word gets a signal while the last mark beside it, and so those above both, are cleared.
#[test]
fn false_negatives_impossible_above() {
    check(2, |order| {
        let desk = Desk::new(1);
        desk.tree.mark(1).unwrap();
        desk.spend_permits();
        let desk = Shared::new(desk);
        order.run(vec![
            desk.body(|desk| desk.publish(0)),
            desk.body(|desk| desk.unmark(1)),
        ]);
        assert_eq!(desk.tree.nearest(WORDS), Some(0));
        assert_eq!(desk.tree.select(0, WORDS).unwrap(), Some(0));
        assert_ne!(desk.waker(0).permits(), 0);
    });
}

/// Both words of a leaf are cleared at once: the last one goes up.
#[test]
fn two_who_clear_leave_nothing_behind() {
    check(2, |order| {
        let desk = Desk::new(1);
        desk.tree.mark(0).unwrap();
        desk.tree.mark(1).unwrap();
        let desk = Shared::new(desk);
        order.run(vec![
            desk.body(|desk| desk.unmark(0)),
            desk.body(|desk| desk.unmark(1)),
        ]);
        assert_eq!(desk.tree.nearest(0), None);
        assert_eq!(desk.waker(0).partition_summary(), 0);
        assert_eq!(desk.waker(0).status_bits(), (false, false));
    });
}

/// The worker goes by its own partition, and sleeps.
#[test]
fn no_lost_wakeups() {
    check(2, |order| {
        let desk = Desk::new(2);
        desk.tree.mark(6).unwrap();
        desk.spend_permits();
        let desk = Shared::new(desk);
        order.run(vec![
            desk.body(|desk| desk.publish(7)),
            desk.body(|desk| {
                desk.unmark(6);
                loop {
                    match desk.tree.select(1, 0).unwrap() {
                        Some(word) if desk.signals[word].take() != 0 => break,
                        _ => desk.waker(1).acquire(),
                    }
                }
            }),
        ]);
    });
}

/// The leaf changes hands while it is marked: the worker that has it in the end knows, and has a
/// permit.
#[test]
fn no_lost_wakeups_while_workers_come() {
    check(2, |order| {
        let desk = Shared::new(Desk::new(1));
        order.run(vec![
            desk.body(|desk| desk.publish(WORDS - 1)),
            desk.body(|desk| desk.tree.set_workers(2).unwrap()),
        ]);
        assert_eq!(desk.tree.owner(LEAVES - 1).unwrap(), Some(1));
        let waker = desk.waker(1);
        assert_eq!(waker.partition_summary(), 0b10);
        assert_ne!(waker.permits(), 0);
    });
}

/// Two workers become four, and the bit of the second worker that stood for leaf 2 stands for leaf 1,
/// which is active. Meanwhile leaf 2 is cleared.
#[test]
fn a_clear_by_yesterdays_partition_is_put_right() {
    check(2, |order| {
        let desk = Desk::new(2);
        desk.publish(2);
        desk.tree.mark(4).unwrap();
        desk.spend_permits();
        let desk = Shared::new(desk);
        order.run(vec![
            desk.body(|desk| desk.unmark(4)),
            desk.body(|desk| desk.tree.set_workers(4).unwrap()),
        ]);
        let waker = desk.waker(1);
        assert_eq!(waker.partition_summary(), 1);
        assert_ne!(waker.permits(), 0);
    });
}

/// As above, but leaf 2 stays active: the bit doesn't change, and its worker must be told that it
/// means something else.
#[test]
fn a_bit_that_means_another_leaf_is_told_again() {
    check(2, |order| {
        let desk = Desk::new(2);
        desk.publish(4);
        desk.spend_permits();
        let desk = Shared::new(desk);
        order.run(vec![
            desk.body(|desk| desk.publish(2)),
            desk.body(|desk| desk.tree.set_workers(4).unwrap()),
        ]);
        for (worker, word) in [(1, 2), (2, 4)] {
            assert_eq!(desk.waker(worker).partition_summary(), 1);
            assert_ne!(desk.waker(worker).permits(), 0, "of worker {worker}");
            assert_eq!(desk.tree.select(worker, 0).unwrap(), Some(word));
        }
    });
}

/// The tree grows while a word is marked; the word changes hands by it.
#[test]
fn no_lost_wakeups_while_the_tree_grows() {
    check(2, |order| {
        let wakers = (0..2).map(|_| Arc::new(WorkerWaker::new()));
        let tree = SummaryTree::new(2, wakers).unwrap();
        let tree = Shared::new(tree);
        order.run(vec![
            tree.body(|tree| assert!(tree.mark(3).unwrap())),
            tree.body(|tree| assert_eq!(tree.grow(4), Ok(4))),
        ]);
        // Leaf 1 was the second worker's, and is the first one's now.
        assert_eq!(tree.owner(1).unwrap(), Some(0));
        let waker = tree.waker(0).unwrap();
        assert_eq!(waker.partition_summary(), 0b10);
        assert_ne!(waker.permits(), 0);
        assert_eq!(tree.nearest(7), Some(3));
    });
}
