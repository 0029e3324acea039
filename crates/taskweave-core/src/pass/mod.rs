#![doc = include_str!("README.md")]

mod counter;
#[cfg(all(test, taskweave_loom))]
mod models;

use core::fmt;
use core::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

use taskweave_sys::mutated;
use taskweave_sys::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use taskweave_sys::sync::cell::UnsafeCell;

use crate::error::{Panic, TaskError, catch, discard};
use crate::latch::Tally;
use crate::pool::Pool;
use crate::shared::Shared;
use crate::task::{Class, Description, Header, TaskVTable};
use crate::thread;
use crate::wait::enter;
use crate::worker::Worker;
use counter::JoinCounter;

/// What a body says when it ends.
#[derive(Debug)]
pub enum Verdict {
    /// Go on with the successors.
    Continue,
    /// Skip everything that hasn't begun.
    Stop,
    /// Skip everything that hasn't begun, and report this.
    Fail(Arc<dyn std::error::Error + Send + Sync>),
}

/// A vertex to be frozen: its name and its body.
pub struct VertexSpec<'env> {
    /// For errors and dumps.
    pub name: Box<str>,
    /// Run once a pass.
    pub body: Box<dyn FnMut() -> Verdict + Send + 'env>,
    /// Identifies bodies of about the same length, for the kernel's measurements.
    pub kind: usize,
}

impl fmt::Debug for VertexSpec<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VertexSpec")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[repr(C)]
struct Vertex<'env> {
    header: Header,
    core: NonNull<Core<'env>>,
    arrivals: JoinCounter,
    in_degree: u32,
    /// This vertex's part of `Core::successors`.
    successors: (u32, u32),
    kind: usize,
    body: UnsafeCell<Box<dyn FnMut() -> Verdict + Send + 'env>>,
}

struct Core<'env> {
    vertices: Box<[Vertex<'env>]>,
    successors: Box<[u32]>,
    roots: Box<[u32]>,
    names: Box<[Box<str>]>,
    sinks: isize,
    /// Passes that have ended.
    passes: u64,
    /// The same, wrapping: arrivals are compared with it.
    pass: u32,
    tally: Tally,
    stopped: AtomicBool,
    skipped: AtomicUsize,
    failure: Mutex<Option<Failure>>,
    shared: *const Shared,
    root: usize,
}

/// Why a graph can't be frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FreezeError {
    /// An edge names a vertex that doesn't exist.
    UnknownVertex {
        /// What it names.
        vertex: u32,
        /// How many there are.
        vertices: usize,
    },
    /// Some vertices come, through others, before themselves.
    Cyclic,
    /// More vertices or edges than 32-bit rows can hold.
    TooLarge,
}

impl fmt::Display for FreezeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FreezeError::UnknownVertex { vertex, vertices } => {
                write!(f, "an edge names vertex {vertex}, but there are {vertices}")
            }
            FreezeError::Cyclic => f.write_str("the graph has a cycle"),
            FreezeError::TooLarge => {
                f.write_str("the graph has more than 4,294,967,295 vertices or edges")
            }
        }
    }
}

impl std::error::Error for FreezeError {}

fn check(count: usize, edges: &[(u32, u32)]) -> Result<(), FreezeError> {
    if u32::try_from(count).is_err() || u32::try_from(edges.len()).is_err() {
        return Err(FreezeError::TooLarge);
    }
    for &(from, to) in edges {
        let vertex = from.max(to);
        if vertex as usize >= count {
            return Err(FreezeError::UnknownVertex {
                vertex,
                vertices: count,
            });
        }
    }
    Ok(())
}

#[derive(Debug)]
struct Failure {
    vertex: usize,
    error: TaskError,
    others: usize,
}

/// A frozen graph that is run in passes, on memory that is reused.
pub struct FrozenPass<'env> {
    /// Owned. A raw pointer, as the vertices have copies of it, which a box wouldn't allow.
    core: NonNull<Core<'env>>,
}

// SAFETY: bodies are Send; everything else is moved with the box.
unsafe impl Send for FrozenPass<'_> {}
// SAFETY: `&FrozenPass` reads what is fixed at the freeze.
unsafe impl Sync for FrozenPass<'_> {}

/// How a pass ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PassReport {
    /// Number of this pass, from 0.
    pub pass: u64,
    /// Vertices whose bodies ran.
    pub executed: usize,
    /// Vertices skipped by a stop.
    pub skipped: usize,
}

/// A pass in which a body failed or panicked.
#[derive(Debug)]
pub struct PassError {
    /// The vertex that failed first.
    pub vertex: String,
    /// How it failed.
    pub error: TaskError,
    /// How many more failed before the stop reached them.
    pub others: usize,
    /// Vertices skipped.
    pub skipped: usize,
}

impl fmt::Display for PassError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "vertex {:?}: {}", self.vertex, self.error)?;
        if self.others > 0 {
            write!(f, " (and {} more failed)", self.others)?;
        }
        Ok(())
    }
}

impl std::error::Error for PassError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl fmt::Debug for FrozenPass<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrozenPass")
            .field("vertices", &self.core().vertices.len())
            .field("edges", &self.core().successors.len())
            .finish_non_exhaustive()
    }
}

const VERBS: TaskVTable = TaskVTable {
    run,
    // The caller of the pass borrows for it, so it always runs to its end.
    abandon: run,
    describe,
    kind: Some(kind),
    tallies: true,
    root: Some(root),
    class: Class::Child,
    label: "vertex",
};

impl<'env> FrozenPass<'env> {
    /// Freezes vertices and edges `(from, to)`.
    ///
    /// # Errors
    /// An edge that names a vertex which doesn't exist, a cycle, or more than 2³² − 1 vertices or edges.
    ///
    /// # Cost
    /// Linear in vertices and edges.
    pub fn freeze(specs: Vec<VertexSpec<'env>>, edges: &[(u32, u32)]) -> Result<Self, FreezeError> {
        let count = specs.len();
        check(count, edges)?;
        let mut in_degree = vec![0_u32; count];
        let mut offsets = vec![0_u32; count + 1];
        for &(from, to) in edges {
            in_degree[to as usize] += 1;
            offsets[from as usize + 1] += 1;
        }
        for index in 0..count {
            offsets[index + 1] += offsets[index];
        }
        let mut fill = offsets.clone();
        let mut successors = vec![0_u32; edges.len()];
        for &(from, to) in edges {
            let place = &mut fill[from as usize];
            successors[*place as usize] = to;
            *place += 1;
        }
        let roots = (0..count as u32)
            .filter(|&index| in_degree[index as usize] == 0)
            .collect();
        let sinks = (0..count).filter(|&i| offsets[i] == offsets[i + 1]).count();
        let mut names = Vec::with_capacity(count);
        let vertices = specs
            .into_iter()
            .enumerate()
            .map(|(index, spec)| {
                names.push(spec.name);
                Vertex {
                    header: Header::new(const { &VERBS }),
                    core: NonNull::dangling(),
                    arrivals: JoinCounter::new(),
                    in_degree: in_degree[index],
                    successors: (offsets[index], offsets[index + 1]),
                    kind: spec.kind,
                    body: UnsafeCell::new(spec.body),
                }
            })
            .collect();
        let core = Box::into_raw(Box::new(Core {
            vertices,
            successors: successors.into_boxed_slice(),
            roots,
            names: names.into_boxed_slice(),
            sinks: sinks as isize,
            passes: 0,
            pass: 0,
            tally: Tally::new(),
            stopped: AtomicBool::new(false),
            skipped: AtomicUsize::new(0),
            failure: Mutex::new(None),
            shared: core::ptr::null(),
            root: 0,
        }));
        let mut frozen = FrozenPass {
            // SAFETY: a box is not null.
            core: unsafe { NonNull::new_unchecked(core) },
        };
        let address = frozen.core;
        for vertex in &mut frozen.core_mut().vertices {
            vertex.core = address;
        }
        frozen.check_acyclic()?;
        Ok(frozen)
    }

    fn core(&self) -> &Core<'env> {
        // SAFETY: owned, and changed through `core_mut` alone.
        unsafe { self.core.as_ref() }
    }

    fn core_mut(&mut self) -> &mut Core<'env> {
        // SAFETY: owned, and no pass is under way, since that borrows `self`.
        unsafe { self.core.as_mut() }
    }

    /// Visits the vertices in order (Kahn, 1962); those that never become ready lie on or behind a cycle.
    fn check_acyclic(&self) -> Result<(), FreezeError> {
        let mut left: Vec<u32> = self.core().vertices.iter().map(|v| v.in_degree).collect();
        let mut open: Vec<u32> = self.core().roots.to_vec();
        let mut visited = 0;
        while let Some(vertex) = open.pop() {
            visited += 1;
            for &next in self.successors(vertex as usize) {
                left[next as usize] -= 1;
                if left[next as usize] == 0 {
                    open.push(next);
                }
            }
        }
        if visited == self.vertices() {
            Ok(())
        } else {
            Err(FreezeError::Cyclic)
        }
    }

    /// Number of vertices.
    pub fn vertices(&self) -> usize {
        self.core().vertices.len()
    }

    /// Number of edges.
    pub fn edges(&self) -> usize {
        self.core().successors.len()
    }

    /// A vertex's name.
    ///
    /// # Panics
    /// If there is no such vertex.
    pub fn name(&self, vertex: usize) -> &str {
        &self.core().names[vertex]
    }

    /// The vertices that come right after this one.
    ///
    /// # Panics
    /// If there is no such vertex.
    pub fn successors(&self, vertex: usize) -> &[u32] {
        let (from, to) = self.core().vertices[vertex].successors;
        &self.core().successors[from as usize..to as usize]
    }

    /// Runs every vertex once, each after its predecessors, and waits for the last one. This thread works
    /// along, if it is one of the pool's or a worker sleeps.
    ///
    /// # Errors
    /// The first failure or panic of a body. The next pass is clean all the same.
    ///
    /// # Cost
    /// No allocation but what bodies bring, two for a failure that is reported, and the start of a thread if the wait for a stolen vertex has to
    /// give this worker's slot away and there is no spare thread.
    pub fn run(&mut self, pool: &Pool) -> Result<PassReport, PassError> {
        self.begin(pool.shared());
        if self.core().sinks > 0 {
            let core = self.core();
            enter(pool.shared(), |worker| core.run_here(worker));
        }
        self.finish()
    }

    fn begin(&mut self, shared: &Shared) {
        let core = self.core_mut();
        core.shared = shared;
        core.root = thread::root();
        core.tally.rearm(core.sinks);
        core.stopped.store(false, Ordering::Relaxed);
        core.skipped.store(0, Ordering::Relaxed);
    }

    fn finish(&mut self) -> Result<PassReport, PassError> {
        let core = self.core_mut();
        let pass = core.passes;
        core.passes += 1;
        core.pass = core.passes as u32;
        let skipped = core.skipped.load(Ordering::Relaxed);
        let failure = core
            .failure
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match failure {
            None => Ok(PassReport {
                pass,
                executed: core.vertices.len() - skipped,
                skipped,
            }),
            Some(failure) => Err(PassError {
                vertex: core.names[failure.vertex].to_string(),
                error: failure.error,
                others: failure.others,
                skipped,
            }),
        }
    }
}

// SAFETY: `Core` is shared between workers during a pass: bodies are Send and each is run by one party a pass,
// `tally` is settled from the start, and the rest is fixed or atomic.
unsafe impl Sync for Core<'_> {}

impl Core<'_> {
    fn run_here(&self, worker: Option<&Worker>) {
        let mark = worker.map(|worker| worker.owner.position());
        self.seed(|root| self.make_ready(root, worker));
        match (worker, mark) {
            (Some(worker), Some(mark)) if worker.is_current() => {
                worker.wait(&self.tally.latch, mark);
            }
            (Some(worker), _) => worker.shared().wait_without_slot(&self.tally.latch),
            (None, _) => self.pool().wait_without_worker(&self.tally.latch),
        }
    }

    /// Names the vertices that start a pass.
    fn seed(&self, mut ready: impl FnMut(u32)) {
        if mutated!("pass-seed-from-counters") {
            for (index, vertex) in (0..).zip(&self.vertices) {
                if vertex.arrivals.is_full(vertex.in_degree, self.pass) {
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

    fn pool(&self) -> &Shared {
        // SAFETY: set when the pass began, and the pool outlives it.
        unsafe { &*self.shared }
    }

    #[inline]
    fn task(&self, vertex: u32) -> NonNull<Header> {
        NonNull::from(&self.vertices[vertex as usize].header)
    }

    #[inline]
    fn make_ready(&self, vertex: u32, worker: Option<&Worker>) {
        let task = self.task(vertex);
        match worker {
            // SAFETY: ready once a pass, so it's in no queue; it lives as long as the pass runs.
            Some(worker) => unsafe { worker.push(task) },
            // SAFETY: as above, and the pool outlives the pass.
            None => unsafe { self.pool().inject(task) },
        }
    }

    #[cold]
    fn fail(&self, vertex: &Vertex<'_>, error: TaskError) {
        self.stopped.store(true, Ordering::Relaxed);
        let first = self.vertices.as_ptr();
        // SAFETY: the vertex is one of this array's.
        let index = unsafe {
            core::ptr::from_ref(vertex)
                .cast::<Vertex<'_>>()
                .offset_from(first.cast())
        };
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(first) = &mut *failure {
            first.others += 1;
            drop(failure);
            discard(error);
        } else {
            *failure = Some(Failure {
                vertex: index as usize,
                error,
                others: 0,
            });
        }
    }
}

unsafe fn run(task: NonNull<Header>) {
    let vertex: NonNull<Vertex<'_>> = task.cast();
    // SAFETY: a vertex lives as long as its pass runs, which this one's end is needed for.
    let vertex = unsafe { vertex.as_ref() };
    // SAFETY: the core holds the vertices.
    let core = unsafe { vertex.core.as_ref() };
    Worker::with_current_of(core.pool(), |worker| {
        if let Some(worker) = worker {
            worker.turn_to(&core.tally);
        }
    });
    // Relaxed: a stop reaches those that have not begun as soon as it may.
    if core.stopped.load(Ordering::Relaxed) {
        core.skipped.fetch_add(1, Ordering::Relaxed);
    } else {
        let rooted = thread::enter_root(core.root);
        // SAFETY: one party runs a vertex in a pass, and passes follow one another.
        let result = catch(|| vertex.body.with_mut(|body| unsafe { (*body)() }));
        drop(rooted);
        match result {
            Ok(Verdict::Continue) => {}
            Ok(Verdict::Stop) => core.stopped.store(true, Ordering::Relaxed),
            Ok(Verdict::Fail(error)) => core.fail(vertex, TaskError::Failed(error)),
            Err(payload) => core.fail(vertex, TaskError::Panicked(Panic::new(payload))),
        }
    }
    // The body may have given the worker slot away.
    Worker::with_current_of(core.pool(), |worker| {
        let (from, to) = vertex.successors;
        if from == to {
            match worker {
                // SAFETY: the tally lives until this sink's end is entered.
                Some(worker) => unsafe { worker.end_later(&raw const core.tally) },
                None => core.tally.done(1),
            }
            return;
        }
        let mut first = None;
        for &successor in &core.successors[from as usize..to as usize] {
            let next = &core.vertices[successor as usize];
            if next.in_degree > 1 && !next.arrivals.arrive(next.in_degree, core.pass) {
                continue;
            }
            if first.is_none() && worker.is_some() {
                first = Some(successor);
            } else {
                core.make_ready(successor, worker);
            }
        }
        if let (Some(worker), Some(first)) = (worker, first) {
            // SAFETY: ready once a pass; this body is at its end.
            unsafe { worker.run_next(core.task(first)) };
        }
    });
}

unsafe fn kind(task: NonNull<Header>) -> usize {
    let vertex: NonNull<Vertex<'_>> = task.cast();
    // SAFETY: called before it runs, so it's alive.
    unsafe { vertex.as_ref() }.kind
}

unsafe fn root(task: NonNull<Header>) -> usize {
    let vertex: NonNull<Vertex<'_>> = task.cast();
    // SAFETY: called before it runs, so it's alive.
    let core = unsafe { vertex.as_ref() }.core;
    // SAFETY: the core holds the vertices.
    unsafe { core.as_ref() }.root
}

unsafe fn describe(task: NonNull<Header>) -> Description {
    let vertex: NonNull<Vertex<'_>> = task.cast();
    // SAFETY: called before it runs, so it's alive.
    let vertex = unsafe { vertex.as_ref() };
    // SAFETY: the core holds the vertices.
    let core = unsafe { vertex.core.as_ref() };
    let index = core
        .vertices
        .iter()
        .position(|other| core::ptr::eq(other, vertex));
    Description {
        kind: "vertex",
        name: index.map(|index| core.names[index].to_string()),
    }
}

impl Drop for FrozenPass<'_> {
    fn drop(&mut self) {
        // A body's captures may panic when dropped; the others are to be dropped nonetheless.
        for vertex in &mut self.core_mut().vertices {
            let body: Box<dyn FnMut() -> Verdict + Send> = Box::new(|| Verdict::Continue);
            let body = vertex.body.with_mut(|slot| {
                // SAFETY: no pass runs: `self` is borrowed exclusively.
                core::mem::replace(unsafe { &mut *slot }, body)
            });
            discard(body);
        }
        // SAFETY: boxed by `freeze`, and this is its end.
        drop(unsafe { Box::from_raw(self.core.as_ptr()) });
    }
}
