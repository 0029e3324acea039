//! Vertices that run a graph of their own, once or in a bounded loop.

use core::ptr::NonNull;
use std::sync::Arc;

use taskweave_sys::sync::atomic::Ordering;

use super::more::Action;
use super::report::{PassError, PassReport, Verdict};
use super::round::End;
use super::state::{Core, Course, SharedCore};
use super::step::Ended;
use crate::error::catch;
use crate::worker::Worker;

/// Says after each round but the last whether there is to be another one.
pub type Again<'env> = Box<dyn FnMut(&PassReport) -> bool + Send + 'env>;

/// How often a vertex runs its graph.
pub(super) struct Rounds<'env> {
    most: u64,
    again: Option<Again<'env>>,
    /// Of the present pass of the outer graph.
    left: u64,
}

impl<'env> Rounds<'env> {
    pub(super) fn new(most: u64, again: Option<Again<'env>>) -> Self {
        Rounds {
            most,
            again,
            left: 0,
        }
    }

    /// Whether there is another round after one that ended well.
    fn goes_on(&mut self, report: &PassReport) -> bool {
        self.left -= 1;
        self.left > 0 && self.again.as_mut().is_none_or(|again| again(report))
    }
}

impl<'env> Core<'env> {
    /// It's a nested vertex's turn. It, and with it the pass, may have ended when this returns.
    pub(super) fn enter_nested(&self, vertex: usize, worker: Option<&Worker>) {
        let left = self.with_rounds(vertex, |rounds| {
            rounds.left = rounds.most;
            rounds.left
        });
        if left > 0 {
            self.begin_round(vertex, worker);
        } else {
            self.end_vertex(vertex, Ok(Verdict::Continue), worker);
        }
    }

    fn with_rounds<R>(&self, vertex: usize, act: impl FnOnce(&mut Rounds<'env>) -> R) -> R {
        self.more[vertex].action.with_mut(|action| {
            // SAFETY: the party that runs the vertex: first who has its turn, then who ends a round.
            match unsafe { &mut *action } {
                Action::Nested(rounds) => act(rounds),
                _ => unreachable!("asked before"),
            }
        })
    }

    fn inner(&self, vertex: usize) -> SharedCore<'env> {
        match &self.more[vertex].inner {
            Some(inner) => SharedCore::clone(&inner.core),
            None => unreachable!("asked before"),
        }
    }

    fn begin_round(&self, vertex: usize, worker: Option<&Worker>) {
        // As soon as the last root is queued, all may be over: this share keeps the inner graph until then.
        let inner = self.inner(vertex);
        let outer = NonNull::from(self).cast();
        let round = self.round();
        let begin = |inner_round: &mut super::round::Round| {
            inner_round.shared = round.shared;
            inner_round.root = round.root;
            inner_round.end = End::Vertex { outer, vertex };
            Course::Watched
        };
        // SAFETY: the vertex has its turn, and no round of it is under way.
        unsafe { inner.begin(begin) };
        if inner.sinks == 0 {
            // SAFETY: there is no vertex.
            return unsafe { inner.end_pass(worker) };
        }
        inner.seed(|root| inner.make_ready(root, worker));
    }

    /// A round has ended.
    pub(super) fn end_round(
        &self,
        vertex: usize,
        result: Result<PassReport, PassError>,
        worker: Option<&Worker>,
    ) {
        let ended: Ended = match result {
            Err(error) => Ok(Verdict::Fail(Arc::new(error))),
            Ok(report) => match catch(|| self.is_to_go_on(vertex, &report)) {
                Ok(true) => return self.begin_round(vertex, worker),
                Ok(false) => Ok(Verdict::Continue),
                Err(payload) => Err(payload),
            },
        };
        self.end_vertex(vertex, ended, worker);
    }

    fn is_to_go_on(&self, vertex: usize, report: &PassReport) -> bool {
        // Relaxed: all its vertices have ended.
        let course = self.inner(vertex).course.load(Ordering::Relaxed);
        course == Course::Watched as u8
            && !self.is_cut(|| vertex)
            && self.with_rounds(vertex, |rounds| rounds.goes_on(report))
    }
}
