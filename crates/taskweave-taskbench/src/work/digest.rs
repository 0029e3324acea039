//! One number for all that a pass has left, to compare engines in different processes by.

use super::{Output, Task, Workload};

/// FNV-1a, word by word: Fowler, Noll, Vo.
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

impl Workload {
    /// The sum of a hash of each task's output, without the number of the pass. The order of tasks doesn't matter, so that parts of it may be
    /// added up by those who ran them.
    pub fn digest(&self) -> u64 {
        self.all()
            .map(|task| of(task, self.output(task)))
            .fold(0, u64::wrapping_add)
    }
}

fn of(task: Task, output: Output<'_>) -> u64 {
    let place = [task.graph, task.step, task.point].map(u64::from);
    let words = output
        .words()
        .flat_map(|(step, point)| [u64::from(step), point]);
    place
        .into_iter()
        .chain(words)
        .fold(BASIS, |hash, word| (hash ^ word).wrapping_mul(PRIME))
}
