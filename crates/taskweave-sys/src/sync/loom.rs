//! The backend of model-checked builds (`--cfg taskweave_loom`): every interleaving, with C11 weak
//! memory.

pub use loom::sync::{Arc, Condvar, Mutex, MutexGuard};

/// Atomic integers, pointers and fences, modelled.
pub mod atomic {
    pub use loom::sync::atomic::{
        AtomicBool, AtomicIsize, AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize,
        Ordering, fence,
    };

    /// The compiler reorders nothing that loom could see.
    pub fn compiler_fence(_order: Ordering) {}

    /// A full (`SeqCst`) fence, given that the calling thread's latest atomic access was a
    /// read-modify-write.
    pub fn fence_after_rmw() {
        fence(Ordering::SeqCst);
    }
}

/// Spinning, which in a model lets others run.
pub mod hint {
    pub use loom::hint::spin_loop;
}

/// Threads, modelled. Time doesn't exist: [`sleep`] and [`park_timeout`] only let others run.
pub mod thread {
    use std::time::Duration;

    pub use loom::thread::{
        Builder, JoinHandle, Thread, ThreadId, current, panicking, park, spawn, yield_now,
    };

    /// Lets others run.
    pub fn sleep(_time: Duration) {
        yield_now();
    }

    /// Lets others run, then counts as timed out; a token that is already there stays.
    pub fn park_timeout(_time: Duration) {
        yield_now();
    }
}
