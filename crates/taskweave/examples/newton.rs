//! A pipeline with all that a graph offers: square roots by Newton's method, until they are good enough.
//!
//! ```text
//! ask ──> guess ──> improve (a loop) ──> check ─┬─?0─> good
//!                                               └─?1─> poor
//! ```

use std::error::Error;
use std::fmt::Write;
use std::thread;

use taskweave::Pool;
use taskweave::graph::{Completion, GraphBuilder, Next, writes};
use taskweave_sys::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What the program prints.
pub(crate) fn report(numbers: &[f64], rounds: u64) -> Result<String, Box<dyn Error>> {
    let pool = Pool::builder().worker_threads(2).build()?;
    // Atomics hold what a loop's graph and its surroundings share; slots belong to one graph.
    let (number, root) = (AtomicU64::new(0), AtomicU64::new(0));
    let load = |cell: &AtomicU64| f64::from_bits(cell.load(Relaxed));
    let mut todo = numbers.iter();

    let mut step = GraphBuilder::new();
    step.task("newton", || {
        let x = load(&root);
        root.store((x.midpoint(load(&number) / x)).to_bits(), Relaxed);
    });
    let error = || (load(&root).powi(2) - load(&number)).abs() / load(&number);

    let mut graph = GraphBuilder::new();
    let text = graph.slot("text", String::new());
    let failures = graph.slot("failures", 0);
    // The number comes from another thread; meanwhile no worker waits.
    let ask = graph.begin("ask", |completion: Completion| {
        if let Some(&next) = todo.next() {
            number.store(next.to_bits(), Relaxed);
        }
        // If no thread can be had, the completion is dropped, and that is this task's error.
        drop(thread::Builder::new().spawn(move || completion.complete()));
    });
    let guess = graph.task("guess", || root.store(1_f64.to_bits(), Relaxed));
    let improve = graph.repeat("improve", step, rounds, |_| error() > 1e-12)?;
    let check = graph.task("check", || Next::Branch(usize::from(error() > 1e-9)));
    let good = graph.task_with("good", writes(&text), |text| {
        writeln!(text, "the root of {} is {:.6}", load(&number), load(&root))
    })?;
    let poor = graph.task_with("poor", writes(&failures), |failures| *failures += 1)?;
    graph.chain([ask, guess, improve, check])?;
    graph.branches(check, [good, poor])?;
    let mut graph = graph.build()?;
    graph.run_n(&pool, numbers.len() as u64)?;
    let failures = failures.get();
    Ok(format!(
        "{}\n{}without success: {failures}\n",
        graph.text(),
        text.get()
    ))
}

#[cfg_attr(test, expect(dead_code, reason = "a test calls `report`"))]
fn main() -> Result<(), Box<dyn Error>> {
    print!("{}", report(&[2.0, 9.0, 1e12], 12)?);
    Ok(())
}
