//! Memory for blocks, starting on a cache line; and locks that are never contended.

use std::ops::{Deref, DerefMut};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Locks for reading. The order of tasks keeps writers away, so this never waits; a value left by a panicking task is overwritten by the next pass.
pub(crate) fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

/// Locks for writing, under the same conditions as [`read`].
pub(crate) fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

/// A fixed number of doubles, zero at first, the first of them on a 64-byte boundary: a vector never straddles two lines.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    memory: Vec<f64>,
    start: usize,
    length: usize,
}

impl Buffer {
    pub(crate) fn new(length: usize) -> Self {
        const LINE: usize = 64;
        let memory = vec![0.0_f64; length + LINE / size_of::<f64>()];
        // The offset may be unknown to an interpreter; alignment is for speed only.
        let start = Some(memory.as_ptr().align_offset(LINE)).filter(|&s| s < LINE / size_of::<f64>()).unwrap_or(0);
        Self { memory, start, length }
    }
}

impl Deref for Buffer {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        &self.memory[self.start..self.start + self.length]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f64] {
        &mut self.memory[self.start..self.start + self.length]
    }
}
