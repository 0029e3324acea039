//! A thread outside waits for the end of a pass.

use taskweave_sys::sync::{Condvar, Mutex, MutexGuard};

#[derive(Debug, Default)]
pub(super) struct Latch {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Latch {
    /// Lets one [`wait`](Self::wait) go.
    pub(super) fn open(&self) {
        *self.lock() = true;
        self.opened.notify_one();
    }

    /// Waits, and is closed again.
    pub(super) fn wait(&self) {
        let mut open = self.lock();
        while !*open {
            open = match self.opened.wait(open) {
                Ok(open) => open,
                Err(poisoned) => poisoned.into_inner(),
            };
        }
        *open = false;
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        match self.open.lock() {
            Ok(open) => open,
            Err(poisoned) => poisoned.into_inner(),
        }
    }
}
