//! Groups whose fronts are factorised whole, one after the other, in one task.
//!
//! A front is stored in two blocks. Its pivots' columns, with all rows, are the *panel*, and stay: they are the factor. The rest is the *update
//! matrix*, which lives until the parent has added it in: in scratch memory if the parent is in the same group, else in the group's own output. The
//! right-hand side is carried along as a last row, so that factorising also solves forward.
//!
//! A panel's rows are aligned at the border between pivots and the rest, with unused rows on top.

use std::sync::{RwLock, RwLockReadGuard};

use pulp::{Simd, WithSimd};

use crate::numeric::assembly::{Entry, Part, add_entries, extend_add};
use crate::numeric::buffer::Buffer;
use crate::numeric::elements::{Chunk, ChunkValues, SlotKey};
use crate::numeric::kernel::{self, BadPivot, Block, padded};
use crate::numeric::room::Room;
use crate::tree::partition::Group;
use crate::tree::runs::{self, Run, Window};
use crate::tree::symbolic::Supernode;

/// A front's sizes and the place of its blocks.
pub(crate) struct Front {
    pub(crate) pivots: usize,
    remaining: usize,
    /// Unused rows above the panel's first.
    top: usize,
    /// The panel's leading dimension.
    ld: usize,
    /// Offset of the panel in the group's factor.
    panel_at: usize,
    /// Offset of the update matrix in scratch; a top front's is in the group's output.
    update_at: usize,
    is_top: bool,
    /// The first own pose among the group's, and the rows' poses, by the group's numbers.
    first: u32,
    rows: Vec<u32>,
    /// Children in the same group, by their number in it, and their runs to this front.
    children: Vec<(usize, Vec<Run>)>,
    /// Slots to assemble into the panel, and into the update matrix: a top front's diagonals of boundary poses.
    panel_entries: Vec<Entry>,
    update_entries: Vec<Entry>,
}

/// A whole group's layout.
pub(crate) struct Layout {
    pub(crate) fronts: Vec<Front>,
    pub(crate) factor_length: usize,
    /// How many numbers the group passes on.
    pub(crate) output_length: usize,
    pub(crate) scratch_length: usize,
}

impl Front {
    /// The update matrix's leading dimension.
    fn update_ld(&self) -> usize {
        padded(self.remaining + 1)
    }

    fn update_length(&self) -> usize {
        self.update_ld() * self.remaining
    }

    /// The first row below the pivots in the panel.
    fn border(&self) -> usize {
        self.top + self.pivots
    }

    /// The row of the right-hand side in the panel.
    fn right_hand_side(&self) -> usize {
        self.border() + self.remaining
    }

    fn panel_window(&self) -> Window {
        Window { rows: 0..self.pivots + self.remaining + 1, columns: 0..self.pivots, ld: self.ld, origin: self.top }
    }

    /// The update matrix, numbered as part of this front.
    fn update_window(&self) -> Window {
        let end = self.pivots + self.remaining;
        Window { rows: self.pivots..end + 1, columns: self.pivots..end, ld: self.update_ld(), origin: 0 }
    }

    /// The update matrix, numbered as the parent's runs do, in what holds it.
    fn passed_on(&self) -> Window {
        Window { rows: 0..self.remaining + 1, columns: 0..self.remaining, ld: self.update_ld(), origin: self.update_at }
    }

    fn panel_length(&self) -> usize {
        self.ld * self.pivots
    }

    fn enter(&mut self, chunk: u32, slot: u32, supernode: &Supernode, key: SlotKey) {
        let (row, column) = (supernode.index_of(key.row), supernode.index_of(key.column));
        for (part, row) in Part::of(row, column, self.pivots + self.remaining) {
            if column < self.pivots {
                let (row, column) = ((row + self.top) as u32, column as u32);
                self.panel_entries.push(Entry { chunk, slot, row, column, part });
            } else {
                let (row, column) = ((row - self.pivots) as u32, (column - self.pivots) as u32);
                self.update_entries.push(Entry { chunk, slot, row, column, part });
            }
        }
    }
}

impl Layout {
    pub(crate) fn new(group: &Group, supernodes: &[Supernode], chunks: &[Chunk]) -> Self {
        let (mut factor_length, mut output_length, mut scratch) = (0, 0, Room::default());
        let mut fronts: Vec<Front> = Vec::new();
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); group.fronts.len()];
        // Both ascend, so one look a front tells tops from the rest: a star has as many tops as fronts.
        let mut tops = group.tops.iter().peekable();
        for (number, supernode) in supernodes[group.fronts.clone()].iter().enumerate() {
            let (pivots, remaining) = (supernode.pivots(), supernode.remaining());
            let top = padded(pivots) - pivots;
            let inside = std::mem::take(&mut children[number]);
            let runs = |child: usize| runs::runs(&supernodes[group.fronts.start + child], supernode);
            let mut front = Front {
                pivots,
                remaining,
                top,
                ld: top + pivots + padded(remaining + 1),
                panel_at: factor_length,
                update_at: output_length,
                is_top: tops.next_if_eq(&&(group.fronts.start + number)).is_some(),
                first: supernode.first - group.own.start,
                rows: supernode.rows.iter().map(|&place| group.local(place)).collect(),
                children: inside.iter().map(|&child| (child, runs(child))).collect(),
                panel_entries: Vec::new(),
                update_entries: Vec::new(),
            };
            factor_length += front.panel_length();
            if front.is_top {
                output_length += front.update_length();
            } else {
                front.update_at = scratch.take(front.update_length());
                children[supernode.parent as usize - group.fronts.start].push(number);
            }
            for &child in &inside {
                scratch.give_back(fronts[child].update_at, fronts[child].update_length());
            }
            for (number, chunk) in (0..).zip(chunks) {
                for slot in chunk.slots_of(supernode.first..supernode.end()) {
                    front.enter(number, slot as u32, supernode, chunk.keys[slot - 1]);
                }
            }
            fronts.push(front);
        }
        let mut layout = Self { fronts, factor_length, output_length, scratch_length: scratch.length };
        layout.enter_boundary(group, supernodes, chunks);
        layout
    }

    /// A boundary pose's diagonal goes to any top that reaches it, though its column is none of this group's.
    fn enter_boundary(&mut self, group: &Group, supernodes: &[Supernode], chunks: &[Chunk]) {
        // The first top that reaches each boundary pose, by rank; the later ones are overwritten.
        let mut reached_by = vec![usize::MAX; group.boundary.len()];
        for &top in group.tops.iter().rev() {
            for row in &supernodes[top].rows {
                let rank = group.boundary.binary_search(row).expect("the boundary holds the rows of every top");
                reached_by[rank] = top;
            }
        }
        for (number, chunk) in (0..).zip(chunks) {
            for slot in chunk.slots_of(group.own.end..u32::MAX) {
                let key = chunk.keys[slot - 1];
                let rank = group.boundary.binary_search(&key.row);
                let top = reached_by[rank.expect("a constraint's later pose is a row of its top")];
                self.fronts[top - group.fronts.start].enter(number, slot as u32, &supernodes[top], key);
            }
        }
    }

    /// The window of what a top passes on, in the output, numbered as its parent's runs do; `front` is the top's number in the group.
    pub(crate) fn passed_on(&self, front: usize) -> Window {
        self.fronts[front].passed_on()
    }

    /// The longest vector that a front's backward solve gathers.
    pub(crate) fn gathered_length(&self) -> usize {
        self.fronts.iter().map(|f| f.ld).max().unwrap_or(0)
    }
}

/// What another group passed on to this one's top front.
pub(crate) struct Incoming<'a> {
    pub(crate) update: RwLockReadGuard<'a, Buffer>,
    pub(crate) window: Window,
    pub(crate) runs: &'a [Run],
}

/// Factorises all fronts of a group.
pub(crate) struct Factor<'a, I> {
    pub(crate) layout: &'a Layout,
    /// The values of the group's chunks.
    pub(crate) chunks: &'a [RwLock<ChunkValues>],
    pub(crate) factor: &'a mut [f64],
    pub(crate) scratch: &'a mut [f64],
    pub(crate) output: &'a mut [f64],
    pub(crate) incoming: I,
}

impl<'a, I: Iterator<Item = Incoming<'a>> + Clone> WithSimd for Factor<'a, I> {
    /// On failure the place of the pose in the group.
    type Output = Result<(), u32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let fronts = &self.layout.fronts;
        for (number, front) in fronts.iter().enumerate() {
            let panel = &mut self.factor[front.panel_at..][..front.panel_length()];
            // The update matrix is split off the scratch memory, so that those of the children can be read beside it.
            let (from, length) = if front.is_top { (0, 0) } else { (front.update_at, front.update_length()) };
            let (before, rest) = self.scratch.split_at_mut(from);
            let (inner, after) = rest.split_at_mut(length);
            let update =
                if front.is_top { &mut self.output[front.update_at..][..front.update_length()] } else { inner };
            let inside = |child: &Front| {
                let mut window = child.passed_on();
                match child.update_at.checked_sub(from + length) {
                    Some(beyond) => {
                        window.origin = beyond;
                        (&*after, window)
                    }
                    None => (&*before, window),
                }
            };
            // A group with children has one top, the last front.
            let is_last = number + 1 == fronts.len();
            let outside = || is_last.then(|| self.incoming.clone()).into_iter().flatten();

            panel.fill(0.0);
            add_entries(panel, front.ld, &front.panel_entries, self.chunks);
            let window = front.panel_window();
            for (child, runs) in &front.children {
                let (from, from_window) = inside(&fronts[*child]);
                extend_add(panel, &window, from, &from_window, runs);
            }
            for child in outside() {
                extend_add(panel, &window, &child.update, &child.window, child.runs);
            }
            kernel::factor(simd, panel, front.ld, front.top, front.pivots)
                .map_err(|BadPivot(column)| front.first + column as u32 / 3)?;

            // What the pivots take from the rest is written first, so that it need not be cleared.
            let below = Block { data: &panel[front.border()..], ld: front.ld };
            kernel::lower_product(simd, update, front.update_ld(), front.remaining, below, front.pivots);
            add_entries(update, front.update_ld(), &front.update_entries, self.chunks);
            let window = front.update_window();
            for (child, runs) in &front.children {
                let (from, from_window) = inside(&fronts[*child]);
                extend_add(update, &window, from, &from_window, runs);
            }
            for child in outside() {
                extend_add(update, &window, &child.update, &child.window, child.runs);
            }
        }
        Ok(())
    }
}

/// Solves backward through all fronts of a group, the top first.
pub(crate) struct Backward<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) factor: &'a [f64],
    /// The step by the group's numbers, three for each pose; that of the boundary is known, that of its own poses is found.
    pub(crate) step: &'a mut [f64],
    /// Room for a front's rows, and as many zeros as it has pivots.
    pub(crate) gathered: &'a mut [f64],
    pub(crate) zeros: &'a [f64],
}

impl WithSimd for Backward<'_> {
    /// The squared norm of the forward solution on the group's own rows.
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let Self { layout, factor, step, gathered, zeros } = self;
        let mut squares = 0.0;
        for front in layout.fronts.iter().rev() {
            let panel = &factor[front.panel_at..][..front.panel_length()];
            let x = &mut gathered[..front.ld];
            for (to, &row) in x[front.border()..].chunks_exact_mut(3).zip(&front.rows) {
                to.copy_from_slice(&step[3 * row as usize..][..3]);
            }
            // The right-hand side's row holds L⁻¹ g, so a one there makes it part of the sum; below it the panel holds zeros.
            x[front.right_hand_side()] = 1.0;
            x[front.right_hand_side() + 1..].fill(0.0);
            kernel::backward(simd, Block { data: panel, ld: front.ld }, front.top, &zeros[..front.pivots], x);
            step[3 * front.first as usize..][..front.pivots].copy_from_slice(&x[front.top..front.border()]);
            squares += panel[front.right_hand_side()..].iter().step_by(front.ld).map(|y| y * y).sum::<f64>();
        }
        squares
    }
}
