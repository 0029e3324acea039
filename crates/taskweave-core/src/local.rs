//! A value per worker.

use core::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_utils::CachePadded;
use taskweave_sys::sync::atomic::{AtomicBool, Ordering};
use taskweave_sys::sync::cell::UnsafeCell;

use crate::pool::Pool;
use crate::shared::Shared;
use crate::worker::Worker;

/// A value for each worker of a pool, reached without contention: partial sums, scratch buffers, random generators.
///
/// A body may block within [`with`](Self::with), and its worker slot may go to another thread meanwhile; that thread, a nested
/// `with` on the same stack, and threads from outside get a value of their own from a list of spare ones.
///
/// ```
/// # use taskweave_core::{Pool, WorkerLocal};
/// let pool = Pool::builder().worker_threads(2).build()?;
/// let sums = WorkerLocal::new(&pool, || 0_u64);
/// pool.install(|| taskweave_core::for_each(0..1000, |i| sums.with(|sum| *sum += i as u64)));
/// assert_eq!(sums.into_values().sum::<u64>(), 499_500);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct WorkerLocal<T> {
    pool: Arc<Shared>,
    cells: Box<[CachePadded<Cell<T>>]>,
    spare: Mutex<Vec<T>>,
    make: Box<dyn Fn() -> T + Send + Sync>,
}

struct Cell<T> {
    /// Somebody uses the value.
    taken: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: `taken` gives the value to one thread at a time.
unsafe impl<T: Send> Sync for Cell<T> {}

impl<T: fmt::Debug> fmt::Debug for WorkerLocal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerLocal")
            .field("workers", &self.cells.len())
            .finish_non_exhaustive()
    }
}

impl<T: Send> WorkerLocal<T> {
    /// One value for each worker, made by `make` now, and more when needed.
    pub fn new(pool: &Pool, make: impl Fn() -> T + Send + Sync + 'static) -> Self {
        let cells = (0..pool.worker_threads())
            .map(|_| {
                CachePadded::new(Cell {
                    taken: AtomicBool::new(false),
                    value: UnsafeCell::new(make()),
                })
            })
            .collect();
        WorkerLocal {
            pool: Arc::clone(pool.shared()),
            cells,
            spare: Mutex::new(Vec::new()),
            make: Box::new(make),
        }
    }

    /// Calls `f` with this worker's value, or with a spare one.
    ///
    /// # Cost
    /// One atomic exchange on an uncontended line; a lock where a spare value is used.
    pub fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        let cell = Worker::with_current(|worker| {
            worker
                .filter(|worker| core::ptr::eq(worker.shared(), &*self.pool))
                .map(|worker| &self.cells[worker.index()])
        });
        match cell {
            // Acquire: pairs with the Release in `Guard`.
            Some(cell) if !cell.taken.swap(true, Ordering::Acquire) => {
                let guard = Guard(&cell.taken);
                // SAFETY: `taken` was clear and is ours now.
                let result = cell.value.with_mut(|value| f(unsafe { &mut *value }));
                drop(guard);
                result
            }
            _ => self.with_spare(f),
        }
    }

    #[cold]
    fn with_spare<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        let spare = self.lock().pop();
        let mut value = spare.unwrap_or_else(|| (self.make)());
        let result = f(&mut value);
        self.lock().push(value);
        result
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<T>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All values: the workers' in order, then the spare ones. A spare value whose `with` panicked is lost.
    pub fn into_values(self) -> impl Iterator<Item = T> {
        let spare = self
            .spare
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        self.cells
            .into_iter()
            .map(|cell| CachePadded::into_inner(cell).value.into_inner())
            .chain(spare)
    }
}

/// Gives the value back, also after a panic.
struct Guard<'a>(&'a AtomicBool);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `with`.
        self.0.store(false, Ordering::Release);
    }
}
