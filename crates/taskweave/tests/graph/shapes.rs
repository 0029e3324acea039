//! Directed graphs as lists of edges, and what can be said of them without running anything.

use taskweave::graph::{Graph, GraphBuilder, GraphError, Outcome};

use taskweave_testing::Random;

/// `n` vertices named `v0`, `v1`, …
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) n: usize,
    pub(crate) edges: Vec<(usize, usize)>,
}

impl Shape {
    pub(crate) fn independent(n: usize) -> Self {
        Shape { n, edges: vec![] }
    }

    pub(crate) fn line(n: usize) -> Self {
        Shape {
            n,
            edges: (1..n).map(|i| (i - 1, i)).collect(),
        }
    }

    pub(crate) fn diamond() -> Self {
        Shape {
            n: 4,
            edges: vec![(0, 1), (0, 2), (1, 3), (2, 3)],
        }
    }

    /// One, then `width`, then one.
    pub(crate) fn fan(width: usize) -> Self {
        let last = width + 1;
        Shape {
            n: width + 2,
            edges: (1..last).flat_map(|i| [(0, i), (i, last)]).collect(),
        }
    }

    /// Each vertex of a layer after each one of the layer before.
    pub(crate) fn layers(layers: usize, width: usize) -> Self {
        let edges = (width..layers * width)
            .flat_map(|to| {
                let before = (to / width - 1) * width;
                (before..before + width).map(move |from| (from, to))
            })
            .collect();
        Shape {
            n: layers * width,
            edges,
        }
    }

    /// Each vertex after the one above and the one to the left.
    pub(crate) fn grid(side: usize) -> Self {
        let mut edges = Vec::new();
        for vertex in 0..side * side {
            if vertex % side > 0 {
                edges.push((vertex - 1, vertex));
            }
            if vertex >= side {
                edges.push((vertex - side, vertex));
            }
        }
        Shape {
            n: side * side,
            edges,
        }
    }

    /// A tree that opens and closes again, each vertex with two on the far side.
    pub(crate) fn tree_and_back(depth: u32) -> Self {
        let leaves = 1 << depth;
        let inner = leaves - 1;
        let mut edges = Vec::new();
        for vertex in 0..inner {
            for child in [2 * vertex + 1, 2 * vertex + 2] {
                edges.push((vertex, child));
                // The mirror image of an inner vertex stands behind all leaves, in reverse.
                let last = 2 * inner + leaves - 1;
                let mirrored = |v: usize| if v < inner { last - v } else { v };
                edges.push((mirrored(child), mirrored(vertex)));
            }
        }
        Shape {
            n: 2 * inner + leaves,
            edges,
        }
    }

    /// Edges between random vertices, about `degree` for each, all in the direction of a random order.
    pub(crate) fn random(seed: u64, n: usize, degree: usize) -> Self {
        let mut random = Random::new(seed);
        let mut order: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            order.swap(i, random.below(i + 1));
        }
        let mut edges = Vec::new();
        for _ in 0..n * degree {
            let (a, b) = (random.below(n), random.below(n));
            if a != b {
                edges.push((order[a.min(b)], order[a.max(b)]));
            }
        }
        edges.sort_unstable();
        edges.dedup();
        // Not in the order of their vertices.
        for i in (1..edges.len()).rev() {
            edges.swap(i, random.below(i + 1));
        }
        Shape { n, edges }
    }

    /// All of the above, small.
    pub(crate) fn all() -> Vec<Shape> {
        let mut shapes = vec![
            Shape::independent(1),
            Shape::independent(100),
            Shape::line(2),
            Shape::line(64),
            Shape::diamond(),
            Shape::fan(1),
            Shape::fan(64),
            Shape::layers(2, 30),
            Shape::layers(10, 8),
            Shape::grid(10),
            Shape::tree_and_back(5),
        ];
        shapes.extend((1..4).map(|seed| Shape::random(seed, 80, seed as usize)));
        shapes
    }

    pub(crate) fn predecessors(&self) -> Vec<Vec<usize>> {
        let mut before = vec![Vec::new(); self.n];
        for &(from, to) in &self.edges {
            before[to].push(from);
        }
        before
    }

    fn successors(&self) -> Vec<Vec<usize>> {
        let mut after = vec![Vec::new(); self.n];
        for &(from, to) in &self.edges {
            after[from].push(to);
        }
        after
    }

    /// Which vertices come, perhaps through others, after one of these.
    pub(crate) fn behind(&self, vertices: &[usize]) -> Vec<bool> {
        let after = self.successors();
        let mut behind = vec![false; self.n];
        let mut open = vertices.to_vec();
        while let Some(vertex) = open.pop() {
            for &next in &after[vertex] {
                if !std::mem::replace(&mut behind[next], true) {
                    open.push(next);
                }
            }
        }
        behind
    }

    /// Whether some vertex comes before itself.
    pub(crate) fn is_cyclic(&self) -> bool {
        (0..self.n).any(|vertex| self.behind(&[vertex])[vertex])
    }

    /// A builder with these vertices and edges; `body` makes the body of each vertex.
    pub(crate) fn builder<'env, O, F>(&self, mut body: impl FnMut(usize) -> F) -> GraphBuilder<'env>
    where
        O: Outcome,
        F: FnMut() -> O + Send + 'env,
    {
        let mut builder = GraphBuilder::new();
        let ids: Vec<_> = (0..self.n)
            .map(|vertex| builder.task(name(vertex), body(vertex)))
            .collect();
        for &(from, to) in &self.edges {
            builder.edge(ids[from], ids[to]).expect("a new edge");
        }
        builder
    }

    pub(crate) fn try_graph<'env, O, F>(
        &self,
        body: impl FnMut(usize) -> F,
    ) -> Result<Graph<'env>, GraphError>
    where
        O: Outcome,
        F: FnMut() -> O + Send + 'env,
    {
        self.builder(body).build()
    }

    pub(crate) fn graph<'env, O, F>(&self, body: impl FnMut(usize) -> F) -> Graph<'env>
    where
        O: Outcome,
        F: FnMut() -> O + Send + 'env,
    {
        self.try_graph(body).expect("a graph without cycles")
    }
}

/// The name of a vertex.
pub(crate) fn name(vertex: usize) -> String {
    format!("v{vertex}")
}

/// The vertex of a name.
#[track_caller]
pub(crate) fn vertex(name: &str) -> usize {
    name.strip_prefix('v')
        .and_then(|number| number.parse().ok())
        .expect("a name that `name` made")
}
