//! The summary tree against a plain array of marks; and its threads, while workers come and go and it
//! grows.
#![cfg(not(any(taskweave_loom, taskweave_shuttle)))]

mod support;

use proptest::prelude::*;
use support::{Choices, rounds};
use taskweave_sys::{
    signal::{Set, Signal},
    summary::{SummaryTree, TreeError},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        thread,
    },
    waker::WorkerWaker,
};

fn wakers(count: usize) -> Vec<Arc<WorkerWaker>> {
    (0..count).map(|_| Arc::new(WorkerWaker::new())).collect()
}

fn tree(leaves: usize, workers: usize) -> SummaryTree {
    SummaryTree::new(leaves, wakers(workers)).unwrap()
}

/// What every partition summary has to be: a bit for each group of leaves with a marked word.
fn assert_partitions_are(tree: &SummaryTree, marked: &[bool]) {
    let active =
        |leaf: usize| (0..SummaryTree::LEAF).any(|word| marked[leaf * SummaryTree::LEAF + word]);
    for worker in 0..8 {
        let Ok(waker) = tree.waker(worker) else { break };
        let partition = tree.partition(worker).unwrap();
        let any = partition.clone().any(active);
        assert_eq!(waker.partition_summary() != 0, any, "worker {worker}");
        assert_eq!(waker.status_bits(), (false, any));
        for leaf in partition.clone() {
            assert_eq!(tree.owner(leaf).unwrap(), Some(worker));
            if partition.len() <= 64 {
                let bit = leaf - partition.start;
                assert_eq!(waker.partition_leaf_has_work(bit), Ok(active(leaf)));
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Act {
    Mark(prop::sample::Index),
    Unmark(prop::sample::Index),
    Stale(prop::sample::Index),
    Nearest(prop::sample::Index),
    Workers(usize),
    Grow(usize),
}

fn act() -> impl Strategy<Value = Act> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        6 => index().prop_map(Act::Mark),
        4 => index().prop_map(Act::Unmark),
        1 => index().prop_map(Act::Stale),
        4 => index().prop_map(Act::Nearest),
        1 => (0_usize..6).prop_map(Act::Workers),
        1 => (0_usize..140).prop_map(Act::Grow),
    ]
}

proptest! {
    #[test]
    fn a_tree_is_an_array_of_marks(
        leaves in 1_usize..9,
        acts in prop::collection::vec(act(), 1..120),
    ) {
        let tree = tree(leaves, 5);
        let (full, empty) = (AtomicU64::new(1), AtomicU64::new(0));
        let mut marked = vec![false; tree.words()];
        for act in acts {
            match act {
                Act::Mark(index) => {
                    let word = index.index(marked.len());
                    prop_assert_eq!(tree.mark(word), Ok(!marked[word]));
                    marked[word] = true;
                }
                Act::Unmark(index) => {
                    let word = index.index(marked.len());
                    prop_assert_eq!(tree.unmark_if_empty(word, &empty), Ok(marked[word]));
                    marked[word] = false;
                }
                Act::Stale(index) => {
                    let word = index.index(marked.len());
                    prop_assert_eq!(tree.unmark_if_empty(word, &full), Ok(false));
                }
                Act::Nearest(index) => {
                    let from = index.index(marked.len());
                    let places = (0..marked.len()).filter(|&word| marked[word]);
                    let expected = places.min_by_key(|word| (word.abs_diff(from), *word));
                    prop_assert_eq!(tree.nearest(from), expected);
                    for worker in 0..5 {
                        let own = tree.partition(worker).unwrap();
                        let found = tree.select(worker, from).unwrap();
                        prop_assert!(found.is_none_or(|word| marked[word]));
                        prop_assert_eq!(found.is_none(), expected.is_none());
                        let leaf = SummaryTree::LEAF;
                        let has_own = marked[own.start * leaf..own.end * leaf].contains(&true);
                        prop_assert!(!has_own || found.is_some_and(|word| own.contains(&(word / leaf))));
                    }
                }
                Act::Workers(workers) => {
                    tree.set_workers(workers).unwrap();
                    prop_assert_eq!(tree.workers(), workers);
                }
                Act::Grow(leaves) => {
                    let grown = tree.grow(leaves).unwrap();
                    prop_assert_eq!(grown, tree.leaves());
                    marked.resize(tree.words(), false);
                }
            }
            if tree.workers() > 0 {
                assert_partitions_are(&tree, &marked);
            }
        }
    }
}

#[test]
fn leaves_that_workers_do_not_divide_are_all_somebodys() {
    for leaves in [1, 2, 7, 64, 65, 100, 1000] {
        for workers in 1..8 {
            let tree = tree(leaves, workers);
            let parts: Vec<_> = (0..workers).map(|w| tree.partition(w).unwrap()).collect();
            assert!(parts.iter().cloned().flatten().eq(0..leaves));
            let sizes = parts.iter().map(ExactSizeIterator::len);
            let (least, most) = (sizes.clone().min().unwrap(), sizes.max().unwrap());
            assert!(most - least <= 1, "{parts:?}");
            let words = [0, tree.words() / 2, tree.words() - 1];
            for word in words {
                tree.mark(word).unwrap();
                let owner = tree.owner(word / SummaryTree::LEAF).unwrap().unwrap();
                let waker = tree.waker(owner).unwrap();
                assert!(waker.try_acquire());
                assert!(tree.select(owner, word).unwrap() == Some(word));
            }
        }
    }
}

#[test]
fn what_is_not_there_is_refused() {
    let few = tree(2, 3);
    assert!(few.mark(128).is_err() && few.mark(usize::MAX).is_err());
    assert!(few.unmark_if_empty(128, &AtomicU64::new(0)).is_err());
    assert!(few.owner(2).is_err() && few.leaf_word(2).is_err());
    assert!(few.waker(3).is_err() && few.partition(3).is_err());
    assert!(few.select(3, 0).is_err() && few.sync(3).is_err());
    let refused = few.set_workers(4).unwrap_err();
    assert_eq!((refused.index, refused.limit), (4, 4));
    let most = SummaryTree::MOST_LEAVES;
    let too_many = TreeError::TooManyLeaves {
        leaves: most + 1,
        most,
    };
    assert_eq!(few.grow(most + 1), Err(too_many.clone()));
    assert_eq!(few.leaves(), 2, "nothing has changed");
    assert!(too_many.to_string().contains("use at most"));
    assert!(SummaryTree::new(usize::MAX, []).is_err());
    let one = Arc::new(WorkerWaker::new());
    let many = std::iter::repeat_n(one, 1 << 16);
    assert!(matches!(
        SummaryTree::new(1, many),
        Err(TreeError::TooManyWorkers {
            workers: 65_536,
            ..
        })
    ));
}

#[test]
fn a_tree_may_have_no_leaves_and_no_workers() {
    let tree = tree(0, 1);
    assert_eq!(
        (tree.words(), tree.nearest(0), tree.select(0, 5)),
        (0, None, Ok(None))
    );
    assert!(tree.mark(0).is_err());
    tree.set_workers(0).unwrap();
    assert_eq!(tree.grow(3), Ok(3));
    assert_eq!(tree.mark(100), Ok(true));
    assert_eq!((tree.owner(1), tree.nearest(0)), (Ok(None), Some(100)));
    let waker = Arc::clone(tree.waker(0).unwrap());
    assert_eq!(waker.permits(), 0);
    tree.set_workers(1).unwrap();
    assert_eq!((waker.permits(), waker.partition_summary()), (1, 0b10));
    assert_eq!(tree.sync(0), Ok(true));
    assert_eq!(tree.leaf_word(1).unwrap().load(Ordering::Relaxed), 1 << 36);
    assert!(format!("{tree:?}").contains("leaves: 3"));
}

#[test]
fn a_large_partition_shares_its_bits() {
    let tree = tree(1000, 2);
    let empty = AtomicU64::new(0);
    for leaf in 500..1000 {
        tree.mark(leaf * SummaryTree::LEAF).unwrap();
    }
    let waker = tree.waker(1).unwrap();
    assert_eq!(waker.partition_summary(), u64::MAX);
    for leaf in (500..1000).rev() {
        assert_eq!(tree.nearest(tree.words()), Some(leaf * SummaryTree::LEAF));
        tree.unmark_if_empty(leaf * SummaryTree::LEAF, &empty)
            .unwrap();
    }
    assert_eq!((waker.partition_summary(), waker.status()), (0, 0));
}

/// Words of a tree that grows while producers set their signals; workers sleep on their own wakers, go
/// by `select`, and are told to come and go by another thread. Nothing is found by a timeout.
#[test]
fn no_lost_wakeups_while_workers_come_and_go_and_the_tree_grows() {
    const WORKERS: usize = 3;
    const WORDS: usize = 9 * SummaryTree::LEAF;
    const PRODUCERS: usize = 2;
    struct Bench {
        tree: SummaryTree,
        signals: Vec<Signal>,
        taken: AtomicUsize,
        over: AtomicBool,
    }
    let each = rounds(30_000);
    let bench = Arc::new(Bench {
        tree: tree(1, WORKERS),
        signals: (0..WORDS).map(|_| Signal::new()).collect(),
        taken: AtomicUsize::new(0),
        over: AtomicBool::new(false),
    });
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let bench = Arc::clone(&bench);
            thread::spawn(move || {
                let mut near = 0;
                while !bench.over.load(Ordering::Relaxed) {
                    bench.tree.waker(worker).unwrap().acquire();
                    while let Some(word) = bench.tree.select(worker, near).unwrap() {
                        near = word;
                        let signal = &bench.signals[word];
                        let taken = signal.take().count_ones() as usize;
                        bench.taken.fetch_add(taken, Ordering::Relaxed);
                        bench.tree.unmark_if_empty(word, signal.word()).unwrap();
                    }
                }
            })
        })
        .collect();
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|producer| {
            let bench = Arc::clone(&bench);
            thread::spawn(move || {
                let mut choices = Choices::new(producer as u64);
                let mut set = 0;
                while set < each {
                    let word = choices.below(bench.tree.words());
                    match bench.signals[word].set(producer as u64).unwrap() {
                        Set::First => assert!(bench.tree.mark(word).is_ok()),
                        Set::Joined => {}
                        Set::Already => {
                            thread::yield_now();
                            continue;
                        }
                    }
                    set += 1;
                }
            })
        })
        .collect();
    let mut choices = Choices::new(5);
    for round in 1..=200 {
        // Somebody always has the leaves.
        bench.tree.set_workers(1 + choices.below(WORKERS)).unwrap();
        bench.tree.grow(1 + round / 25).unwrap();
        thread::yield_now();
    }
    for producer in producers {
        producer.join().unwrap();
    }
    // No more marks: whatever is left has to be found by those who were woken for it.
    while bench.taken.load(Ordering::Relaxed) < PRODUCERS * each {
        thread::yield_now();
    }
    bench.over.store(true, Ordering::Relaxed);
    for worker in 0..WORKERS {
        bench.tree.waker(worker).unwrap().release(1);
    }
    for worker in workers {
        worker.join().unwrap();
    }
    assert_eq!(bench.tree.leaves(), 9);
    assert_eq!(bench.tree.nearest(0), None);
    assert!(bench.signals.iter().all(Signal::is_empty), "stranded");
}
