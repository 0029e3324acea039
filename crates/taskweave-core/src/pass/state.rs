//! A frozen graph in memory: what is fixed, and what a pass changes.

use core::ptr::NonNull;
use std::sync::{Mutex, PoisonError};

use taskweave_sys::mutated;
use taskweave_sys::sync::atomic::{AtomicIsize, AtomicU8, AtomicUsize, Ordering};
use taskweave_sys::sync::cell::UnsafeCell;

use super::counter::JoinCounter;
use super::links::Links;
use super::more::{Action, More};
use super::observer::PassObserver;
use super::report::{PassError, PassReport, Verdict};
use super::round::{End, Round};
use crate::cancel::CancelToken;
use crate::error::{TaskError, contain, discard};
use crate::latch::Tally;
use crate::shared::Shared;
use crate::task::{Forecast, Header};
use crate::worker::Worker;

/// What is to blame for a failure, if no vertex is.
pub(super) const NO_VERTEX: usize = usize::MAX;

/// An edge that is no branch.
pub(super) const NO_BRANCH: u32 = u32::MAX;

/// One vertex, in a cache line. (Counters in an array of their own are slower, as neighbours are counted by different workers.)
#[repr(C, align(64))]
pub(super) struct Vertex<'env> {
    pub(super) header: Header,
    pub(super) core: NonNull<Core<'env>>,
    pub(super) arrivals: JoinCounter,
    pub(super) in_degree: u32,
    pub(super) links: Links,
    /// Vertices on the longest way from here to a sink, this one included, if they aren't more.
    pub(super) way: u16,
    /// Where it stands in its level, in parts of 2¹⁶; see [`Rows::sort_by_place`](super::rows::Rows::sort_by_place).
    pub(super) place: u16,
    pub(super) body: UnsafeCell<Box<dyn FnMut() -> Verdict + Send + 'env>>,
}

impl Vertex<'_> {
    #[inline]
    pub(super) fn forecast(&self) -> Forecast {
        Forecast {
            kind: self.links.kind(),
            way: u32::from(self.way),
        }
    }
}

/// See the essay for who may touch what.
pub(super) struct Core<'env> {
    pub(super) vertices: Box<[Vertex<'env>]>,
    pub(super) successors: Box<[u32]>,
    /// Beside `successors`; empty if there are no branches.
    pub(super) branches: Box<[u32]>,
    /// Beside `vertices`; empty if the graph is plain.
    pub(super) more: Box<[More<'env>]>,
    pub(super) roots: Box<[u32]>,
    pub(super) names: Box<[Box<str>]>,
    pub(super) sinks: isize,
    /// Written by whoever begins or ends a pass, read by its vertices.
    pub(super) round: UnsafeCell<Round>,
    /// Re-armed by whoever begins a pass.
    pub(super) tally: UnsafeCell<Tally>,
    /// Sinks that haven't ended, of a pass that nobody's stack waits for.
    pub(super) open_sinks: AtomicIsize,
    /// See [`Course`].
    pub(super) course: AtomicU8,
    pub(super) skipped: AtomicUsize,
    pub(super) failures: Mutex<Failures>,
    pub(super) observer: UnsafeCell<Option<Box<dyn PassObserver + 'env>>>,
}

// SAFETY: what is shared during a pass is fixed or atomic or locked, bodies are Send and each is run by one party in a pass, and `round` and
// `tally` are written only while no vertex of the graph runs.
unsafe impl Sync for Core<'_> {}
// SAFETY: bodies are Send; a vertex's pointer back moves with the allocation, which stays where it is.
unsafe impl Send for Core<'_> {}

/// How a pass goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Course {
    /// Vertices run.
    Going = 0,
    /// Vertices run, unless something outside of this graph says otherwise.
    Watched = 1,
    /// A body has stopped the pass, or failed.
    Stopped = 2,
    /// It was cancelled.
    Cancelled = 3,
}

impl Course {
    /// How a pass begins.
    pub(super) fn of(token: Option<&CancelToken>) -> Self {
        match token {
            Some(_) => Course::Watched,
            None => Course::Going,
        }
    }
}

/// What went wrong in a pass.
#[derive(Debug, Default)]
pub(super) struct Failures {
    first: Option<(usize, TaskError)>,
    others: usize,
    /// The vertex that found the pass cancelled.
    cancelled: Option<usize>,
}

impl<'env> Core<'env> {
    #[inline]
    pub(super) fn round(&self) -> &Round {
        // SAFETY: written only while no vertex runs, by the owner, who reads it at other times.
        self.round.with(|round| unsafe { &*round })
    }

    #[inline]
    pub(super) fn tally(&self) -> &Tally {
        // SAFETY: re-armed only while no vertex runs; all else is atomic.
        self.tally.with(|tally| unsafe { &*tally })
    }

    #[inline]
    pub(super) fn pool(&self) -> &Shared {
        // SAFETY: set when the pass began, and the pool outlives it.
        unsafe { &*self.round().shared }
    }

    #[inline]
    pub(super) fn task(&self, vertex: u32) -> NonNull<Header> {
        NonNull::from(&self.vertices[vertex as usize]).cast()
    }

    pub(super) fn index_of(&self, vertex: &Vertex<'env>) -> usize {
        let first = self.vertices.as_ptr();
        // SAFETY: the vertex is one of this array's.
        let index = unsafe { core::ptr::from_ref(vertex).offset_from(first) };
        index as usize
    }

    /// Begins a pass.
    ///
    /// # Safety
    /// No pass is under way, and the caller is the only one who may begin one.
    pub(super) unsafe fn begin(&self, set: impl FnOnce(&mut Round) -> Course) {
        // SAFETY: nobody reads it before a vertex is queued.
        let course = self.round.with_mut(|round| set(unsafe { &mut *round }));
        self.tally.with_mut(|tally| {
            // SAFETY: as above.
            let tally = unsafe { &mut *tally };
            tally.rearm(self.sinks);
        });
        // Relaxed, all three: the queues publish them.
        self.open_sinks.store(self.sinks, Ordering::Relaxed);
        self.course.store(course as u8, Ordering::Relaxed);
        self.skipped.store(0, Ordering::Relaxed);
        self.observe(|observer| observer.pass_begins(self.round().pass));
    }

    /// Tells the observer, if there is one.
    pub(super) fn observe(&self, tell: impl FnOnce(&dyn PassObserver)) {
        // SAFETY: written when no pass is under way, nor will be.
        let observer = self.observer.with(|observer| unsafe { &*observer });
        if let Some(observer) = observer {
            contain(|| tell(&**observer));
        }
    }

    /// Ends a pass.
    ///
    /// # Safety
    /// All its vertices have ended, and the caller is the only one who knows.
    pub(super) unsafe fn finish(&self) -> Result<PassReport, PassError> {
        // SAFETY: passed on.
        let result = unsafe { self.sum_up() };
        self.observe(|observer| observer.pass_ends(result.as_ref()));
        result
    }

    /// # Safety
    /// As for `finish`.
    unsafe fn sum_up(&self) -> Result<PassReport, PassError> {
        let pass = self.round.with_mut(|round| {
            // SAFETY: no vertex runs.
            let round = unsafe { &mut *round };
            round.token = None;
            let pass = round.pass;
            round.pass += 1;
            pass
        });
        // Relaxed: every vertex's end came before.
        let skipped = self.skipped.load(Ordering::Relaxed);
        let executed = self.vertices.len() - skipped;
        let failures = {
            let mut failures = self.lock_failures();
            core::mem::take(&mut *failures)
        };
        let (vertex, error) = match (failures.first, failures.cancelled) {
            (Some((vertex, error)), _) => (vertex, error),
            (None, Some(vertex)) => (vertex, TaskError::Cancelled),
            (None, None) => {
                return Ok(PassReport {
                    pass,
                    executed,
                    skipped,
                });
            }
        };
        Err(PassError {
            vertex: self
                .names
                .get(vertex)
                .map_or_else(String::new, |name| name.to_string()),
            error,
            others: failures.others,
            executed,
            skipped,
        })
    }

    /// Names the vertices that start a pass.
    pub(super) fn seed(&self, mut ready: impl FnMut(u32)) {
        if mutated!("pass-seed-from-counters") {
            for (index, vertex) in (0..).zip(&self.vertices) {
                if vertex
                    .arrivals
                    .is_full(vertex.in_degree, self.round().pass as u32)
                {
                    ready(index);
                }
            }
            return;
        }
        // Backwards, so that the first root is the newest and runs first here.
        for &root in self.roots.iter().rev() {
            ready(root);
        }
    }

    #[inline]
    pub(super) fn make_ready(&self, vertex: u32, worker: Option<&Worker>) {
        let task = self.task(vertex);
        match worker {
            // SAFETY: ready once a pass, so it's in no queue; it lives as long as the pass runs. Vertices are children.
            Some(worker) => unsafe { worker.push_child(task) },
            // SAFETY: as above, and the pool outlives the pass.
            None => unsafe { self.pool().inject(task) },
        }
    }

    /// Whether the vertex is to be skipped for a stop or a cancel.
    #[inline]
    pub(super) fn is_cut(&self, vertex: impl Fn() -> usize) -> bool {
        // Relaxed: a stop reaches those that have not begun as soon as it may.
        self.course.load(Ordering::Relaxed) != Course::Going as u8 && self.is_cut_by(vertex)
    }

    /// By value: what the closure captures had to stand in memory at each vertex otherwise.
    #[cold]
    #[inline(never)]
    fn is_cut_by(&self, vertex: impl Fn() -> usize) -> bool {
        self.look_around(&vertex)
    }

    fn look_around(&self, vertex: &dyn Fn() -> usize) -> bool {
        if self.course.load(Ordering::Relaxed) != Course::Watched as u8 {
            return true;
        }
        let round = self.round();
        if let End::Vertex { outer, vertex } = round.end {
            // SAFETY: the outer pass goes on until this one has ended.
            let outer = unsafe { outer.as_ref() };
            let going = outer.course.load(Ordering::Relaxed) == Course::Going as u8;
            let is_cut = !going && outer.look_around(&|| vertex);
            if is_cut {
                let _ = self.turn(Course::Stopped);
            }
            return is_cut;
        }
        let token = round.token.as_ref();
        if !token.is_some_and(|token| token.is_cancelled()) {
            return false;
        }
        if self.turn(Course::Cancelled) {
            self.lock_failures().cancelled = Some(vertex());
        }
        true
    }

    /// Ends the part of a pass in which bodies run. True: it did so, and nobody else had.
    pub(super) fn turn(&self, to: Course) -> bool {
        // Relaxed: as in `is_cut`.
        self.course
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |course| {
                (course < Course::Stopped as u8).then_some(to as u8)
            })
            .is_ok()
    }

    /// A vertex is skipped.
    #[inline]
    pub(super) fn count_skip(&self) {
        if mutated!("pass-skip-by-store") {
            let skipped = self.skipped.load(Ordering::Relaxed);
            self.skipped.store(skipped + 1, Ordering::Relaxed);
            return;
        }
        // Relaxed: read when the pass has ended.
        self.skipped.fetch_add(1, Ordering::Relaxed);
    }

    #[cold]
    pub(super) fn fail(&self, vertex: usize, error: TaskError) {
        let _ = self.turn(Course::Stopped);
        let mut failures = self.lock_failures();
        if failures.first.is_some() {
            failures.others += 1;
            drop(failures);
            discard(error);
        } else {
            failures.first = Some((vertex, error));
        }
    }

    fn lock_failures(&self) -> std::sync::MutexGuard<'_, Failures> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops all that is the user's, one by one: a capture's drop may panic, and the others are to be dropped nonetheless.
    ///
    /// # Safety
    /// No pass is under way, nor will be.
    pub(super) unsafe fn strip(&self) {
        for vertex in &self.vertices {
            let body: Box<dyn FnMut() -> Verdict + Send> = Box::new(|| Verdict::Continue);
            let body = vertex.body.with_mut(|slot| {
                // SAFETY: nobody runs it.
                core::mem::replace(unsafe { &mut *slot }, body)
            });
            discard(body);
        }
        for more in &self.more {
            let action = more.action.with_mut(|action| {
                // SAFETY: as above.
                core::mem::replace(unsafe { &mut *action }, Action::Body)
            });
            discard(action);
            if let Some(inner) = &more.inner {
                // SAFETY: passed on: it runs as part of a pass of this graph.
                unsafe { inner.core.strip() };
            }
        }
        let observer = self.observer.with_mut(|observer| {
            // SAFETY: as above.
            unsafe { &mut *observer }.take()
        });
        discard(observer);
    }
}

impl Drop for Core<'_> {
    fn drop(&mut self) {
        // SAFETY: a pass under way would have its share.
        unsafe { self.strip() };
    }
}

/// What a graph, its passes and its completions share. Counted where a model sees it.
pub(super) type SharedCore<'env> = taskweave_sys::sync::Arc<Core<'env>>;
