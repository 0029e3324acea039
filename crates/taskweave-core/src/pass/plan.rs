//! What is known of a graph before it's frozen, and the freeze.

use core::fmt;
use core::ptr::NonNull;

use taskweave_sys::sync::atomic::{AtomicIsize, AtomicU8, AtomicUsize};
use taskweave_sys::sync::cell::UnsafeCell;

use super::FrozenPass;
use super::completion::Completion;
use super::counter::{JoinCounter, MOST_PREDECESSORS};
use super::more::{Action, More};
use super::nested::{Again, Rounds};
use super::observer::PassObserver;
use super::report::Verdict;
use super::round::Round;
use super::rows::{NO_PLACE, Rows};
use super::state::{Core, SharedCore, Vertex};
use super::step;
use crate::latch::Tally;
use crate::limit::Limit;
use crate::task::Header;

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
    /// More vertices or edges than 32-bit rows can hold, or more edges to one vertex than can be counted.
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
                f.write_str(
                "the graph has more than 4,294,967,295 vertices or edges, or more than 2,147,483,647 edges to one vertex",
            )
            }
        }
    }
}

impl std::error::Error for FreezeError {}

/// A graph to be frozen: vertices, edges, and whatever else is said of them. What isn't used costs nothing in a pass.
#[derive(Default)]
pub struct PassPlan<'env> {
    specs: Vec<VertexSpec<'env>>,
    pub(super) edges: Vec<(u32, u32)>,
    /// Beside `edges`, as far as it goes: whether the edge is a branch.
    pub(super) branches: Vec<bool>,
    /// Beside `specs`, as far as it goes.
    more: Vec<More<'env>>,
    /// What vertices cost; one that isn't named costs 1. `None`: nobody is in a hurry.
    costs: Option<Vec<(u32, u64)>>,
    observer: Option<Box<dyn PassObserver + 'env>>,
}

impl fmt::Debug for PassPlan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PassPlan")
            .field("vertices", &self.vertices())
            .field("edges", &self.edges.len())
            .finish_non_exhaustive()
    }
}

impl<'env> PassPlan<'env> {
    /// Without vertices.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of vertices so far.
    pub fn vertices(&self) -> usize {
        self.specs.len()
    }

    /// The edges so far, in the order in which they were added.
    pub fn edges(&self) -> &[(u32, u32)] {
        &self.edges
    }

    /// A vertex's name.
    ///
    /// # Panics
    /// If there is no such vertex.
    pub fn name(&self, vertex: u32) -> &str {
        &self.specs[vertex as usize].name
    }

    /// Adds a vertex.
    ///
    /// # Panics
    /// With 2³² of them.
    pub fn vertex(&mut self, spec: VertexSpec<'env>) -> u32 {
        let index = u32::try_from(self.specs.len()).expect("fewer than 2^32 vertices");
        self.specs.push(spec);
        index
    }

    /// Adds an edge.
    pub fn edge(&mut self, from: u32, to: u32) {
        self.edges.push((from, to));
    }

    /// Adds an edge that is `from`'s next branch: its first one is branch 0.
    pub fn branch(&mut self, from: u32, to: u32) {
        self.branches.resize(self.edges.len(), false);
        self.edges.push((from, to));
        self.branches.push(true);
    }

    fn more(&mut self, vertex: u32) -> &mut More<'env> {
        let enough = self.vertices().max(vertex as usize + 1);
        if self.more.len() < enough {
            self.more.resize_with(enough, More::default);
        }
        &mut self.more[vertex as usize]
    }

    /// Adds a vertex whose body begins something: it ends when the body has returned and the completion, or a clone of it, has been used, whichever comes last.
    ///
    /// # Panics
    /// As for [`vertex`](Self::vertex).
    pub fn begin(
        &mut self,
        name: Box<str>,
        kind: usize,
        body: Box<dyn FnMut(Completion) + Send + 'env>,
    ) -> u32 {
        let vertex = self.empty(name, kind);
        self.more(vertex).action = UnsafeCell::new(Action::Begin(body));
        vertex
    }

    /// Adds a vertex that runs a graph of its own, up to `rounds` times. A round that is stopped is the last one, and one that fails is an
    /// error of this vertex; `again` is asked after each other round but the last. What is stopped or cancelled outside is so inside.
    ///
    /// # Panics
    /// As for [`vertex`](Self::vertex).
    pub fn nested(
        &mut self,
        name: Box<str>,
        inner: FrozenPass<'env>,
        rounds: u64,
        again: Option<Again<'env>>,
    ) -> u32 {
        let vertex = self.empty(name, step::nested_kind());
        let more = self.more(vertex);
        more.action = UnsafeCell::new(Action::Nested(Rounds::new(rounds, again)));
        more.inner = Some(inner);
        vertex
    }

    fn empty(&mut self, name: Box<str>, kind: usize) -> u32 {
        self.vertex(VertexSpec {
            name,
            body: Box::new(|| Verdict::Continue),
            kind,
        })
    }

    /// Has the vertex run only while it has a unit of the limit: until it has ended, if it begins something or runs a graph.
    pub fn limit(&mut self, vertex: u32, limit: &Limit) {
        self.more(vertex).limit = Some(limit.clone());
    }

    /// Queues the vertex, when it's ready, for the worker of this number, modulo their count. A hint: an idle one may take it.
    pub fn place(&mut self, vertex: u32, worker: u32) {
        self.more(vertex).place = Some(worker);
    }

    /// Orders what becomes ready at once by the length of the longest way from there to the end, where each vertex counts what it costs: 1, if nothing else is said.
    pub fn hurry(&mut self) {
        self.costs.get_or_insert_default();
    }

    /// As [`hurry`](Self::hurry), and says what a vertex costs, in any unit.
    pub fn cost(&mut self, vertex: u32, cost: u64) {
        self.costs.get_or_insert_default().push((vertex, cost));
    }

    /// Has the observer told of all that happens.
    pub fn observe(&mut self, observer: Box<dyn PassObserver + 'env>) {
        self.observer = Some(observer);
    }

    pub(super) fn is_branch(&self, edge: usize) -> bool {
        self.branches.get(edge).copied().unwrap_or(false)
    }

    fn check(&self) -> Result<(), FreezeError> {
        let vertices = self.specs.len();
        if u32::try_from(vertices).is_err() || u32::try_from(self.edges.len()).is_err() {
            return Err(FreezeError::TooLarge);
        }
        match self.edges.iter().map(|&(from, to)| from.max(to)).max() {
            Some(vertex) if vertex as usize >= vertices => {
                Err(FreezeError::UnknownVertex { vertex, vertices })
            }
            _ => Ok(()),
        }
    }

    /// Checks the graph and fixes it.
    ///
    /// # Errors
    /// An edge that names a vertex which doesn't exist, a cycle, more than 2³² − 1 vertices or edges, or more than 2³¹ − 1 edges to one vertex.
    ///
    /// # Cost
    /// Linear in vertices and edges, but for the order within each row, which is sorted.
    pub fn freeze(mut self) -> Result<FrozenPass<'env>, FreezeError> {
        self.check()?;
        let count = self.specs.len();
        let mut rows = Rows::new(count, &self);
        let order = rows.check_acyclic()?;
        if rows.in_degree.iter().any(|&d| d > MOST_PREDECESSORS) {
            return Err(FreezeError::TooLarge);
        }
        let ways = rows.ways(&order);
        if let Some(costs) = &self.costs {
            rows.sort_by_urgency(&order, costs);
        }
        let mut places = Vec::new();
        let is_plain = self.is_plain();
        let verbs = if is_plain {
            places = rows.sort_by_place(&order);
            &step::PLAIN
        } else {
            self.more.resize_with(count, More::default);
            &step::FULL
        };
        let mut names = Vec::with_capacity(count);
        let vertices = self
            .specs
            .into_iter()
            .enumerate()
            .map(|(index, spec)| {
                names.push(spec.name);
                Vertex {
                    header: Header::new(verbs),
                    core: NonNull::dangling(),
                    arrivals: JoinCounter::new(),
                    in_degree: rows.in_degree[index],
                    links: rows.links(index, spec.kind, is_plain),
                    way: ways[index].try_into().unwrap_or(u16::MAX),
                    place: places.get(index).copied().unwrap_or(NO_PLACE),
                    body: UnsafeCell::new(spec.body),
                }
            })
            .collect();
        let sinks = (0..count).filter(|&i| rows.offsets[i] == rows.offsets[i + 1]);
        let mut core = SharedCore::new(Core {
            vertices,
            sinks: sinks.count() as isize,
            successors: rows.successors.into_boxed_slice(),
            branches: rows.branches.into_boxed_slice(),
            more: self.more.into_boxed_slice(),
            roots: rows.roots,
            names: names.into_boxed_slice(),
            round: UnsafeCell::new(Round::default()),
            tally: UnsafeCell::new(Tally::new()),
            open_sinks: AtomicIsize::new(0),
            course: AtomicU8::new(0),
            skipped: AtomicUsize::new(0),
            failures: std::sync::Mutex::default(),
            observer: UnsafeCell::new(self.observer),
        });
        // SAFETY: an `Arc`'s value has an address.
        let address = unsafe { NonNull::new_unchecked(SharedCore::as_ptr(&core).cast_mut()) };
        if let Some(core) = SharedCore::get_mut(&mut core) {
            for vertex in &mut core.vertices {
                vertex.core = address;
            }
        }
        Ok(FrozenPass::new(core))
    }

    /// Whether there is nothing but vertices and edges.
    fn is_plain(&self) -> bool {
        self.branches.is_empty()
            && self.more.is_empty()
            && self.costs.is_none()
            && self.observer.is_none()
    }
}

impl<'env> From<(Vec<VertexSpec<'env>>, Vec<(u32, u32)>)> for PassPlan<'env> {
    fn from((specs, edges): (Vec<VertexSpec<'env>>, Vec<(u32, u32)>)) -> Self {
        PassPlan {
            specs,
            edges,
            ..Self::default()
        }
    }
}
