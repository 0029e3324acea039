//! An iteration allocates nothing once the solver stands: sequential, on a pool, and the linear part alone.
//!
//! One test in a program of its own, for the allocator counts every thread.

use taskweave::Pool;
use taskweave_slam::{Options, Problem, Solver, default_data_path};
use taskweave_testing::counting::{Counting, allocations};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

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
