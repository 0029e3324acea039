//! Everything that is known before the first iteration: order, assembly tree, groups, and the layout of all memory.

use std::collections::HashMap;
use std::ops::Range;

use crate::constraint::Constraint;
use crate::error::SlamError;
use crate::numeric::elements::{Chunk, Seen};
use crate::numeric::front::Layout;
use crate::numeric::tiles::{Tiling, place};
use crate::options::Options;
use crate::order::{Adjacency, nested_dissection};
use crate::problem::Problem;
use crate::tree::cost;
use crate::tree::partition::{self, Group, Partition};
use crate::tree::runs::touches;
use crate::tree::symbolic::{self, NONE, Symbolic};

/// Parts of the pose graph of at most this many poses are ordered by minimum degree.
const LEAF: usize = 200;

/// What a group's numbers are stored in.
pub(crate) enum Storage {
    /// Fronts factorised whole, in one task.
    Whole(Layout),
    /// One front in tiles, and what is assembled into each.
    Tiled { tiling: Tiling, sources: Vec<Vec<Source>> },
}

/// A part of what a child group passes on.
#[derive(Clone, Copy)]
pub(crate) struct Source {
    pub(crate) group: u32,
    pub(crate) part: SourcePart,
}

#[derive(Clone, Copy)]
pub(crate) enum SourcePart {
    /// What one of its tops leaves, by number.
    Top(u32),
    Tile {
        i: u32,
        j: u32,
    },
}

pub(crate) struct Structure {
    pub(crate) symbolic: Symbolic,
    pub(crate) groups: Vec<Group>,
    pub(crate) storage: Vec<Storage>,
    pub(crate) chunks: Vec<Chunk>,
    /// Each group's chunks.
    pub(crate) chunks_of: Vec<Range<usize>>,
    /// The fixed poses each group's constraints see, by index in the problem; the group numbers them after its own and its boundary.
    pub(crate) fixed_of: Vec<Vec<u32>>,
    /// The pose at each place of the elimination order, by index in the problem.
    pub(crate) pose_at: Vec<u32>,
    /// The place of each pose, unless it is fixed.
    pub(crate) place_of: Vec<Option<u32>>,
}

impl Structure {
    pub(crate) fn new(problem: &Problem, options: &Options) -> Result<Self, SlamError> {
        let free: Vec<u32> = (0..).zip(&problem.fixed).filter(|&(_, &fixed)| !fixed).map(|(pose, _)| pose).collect();
        if free.is_empty() {
            return Err(SlamError::NothingToSolve);
        }
        let symbolic = analyse(problem, &free);
        let pose_at: Vec<u32> = symbolic.order.iter().map(|&vertex| free[vertex as usize]).collect();
        let mut place_of = vec![None; problem.poses.len()];
        for (place, &pose) in (0..).zip(&pose_at) {
            place_of[pose as usize] = Some(place);
        }
        let supernodes = &symbolic.supernodes;
        let mut supernode_at = vec![0; pose_at.len()];
        for (name, supernode) in supernodes.iter().enumerate() {
            supernode_at[supernode.first as usize..supernode.end() as usize].fill(name);
        }
        // A constraint belongs where the first of its poses is eliminated; between two fixed poses it is constant and may be anywhere.
        let places = |c: &Constraint| (place_of[c.from as usize], place_of[c.to as usize]);
        let first_place = |c: &Constraint| match places(c) {
            (Some(a), Some(b)) => a.min(b),
            (a, b) => a.or(b).unwrap_or(0),
        };
        let mut counts = vec![0; supernodes.len()];
        for constraint in &problem.constraints {
            counts[supernode_at[first_place(constraint) as usize]] += 1;
        }
        let Partition { groups, group_of } = partition::cut(&symbolic, &counts, options.grain(), options.tile_above());
        let mut constraints_of: Vec<Vec<Constraint>> = vec![Vec::new(); groups.len()];
        for constraint in &problem.constraints {
            constraints_of[group_of[supernode_at[first_place(constraint) as usize]] as usize].push(*constraint);
        }
        let per_chunk = ((options.grain() / cost::linearise(1)) as usize).max(8);
        let mut structure = Self {
            chunks: Vec::new(),
            chunks_of: Vec::new(),
            fixed_of: Vec::new(),
            storage: Vec::new(),
            pose_at,
            place_of: Vec::new(),
            groups: Vec::new(),
            symbolic: Symbolic { order: Vec::new(), supernodes: Vec::new(), ..symbolic },
        };
        for (group, constraints) in groups.iter().zip(&mut constraints_of) {
            constraints.sort_by_key(|c| (first_place(c), places(c)));
            let mut fixed: Vec<u32> = Vec::new();
            let mut number_of = HashMap::new();
            let mut seen = |pose: u32| -> Seen {
                if let Some(place) = place_of[pose as usize] {
                    return (group.local(place), Some(place));
                }
                let number = *number_of.entry(pose).or_insert_with(|| {
                    fixed.push(pose);
                    group.poses() + fixed.len() - 1
                });
                (number as u32, None)
            };
            let seen: Vec<(Constraint, Seen, Seen)> =
                constraints.iter().map(|c| (*c, seen(c.from), seen(c.to))).collect();
            let start = structure.chunks.len();
            structure.chunks.extend(seen.chunks(per_chunk).map(Chunk::new));
            structure.chunks_of.push(start..structure.chunks.len());
            structure.fixed_of.push(fixed);
            let chunks = &structure.chunks[start..];
            let storage = if group.tiled {
                let tiling = Tiling::new(&supernodes[group.fronts.start], chunks, options.tile);
                let sources = sources(&tiling, group, &groups, &structure.storage);
                Storage::Tiled { tiling, sources }
            } else {
                Storage::Whole(Layout::new(group, supernodes, chunks))
            };
            structure.storage.push(storage);
        }
        Ok(Self { symbolic, groups, place_of, ..structure })
    }

    /// The supernodes of a group.
    pub(crate) fn fronts(&self, group: usize) -> &[symbolic::Supernode] {
        &self.symbolic.supernodes[self.groups[group].fronts.clone()]
    }
}

fn analyse(problem: &Problem, free: &[u32]) -> Symbolic {
    let mut vertex_of = vec![NONE; problem.poses.len()];
    for (vertex, &pose) in (0..).zip(free) {
        vertex_of[pose as usize] = vertex;
    }
    let ends = problem.constraints.iter().map(|c| (vertex_of[c.from as usize], vertex_of[c.to as usize]));
    let graph = Adjacency::from_edges(free.len(), ends.filter(|&(a, b)| a != NONE && b != NONE));
    let order = nested_dissection(&graph, LEAF);
    symbolic::analyse(&graph, &order)
}

/// For every tile, the parts of the children that fall into it.
fn sources(tiling: &Tiling, group: &Group, groups: &[Group], storage: &[Storage]) -> Vec<Vec<Source>> {
    let mut sources = vec![Vec::new(); tiling.count() * (tiling.count() + 1) / 2];
    let mut add = |source: Source, rows: &[usize], columns: &[usize]| {
        for &j in columns {
            rows.iter().filter(|&&i| i >= j).for_each(|&i| sources[place(i, j)].push(source));
        }
    };
    for &child in &group.children {
        let runs = &groups[child].runs;
        // Which of the front's tiles a range of the child's indices falls into: rows, and columns, which leave out the right-hand side.
        let rows_of = |top: usize, range: &Range<usize>| -> Vec<usize> {
            (0..tiling.count()).filter(|&i| touches(&runs[top], range, &tiling.rows(i))).collect()
        };
        let columns_of = |top: usize, range: &Range<usize>| -> Vec<usize> {
            (0..tiling.count()).filter(|&j| touches(&runs[top], range, &tiling.columns(j))).collect()
        };
        match &storage[child] {
            Storage::Whole(layout) => {
                for (top, front) in groups[child].tops.iter().enumerate() {
                    let window = layout.passed_on(front - groups[child].fronts.start);
                    let source = Source { group: child as u32, part: SourcePart::Top(top as u32) };
                    add(source, &rows_of(top, &window.rows), &columns_of(top, &window.columns));
                }
            }
            Storage::Tiled { tiling: of_child, .. } => {
                let numbers = of_child.pivot_tiles..of_child.count();
                let rows: Vec<_> = numbers.clone().map(|i| rows_of(0, &of_child.passed_on_window(i, i).rows)).collect();
                let columns: Vec<_> =
                    numbers.map(|j| columns_of(0, &of_child.passed_on_window(j, j).columns)).collect();
                for (i, j) in of_child.passed_on() {
                    let source = Source { group: child as u32, part: SourcePart::Tile { i: i as u32, j: j as u32 } };
                    add(source, &rows[i - of_child.pivot_tiles], &columns[j - of_child.pivot_tiles]);
                }
            }
        }
    }
    sources
}
