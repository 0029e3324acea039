//! The verbs of a vertex: what happens when it's its turn, and how a pass ends.

use core::cell::Cell;
use core::ptr::NonNull;
use std::any::Any;
use std::sync::Arc;

use taskweave_sys::ordering;

use super::links::Form;
use super::more::Manner;
use super::observer::VertexEnd;
use super::onward::{Left, Live};
use super::report::{NoSuchBranch, Verdict};
use super::round::End;
use super::state::{Core, Course, NO_BRANCH, Vertex};
use crate::error::{Panic, TaskError, catch};
use crate::prefetch::prefetch_to_write;
use crate::task::{Class, Description, Forecast, Header, TaskVTable};
use crate::thread;
use crate::worker::Worker;

/// For graphs of vertices and edges alone.
pub(super) static PLAIN: TaskVTable = verbs(run);
/// For all others.
pub(super) static FULL: TaskVTable = verbs(run_full);

const fn verbs(run: unsafe fn(NonNull<Header>)) -> TaskVTable {
    TaskVTable {
        run,
        // The caller of the pass borrows for it, so it always runs to its end.
        abandon: run,
        describe,
        forecast: Some(forecast),
        tallies: true,
        root: Some(root),
        class: Class::Child,
        label: "vertex",
    }
}

/// What a body said, or panicked with.
pub(super) type Ended = Result<Verdict, Box<dyn Any + Send>>;

unsafe fn run(task: NonNull<Header>) {
    let vertex: NonNull<Vertex<'_>> = task.cast();
    // SAFETY: a vertex lives as long as its pass runs, which this one's end is needed for.
    let vertex = unsafe { vertex.as_ref() };
    // SAFETY: the core holds the vertices.
    let core = unsafe { vertex.core.as_ref() };
    Worker::with_current_of(core.pool(), |worker| match worker {
        Some(worker) => core.run_chain(vertex, worker),
        None => core.run_alone(vertex),
    });
}

unsafe fn run_full(task: NonNull<Header>) {
    let vertex: NonNull<Vertex<'_>> = task.cast();
    // SAFETY: as in `run`.
    let vertex = unsafe { vertex.as_ref() };
    // SAFETY: the core holds the vertices.
    let core = unsafe { vertex.core.as_ref() };
    turn_to(core);
    let index = core.index_of(vertex);
    let more = &core.more[index];
    if core.is_dead(vertex, index) || core.is_cut(|| index) {
        more.give_back();
        core.count_skip();
        core.observe_end(index, VertexEnd::Skipped);
        return Worker::with_current_of(core.pool(), |worker| {
            core.pass_on_live(vertex, Live::None, worker);
        });
    }
    // SAFETY: this vertex's header, in no queue.
    if !unsafe { more.admit(task, core.pool()) } {
        return;
    }
    core.observe(|observer| observer.vertex_begins(index, &core.names[index]));
    match more.manner() {
        Manner::Body => {
            let ended = call(core, vertex);
            // The body may have given the worker slot away.
            Worker::with_current_of(core.pool(), |worker| core.end_vertex(index, ended, worker));
        }
        Manner::Begin => core.call_with_completion(index),
        Manner::Nested => {
            Worker::with_current_of(core.pool(), |worker| core.enter_nested(index, worker));
        }
    }
}

/// Enters the ends that this worker owes to other passes.
#[inline]
fn turn_to(core: &Core<'_>) {
    Worker::with_current_of(core.pool(), |worker| {
        if let Some(worker) = worker {
            worker.turn_to(core.tally());
        }
    });
}

/// Runs the body.
#[inline]
fn call(core: &Core<'_>, vertex: &Vertex<'_>) -> Ended {
    let _rooted = thread::enter_root(core.round().root);
    // SAFETY: one party runs a vertex in a pass, and passes follow one another.
    catch(|| vertex.body.with_mut(|body| unsafe { (*body)() }))
}

impl<'env> Core<'env> {
    /// Runs a vertex, then the successor that its end leaves to this worker, and so on, for as long as the worker may go on: within a chain nobody asks
    /// again where this is, and one frame catches what any of the bodies panics with.
    fn run_chain(&self, first: &Vertex<'env>, worker: &Worker) {
        worker.turn_to(self.tally());
        let _rooted = thread::enter_root(self.round().root);
        let at = Cell::new(first);
        let ended = catch(|| self.run_bodies(&at, worker)).transpose();
        if let Some(ended) = ended {
            self.judge(at.get(), ended);
            self.pass_on_from(at.get());
        }
    }

    /// The chain of `run_chain`. `Some`: the vertex at which it stands now has ended in some other way than most, and nothing else has been done for it.
    #[inline]
    fn run_bodies<'a>(&'a self, at: &Cell<&'a Vertex<'env>>, worker: &Worker) -> Option<Verdict> {
        let slot = worker.slot();
        let mut vertex = at.get();
        loop {
            let now = vertex;
            if self.is_cut(move || self.index_of(now)) {
                self.count_skip();
            } else {
                self.fetch_successors(vertex);
                // SAFETY: one party runs a vertex in a pass, and passes follow one another.
                let verdict = vertex.body.with_mut(|body| unsafe { (*body)() });
                if !matches!(verdict, Verdict::Continue) {
                    return Some(verdict);
                }
                // The body may have given the worker slot away.
                if !worker.is_current() {
                    self.pass_on_from(vertex);
                    return None;
                }
            }
            let next = match self.pass_on(vertex, Some(worker)) {
                Left::Nothing => return None,
                Left::Ready(next) => next,
                Left::Watched(next) => self.watch(next, worker)?,
            };
            vertex = &self.vertices[next as usize];
            if !worker.goes_on(slot, || vertex.forecast()) {
                self.make_ready(next, Some(worker));
                return None;
            }
            at.set(vertex);
        }
    }

    /// Many successors are mostly counted by several workers: their counters may come over while the body runs. For two it costs more than it saves.
    #[inline]
    fn fetch_successors(&self, vertex: &Vertex<'env>) {
        if vertex.links.form() != Form::Row {
            return;
        }
        let row = vertex.links.range();
        if (3..=8).contains(&row.len()) {
            for &successor in &self.successors[row] {
                prefetch_to_write(&raw const self.vertices[successor as usize].arrivals);
            }
        }
    }

    /// Runs one vertex on a thread that has no slot in this pool.
    #[cold]
    fn run_alone(&self, vertex: &Vertex<'env>) {
        if self.is_cut(|| self.index_of(vertex)) {
            self.count_skip();
        } else {
            self.judge(vertex, call(self, vertex));
        }
        self.pass_on_from(vertex);
    }

    /// As [`pass_on`](Self::pass_on), on whatever this thread is by now; a worker runs the vertex that is left to it next.
    fn pass_on_from(&self, vertex: &Vertex<'env>) {
        Worker::with_current_of(self.pool(), |worker| {
            let next = match self.pass_on(vertex, worker) {
                Left::Nothing => None,
                Left::Ready(next) => Some(next),
                Left::Watched(next) => self.stop_watching(next),
            };
            if let (Some(next), Some(worker)) = (next, worker) {
                // SAFETY: ready once a pass; this body is at its end.
                unsafe { worker.run_next(self.task(next)) };
            }
        });
    }

    /// A vertex of a graph that isn't plain has ended, in the last act of what `worker` runs, or elsewhere. The pass may be over, and the graph gone, when this
    /// returns.
    pub(super) fn end_vertex(&self, index: usize, ended: Ended, worker: Option<&Worker>) {
        let vertex = &self.vertices[index];
        let said_stop = matches!(ended, Ok(Verdict::Stop));
        let live = self.judge(vertex, ended);
        let how = match live {
            Live::None if said_stop => VertexEnd::Stopped,
            Live::None => VertexEnd::Failed,
            _ => VertexEnd::Done,
        };
        self.observe_end(index, how);
        self.more[index].give_back();
        self.pass_on_live(vertex, live, worker);
    }

    fn observe_end(&self, index: usize, how: VertexEnd) {
        self.observe(|observer| observer.vertex_ends(index, &self.names[index], how));
    }

    /// Enters what a body said, and tells which edges are live.
    fn judge(&self, vertex: &Vertex<'env>, ended: Ended) -> Live {
        match ended {
            Ok(Verdict::Continue) => return Live::All,
            Ok(Verdict::Branch(chosen)) => {
                let of_row = match vertex.links.form() {
                    Form::Row => self.branches.get(vertex.links.range()).unwrap_or_default(),
                    _ => &[],
                };
                let branches = of_row.iter().filter(|&&b| b != NO_BRANCH).count();
                if chosen < branches {
                    return Live::Branch(chosen as u32);
                }
                let error = Arc::new(NoSuchBranch { chosen, branches });
                self.fail(self.index_of(vertex), TaskError::Failed(error));
            }
            Ok(Verdict::Stop) => {
                let _ = self.turn(Course::Stopped);
            }
            Ok(Verdict::Fail(error)) => {
                self.fail(self.index_of(vertex), TaskError::Failed(error));
            }
            Err(payload) => {
                let panic = TaskError::Panicked(Panic::new(payload));
                self.fail(self.index_of(vertex), panic);
            }
        }
        // Whatever comes after is skipped anyway.
        Live::None
    }

    /// Whether all edges into the vertex are dead.
    #[inline]
    fn is_dead(&self, vertex: &Vertex<'env>, index: usize) -> bool {
        !self.branches.is_empty()
            && vertex.in_degree > 0
            && !self.more[index].live.is_marked(self.round().pass)
    }

    /// A sink has ended. The pass may be over, and the graph gone, when this returns.
    #[inline]
    pub(super) fn end_sink(&self, worker: Option<&Worker>) {
        if !matches!(self.round().end, End::Latch) {
            return self.end_sink_alone(worker);
        }
        match worker {
            // SAFETY: the tally lives until this sink's end is entered.
            Some(worker) => unsafe { worker.end_later(self.tally()) },
            None => self.tally().done(1),
        }
    }

    /// A sink has ended, of a pass that nobody's stack waits for.
    #[inline(never)]
    fn end_sink_alone(&self, worker: Option<&Worker>) {
        // AcqRel: the last one sees what all the others did, as it tells of the end.
        if self
            .open_sinks
            .fetch_sub(1, ordering!(AcqRel, "pass-last-sink-relaxed"))
            == 1
        {
            // SAFETY: all sinks have ended, hence all vertices.
            unsafe { self.end_pass(worker) };
        }
    }

    /// Tells of the end of a pass that nobody's stack waits for. The graph may be gone when this returns.
    ///
    /// # Safety
    /// All vertices have ended, and the caller is the only one who knows.
    pub(super) unsafe fn end_pass(&self, worker: Option<&Worker>) {
        // SAFETY: passed on.
        let result = unsafe { self.finish() };
        let end = self.round.with_mut(|round| {
            // SAFETY: no vertex runs.
            core::mem::replace(unsafe { &mut (*round).end }, End::Latch)
        });
        match end {
            End::Latch => unreachable!("whoever waits for the tally ends the pass"),
            End::Ticket { ticket, share } => {
                // From here on the graph may be run again.
                ticket.finish(result);
                drop(share);
            }
            End::Vertex { outer, vertex } => {
                // SAFETY: the outer pass goes on until this vertex has ended.
                unsafe { outer.as_ref() }.end_round(vertex, result, worker);
            }
        }
    }
}

/// The kind of vertices that run graphs: their own part is short.
pub(super) fn nested_kind() -> usize {
    run_full as *const () as usize
}

unsafe fn forecast(task: NonNull<Header>) -> Forecast {
    let vertex: NonNull<Vertex<'_>> = task.cast();
    // SAFETY: called before it runs, so it's alive.
    unsafe { vertex.as_ref() }.forecast()
}

unsafe fn root(task: NonNull<Header>) -> usize {
    let vertex: NonNull<Vertex<'_>> = task.cast();
    // SAFETY: called before it runs, so it's alive.
    let core = unsafe { vertex.as_ref() }.core;
    // SAFETY: the core holds the vertices.
    unsafe { core.as_ref() }.round().root
}

unsafe fn describe(task: NonNull<Header>) -> Description {
    let vertex: NonNull<Vertex<'_>> = task.cast();
    // SAFETY: called before it runs, so it's alive.
    let vertex = unsafe { vertex.as_ref() };
    // SAFETY: the core holds the vertices.
    let core = unsafe { vertex.core.as_ref() };
    Description {
        kind: "vertex",
        name: Some(core.names[core.index_of(vertex)].to_string()),
    }
}
