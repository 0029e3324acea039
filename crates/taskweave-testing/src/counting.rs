//! A global allocator that counts, for the whole process. One test a binary: whatever runs beside is counted, too.

use std::alloc::{GlobalAlloc, Layout, System};

use taskweave_sys::sync::atomic::{AtomicUsize, Ordering};

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

/// To be named `#[global_allocator]` by the test.
#[derive(Debug)]
pub struct Counting;

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::SeqCst);
        // SAFETY: the caller's obligations are those of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::SeqCst);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Allocations of all threads while `act` runs: also those of the test harness, which has some left to do when the test
/// has just begun. What can be done again is counted by [`per_round`].
pub fn allocations(act: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.load(Ordering::SeqCst);
    act();
    ALLOCATIONS.load(Ordering::SeqCst) - before
}

/// How often [`per_round`] calls what it measures.
pub const ROUNDS: usize = 20 + 3 * (10 + 100);

/// What one more round costs, once all that is made once has been made: the median of three times
/// `(count(100 rounds) − count(10)) / 90`, since what happens once may do so at any time, and makes one of the three
/// differ.
pub fn per_round(mut round: impl FnMut()) -> f64 {
    let mut rounds = |n: usize| allocations(|| (0..n).for_each(|_| round())) as f64;
    rounds(20);
    let mut each = [(); 3].map(|()| {
        let few = rounds(10);
        (rounds(100) - few) / 90.0
    });
    each.sort_by(f64::total_cmp);
    each[1]
}
