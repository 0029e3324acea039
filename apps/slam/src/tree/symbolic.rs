//! What elimination does to the pattern, before any number is known: the assembly tree.
//!
//! Everything is counted in poses, three columns each. Eliminating a pose makes its later neighbours a clique; the pattern of a column is therefore
//! the union of its own entries and of its children's patterns, where a column's parent is its first later neighbour (the elimination tree, Liu
//! 1990). Columns are then merged into *supernodes*, even at the price of storing some zeros ("relaxed amalgamation"), whenever the cost model says
//! that one larger dense front is cheaper than two small ones and the assembly between them.

use crate::order::Adjacency;
use crate::tree::cost;

pub(crate) const NONE: u32 = u32::MAX;

/// Columns with one pattern, factorised as one dense front.
#[derive(Clone, Debug)]
pub(crate) struct Supernode {
    /// First pose, by place in the elimination order.
    pub(crate) first: u32,
    /// How many poses.
    pub(crate) width: u32,
    /// The later poses its columns reach, ascending.
    pub(crate) rows: Vec<u32>,
    /// The supernode of the first of those rows, or [`NONE`].
    pub(crate) parent: u32,
}

impl Supernode {
    pub(crate) fn end(&self) -> u32 {
        self.first + self.width
    }

    /// Scalar columns to eliminate.
    pub(crate) fn pivots(&self) -> usize {
        3 * self.width as usize
    }

    /// Scalar columns that remain.
    pub(crate) fn remaining(&self) -> usize {
        3 * self.rows.len()
    }

    /// Place of a pose's first scalar among the front's indices.
    pub(crate) fn index_of(&self, pose: u32) -> usize {
        if (self.first..self.end()).contains(&pose) {
            return 3 * (pose - self.first) as usize;
        }
        let rank = self.rows.binary_search(&pose).expect("the pattern holds every neighbour");
        self.pivots() + 3 * rank
    }
}

pub(crate) struct Symbolic {
    /// The vertex at each place of the elimination order.
    pub(crate) order: Vec<u32>,
    /// In postorder: children before parents, a subtree contiguous, the child with the costliest subtree first.
    pub(crate) supernodes: Vec<Supernode>,
    /// Entries of the factor without the zeros that merging adds, in scalars, diagonal included.
    pub(crate) factor_entries: u64,
    /// Σ (entries of a column)²: multiplications and additions to factorise without those zeros.
    pub(crate) factor_flops: u64,
}

/// Analyses `graph` for elimination in `order`.
pub(crate) fn analyse(graph: &Adjacency, order: &[u32]) -> Symbolic {
    let count = order.len();
    let mut place = vec![0; count];
    for (at, &vertex) in (0..).zip(order) {
        place[vertex as usize] = at;
    }
    let parent = elimination_tree(graph, order, &place);
    let patterns = patterns(graph, order, &place, &parent);
    let (mut factor_entries, mut factor_flops) = (0, 0);
    for pattern in &patterns {
        for length in (1..=3).map(|own| own + 3 * pattern.len() as u64) {
            factor_entries += length;
            factor_flops += length * length;
        }
    }
    let merged = amalgamate(&parent, &patterns);
    let (order, supernodes) = number(order, patterns, &merged);
    Symbolic { order, supernodes, factor_entries, factor_flops }
}

fn elimination_tree(graph: &Adjacency, order: &[u32], place: &[u32]) -> Vec<u32> {
    let mut parent = vec![NONE; order.len()];
    let mut ancestor = vec![NONE; order.len()];
    for column in (0..).take(order.len()) {
        for &neighbour in graph.neighbours(order[column as usize]) {
            let mut at = place[neighbour as usize];
            // Climb from each earlier neighbour to its root, shortening the path on the way.
            while at < column {
                let next = std::mem::replace(&mut ancestor[at as usize], column);
                if next == NONE {
                    parent[at as usize] = column;
                    break;
                }
                at = next;
            }
        }
    }
    parent
}

/// The later poses each column reaches, ascending.
fn patterns(graph: &Adjacency, order: &[u32], place: &[u32], parent: &[u32]) -> Vec<Vec<u32>> {
    let mut patterns: Vec<Vec<u32>> = vec![Vec::new(); order.len()];
    let mut children: Vec<Vec<u32>> = vec![Vec::new(); order.len()];
    let mut seen = vec![NONE; order.len()];
    for column in (0..).take(order.len()) {
        let mut pattern = Vec::new();
        let mut visit = |row: u32| {
            if row > column && std::mem::replace(&mut seen[row as usize], column) != column {
                pattern.push(row);
            }
        };
        graph.neighbours(order[column as usize]).iter().for_each(|&v| visit(place[v as usize]));
        for &child in &children[column as usize] {
            patterns[child as usize].iter().for_each(|&row| visit(row));
        }
        pattern.sort_unstable();
        patterns[column as usize] = pattern;
        if parent[column as usize] != NONE {
            children[parent[column as usize] as usize].push(column);
        }
    }
    patterns
}

/// The tree after merging: each node is named by its last column.
struct Merged {
    /// The node a column belongs to.
    node: Vec<u32>,
    children: Vec<Vec<u32>>,
    roots: Vec<u32>,
    /// Cost of a node and all below it.
    subtree_cost: Vec<f64>,
}

fn amalgamate(parent: &[u32], patterns: &[Vec<u32>]) -> Merged {
    let count = parent.len();
    let mut width = vec![1_usize; count];
    let mut merged_into: Vec<u32> = (0..).take(count).collect();
    let mut children: Vec<Vec<u32>> = vec![Vec::new(); count];
    let mut subtree_cost = vec![0.0; count];
    let mut roots = Vec::new();
    for column in 0..count {
        let rows = patterns[column].len();
        // Children whose pattern is nearly the parent's go first: they cost the fewest zeros.
        let mut candidates = std::mem::take(&mut children[column]);
        candidates.sort_by_key(|&c| std::cmp::Reverse((patterns[c as usize].len(), c)));
        let mut kept = Vec::new();
        for child in candidates {
            let c = child as usize;
            let apart = cost::front(width[c], patterns[c].len()) + cost::front(width[column], rows);
            if cost::front(width[c] + width[column], rows) <= apart {
                width[column] += width[c];
                merged_into[c] = column as u32;
                kept.append(&mut children[c]);
            } else {
                kept.push(child);
            }
        }
        let below: f64 = kept.iter().map(|&c| subtree_cost[c as usize]).sum();
        subtree_cost[column] = below + cost::front(width[column], rows);
        children[column] = kept;
        match parent[column] {
            NONE => roots.push(column as u32),
            above => children[above as usize].push(column as u32),
        }
    }
    // A node is named by its last column, which is above its others, so names can be resolved from the top down.
    let mut node = merged_into;
    for column in (0..count).rev() {
        node[column] = node[node[column] as usize];
    }
    Merged { node, children, roots, subtree_cost }
}

/// Numbers the merged tree in postorder: the final order of the vertices, and the supernodes.
fn number(order: &[u32], mut patterns: Vec<Vec<u32>>, merged: &Merged) -> (Vec<u32>, Vec<Supernode>) {
    let mut columns: Vec<Vec<u32>> = vec![Vec::new(); order.len()];
    for (column, &node) in (0..).zip(&merged.node) {
        columns[node as usize].push(column);
    }
    let heaviest_first = |nodes: &[u32]| {
        let mut nodes = nodes.to_vec();
        nodes.sort_by(|&a, &b| {
            merged.subtree_cost[b as usize].total_cmp(&merged.subtree_cost[a as usize]).then(a.cmp(&b))
        });
        nodes
    };
    // Preorder with the children reversed, read backwards, is the postorder.
    let mut postorder = Vec::new();
    let mut open = heaviest_first(&merged.roots);
    while let Some(node) = open.pop() {
        postorder.push(node);
        open.extend(heaviest_first(&merged.children[node as usize]));
    }
    postorder.reverse();
    let mut final_order = Vec::with_capacity(order.len());
    let mut final_place = vec![0; order.len()];
    let mut supernode_of = vec![0; order.len()];
    let mut supernodes = Vec::with_capacity(postorder.len());
    for (name, &node) in (0..).zip(&postorder) {
        let first = final_order.len() as u32;
        for &column in &columns[node as usize] {
            final_place[column as usize] = final_order.len() as u32;
            supernode_of[final_order.len()] = name;
            final_order.push(order[column as usize]);
        }
        let (width, rows) = (columns[node as usize].len() as u32, std::mem::take(&mut patterns[node as usize]));
        supernodes.push(Supernode { first, width, rows, parent: NONE });
    }
    for supernode in &mut supernodes {
        for row in &mut supernode.rows {
            *row = final_place[*row as usize];
        }
        supernode.rows.sort_unstable();
        if let Some(&above) = supernode.rows.first() {
            supernode.parent = supernode_of[above as usize];
        }
    }
    (final_order, supernodes)
}
