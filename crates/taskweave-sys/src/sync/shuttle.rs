//! The backend of schedule-checked builds (`--cfg taskweave_shuttle`): random schedules of large
//! programs, all orderings sequentially consistent.

pub use shuttle::sync::{Arc, Condvar, Mutex, MutexGuard};

/// Atomic integers, pointers and fences, modelled.
pub mod atomic {
    pub use shuttle::sync::atomic::{
        AtomicBool, AtomicIsize, AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize,
        Ordering, compiler_fence, fence,
    };

    /// A full (`SeqCst`) fence, given that the calling thread's latest atomic access was a
    /// read-modify-write.
    pub fn fence_after_rmw() {
        fence(Ordering::SeqCst);
    }
}

/// Spinning, which in a model lets others run.
pub mod hint {
    pub use shuttle::hint::spin_loop;
}

/// Threads, modelled.
pub mod thread {
    pub use shuttle::thread::{
        Builder, JoinHandle, Thread, ThreadId, current, panicking, park, park_timeout, sleep,
        spawn, yield_now,
    };
}
