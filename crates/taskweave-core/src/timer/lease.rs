//! Where wheels are: for ever, and handed on when a pool ends.
//!
//! So a timer keeps no pool alive, and counts nothing: its wheel is there whenever it's taken back. When a pool ends its wheels are emptied, and each timer's state says so.
//! One that is taken back at that very moment may lock a wheel that is another pool's already, and finds under the lock that it isn't linked.

use core::ops::Deref;
use std::sync::PoisonError;

use crossbeam_utils::CachePadded;

use super::lock::Lock;
use super::wheel::{Batch, Wheel};
use crate::error::contain;

/// A wheel and its lock.
pub(super) struct Place(CachePadded<Lock<Wheel>>);

/// Wheels of pools that have ended: open and empty.
static FREE: std::sync::Mutex<Vec<&'static Place>> = std::sync::Mutex::new(Vec::new());

impl Place {
    #[inline]
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut Wheel) -> R) -> R {
        self.0.with(act)
    }

    /// Takes everything out, and refuses what comes.
    pub(super) fn close(&self) {
        let mut batch = Batch::default();
        loop {
            self.with(|wheel| wheel.close(&mut batch));
            let full = batch.is_full();
            batch.drain().for_each(|waker| contain(|| waker.wake()));
            if !full {
                return;
            }
        }
    }
}

/// A wheel for as long as a pool lives.
pub(super) struct Lease(&'static Place);

impl Lease {
    pub(super) fn new() -> Self {
        let recycled = if cfg!(any(taskweave_loom, taskweave_shuttle)) {
            // A model checker's primitives end with the execution that made them.
            None
        } else {
            FREE.lock().unwrap_or_else(PoisonError::into_inner).pop()
        };
        Lease(recycled.unwrap_or_else(|| {
            let place = Place(CachePadded::new(Lock::new(Wheel::new())));
            Box::leak(Box::new(place))
        }))
    }

    #[inline]
    pub(super) fn place(&self) -> &'static Place {
        self.0
    }
}

impl Deref for Lease {
    type Target = Place;

    #[inline]
    fn deref(&self) -> &Place {
        self.0
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if cfg!(any(taskweave_loom, taskweave_shuttle)) {
            return;
        }
        self.close();
        self.with(|wheel| *wheel = Wheel::new());
        FREE.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(self.0);
    }
}
