#![doc = include_str!("README.md")]

use std::time::Duration;

use crate::sync::atomic::{AtomicU32, AtomicU64};

#[cfg(all(
    target_os = "linux",
    not(any(taskweave_portable, taskweave_loom, taskweave_shuttle))
))]
#[path = "linux.rs"]
mod backend;
#[cfg(not(all(
    target_os = "linux",
    not(any(taskweave_portable, taskweave_loom, taskweave_shuttle))
)))]
#[path = "table.rs"]
mod backend;

/// Sleeps while `word` holds `expected`, for at most `timeout`; returns `false` if the time ran
/// out.
///
/// `true` says nothing about the word: the sleeper was woken, or the word already held something
/// else, or the system woke the sleeper for reasons of its own. Look again, and wait again if
/// needed.
pub fn wait(word: &AtomicU32, expected: u32, timeout: Option<Duration>) -> bool {
    backend::wait(word, expected, timeout)
}

/// Wakes up to `count` threads that sleep on `word`, the longest sleeper first; returns how many
/// there were.
///
/// Change the word first: a thread about to sleep sees either the new value or this wake.
pub fn wake(word: &AtomicU32, count: u32) -> usize {
    backend::wake(word, count)
}

/// [`wait`] on the low 32 bits of a wider word, while these are zero.
pub(crate) fn wait_while_low_half_is_zero(word: &AtomicU64, timeout: Option<Duration>) -> bool {
    backend::wait_while_low_half_is_zero(word, timeout)
}

/// [`wake`] for those who sleep on the low 32 bits of a wider word.
pub(crate) fn wake_low_half(word: &AtomicU64, count: u32) -> usize {
    backend::wake_low_half(word, count)
}
