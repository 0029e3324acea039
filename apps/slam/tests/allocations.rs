//! An iteration allocates nothing once the solver stands: sequential, on a pool, and the linear part alone.
//!
//! One test in a program of its own, for the allocator counts every thread.

#![allow(clippy::disallowed_types, reason = "the facade is not for applications, and no model checker looks here")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use taskweave::Pool;
use taskweave_slam::{Options, Problem, Solver, default_data_path};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is handed to the system's allocator as it is, and counting touches no memory but a static.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Relaxed: a count, read when the work is done and waited for.
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the memory is the system allocator's, with this layout: all allocation goes through here.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many allocations `work` makes, in all threads.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    work();
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

#[test]
fn iterations_do_not_allocate() {
    let problem = Problem::read(default_data_path().unwrap()).unwrap();
    let pool = Pool::builder().worker_threads(2).build().unwrap();
    let mut solver = Solver::new(&problem, Options::default()).unwrap();
    // The runtime allocates once for each thread that ever sleeps while it waits for a pool, as this one may have to. A task that has begun elsewhere
    // makes it sleep.
    let (begun, begins) = std::sync::mpsc::channel();
    let slow = pool.spawn(move || {
        begun.send(()).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(100));
    });
    begins.recv().unwrap();
    slow.wait().unwrap();
    // The first pass builds the graphs.
    solver.iterate(&pool).unwrap();
    solver.factorise_and_solve(&pool).unwrap();

    let sequential = allocations(|| {
        solver.iterate_sequential().unwrap();
        solver.linearise();
        solver.factorise_and_solve_sequential().unwrap();
    });
    assert_eq!(sequential, 0, "on one thread");
    let parallel = allocations(|| {
        for _ in 0..3 {
            solver.iterate(&pool).unwrap();
            solver.factorise_and_solve(&pool).unwrap();
        }
    });
    assert_eq!(parallel, 0, "on a pool");

    // That the counter counts: what does allocate is seen.
    assert!(allocations(|| drop(solver.poses())) > 0);
    assert!(
        allocations(|| drop(std::thread::scope(|s| s.spawn(|| vec![0_u8; 64]).join()))) > 0,
        "in other threads, too"
    );
}
