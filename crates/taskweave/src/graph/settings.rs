//! What can be said of tasks beside their edges, and of a graph as a whole.

use std::fmt;

use taskweave_core::Limit;
use taskweave_core::pass::{PassObserver, VertexEnd};

use super::PassError;
use super::builder::{GraphBuilder, TaskId};
use super::error::EdgeError;
use super::run::Pass;

impl<'env> GraphBuilder<'env> {
    /// The task runs only while it has a unit of this limit, and waits in line for it without holding a worker. A task that begins something, or runs a graph, has its unit
    /// until it has ended. One lock to take a unit and one to give it back; the line is allocated as it becomes longer than ever before.
    ///
    /// # Errors
    /// [`EdgeError::Foreign`].
    pub fn limit(&mut self, task: TaskId, limit: &Limit) -> Result<(), EdgeError> {
        let vertex = self.own(task)?;
        self.plan.limit(vertex, limit);
        Ok(())
    }

    /// When its last predecessor has ended, the task is queued for the worker of this number (modulo their count). Only a hint: a worker that is idle may take it, and a task
    /// without predecessors is queued as usual.
    ///
    /// # Errors
    /// [`EdgeError::Foreign`].
    pub fn prefer_worker(&mut self, task: TaskId, worker: u32) -> Result<(), EdgeError> {
        let vertex = self.own(task)?;
        self.plan.place(vertex, worker);
        Ok(())
    }

    /// Of the tasks that become ready together, runs the one first that has the longest way to the end, a task counting 1 or what [`cost`](Self::cost) says. So the critical
    /// path is begun early. A worker keeps to this order among what it has made ready itself; what another one takes is another one's to run.
    pub fn critical_path_first(&mut self) {
        self.plan.hurry();
    }

    /// As [`critical_path_first`](Self::critical_path_first), and says what a task costs, in any unit that all costs of this graph share.
    ///
    /// # Errors
    /// [`EdgeError::Foreign`].
    pub fn cost(&mut self, task: TaskId, cost: u64) -> Result<(), EdgeError> {
        let vertex = self.own(task)?;
        self.plan.cost(vertex, cost);
        Ok(())
    }

    /// Has the observer told of each pass and each task; an earlier one is replaced. Graphs inside of tasks have observers of their own, if any. Without one, nothing looks for
    /// it in the course of a task.
    pub fn observe(&mut self, observer: impl Observer + 'env) {
        self.plan.observe(Box::new(Told(observer)));
    }
}

/// How a task ended.
pub type TaskEnd = VertexEnd;

/// Told of passes and tasks, on the threads that run them and by several of them at once. What a method panics with is dropped.
#[expect(unused_variables, reason = "to be overridden by those who want it")]
pub trait Observer: Send + Sync {
    /// A pass begins, counted from 0; nothing of it has begun.
    fn pass_begins(&self, pass: u64) {}

    /// A pass has ended.
    fn pass_ends(&self, result: Result<&Pass, &PassError>) {}

    /// A task's body is about to run. Not called for those that are skipped.
    fn task_begins(&self, index: usize, name: &str) {}

    /// A task has ended or was skipped, and no successor of it has begun.
    fn task_ends(&self, index: usize, name: &str, end: TaskEnd) {}
}

/// The kernel's word for it.
struct Told<O>(O);

impl<O> fmt::Debug for Told<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Told")
    }
}

impl<O: Observer> PassObserver for Told<O> {
    fn pass_begins(&self, pass: u64) {
        self.0.pass_begins(pass);
    }

    fn pass_ends(&self, result: Result<&Pass, &PassError>) {
        self.0.pass_ends(result);
    }

    fn vertex_begins(&self, vertex: usize, name: &str) {
        self.0.task_begins(vertex, name);
    }

    fn vertex_ends(&self, vertex: usize, name: &str, end: VertexEnd) {
        self.0.task_ends(vertex, name, end);
    }
}
