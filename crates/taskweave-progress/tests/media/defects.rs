//! What goes wrong in designs of this kind, as tests that it doesn't here.

use std::panic::{AssertUnwindSafe, catch_unwind};

use taskweave_progress::timely::progress::ChangeBatch;
use taskweave_progress::{Chain, Chainable, Exchange, Receiver, Sender};

use crate::support::{Trace, recv_and_panic};

fn send(writer: &mut impl Sender<Trace>, numbers: std::ops::Range<u32>) {
    for number in numbers {
        writer.send(&mut Trace::batch(0, number));
    }
}

/// What an exchange's reader stalls by: a fold that panics leaves it in the middle of a receive.
fn stall(reader: &mut impl Receiver<Trace>, state: &mut Trace) {
    assert_eq!(recv_and_panic(reader, state, 0), 1);
}

/// A list whose readers hold links loses what is merged around a node that one stands on.
#[test]
fn the_compaction_never_merges_across_a_pinned_node() {
    let chain = Chain::new();
    let (mut laggard, mut reader) = (chain.reader(), chain.reader());
    let mut writer = chain.clone();
    let (mut early, mut late) = (Trace::default(), Trace::default());
    send(&mut writer, 0..3);
    let third = chain.reader();
    // Stands on a node, within a fold, while a neighbour becomes free to merge.
    reader.recv_with(|piece| {
        send(&mut chain.clone(), 3..6);
        early.merge(&piece);
    });
    drop(third);
    send(&mut writer, 6..9);
    reader.recv(&mut early);
    laggard.recv(&mut late);
    assert_eq!(early.ranges()[&0], (0, 9));
    assert_eq!(late.ranges()[&0], (0, 9));
    assert!(chain.length() <= 2 + 2);
}

/// The first wrong overwrite check: the least cursor of those who keep up. A laggard within a receive reads slots as well.
#[test]
fn a_slot_that_a_stalled_laggard_reads_is_not_overwritten() {
    for ring in [2, 4, 64] {
        let exchange = Exchange::with_ring(ring);
        let (mut writer, mut reader) = (exchange.writer(), exchange.reader());
        let mut state = Trace::default();
        send(&mut writer, 0..ring as u32);
        stall(&mut reader, &mut state);
        send(&mut writer, ring as u32..1_000);
        // The rest of the receive that stalled, then what has come since.
        reader.recv(&mut state);
        assert_eq!(state.ranges()[&0], (0, 1_000));
        assert!(exchange.stats().replaced_rings <= 1);
    }
}

/// The second: whatever has been fed to the log may be overwritten. Readers who keep up read slots.
#[test]
fn a_slot_that_was_fed_is_kept_for_readers_who_keep_up() {
    let exchange = Exchange::with_ring(8);
    let mut writer = exchange.writer();
    let (mut reader, mut laggard) = (exchange.reader(), exchange.reader());
    let (mut near, mut far) = (Trace::default(), Trace::default());
    for round in 0..100 {
        send(&mut writer, 5 * round..5 * round + 5);
        reader.recv(&mut near);
        assert_eq!(near.ranges()[&0], (0, 5 * round + 5));
    }
    assert_eq!(exchange.stats().laggards, 1);
    laggard.recv(&mut far);
    assert_eq!(far.ranges()[&0], (0, 500));
    assert_eq!(reader.locks(), 0);
}

/// A writer that waits for a reader would wait for ever for this one. It leaves it the ring.
#[test]
fn a_writer_never_waits_for_a_reader_that_stalled_within_a_receive() {
    let exchange = Exchange::with_ring(4);
    let mut writer = exchange.writer();
    let (mut stalled, mut reader) = (exchange.reader(), exchange.reader());
    let (mut at_first, mut state) = (Trace::default(), Trace::default());
    send(&mut writer, 0..3);
    stall(&mut stalled, &mut at_first);
    for round in 0..500 {
        send(&mut writer, 3 + round..4 + round);
        reader.recv(&mut state);
    }
    assert_eq!(state.ranges()[&0], (0, 503));
    let stats = exchange.stats();
    assert_eq!(
        stats.replaced_rings, 1,
        "one ring for one stall, however long"
    );
    stalled.recv(&mut at_first);
    assert_eq!(at_first.ranges()[&0], (0, 503));
}

/// A receive that stalls again and again, each time in another ring.
#[test]
fn many_stalls_cost_a_ring_at_a_time() {
    let exchange = Exchange::with_ring(2);
    let (mut writer, mut reader) = (exchange.writer(), exchange.reader());
    let mut state = Trace::default();
    let mut sent = 0;
    for _ in 0..200 {
        send(&mut writer, sent..sent + 5);
        sent += 5;
        recv_and_panic(&mut reader, &mut state, 1);
        state.ranges();
    }
    reader.recv(&mut state);
    assert_eq!(state.ranges()[&0], (0, sent));
}

#[test]
fn a_fold_that_panics_at_the_last_batch_has_folded_it() {
    for at in 0..4 {
        let exchange = Exchange::with_ring(4);
        let (mut writer, mut reader) = (exchange.writer(), exchange.reader());
        let mut state = Trace::default();
        send(&mut writer, 0..4);
        assert_eq!(recv_and_panic(&mut reader, &mut state, at), at + 1);
        // Behind by a whole ring: what was folded must not be in its debt.
        send(&mut writer, 4..12);
        reader.recv(&mut state);
        assert_eq!(state.ranges()[&0], (0, 12));
    }
}

#[test]
fn a_reader_that_is_dropped_within_a_receive_frees_its_slots() {
    let exchange = Exchange::with_ring(4);
    let mut writer = exchange.writer();
    send(&mut writer, 0..1);
    for round in 0..50 {
        let mut reader = exchange.reader();
        send(&mut writer, 4 * round..4 * round + 4);
        let dropped = catch_unwind(AssertUnwindSafe(move || {
            let _dropped_while_unwinding = &mut reader;
            _dropped_while_unwinding.recv_with(|_| std::panic::resume_unwind(Box::new(())));
        }));
        assert!(dropped.is_err());
    }
    let stats = exchange.stats();
    assert_eq!((stats.readers, stats.laggards, stats.nodes), (0, 0, 1));
    assert_eq!(stats.replaced_rings, 0);
}

/// Threads that come and go don't leave a lane each.
#[test]
fn lanes_are_as_many_as_writers_at_a_time() {
    let exchange = Exchange::with_ring(4);
    let (mut reader, mut laggard) = (exchange.reader(), exchange.reader());
    let (mut near, mut far) = (0_i64, 0_i64);
    for _ in 0..1_000 {
        let mut pair = [exchange.writer(), exchange.writer()];
        for writer in &mut pair {
            writer.send(&mut 1);
        }
        reader.recv(&mut near);
    }
    laggard.recv(&mut far);
    assert_eq!((near, far), (2_000, 2_000));
    assert_eq!(exchange.stats().lanes, 2);
}

/// Readers have to exist before workers build their dataflows: what is registered and not looked at yet costs what is alive.
#[test]
fn a_reader_that_waits_for_its_worker_to_be_built_costs_what_is_alive() {
    let exchange = Exchange::new();
    let mut writers = [exchange.writer(), exchange.writer()];
    let mut unbuilt = exchange.reader();
    let mut change = ChangeBatch::<u64>::new();
    for time in 0..50_000 {
        change.update(time, 1);
        writers[0].send(&mut change);
        change.update(time, -1);
        writers[1].send(&mut change);
    }
    assert!(exchange.stats().entries <= 256, "{:?}", exchange.stats());
    let mut state = ChangeBatch::new();
    unbuilt.recv(&mut state);
    assert!(state.is_empty());
}

/// What every catch-up costs the chain, and not the exchange: the newest node is closed, so that the next send makes one.
#[test]
fn keeping_up_closes_no_nodes() {
    let exchange = Exchange::new();
    let (mut writer, mut readers) = (exchange.writer(), [exchange.reader(), exchange.reader()]);
    let mut sum = 0_i64;
    for _ in 0..10_000 {
        writer.send(&mut 1);
        for reader in &mut readers {
            reader.recv(&mut sum);
        }
    }
    let stats = exchange.stats();
    assert_eq!((stats.nodes, stats.demotions), (1, 0));
    assert_eq!(sum, 20_000);
}

/// A sum whose merges panic while somebody wants them to.
#[derive(Default)]
struct Fragile(i64);

thread_local! {
    static BREAKS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

impl Chainable for Fragile {
    fn merge(&mut self, other: &Self) {
        if BREAKS.with(std::cell::Cell::get) {
            std::panic::resume_unwind(Box::new("a merge panics"));
        }
        self.0 += other.0;
    }

    fn clear(&mut self) {
        self.0 = 0;
    }

    fn is_neutral(&mut self) -> bool {
        self.0 == 0
    }
}

/// Which it mustn't. Batches of that moment are anybody's guess; memory and later batches aren't.
#[test]
fn a_merge_that_panics_under_the_lock_leaves_an_exchange_that_works() {
    for stalls in [false, true] {
        let exchange = Exchange::<Fragile>::with_ring(4);
        let mut writer = exchange.writer();
        let (mut reader, mut laggard) = (exchange.reader(), exchange.reader());
        for _ in 0..4 {
            writer.send(&mut Fragile(1));
        }
        if stalls {
            let stall = || laggard.recv_with(|_| std::panic::resume_unwind(Box::new(())));
            assert!(catch_unwind(AssertUnwindSafe(stall)).is_err());
        }
        for _ in 0..3 {
            BREAKS.with(|breaks| breaks.set(true));
            let send = || writer.send(&mut Fragile(1));
            assert!(catch_unwind(AssertUnwindSafe(send)).is_err(), "in the debt");
            BREAKS.with(|breaks| breaks.set(false));
            for reader in [&mut reader, &mut laggard] {
                let mut sum = Fragile(0);
                reader.recv(&mut sum);
                assert!(!reader.recv(&mut sum), "all there was");
            }
            for _ in 0..8 {
                writer.send(&mut Fragile(100));
            }
            let mut sum = Fragile(0);
            reader.recv(&mut sum);
            assert_eq!(sum.0 / 100, 8);
            let mut sum = Fragile(0);
            laggard.recv(&mut sum);
            assert_eq!(sum.0 / 100, 8);
            for _ in 0..4 {
                writer.send(&mut Fragile(1));
            }
        }
    }
}
