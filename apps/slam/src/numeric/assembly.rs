//! Assembly: adding slots and the children's update matrices into a block ("extend-add").

use std::sync::RwLock;

use crate::numeric::buffer::read;
use crate::numeric::elements::{ChunkValues, SLOT};
use crate::tree::runs::{Run, Window, clip};

/// Adds the part of the child's lower triangle that `from` holds and `to` covers.
#[inline(always)]
pub(crate) fn extend_add(to: &mut [f64], to_window: &Window, from: &[f64], from_window: &Window, runs: &[Run]) {
    for (number, column_run) in runs.iter().enumerate() {
        let columns = clip(column_run, &from_window.columns, &to_window.columns);
        if columns.is_empty() {
            continue;
        }
        let to_column = column_run.parent as usize + columns.start - column_run.child as usize;
        for (later, row_run) in runs[number..].iter().enumerate() {
            let rows = clip(row_run, &from_window.rows, &to_window.rows);
            if rows.is_empty() {
                continue;
            }
            let to_row = row_run.parent as usize + rows.start - row_run.child as usize;
            let mut source = from_window.offset(rows.start, columns.start);
            let mut target = to_window.offset(to_row, to_column);
            for column in columns.clone() {
                // Above the diagonal there is only rubbish.
                let skipped = if later == 0 { column.saturating_sub(rows.start).min(rows.len()) } else { 0 };
                let source_rows = &from[source + skipped..source + rows.len()];
                let target_rows = &mut to[target + skipped..target + rows.len()];
                for (t, s) in target_rows.iter_mut().zip(source_rows) {
                    *t += s;
                }
                source += from_window.ld;
                target += to_window.ld;
            }
        }
    }
}

/// A part of a slot, and its place in the block that assembles it.
pub(crate) struct Entry {
    pub(crate) chunk: u32,
    pub(crate) slot: u32,
    pub(crate) row: u32,
    pub(crate) column: u32,
    pub(crate) part: Part,
}

#[derive(Clone, Copy)]
pub(crate) enum Part {
    /// The block between two poses.
    Between,
    /// The lower triangle of a diagonal slot.
    Diagonal,
    /// A diagonal slot's gradient, which goes to the row of the right-hand side.
    Gradient,
}

impl Part {
    /// The parts of the slot at (row, column) of a front, with the row of each.
    pub(crate) fn of(row: usize, column: usize, right_hand_side: usize) -> impl Iterator<Item = (Self, usize)> {
        let gradient = (row == column).then_some((Self::Gradient, right_hand_side));
        let block = if row == column { Self::Diagonal } else { Self::Between };
        [(block, row)].into_iter().chain(gradient)
    }
}

/// Adds slots to a block; entries of one chunk stand together.
#[inline(always)]
pub(crate) fn add_entries(to: &mut [f64], ld: usize, entries: &[Entry], chunks: &[RwLock<ChunkValues>]) {
    for of_chunk in entries.chunk_by(|a, b| a.chunk == b.chunk) {
        let values = read(&chunks[of_chunk[0].chunk as usize]);
        for entry in of_chunk {
            let slot: &[f64; SLOT] = values.slots[SLOT * entry.slot as usize..][..SLOT].try_into().expect("a slot");
            let at = entry.column as usize * ld + entry.row as usize;
            match entry.part {
                Part::Between => {
                    for (k, part) in slot.chunks_exact(3).enumerate() {
                        let target = &mut to[at + k * ld..][..3];
                        target.iter_mut().zip(part).for_each(|(t, s)| *t += s);
                    }
                }
                Part::Diagonal => {
                    to[at] += slot[0];
                    to[at + 1] += slot[1];
                    to[at + 2] += slot[2];
                    to[at + ld + 1] += slot[3];
                    to[at + ld + 2] += slot[4];
                    to[at + 2 * ld + 2] += slot[5];
                }
                Part::Gradient => {
                    for k in 0..3 {
                        to[at + k * ld] += slot[6 + k];
                    }
                }
            }
        }
    }
}
