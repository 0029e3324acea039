//! The backend of Linux: private futexes.

use std::{ptr, time::Duration};

use rustix::{
    io::Errno,
    thread::futex::{self, Flags, Timespec},
};

use crate::sync::{
    atomic::{AtomicU32, AtomicU64},
    thread,
};

/// The kernel's `int`, whose larger values it takes for negative counts.
const MOST: u32 = i32::MAX as u32;

pub(super) fn wait(word: &AtomicU32, expected: u32, timeout: Option<Duration>) -> bool {
    let timeout = timeout.map(|timeout| Timespec {
        tv_sec: timeout.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    });
    match futex::wait(word, Flags::PRIVATE, expected, timeout.as_ref()) {
        Ok(()) | Err(Errno::AGAIN | Errno::INTR) => true,
        Err(Errno::TIMEDOUT) => false,
        // No futex in this sandbox: callers look again in a loop, so that giving up the processor
        // turns it into slow polling.
        Err(_) => {
            thread::yield_now();
            true
        }
    }
}

pub(super) fn wake(word: &AtomicU32, count: u32) -> usize {
    futex::wake(word, Flags::PRIVATE, count.min(MOST)).unwrap_or(0)
}

pub(super) fn wait_while_low_half_is_zero(word: &AtomicU64, timeout: Option<Duration>) -> bool {
    wait(low_half(word), 0, timeout)
}

pub(super) fn wake_low_half(word: &AtomicU64, count: u32) -> usize {
    wake(low_half(word), count)
}

/// The low half as a futex. Only its address is used: the kernel reads it, this program never does,
/// so that no two of its accesses differ in size.
fn low_half(word: &AtomicU64) -> &AtomicU32 {
    let halves = ptr::from_ref(word).cast::<AtomicU32>();
    // SAFETY: both halves lie within `word`, which is borrowed.
    let low = unsafe { halves.add(usize::from(cfg!(target_endian = "big"))) };
    // SAFETY: the half is valid, aligned for u32 as part of an aligned u64, and lives as long as
    // the borrow of `word`.
    unsafe { &*low }
}
