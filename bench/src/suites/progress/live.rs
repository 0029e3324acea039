//! Counts live bytes, while somebody wants to know: between times it costs an allocation one load.

use std::alloc::{GlobalAlloc, Layout, System};

use taskweave_sys::sync::atomic::{AtomicBool, AtomicIsize, Ordering};

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static WANTED: AtomicBool = AtomicBool::new(false);
static LIVE: AtomicIsize = AtomicIsize::new(0);

/// What `work` returns, and how many bytes more are allocated after it than before, by all threads. They have to be at rest before and after.
pub(super) fn left_by<R>(work: impl FnOnce() -> R) -> (R, u64) {
    LIVE.store(0, Ordering::SeqCst);
    WANTED.store(true, Ordering::SeqCst);
    let result = work();
    WANTED.store(false, Ordering::SeqCst);
    let left = LIVE.load(Ordering::SeqCst);
    (result, left.max(0).unsigned_abs() as u64)
}

fn add(bytes: isize) {
    // Relaxed: who reads the sum has joined the threads.
    if WANTED.load(Ordering::Relaxed) {
        LIVE.fetch_add(bytes, Ordering::Relaxed);
    }
}

// SAFETY: every call goes to `System` unchanged, which keeps the contract; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size() as isize);
        // SAFETY: the caller's obligations are those of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        add(size as isize - layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        add(-(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}
