//! What the tests share: a watchdog, pools of several sizes, counters, things that panic.
#![allow(dead_code, reason = "each suite uses its part")]

use std::any::Any;
use std::collections::HashSet;
use std::io::Write;
use std::panic;
use std::sync::{Arc, Condvar, Mutex, Once};
use std::time::Duration;

use taskweave::Pool;
use taskweave_sys::sync::atomic::{AtomicUsize, Ordering};
use taskweave_sys::sync::thread;

/// Worker counts that most tests go through.
pub(crate) const SIZES: [usize; 4] = [1, 2, 3, 8];

/// Whether the long forms are to be run.
pub(crate) fn soak() -> bool {
    std::env::var_os("TASKWEAVE_SOAK").is_some_and(|value| value != "0")
}

/// `usual`, or `long` in a soak.
pub(crate) fn rounds(usual: usize, long: usize) -> usize {
    if soak() { long } else { usual }
}

pub(crate) fn pool(workers: usize) -> Pool {
    Pool::builder()
        .worker_threads(workers)
        .build()
        .expect("the pool starts")
}

/// Calls `test` with a pool of each size.
pub(crate) fn each_size(mut test: impl FnMut(&Pool)) {
    for workers in SIZES {
        test(&pool(workers));
    }
}

/// Calls `test` with a pool of each size, from outside and as one of its workers.
pub(crate) fn inside_and_outside(test: impl Fn(&Pool) + Sync) {
    each_size(|pool| {
        test(pool);
        pool.install(|| test(pool));
    });
}

/// Aborts the process if it lives for too long: a hang becomes a failure that says where.
pub(crate) struct Watchdog {
    over: Arc<(Mutex<bool>, Condvar)>,
}

/// Starts a watchdog for the current test.
pub(crate) fn watch() -> Watchdog {
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
pub(crate) fn quiet() {
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
pub(crate) fn message(payload: &(dyn Any + Send)) -> String {
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
pub(crate) fn panic_of(f: impl FnOnce()) -> String {
    match panic::catch_unwind(panic::AssertUnwindSafe(f)) {
        Ok(()) => panic!("it should have panicked"),
        Err(payload) => {
            let text = message(&*payload);
            if payload.is::<Bomb>() {
                std::mem::forget(payload);
            }
            text
        }
    }
}

/// Panics when dropped, unless a panic is under way: two at once end the process by the language's rules.
#[derive(Debug)]
pub(crate) struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !thread::panicking() {
            panic!("a drop on purpose");
        }
    }
}

/// A number that tasks count up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Returns what it was.
    pub(crate) fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst)
    }

    pub(crate) fn tick(&self) {
        self.add();
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Counts its own drops.
#[derive(Debug)]
pub(crate) struct Dropped(pub(crate) Count);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.add();
    }
}

/// Closed until it's opened; whoever passes blocks the thread, as any lock or channel would.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn open(&self) {
        *self.0.0.lock().expect("nobody panics with it") = true;
        self.0.1.notify_all();
    }

    pub(crate) fn pass(&self) {
        let open = self.0.0.lock().expect("nobody panics with it");
        drop(
            self.0
                .1
                .wait_while(open, |open| !*open)
                .expect("nobody panics with it"),
        );
    }

    pub(crate) fn is_open(&self) -> bool {
        *self.0.0.lock().expect("nobody panics with it")
    }
}

/// Waits for something that other threads bring about, by looking again and again; the watchdog bounds it.
pub(crate) fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        thread::sleep(Duration::from_micros(200));
    }
}

/// Random numbers, the same for the same seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((self.next() >> 33) as usize) % bound
    }
}

/// The threads that took part in something.
#[derive(Clone, Default)]
pub(crate) struct Threads(Arc<Mutex<HashSet<thread::ThreadId>>>);

impl Threads {
    pub(crate) fn here(&self) {
        self.0
            .lock()
            .expect("nobody panics with it")
            .insert(thread::current().id());
    }

    pub(crate) fn take(&self) -> HashSet<thread::ThreadId> {
        std::mem::take(&mut *self.0.lock().expect("nobody panics with it"))
    }
}

/// Keeps the processor busy for about so many steps.
pub(crate) fn busy(steps: u32) -> u32 {
    (0..steps).fold(1, |x, _| {
        std::hint::black_box(x)
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223)
    })
}

/// Threads of this process.
pub(crate) fn thread_count() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}
