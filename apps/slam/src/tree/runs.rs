//! Where a child's indices are in its parent's front.
//!
//! A front numbers its scalars from its first pivot; the rows that remain come next, and the right-hand side is one row more at the end. What a child
//! leaves behind is numbered likewise from its first remaining row. Both orders are the elimination order, so a child's indices fall into the
//! parent's in ascending runs, mostly of several poses each.

use std::ops::Range;

use crate::tree::symbolic::Supernode;

/// `length` consecutive indices of a child's update matrix that are consecutive in the parent's front, too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Run {
    pub(crate) child: u32,
    pub(crate) parent: u32,
    pub(crate) length: u32,
}

/// The runs from what `child` leaves behind to `parent`, the right-hand side included.
pub(crate) fn runs(child: &Supernode, parent: &Supernode) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let end = (child.remaining(), parent.pivots() + parent.remaining(), 1);
    let poses = child.rows.iter().enumerate().map(|(rank, &place)| (3 * rank, parent.index_of(place), 3));
    for (from, to, length) in poses.chain([end]) {
        match runs.last_mut() {
            Some(run) if (run.parent + run.length) as usize == to => run.length += length,
            _ => runs.push(Run { child: from as u32, parent: to as u32, length }),
        }
    }
    runs
}

/// A rectangle of a front (or of an update matrix): the indices it covers, and where its first entry is.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    pub(crate) rows: Range<usize>,
    pub(crate) columns: Range<usize>,
    pub(crate) ld: usize,
    /// Offset of the entry (rows.start, columns.start).
    pub(crate) origin: usize,
}

impl Window {
    pub(crate) fn offset(&self, row: usize, column: usize) -> usize {
        self.origin + (column - self.columns.start) * self.ld + row - self.rows.start
    }
}

/// A run cut down to what both windows cover.
pub(crate) fn clip(run: &Run, child: &Range<usize>, parent: &Range<usize>) -> Range<usize> {
    let (start, shift) = (run.child as usize, run.parent as usize);
    let from = start.max(child.start).max((parent.start + start).saturating_sub(shift));
    let to = (start + run.length as usize).min(child.end).min((parent.end + start).saturating_sub(shift));
    from..to
}

/// Whether any index of the child falls into `parent`.
pub(crate) fn touches(runs: &[Run], child: &Range<usize>, parent: &Range<usize>) -> bool {
    runs.iter().any(|run| !clip(run, child, parent).is_empty())
}
