//! The floor: nobody decides anything.
//!
//! Each thread has a block of columns of every graph and goes through its tasks step by step. How far a column has come is one number on a cache
//! line of its own, written by the column's thread alone; who needs a task of another thread's column spins on it.

use std::{ops::Range, sync::Arc};

use crossbeam_utils::CachePadded;
use taskweave_sys::sync::atomic::{AtomicU64, Ordering};

use super::{
    EngineError, Runner, Setup,
    team::{Team, spin_until},
};
use crate::work::{Task, Workload};

#[derive(Debug)]
struct Columns {
    work: Arc<Workload>,
    threads: usize,
    /// For each graph, how many steps its columns have ended, over all passes.
    ended: Box<[Box<[CachePadded<AtomicU64>]>]>,
    /// Steps of all earlier passes.
    base: AtomicU64,
}

pub(super) struct Spinning {
    columns: Arc<Columns>,
    team: Team,
}

impl Spinning {
    pub(super) fn new(setup: &Setup, work: Arc<Workload>) -> Result<Self, EngineError> {
        let column = |_| CachePadded::new(AtomicU64::new(0));
        let columns = Arc::new(Columns {
            threads: setup.threads,
            ended: (0..work.graphs() as u32)
                .map(|graph| (0..work.width(graph)).map(column).collect())
                .collect(),
            base: AtomicU64::new(0),
            work,
        });
        let shared = Arc::clone(&columns);
        Ok(Self {
            team: Team::new("spinning", setup, move |thread| shared.run(thread))?,
            columns,
        })
    }
}

impl Runner for Spinning {
    fn run(&mut self) {
        self.team.run();
        let steps = u64::from(self.columns.work.steps());
        // Relaxed: the next round orders it.
        self.columns.base.fetch_add(steps, Ordering::Relaxed);
    }
}

impl Columns {
    fn run(&self, thread: usize) {
        let base = self.base.load(Ordering::Relaxed);
        for step in 0..self.work.steps() {
            for (graph, ended) in (0..).zip(&self.ended) {
                let mine = block(thread, self.threads, ended.len());
                let row = self.work.row(graph, step);
                let mine = mine.start.max(row.start)..mine.end.min(row.end);
                for point in mine.clone() {
                    let task = Task { graph, step, point };
                    for &input in self.work.inputs(task) {
                        // The own columns are a step further already.
                        if !mine.contains(&input) {
                            // Acquire: pairs with the Release below.
                            let column = &ended[input as usize];
                            spin_until(|| column.load(Ordering::Acquire) >= base + u64::from(step));
                        }
                    }
                    self.work.run(task);
                    // Release: pairs with the Acquire above; readers see the output.
                    ended[point as usize].store(base + u64::from(step) + 1, Ordering::Release);
                }
            }
        }
    }
}

/// The columns of a thread: about the same number for each, side by side.
fn block(thread: usize, threads: usize, columns: usize) -> Range<u32> {
    let edge = |thread: usize| (thread * columns / threads) as u32;
    edge(thread)..edge(thread + 1)
}

#[cfg(test)]
mod tests {
    use super::block;

    #[test]
    fn blocks_cover_all_columns_once() {
        for (threads, columns) in [(1, 5), (2, 1), (2, 7), (3, 64), (8, 3)] {
            let all: Vec<u32> = (0..threads)
                .flat_map(|thread| block(thread, threads, columns))
                .collect();
            assert_eq!(all, (0..columns as u32).collect::<Vec<_>>());
        }
    }
}
