//! What allocates and what doesn't, counted over the whole process: one test in this program.
#![cfg(not(any(taskweave_loom, taskweave_shuttle)))]

use taskweave_progress::timely::progress::ChangeBatch;
use taskweave_progress::{Chain, Exchange, Medium, Progress, Receiver, Sender};
use taskweave_testing::counting::{Counting, per_round};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// All receive in every step; every worker moves one time on.
fn a_step(medium: &impl Medium<ChangeBatch<u64>>) -> impl FnMut() {
    let mut workers: Vec<_> = (0..4)
        .map(|_| (medium.reader(), medium.writer(), ChangeBatch::new()))
        .collect();
    let mut batch = ChangeBatch::new();
    let mut step = 0;
    move || {
        for (_, writer, _) in &mut workers {
            batch.update(step, -1);
            batch.update(step + 1, 1);
            writer.send(&mut batch);
        }
        for (reader, _, changes) in &mut workers {
            reader.recv(changes);
            assert_eq!(changes.drain().count(), 2);
        }
        step += 1;
    }
}

#[test]
fn who_keeps_up_allocates_nothing() {
    // The negative control comes first: a chain closes its newest node whenever a reader catches up.
    assert!(per_round(a_step(&Chain::new())) >= 1.0);
    assert_eq!(per_round(a_step(&Exchange::new())), 0.0);
    assert_eq!(per_round(a_step(&Exchange::with_ring(2))), 0.0);

    // Neither does an idle receive, nor a frontier that moves.
    let exchange = Exchange::<i64>::new();
    let mut reader = exchange.reader();
    assert_eq!(
        per_round(|| {
            reader.recv(&mut 0);
        }),
        0.0
    );
    let (progress, mut root) = Progress::<u64>::new();
    let mut time = 0;
    assert_eq!(
        per_round(|| {
            time += 1;
            let message = root.mint(time).unwrap();
            root.downgrade(time).unwrap();
            drop(message);
            assert!(progress.has_passed(&(time - 1)));
        }),
        0.0
    );
    assert!(
        per_round(|| progress.when_passed(u64::MAX, move || assert!(time > 0))) > 0.0,
        "a closure is boxed"
    );
}
