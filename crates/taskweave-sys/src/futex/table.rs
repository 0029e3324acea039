//! The backend of every other system, and of the models: a fixed table of mutexes and condition
//! variables, chosen by address.

use std::{sync::PoisonError, time::Duration};

use crate::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicU32, AtomicU64, Ordering},
};

/// A power of two. One bucket in a model, where addresses differ from run to run and must not
/// decide anything.
const BUCKETS: usize = if cfg!(any(taskweave_loom, taskweave_shuttle)) {
    1
} else {
    64
};

struct Bucket {
    queue: Mutex<Queue>,
    changed: Condvar,
}

struct Queue {
    next: u64,
    /// In the order of arrival.
    sleepers: Vec<Sleeper>,
}

struct Sleeper {
    address: usize,
    ticket: u64,
    woken: bool,
}

impl Bucket {
    const_unless_loom! {
        fn new() -> Self {
            Self { queue: Mutex::new(Queue { next: 0, sleepers: Vec::new() }), changed: Condvar::new() }
        }
    }
}

#[cfg(not(any(taskweave_loom, taskweave_shuttle)))]
static TABLE: [Bucket; BUCKETS] = [const { Bucket::new() }; BUCKETS];

#[cfg(taskweave_loom)]
loom::lazy_static! {
    static ref TABLE: [Bucket; BUCKETS] = [Bucket::new()];
}

#[cfg(all(taskweave_shuttle, not(taskweave_loom)))]
shuttle::lazy_static! {
    static ref TABLE: [Bucket; BUCKETS] = [Bucket::new()];
}

pub(super) fn wait(word: &AtomicU32, expected: u32, timeout: Option<Duration>) -> bool {
    // Relaxed: the bucket's mutex orders this load after the store of a waker that has been here
    // before.
    sleep_while(address(word), timeout, || {
        word.load(Ordering::Relaxed) == expected
    })
}

pub(super) fn wake(word: &AtomicU32, count: u32) -> usize {
    wake_address(address(word), count)
}

pub(super) fn wait_while_low_half_is_zero(word: &AtomicU64, timeout: Option<Duration>) -> bool {
    // Relaxed: as in `wait`.
    sleep_while(address(word), timeout, || {
        word.load(Ordering::Relaxed) as u32 == 0
    })
}

pub(super) fn wake_low_half(word: &AtomicU64, count: u32) -> usize {
    wake_address(address(word), count)
}

fn address<T>(word: &T) -> usize {
    std::ptr::from_ref(word).addr()
}

/// Sleepers that a bucket has room for from the first one on, so that sleeping doesn't allocate.
#[cfg(not(any(taskweave_loom, taskweave_shuttle)))]
const ROOM: usize = 32;

fn bucket(address: usize) -> &'static Bucket {
    #[cfg(not(any(taskweave_loom, taskweave_shuttle)))]
    {
        static ROOMY: std::sync::Once = std::sync::Once::new();
        ROOMY.call_once(|| {
            for bucket in &TABLE {
                lock(bucket).sleepers.reserve(ROOM);
            }
        });
    }
    // Words are at least four bytes apart, usually a cache line; the multiplication spreads both
    // over the high bits.
    let spread = (address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    &TABLE[spread as usize & (BUCKETS - 1)]
}

fn sleep_while(address: usize, timeout: Option<Duration>, still: impl Fn() -> bool) -> bool {
    let bucket = bucket(address);
    if mutated!("futex-look-before-lock") && !still() {
        return true;
    }
    let mut queue = lock(bucket);
    if !mutated!("futex-look-before-lock") && !still() {
        return true;
    }
    let ticket = queue.next;
    queue.next += 1;
    queue.sleepers.push(Sleeper {
        address,
        ticket,
        woken: false,
    });
    let mut deadline = Deadline::after(timeout);
    loop {
        let timed_out;
        (queue, timed_out) = deadline.wait(bucket, queue);
        let Some(place) = queue
            .sleepers
            .iter()
            .position(|sleeper| sleeper.ticket == ticket)
        else {
            return true;
        };
        if queue.sleepers[place].woken || timed_out {
            return queue.sleepers.remove(place).woken;
        }
    }
}

fn wake_address(address: usize, count: u32) -> usize {
    let bucket = bucket(address);
    let mut queue = lock(bucket);
    let mut woken = 0;
    for sleeper in queue
        .sleepers
        .iter_mut()
        .filter(|sleeper| sleeper.address == address && !sleeper.woken)
        .take(count as usize)
    {
        sleeper.woken = true;
        woken += 1;
    }
    if woken > 0 {
        // All, since a bucket is shared by several words; those not marked go back to sleep.
        bucket.changed.notify_all();
    }
    woken
}

fn lock(bucket: &'static Bucket) -> MutexGuard<'static, Queue> {
    bucket.queue.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(not(any(taskweave_loom, taskweave_shuttle)))]
struct Deadline(Option<std::time::Instant>);

#[cfg(not(any(taskweave_loom, taskweave_shuttle)))]
impl Deadline {
    fn after(timeout: Option<Duration>) -> Self {
        // A time too far away to be expressed is never reached.
        Self(timeout.and_then(|timeout| std::time::Instant::now().checked_add(timeout)))
    }

    fn wait(
        &mut self,
        bucket: &'static Bucket,
        queue: MutexGuard<'static, Queue>,
    ) -> (MutexGuard<'static, Queue>, bool) {
        let Some(deadline) = self.0 else {
            return (
                bucket
                    .changed
                    .wait(queue)
                    .unwrap_or_else(PoisonError::into_inner),
                false,
            );
        };
        let left = deadline.saturating_duration_since(std::time::Instant::now());
        let (queue, result) = bucket
            .changed
            .wait_timeout(queue, left)
            .unwrap_or_else(PoisonError::into_inner);
        (queue, result.timed_out())
    }
}

/// Models have no clock: a wait with a timeout lets the others run once, and then its time is over.
#[cfg(any(taskweave_loom, taskweave_shuttle))]
struct Deadline(bool);

#[cfg(any(taskweave_loom, taskweave_shuttle))]
impl Deadline {
    fn after(timeout: Option<Duration>) -> Self {
        Self(timeout.is_some())
    }

    fn wait(
        &mut self,
        bucket: &'static Bucket,
        queue: MutexGuard<'static, Queue>,
    ) -> (MutexGuard<'static, Queue>, bool) {
        if self.0 {
            drop(queue);
            crate::sync::thread::yield_now();
            (lock(bucket), true)
        } else {
            (
                bucket
                    .changed
                    .wait(queue)
                    .unwrap_or_else(PoisonError::into_inner),
                false,
            )
        }
    }
}
