//! Blocks for spawned closures: recycled per worker, exchanged between workers in magazines.
//!
//! A block that one worker takes and another gives back would drain the first and flood the second.
//! As in magazine allocators (Bonwick and Adams, 2001) a worker holds at most two magazines of
//! [`MAGAZINE`] blocks a size class; full ones go to the pool's depot and empty ones are refilled
//! from it, so the lock is taken once in `MAGAZINE` operations. The depot keeps at most
//! [`DEPOT_BYTES`] a class; what is beyond goes back to the global allocator.

use core::cell::Cell;
use core::ptr::NonNull;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::sync::{Mutex, PoisonError};

use crate::prefetch::prefetch;

const MAGAZINE: usize = 128;
const DEPOT_BYTES: usize = 128 << 20;
/// Block sizes; larger closures go to the global allocator.
const CLASSES: [usize; 4] = [32, 64, 128, 256];
const ALIGN: usize = 32;

/// A free block. `next` chains the blocks of a magazine, `below` the magazines of the depot.
struct Free {
    next: *mut Free,
    below: *mut Free,
}

/// The size class of a type, or `None` if it is too large or too strictly aligned to be recycled.
const fn class_of(layout: Layout) -> Option<usize> {
    if layout.align() > ALIGN {
        return None;
    }
    let mut class = 0;
    while class < CLASSES.len() {
        if layout.size() <= CLASSES[class] {
            return Some(class);
        }
        class += 1;
    }
    None
}

fn layout_of(class: usize) -> Layout {
    match Layout::from_size_align(CLASSES[class], ALIGN) {
        Ok(layout) => layout,
        Err(_) => unreachable!("sizes are multiples of the alignment"),
    }
}

/// The part of the recycler that a worker's occupant owns.
pub(crate) struct Local {
    classes: [LocalClass; CLASSES.len()],
}

struct LocalClass {
    /// The magazine in use, and a full or empty one behind it, so that alternating at a boundary
    /// doesn't go to the depot each time.
    loaded: Cell<*mut Free>,
    loaded_len: Cell<usize>,
    spare: Cell<*mut Free>,
}

/// The pool's share: full magazines.
pub(crate) struct Depot {
    classes: [Mutex<DepotClass>; CLASSES.len()],
}

struct DepotClass {
    top: *mut Free,
    magazines: usize,
}

// SAFETY: the blocks of a depot are unowned memory; the mutex guards the list.
unsafe impl Send for DepotClass {}

impl Local {
    pub(crate) fn new() -> Self {
        Local {
            classes: core::array::from_fn(|_| LocalClass {
                loaded: Cell::new(core::ptr::null_mut()),
                loaded_len: Cell::new(0),
                spare: Cell::new(core::ptr::null_mut()),
            }),
        }
    }

    /// Memory for a `T`, uninitialised. Usually a pop from a private list.
    #[inline]
    pub(crate) fn take<T>(&self, depot: &Depot) -> NonNull<T> {
        let layout = const { Layout::new::<T>() };
        let Some(class) = (const { class_of(Layout::new::<T>()) }) else {
            return take_global(layout).cast();
        };
        let local = &self.classes[class];
        let mut block = local.loaded.get();
        if block.is_null() {
            block = local.refill(depot, class);
        }
        // SAFETY: a block in a magazine is a live `Free` that only this worker reaches.
        let next = unsafe { (*block).next };
        // Given back long ago, as a rule: the next `take` would wait for it.
        prefetch(next);
        local.loaded.set(next);
        local.loaded_len.set(local.loaded_len.get() - 1);
        // SAFETY: magazines hold no null block.
        unsafe { NonNull::new_unchecked(block) }.cast()
    }

    /// Gives memory back that a `take::<T>` of any worker of the pool returned.
    ///
    /// # Safety
    /// `block` came from `take::<T>`, its value is moved out or dropped, and it's not used again.
    #[inline]
    pub(crate) unsafe fn give<T>(&self, depot: &Depot, block: NonNull<T>) {
        let Some(class) = (const { class_of(Layout::new::<T>()) }) else {
            // SAFETY: passed on; this layout isn't recycled, so it came from the global allocator.
            unsafe { dealloc(block.as_ptr().cast(), Layout::new::<T>()) };
            return;
        };
        let local = &self.classes[class];
        if local.loaded_len.get() == MAGAZINE {
            local.unload(depot, class);
        }
        let free: *mut Free = block.as_ptr().cast();
        let node = Free {
            next: local.loaded.get(),
            below: core::ptr::null_mut(),
        };
        // SAFETY: the block is at least 32 bytes, 32-aligned, and the caller's to write.
        unsafe { free.write(node) };
        local.loaded.set(free);
        local.loaded_len.set(local.loaded_len.get() + 1);
    }

    /// As `take`, on a thread that occupies no slot.
    pub(crate) fn take_unowned<T>() -> NonNull<T> {
        let layout = match class_of(Layout::new::<T>()) {
            Some(class) => layout_of(class),
            None => Layout::new::<T>(),
        };
        take_global(layout).cast()
    }

    /// As `give`, on a thread that occupies no slot.
    ///
    /// # Safety
    /// As for `give`.
    pub(crate) unsafe fn give_unowned<T>(block: NonNull<T>) {
        let layout = match class_of(Layout::new::<T>()) {
            Some(class) => layout_of(class),
            None => Layout::new::<T>(),
        };
        // SAFETY: every way to take a block of this type allocates with this layout.
        unsafe { dealloc(block.as_ptr().cast(), layout) };
    }

    /// Returns everything to the allocator.
    pub(crate) fn clear(&self) {
        for (class, local) in self.classes.iter().enumerate() {
            free_magazine(local.loaded.replace(core::ptr::null_mut()), class);
            free_magazine(local.spare.replace(core::ptr::null_mut()), class);
            local.loaded_len.set(0);
        }
    }
}

impl LocalClass {
    #[cold]
    fn refill(&self, depot: &Depot, class: usize) -> *mut Free {
        let mut magazine = self.spare.replace(core::ptr::null_mut());
        if magazine.is_null() {
            magazine = depot.pop(class);
        }
        if magazine.is_null() {
            // Nothing recycled yet: a single block, so that a first use costs what it uses.
            let block: *mut Free = take_global(layout_of(class)).as_ptr().cast();
            // SAFETY: fresh memory of at least 32 bytes.
            unsafe {
                block.write(Free {
                    next: core::ptr::null_mut(),
                    below: core::ptr::null_mut(),
                });
            }
            self.loaded_len.set(1);
            return block;
        }
        self.loaded_len.set(MAGAZINE);
        magazine
    }

    #[cold]
    fn unload(&self, depot: &Depot, class: usize) {
        let full = self.loaded.replace(core::ptr::null_mut());
        self.loaded_len.set(0);
        let older = self.spare.replace(full);
        if !older.is_null() {
            depot.push(class, older);
        }
    }
}

impl Depot {
    pub(crate) fn new() -> Self {
        Depot {
            classes: core::array::from_fn(|_| {
                Mutex::new(DepotClass {
                    top: core::ptr::null_mut(),
                    magazines: 0,
                })
            }),
        }
    }

    fn pop(&self, class: usize) -> *mut Free {
        let mut depot = self.lock(class);
        let top = depot.top;
        if !top.is_null() {
            // SAFETY: the head block of a magazine in the depot is live and guarded by the lock.
            depot.top = unsafe { (*top).below };
            depot.magazines -= 1;
        }
        top
    }

    fn push(&self, class: usize, magazine: *mut Free) {
        let mut depot = self.lock(class);
        if depot.magazines * MAGAZINE * CLASSES[class] >= DEPOT_BYTES {
            drop(depot);
            free_magazine(magazine, class);
            return;
        }
        // SAFETY: the caller hands over a full magazine; nobody else reaches it.
        unsafe { (*magazine).below = depot.top };
        depot.top = magazine;
        depot.magazines += 1;
    }

    fn lock(&self, class: usize) -> std::sync::MutexGuard<'_, DepotClass> {
        self.classes[class]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Depot {
    fn drop(&mut self) {
        for class in 0..CLASSES.len() {
            loop {
                let magazine = self.pop(class);
                if magazine.is_null() {
                    break;
                }
                free_magazine(magazine, class);
            }
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.clear();
    }
}

fn take_global(layout: Layout) -> NonNull<u8> {
    // SAFETY: every layout here has a size above zero (a task has at least its header).
    let raw = unsafe { alloc(layout) };
    NonNull::new(raw).unwrap_or_else(|| handle_alloc_error(layout))
}

fn free_magazine(mut block: *mut Free, class: usize) {
    while !block.is_null() {
        // SAFETY: the magazine is the caller's alone; its blocks are live.
        let next = unsafe { (*block).next };
        // SAFETY: blocks of a class were allocated with the class's layout.
        unsafe { dealloc(block.cast(), layout_of(class)) };
        block = next;
    }
}
