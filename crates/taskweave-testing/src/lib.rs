//! What the tests share: a watchdog, pools of several sizes, counters, things that panic.
#![cfg(not(any(taskweave_loom, taskweave_shuttle)))]
#![allow(missing_docs, reason = "for the tests of this workspace alone")]
#![allow(
    clippy::len_without_is_empty,
    clippy::new_without_default,
    clippy::should_implement_trait,
    reason = "each has what the tests need"
)]

pub mod counting;

use std::any::Any;
use std::collections::HashSet;
use std::future::Future;
use std::io::Write;
use std::panic;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, Once};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use taskweave_core::{Pool, PoolBuilder};
use taskweave_sys::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use taskweave_sys::sync::thread;

/// Worker counts that most tests go through.
pub const SIZES: [usize; 4] = [1, 2, 3, 8];

/// Whether the long forms are to be run.
pub fn soak() -> bool {
    std::env::var_os("TASKWEAVE_SOAK").is_some_and(|value| value != "0")
}

/// `usual`, or `long` in a soak.
pub fn rounds(usual: usize, long: usize) -> usize {
    if soak() { long } else { usual }
}

pub fn builder(workers: usize) -> PoolBuilder {
    Pool::builder().worker_threads(workers)
}

pub fn pool(workers: usize) -> Pool {
    builder(workers).build().expect("the pool starts")
}

/// Calls `test` with a pool of each size.
pub fn each_size(mut test: impl FnMut(&Pool)) {
    each_pool(|pool| test(&pool));
}

/// Hands a pool of each size to `test`.
pub fn each_pool(test: impl FnMut(Pool)) {
    SIZES.into_iter().map(pool).for_each(test);
}

/// Calls `test` with a pool of each size, from outside and as one of its workers.
pub fn inside_and_outside(test: impl Fn(&Pool) + Sync) {
    each_size(|pool| {
        test(pool);
        pool.install(|| test(pool));
    });
}

/// Aborts the process if it lives for too long: a hang becomes a failure that says where.
#[derive(Debug)]
pub struct Watchdog {
    over: Arc<(Mutex<bool>, Condvar)>,
}

/// Starts a watchdog for the current test.
pub fn watch() -> Watchdog {
    quiet();
    let name = thread::current().name().unwrap_or("a test").to_owned();
    let limit = Duration::from_secs(if soak() { 3600 } else { 120 });
    let over = Arc::new((Mutex::new(false), Condvar::new()));
    let for_thread = Arc::clone(&over);
    thread::spawn(move || {
        let (lock, ended) = &*for_thread;
        let over = lock.lock().expect("nobody panics with it");
        let (over, _) = ended
            .wait_timeout_while(over, limit, |over| !*over)
            .expect("nobody panics with it");
        if !*over {
            // Not by a macro: the test harness would keep the text to itself.
            let _ = writeln!(
                std::io::stderr(),
                "{name} hangs; what its threads do:\n{}",
                threads()
            );
            std::process::abort();
        }
    });
    Watchdog { over }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        *self.over.0.lock().expect("nobody panics with it") = true;
        self.over.1.notify_all();
    }
}

/// Name, state and system call of each thread of this process.
fn threads() -> String {
    let mut lines = String::new();
    for task in std::fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten()
    {
        let read = |file: &str| std::fs::read_to_string(task.path().join(file)).unwrap_or_default();
        let state = read("stat")
            .rsplit(')')
            .next()
            .unwrap_or("")
            .get(1..2)
            .unwrap_or("")
            .to_owned();
        lines += &format!("  {} {state} {}\n", read("comm").trim(), read("wchan"));
    }
    lines
}

/// Keeps panics that a test causes on purpose out of its output.
pub fn quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if std::env::var_os("TASKWEAVE_LOUD").is_some()
                || !message(info.payload()).contains("on purpose")
            {
                usual(info);
            }
        }));
    });
}

/// The text of a panic's payload.
pub fn message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .or_else(|| {
            payload
                .downcast_ref::<Bomb>()
                .map(|_| "a bomb on purpose".to_owned())
        })
        .unwrap_or_default()
}

/// What `f` panics with.
pub fn panic_of(f: impl FnOnce()) -> String {
    match panic::catch_unwind(panic::AssertUnwindSafe(f)) {
        Ok(()) => panic!("it should have panicked"),
        Err(payload) => {
            let text = message(&*payload);
            // Perhaps a bomb.
            std::mem::forget(payload);
            text
        }
    }
}

/// Panics when dropped, unless a panic is under way: two at once end the process by the language's rules.
#[derive(Debug)]
pub struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !thread::panicking() {
            panic!("a drop on purpose");
        }
    }
}

/// How often each of `n` things has happened.
#[derive(Debug)]
pub struct Hits(Vec<AtomicU32>);

impl Hits {
    pub fn new(n: usize) -> Arc<Self> {
        Arc::new(Hits((0..n).map(|_| AtomicU32::new(0)).collect()))
    }

    pub fn hit(&self, index: usize) {
        self.0[index].fetch_add(1, Ordering::Relaxed);
    }

    pub fn total(&self) -> usize {
        self.0
            .iter()
            .map(|count| count.load(Ordering::Relaxed) as usize)
            .sum()
    }

    #[track_caller]
    pub fn assert_each(&self, times: u32) {
        for (index, count) in self.0.iter().enumerate() {
            let count = count.load(Ordering::Relaxed);
            assert_eq!(count, times, "number {index} of {}", self.0.len());
        }
    }
}

/// A number that tasks count up.
#[derive(Debug, Clone, Default)]
pub struct Count(Arc<AtomicUsize>);

impl Count {
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns what it was.
    pub fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst)
    }

    pub fn tick(&self) {
        self.add();
    }

    pub fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Counts its own drops.
#[derive(Debug)]
pub struct Dropped(pub Count);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.add();
    }
}

/// Closed until it's opened; whoever passes blocks the thread, as any lock or channel would.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn open(&self) {
        *self.0.0.lock().expect("nobody panics with it") = true;
        self.0.1.notify_all();
    }

    pub fn pass(&self) {
        let open = self.0.0.lock().expect("nobody panics with it");
        drop(
            self.0
                .1
                .wait_while(open, |open| !*open)
                .expect("nobody panics with it"),
        );
    }

    pub fn is_open(&self) -> bool {
        *self.0.0.lock().expect("nobody panics with it")
    }
}

/// Waits for something that other threads bring about, by looking again and again; the watchdog bounds it.
pub fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        thread::sleep(Duration::from_micros(200));
    }
}

/// A list that tasks append to.
#[derive(Debug)]
pub struct Log<T>(Arc<Mutex<Vec<T>>>);

impl<T> Clone for Log<T> {
    fn clone(&self) -> Self {
        Log(Arc::clone(&self.0))
    }
}

impl<T> Log<T> {
    pub fn new() -> Self {
        Log(Arc::new(Mutex::new(Vec::new())))
    }

    pub fn push(&self, entry: T) {
        self.0.lock().expect("nobody panics with it").push(entry);
    }

    pub fn len(&self) -> usize {
        self.0.lock().expect("nobody panics with it").len()
    }

    pub fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.0.lock().expect("nobody panics with it"))
    }
}

/// Random numbers, the same for the same seed.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        ((self.next() >> 33) as usize) % bound
    }
}

/// The threads that took part in something.
#[derive(Debug, Clone, Default)]
pub struct Threads(Arc<Mutex<HashSet<thread::ThreadId>>>);

impl Threads {
    pub fn here(&self) {
        self.0
            .lock()
            .expect("nobody panics with it")
            .insert(thread::current().id());
    }

    pub fn take(&self) -> HashSet<thread::ThreadId> {
        std::mem::take(&mut *self.0.lock().expect("nobody panics with it"))
    }

    pub fn len(&self) -> usize {
        self.0.lock().expect("nobody panics with it").len()
    }
}

/// Keeps the processor busy for about so many steps.
pub fn busy(steps: u32) -> u32 {
    (0..steps).fold(1, |x, _| {
        std::hint::black_box(x)
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223)
    })
}

/// Runs a future on this thread.
pub fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Threads of this process.
pub fn thread_count() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}
