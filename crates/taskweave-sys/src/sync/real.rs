//! The backend of ordinary builds: `std` itself.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

pub use std::sync::{Arc, Condvar, Mutex, MutexGuard};

/// Atomic integers, pointers and fences. Aliases, since a re-export would be the banned type itself
/// to the lint.
pub mod atomic {
    pub use std::sync::atomic::Ordering;

    macro_rules! aliases {
        ($($name:ident),*) => {$(
            #[doc = concat!("[`std::sync::atomic::", stringify!($name), "`]")]
            pub type $name = std::sync::atomic::$name;
        )*};
    }
    aliases!(
        AtomicBool,
        AtomicU8,
        AtomicU16,
        AtomicU32,
        AtomicU64,
        AtomicUsize,
        AtomicIsize
    );

    /// [`std::sync::atomic::AtomicPtr`]
    pub type AtomicPtr<T> = std::sync::atomic::AtomicPtr<T>;

    /// [`std::sync::atomic::fence`]
    #[inline(always)]
    pub fn fence(order: Ordering) {
        std::sync::atomic::fence(order);
    }

    /// [`std::sync::atomic::compiler_fence`]
    #[inline(always)]
    pub fn compiler_fence(order: Ordering) {
        std::sync::atomic::compiler_fence(order);
    }

    /// A full (`SeqCst`) fence, given that the calling thread's latest atomic access was a
    /// read-modify-write.
    ///
    /// Costs nothing on x86-64, where such an access is a full fence itself, and a fence elsewhere.
    /// See the [module](crate::sync).
    #[inline(always)]
    pub fn fence_after_rmw() {
        if cfg!(all(target_arch = "x86_64", not(miri))) {
            compiler_fence(Ordering::SeqCst);
        } else {
            fence(Ordering::SeqCst);
        }
    }
}

/// Spinning.
pub mod hint {
    pub use std::hint::spin_loop;
}

/// Threads.
pub mod thread {
    pub use std::thread::{
        Builder, JoinHandle, Thread, ThreadId, current, panicking, park, park_timeout, sleep,
        yield_now,
    };

    /// [`std::thread::spawn`]
    #[track_caller]
    pub fn spawn<F, T>(body: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        std::thread::spawn(body)
    }
}
