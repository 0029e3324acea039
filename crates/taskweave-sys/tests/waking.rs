//! What the waker says, seen by one thread or two: every method, and every index that isn't there.
#![cfg(not(any(taskweave_loom, taskweave_shuttle)))]

use std::{
    num::NonZero,
    panic::{RefUnwindSafe, UnwindSafe},
    time::Duration,
};

use taskweave_sys::{
    signal::{Set, Signal, nearest},
    summary::SummaryTree,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        thread,
    },
    waker::WorkerWaker,
};

const PARTITION: u64 = 1 << 62;
const YIELD: u64 = 1 << 63;

fn spend(waker: &WorkerWaker) -> u64 {
    let mut spent = 0;
    while waker.try_acquire() {
        spent += 1;
    }
    spent
}

fn leaves<const N: usize>(words: [u64; N]) -> [AtomicU64; N] {
    words.map(AtomicU64::new)
}

/// Starts a thread and waits until it is announced as a sleeper.
fn sleeper<R: Send + 'static>(
    waker: &Arc<WorkerWaker>,
    sleep: impl FnOnce(&WorkerWaker) -> R + Send + 'static,
) -> thread::JoinHandle<R> {
    let before = waker.sleepers();
    let sleeper = thread::spawn({
        let waker = Arc::clone(waker);
        move || sleep(&waker)
    });
    while waker.sleepers() == before {
        thread::yield_now();
    }
    sleeper
}

#[test]
fn wakers_go_everywhere() {
    fn anywhere<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}
    fn by_default<T: Default>() {}
    anywhere::<WorkerWaker>();
    anywhere::<SummaryTree>();
    anywhere::<Signal>();
    by_default::<WorkerWaker>();
    by_default::<Signal>();
    static ONE: WorkerWaker = WorkerWaker::new();
    ONE.release(1);
    assert!(ONE.try_acquire());
}

#[test]
fn a_new_waker_says_nothing() {
    let waker = WorkerWaker::default();
    assert_eq!(waker.status(), 0);
    assert_eq!(waker.status_bits(), (false, false));
    assert_eq!((waker.snapshot_summary(), waker.summary_bits()), (0, 0));
    assert_eq!(waker.summary_select(0), None);
    assert_eq!((waker.permits(), waker.sleepers()), (0, 0));
    assert_eq!(
        (waker.get_worker_count(), waker.partition_summary()),
        (0, 0)
    );
    assert!(!waker.try_acquire());
    let shown = format!("{waker:?}");
    assert!(shown.contains("permits: 0"), "{shown}");
}

#[test]
fn a_mark_adds_a_permit_if_it_is_new_and_leaves_one_if_it_is_not() {
    let waker = WorkerWaker::new();
    assert_eq!(waker.mark_active(3), Ok(true));
    assert_eq!(waker.mark_active(61), Ok(true));
    assert_eq!(waker.permits(), 2);
    for _ in 0..1000 {
        assert_eq!(waker.mark_active(3), Ok(false));
    }
    assert_eq!(waker.permits(), 2, "there were permits");
    assert_eq!(spend(&waker), 2);
    assert_eq!(waker.mark_active(3), Ok(false));
    assert_eq!(waker.permits(), 1, "there was none");
    assert_eq!(waker.snapshot_summary(), 1 << 3 | 1 << 61);
    assert_eq!(waker.summary_bits(), waker.status());
}

#[test]
fn a_mask_adds_as_many_permits_as_bits_are_new() {
    let waker = WorkerWaker::new();
    waker.mark_active(1).unwrap();
    assert_eq!(waker.mark_active_mask(0b1111), Ok(3));
    assert_eq!(waker.permits(), 4);
    assert_eq!(waker.mark_active_mask(0), Ok(0));
    assert_eq!(waker.mark_active_mask(0b11), Ok(0));
    assert_eq!(spend(&waker), 4);
    assert_eq!(waker.mark_active_mask(0b11), Ok(0));
    assert_eq!(spend(&waker), 1);
    assert_eq!(waker.mark_active_mask((1 << 62) - 1), Ok(58));
}

#[test]
fn indices_that_are_not_there_are_refused_and_change_nothing() {
    let waker = WorkerWaker::new();
    let word = AtomicU64::new(0);
    for index in [62, 63, 64, 65, u64::MAX] {
        let refused = waker.mark_active(index).unwrap_err();
        assert_eq!((refused.index, refused.limit), (index, 62));
        assert!(refused.to_string().contains("use one below 62"));
        assert_eq!(waker.try_unmark(index), Err(refused));
        assert_eq!(waker.try_unmark_if_empty(index, &word), Err(refused));
    }
    for mask in [PARTITION, YIELD, u64::MAX, PARTITION | 1] {
        assert!(waker.mark_active_mask(mask).is_err());
    }
    for leaf in [64, 65, usize::MAX] {
        let refused = waker.partition_leaf_has_work(leaf).unwrap_err();
        assert_eq!((refused.index, refused.limit), (leaf as u64, 64));
        assert_eq!(waker.mark_partition_leaf_active(leaf), Err(refused));
        assert_eq!(waker.clear_partition_leaf(leaf, &word), Err(refused));
    }
    let words = [const { AtomicU64::new(1) }; 66];
    for (start, end) in [(2, 1), (0, 67), (0, 65), (66, 67), (usize::MAX, usize::MAX)] {
        let synced = waker.sync_partition_summary(start, end, &words);
        assert!(synced.is_err(), "{start}..{end}");
    }
    let signal = Signal::new();
    assert!(signal.set(64).is_err() && signal.take_one(64).is_err());
    assert_eq!((waker.status(), waker.partition_summary()), (0, 0));
    assert_eq!((waker.permits(), signal.bits()), (0, 0));
}

#[test]
fn unmarking_looks_at_the_word() {
    let waker = WorkerWaker::new();
    let signal = Signal::new();
    assert_eq!(signal.set(9), Ok(Set::First));
    waker.mark_active(4).unwrap();
    assert_eq!(waker.try_unmark_if_empty(4, signal.word()), Ok(false));
    assert_eq!(waker.snapshot_summary(), 1 << 4);
    assert_eq!(signal.take_one(9), Ok(true));
    assert_eq!(signal.take_one(9), Ok(false));
    assert_eq!(waker.try_unmark_if_empty(4, signal.word()), Ok(true));
    assert_eq!(waker.try_unmark_if_empty(4, signal.word()), Ok(false));
    assert_eq!(waker.snapshot_summary(), 0);
    waker.mark_active(4).unwrap();
    assert_eq!(waker.try_unmark(4), Ok(true));
    assert_eq!(waker.try_unmark(4), Ok(false));
}

#[test]
fn the_nearest_marked_word_is_selected() {
    let waker = WorkerWaker::new();
    waker.mark_yield();
    waker.mark_tasks();
    assert_eq!(waker.summary_select(61), None, "control bits are no words");
    waker.mark_active_mask(1 << 10 | 1 << 20 | 1 << 61).unwrap();
    for (from, found) in [(0, 10), (14, 10), (15, 10), (16, 20), (20, 20), (50, 61)] {
        assert_eq!(waker.summary_select(from), Some(found), "from {from}");
    }
    assert_eq!(waker.summary_select(u64::MAX), Some(61));
}

#[test]
fn nearest_is_what_a_search_finds() {
    let words = [0, 1, 1 << 63, u64::MAX, 0x8001_0000_0420_0001, 0b1010];
    for bits in words {
        for from in 0..70 {
            let distance = |&place: &u32| (place.abs_diff(from.min(63)), place);
            let searched = (0..64)
                .filter(|place| bits & 1 << place != 0)
                .min_by_key(distance);
            assert_eq!(nearest(bits, from), searched, "{bits:#x} from {from}");
        }
    }
}

#[test]
fn a_request_to_yield_is_seen_once_and_wakes() {
    let waker = Arc::new(WorkerWaker::new());
    assert!(!waker.try_unmark_yield());
    let worker = sleeper(&waker, |waker| {
        waker.acquire();
        waker.try_unmark_yield()
    });
    assert!(waker.mark_yield());
    assert!(worker.join().unwrap());
    assert_eq!(waker.status_bits(), (false, false));
    assert!(waker.mark_yield());
    assert!(!waker.mark_yield());
    assert_eq!((waker.status(), spend(&waker)), (YIELD, 1));
}

#[test]
fn the_partition_bit_goes_with_the_last_leaf() {
    let waker = WorkerWaker::new();
    let words = leaves([0, 1]);
    assert!(!waker.try_unmark_tasks());
    assert_eq!(waker.mark_partition_leaf_active(0), Ok(true));
    assert_eq!(waker.mark_partition_leaf_active(63), Ok(false));
    assert_eq!(waker.partition_summary(), 1 << 63 | 1);
    assert_eq!(waker.status_bits(), (false, true));
    assert_eq!(waker.partition_leaf_has_work(63), Ok(true));
    assert_eq!(waker.partition_leaf_has_work(62), Ok(false));
    assert!(!waker.try_unmark_tasks(), "there are leaves");
    assert_eq!(waker.clear_partition_leaf(63, &words[1]), Ok(false));
    assert_eq!(waker.clear_partition_leaf(63, &words[0]), Ok(true));
    assert_eq!(waker.status_bits(), (false, true));
    assert_eq!(waker.clear_partition_leaf(0, &words[0]), Ok(true));
    assert_eq!(waker.status_bits(), (false, false));
    assert!(waker.mark_tasks() && !waker.mark_tasks());
    assert!(waker.try_unmark_tasks());
}

#[test]
fn a_sync_makes_the_summary_what_the_leaves_are() {
    let waker = WorkerWaker::new();
    let words = leaves([0, 1, 0, 7, 0]);
    assert_eq!(waker.sync_partition_summary(1, 4, &words), Ok(true));
    assert_eq!(waker.partition_summary(), 0b101);
    assert_eq!(waker.status_bits(), (false, true));
    assert_eq!(spend(&waker), 1);
    assert_eq!(waker.sync_partition_summary(1, 4, &words), Ok(true));
    assert_eq!(spend(&waker), 0, "nothing new");
    assert_eq!(waker.sync_partition_summary(3, 5, &words), Ok(true));
    assert_eq!(waker.partition_summary(), 1, "what lay beyond is cleared");
    assert_eq!(waker.sync_partition_summary(2, 2, &words), Ok(false));
    assert_eq!((waker.partition_summary(), waker.status()), (0, 0));
    words[4].store(1, Ordering::Release);
    assert_eq!(waker.sync_partition_summary(4, 5, &words), Ok(true));
    assert_eq!(spend(&waker), 1);
    let many = [const { AtomicU64::new(1) }; 64];
    assert_eq!(waker.sync_partition_summary(0, 64, &many), Ok(true));
    assert_eq!(waker.partition_summary(), u64::MAX);
}

#[test]
fn permits_are_counted_and_capped() {
    let waker = WorkerWaker::new();
    assert_eq!(waker.release(3), 0);
    assert_eq!(waker.release(0), 0);
    assert_eq!((waker.permits(), spend(&waker)), (3, 3));
    waker.release(usize::MAX);
    assert_eq!(spend(&waker), u64::from(WorkerWaker::PERMIT_CAP));
    for round in 0..1_000_000 {
        waker.mark_active(round % 62).unwrap();
        waker.try_unmark(round % 62).unwrap();
    }
    assert_eq!(waker.permits(), u64::from(WorkerWaker::PERMIT_CAP));
    let counting = WorkerWaker::with_permit_cap(NonZero::<u32>::MAX);
    counting.release(1_000_000);
    assert_eq!(counting.permits(), 1_000_000);
}

#[test]
fn bounded_notifications() {
    for sleepers in 0..4 {
        for n in 0..6 {
            let waker = Arc::new(WorkerWaker::new());
            let threads: Vec<_> = (0..sleepers)
                .map(|_| sleeper(&waker, WorkerWaker::acquire))
                .collect();
            let wakes = waker.release(n);
            assert_eq!(
                wakes,
                n.min(sleepers),
                "release({n}) of {sleepers} sleepers"
            );
            let more = waker.release(9);
            assert!(wakes + more <= sleepers);
            for thread in threads {
                thread.join().unwrap();
            }
            assert_eq!(waker.sleepers(), 0);
        }
    }
}

#[test]
fn a_timeout_takes_a_permit_or_nothing() {
    let waker = WorkerWaker::new();
    assert!(!waker.acquire_timeout(Duration::ZERO));
    assert!(!waker.acquire_timeout(Duration::from_millis(1)));
    waker.release(2);
    assert!(waker.acquire_timeout(Duration::ZERO));
    assert!(waker.acquire_timeout(Duration::MAX));
    assert_eq!((waker.permits(), waker.sleepers()), (0, 0));
}

#[test]
fn a_bit_that_nobody_clears_loses_no_wakeup() {
    let waker = Arc::new(WorkerWaker::new());
    waker.mark_active(7).unwrap();
    waker.acquire();
    let consumer = sleeper(&waker, WorkerWaker::acquire);
    assert_eq!(waker.mark_active(7), Ok(false));
    consumer.join().unwrap();
    waker.mark_active(7).unwrap();
    waker.acquire();
}

#[test]
fn who_finds_something_does_not_sleep() {
    let waker = WorkerWaker::new();
    let announced = || waker.sleepers() == 1;
    assert!(!waker.acquire_unless(announced));
    assert_eq!(waker.sleepers(), 0);
    let looked = std::panic::catch_unwind(|| waker.acquire_unless(|| panic!("while it looks")));
    assert!(looked.is_err());
    assert_eq!(waker.sleepers(), 0);
}

#[test]
fn counters_do_not_underflow() {
    let waker = Arc::new(WorkerWaker::new());
    assert_eq!(waker.unregister_worker(), 0);
    assert_eq!(waker.register_worker(), 1);
    assert_eq!(waker.register_worker(), 2);
    assert_eq!(waker.unregister_worker(), 1);
    assert_eq!(waker.get_worker_count(), 1);
    assert!(!waker.unregister_sleeper());
    let asleep = sleeper(&waker, WorkerWaker::acquire);
    assert!(!waker.unregister_sleeper(), "that one wasn't registered");
    assert!(waker.register_sleeper());
    assert_eq!(waker.sleepers(), 2);
    assert!(waker.unregister_sleeper());
    assert_eq!(waker.release(5), 1);
    asleep.join().unwrap();
    assert_eq!(waker.sleepers(), 0);
}
