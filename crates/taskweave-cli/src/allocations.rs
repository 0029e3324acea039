//! Counts what the whole process allocates, so that a report can show what a run costs.

use std::alloc::{GlobalAlloc, Layout, System};

use taskweave_sys::sync::atomic::{AtomicU64, Ordering};

/// The system's allocator with a counter in front.
#[derive(Debug)]
pub(crate) struct Counting;

static COUNT: AtomicU64 = AtomicU64::new(0);

/// Allocations and reallocations so far, by all threads. Exact for what happened before a point that the caller has synchronised with.
pub(crate) fn count() -> u64 {
    // Relaxed: only a number; what it counts is ordered by the end of the run that is measured.
    COUNT.load(Ordering::Relaxed)
}

fn add_one() {
    // Relaxed: see `count`.
    COUNT.fetch_add(1, Ordering::Relaxed);
}

// SAFETY: every call goes to `System` unchanged, which keeps the contract; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add_one();
        // SAFETY: the caller promises a layout of non-zero size.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add_one();
        // SAFETY: the caller promises a layout of non-zero size.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        add_one();
        // SAFETY: the caller promises that `pointer` came from here, so from `System`, with `layout`, and that `new_size` fits.
        unsafe { System.realloc(pointer, layout, new_size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller promises that `pointer` came from here, so from `System`, with `layout`.
        unsafe { System.dealloc(pointer, layout) }
    }
}
