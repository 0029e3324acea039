//! A reader that never reads, and all that is sent to it: one test in this program, since it counts live bytes.
#![cfg(not(any(taskweave_loom, taskweave_shuttle)))]

use std::alloc::{GlobalAlloc, Layout, System};

use taskweave_progress::timely::progress::ChangeBatch;
use taskweave_progress::{Exchange, Receiver, Sender};
use taskweave_sys::sync::atomic::{AtomicUsize, Ordering};

static LIVE: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: the system's allocator does the work; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::SeqCst);
        // SAFETY: the caller's obligations are those of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::SeqCst);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Ten million in the soak (`TASKWEAVE_SOAK=1`), which unoptimised takes a minute; else a million.
fn batches() -> u64 {
    match std::env::var("TASKWEAVE_SOAK") {
        Ok(soak) if soak == "1" => 10_000_000,
        _ => 1_000_000,
    }
}

#[test]
fn a_reader_that_never_reads_costs_the_same_after_a_thousand_batches_and_after_millions() {
    let exchange = Exchange::<ChangeBatch<u64>>::new();
    let (mut minting, mut retiring) = (exchange.writer(), exchange.writer());
    let mut idle = exchange.reader();
    let mut stalled = exchange.reader();
    let mut batch = ChangeBatch::new();
    let mut most = 0;
    let mut after_a_few = 0;
    for time in 0..batches() / 2 {
        batch.update(time, 1);
        minting.send(&mut batch);
        batch.update(time, -1);
        retiring.send(&mut batch);
        if time == 10 {
            // In the middle of a receive, for good.
            let stall = std::panic::AssertUnwindSafe(|| {
                stalled.recv_with(|_| std::panic::resume_unwind(Box::new(())));
            });
            assert!(std::panic::catch_unwind(stall).is_err());
        }
        if time == 1_000 {
            after_a_few = LIVE.load(Ordering::SeqCst);
        }
        if time % 1_000 == 0 && time > 1_000 {
            most = most.max(LIVE.load(Ordering::SeqCst));
        }
    }
    // What the sorting of a batch needs comes and goes; nothing else may.
    assert!(most <= after_a_few + 4_096, "{after_a_few}, then {most}");
    for reader in [&mut idle, &mut stalled] {
        let mut changes = ChangeBatch::new();
        reader.recv(&mut changes);
        assert!(changes.is_empty() || changes.len() <= 2);
    }
    // The negative control: what doesn't cancel is kept.
    for time in 0..10_000 {
        batch.update(time, 1);
        minting.send(&mut batch);
    }
    assert!(LIVE.load(Ordering::SeqCst) > after_a_few + 10_000 * size_of::<(u64, i64)>());
}
