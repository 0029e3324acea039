//! Dataflow by counting: a task is ready when as many of its inputs have arrived as it has.

use std::sync::Arc;

use crossbeam_utils::CachePadded;
use taskweave_sys::sync::atomic::{AtomicU32, Ordering};
use taskweave_taskbench::{Task, Workload};

/// Counts arrivals. They are never set back: in pass n a task is ready at n times its number of inputs.
#[derive(Debug)]
pub(super) struct Flow {
    work: Arc<Workload>,
    arrived: Box<[AtomicU32]>,
    roots: Box<[Task]>,
    last: u32,
    pass: AtomicU32,
    /// How many of the tasks that nobody reads have yet to end.
    left: CachePadded<AtomicU32>,
}

impl Flow {
    pub(super) fn new(work: Arc<Workload>) -> Self {
        let last = work.all().filter(|&task| work.readers(task).is_empty());
        Self {
            arrived: (0..work.indices()).map(|_| AtomicU32::new(0)).collect(),
            roots: work
                .all()
                .filter(|&task| work.inputs(task).is_empty())
                .collect(),
            last: last.count() as u32,
            pass: AtomicU32::new(0),
            left: CachePadded::new(AtomicU32::new(0)),
            work,
        }
    }

    /// Begins a pass; returns the tasks that wait for nothing.
    pub(super) fn begin(&self) -> &[Task] {
        // Relaxed: the roots are handed to other threads after this, by ways that order it.
        let pass = self.pass.load(Ordering::Relaxed);
        self.pass.store(pass.wrapping_add(1), Ordering::Relaxed);
        self.left.store(self.last, Ordering::Relaxed);
        &self.roots
    }

    /// Runs a task and hands those that it makes ready to `ready`. Returns whether it was the last of the pass.
    #[inline]
    pub(super) fn run(&self, task: Task, mut ready: impl FnMut(Task)) -> bool {
        self.work.run(task);
        let readers = self.work.readers(task);
        for &point in readers {
            let reader = Task {
                step: task.step + 1,
                point,
                ..task
            };
            if self.arrive(reader) {
                ready(reader);
            }
        }
        // AcqRel: releases this task's effects to whoever takes the last one away, and acquires theirs.
        readers.is_empty() && self.left.fetch_sub(1, Ordering::AcqRel) == 1
    }

    #[inline]
    fn arrive(&self, task: Task) -> bool {
        let inputs = self.work.inputs(task).len() as u32;
        if inputs == 1 {
            return true;
        }
        let pass = self.pass.load(Ordering::Relaxed);
        // AcqRel: releases the output that has arrived to whoever counts the last one, and acquires the others'.
        let before = self.arrived[self.work.index(task)].fetch_add(1, Ordering::AcqRel);
        before.wrapping_add(1) == pass.wrapping_mul(inputs)
    }
}
