//! What is known of a graph before it's frozen, and the freeze.

use core::fmt;
use core::ptr::NonNull;
use std::sync::Arc;

use taskweave_sys::sync::atomic::{AtomicIsize, AtomicU8, AtomicUsize};
use taskweave_sys::sync::cell::UnsafeCell;

use super::FrozenPass;
use super::counter::JoinCounter;
use super::more::More;
use super::report::Verdict;
use super::round::Round;
use super::state::{Core, NO_BRANCH, Vertex};
use super::step;
use crate::latch::Tally;
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

/// A graph to be frozen: vertices, edges, and whatever else is said of them. What isn't used costs nothing in a pass.
#[derive(Debug, Default)]
pub struct PassPlan<'env> {
    specs: Vec<VertexSpec<'env>>,
    edges: Vec<(u32, u32)>,
    /// Beside `edges`, as far as it goes: whether the edge is a branch.
    branches: Vec<bool>,
    /// Beside `specs`, as far as it goes.
    more: Vec<More<'env>>,
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

    fn is_branch(&self, edge: usize) -> bool {
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
    /// An edge that names a vertex which doesn't exist, a cycle, or more than 2³² − 1 vertices or edges.
    ///
    /// # Cost
    /// Linear in vertices and edges.
    pub fn freeze(mut self) -> Result<FrozenPass<'env>, FreezeError> {
        self.check()?;
        let count = self.specs.len();
        let rows = Rows::new(count, &self);
        rows.check_acyclic()?;
        if self.is_plain() {
            self.more.clear();
        } else {
            self.more.resize_with(count, More::default);
        }
        let mut names = Vec::with_capacity(count);
        let verbs = if self.is_plain() {
            &step::PLAIN
        } else {
            &step::FULL
        };
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
                    successors: (rows.offsets[index], rows.offsets[index + 1]),
                    kind: spec.kind,
                    body: UnsafeCell::new(spec.body),
                }
            })
            .collect();
        let sinks = (0..count).filter(|&i| rows.offsets[i] == rows.offsets[i + 1]);
        let mut core = Arc::new(Core {
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
        });
        // SAFETY: an `Arc`'s value has an address.
        let address = unsafe { NonNull::new_unchecked(Arc::as_ptr(&core).cast_mut()) };
        if let Some(core) = Arc::get_mut(&mut core) {
            for vertex in &mut core.vertices {
                vertex.core = address;
            }
        }
        Ok(FrozenPass::new(core))
    }

    /// Whether there is nothing but vertices and edges.
    fn is_plain(&self) -> bool {
        self.branches.is_empty() && self.more.is_empty()
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

/// Edges as compressed rows.
struct Rows {
    in_degree: Vec<u32>,
    offsets: Vec<u32>,
    successors: Vec<u32>,
    /// Beside `successors`, if there are branches: the branch that the edge is, or [`NO_BRANCH`].
    branches: Vec<u32>,
    roots: Box<[u32]>,
}

impl Rows {
    fn new(count: usize, plan: &PassPlan<'_>) -> Self {
        let edges = &plan.edges;
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
        let branching = !plan.branches.is_empty();
        let mut branches = vec![NO_BRANCH; if branching { edges.len() } else { 0 }];
        let mut next_branch = vec![0_u32; if branching { count } else { 0 }];
        for (edge, &(from, to)) in edges.iter().enumerate() {
            let place = &mut fill[from as usize];
            successors[*place as usize] = to;
            if plan.is_branch(edge) {
                branches[*place as usize] = next_branch[from as usize];
                next_branch[from as usize] += 1;
            }
            *place += 1;
        }
        let roots = (0..count as u32)
            .filter(|&index| in_degree[index as usize] == 0)
            .collect();
        Rows {
            in_degree,
            offsets,
            successors,
            branches,
            roots,
        }
    }

    /// The vertices in an order that all edges keep to (Kahn, 1962); those that never become ready lie on or behind a cycle.
    fn check_acyclic(&self) -> Result<Vec<u32>, FreezeError> {
        let mut left = self.in_degree.clone();
        let mut order = self.roots.to_vec();
        let mut at = 0;
        while let Some(&vertex) = order.get(at) {
            at += 1;
            let vertex = vertex as usize;
            let row = self.offsets[vertex] as usize..self.offsets[vertex + 1] as usize;
            for &next in &self.successors[row] {
                left[next as usize] -= 1;
                if left[next as usize] == 0 {
                    order.push(next);
                }
            }
        }
        if order.len() == left.len() {
            Ok(order)
        } else {
            Err(FreezeError::Cyclic)
        }
    }
}
