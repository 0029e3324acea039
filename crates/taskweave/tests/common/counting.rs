//! A global allocator that counts, for the whole process. One test a binary: whatever runs beside is counted, too.

use std::alloc::{GlobalAlloc, Layout, System};

use taskweave_sys::sync::atomic::{AtomicUsize, Ordering};

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

struct Counting;

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

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of all threads while `act` runs.
pub(crate) fn allocations(act: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.load(Ordering::SeqCst);
    act();
    ALLOCATIONS.load(Ordering::SeqCst) - before
}

/// What one more round costs, once all that is made once has been made: `(count(100 rounds) − count(10)) / 90`.
pub(crate) fn per_round(mut round: impl FnMut()) -> f64 {
    let mut rounds = |n: usize| allocations(|| (0..n).for_each(|_| round())) as f64;
    rounds(20);
    let few = rounds(10);
    let many = rounds(100);
    (many - few) / 90.0
}
