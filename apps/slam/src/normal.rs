//! The normal equations as a sparse matrix, for other solvers and for tests.

use crate::numeric::elements::SLOT;
use crate::plan::engine::Engine;

/// `H δ = b`: the lower triangle of H in compressed columns, and b = −g.
///
/// Unknowns are numbered as poses are, leaving out the fixed ones, three for each: the step along the pose's own x and y, and its turn. Within a column
/// rows ascend; entries that are zero by coincidence are kept.
#[derive(Clone, Debug, PartialEq)]
pub struct NormalEquations {
    /// Where each column's entries start, and their end: one more than there are unknowns.
    pub column_starts: Vec<usize>,
    /// The row of each entry.
    pub rows: Vec<usize>,
    /// The value of each entry.
    pub values: Vec<f64>,
    /// b.
    pub right_hand_side: Vec<f64>,
}

impl NormalEquations {
    /// The number of unknowns.
    #[must_use]
    pub fn unknowns(&self) -> usize {
        self.right_hand_side.len()
    }

    /// `H x`.
    ///
    /// # Panics
    /// If `x` has not one entry per unknown.
    #[must_use]
    pub fn multiply(&self, x: &[f64]) -> Vec<f64> {
        assert_eq!(x.len(), self.unknowns(), "one entry per unknown");
        let mut product = vec![0.0; x.len()];
        for column in 0..x.len() {
            for at in self.column_starts[column]..self.column_starts[column + 1] {
                let (row, value) = (self.rows[at], self.values[at]);
                product[row] += value * x[column];
                if row != column {
                    product[column] += value * x[row];
                }
            }
        }
        product
    }

    /// Collects what the last linearisation left in the chunks.
    pub(crate) fn collect(engine: &Engine) -> Self {
        let structure = &engine.structure;
        let mut unknown_of = vec![usize::MAX; structure.place_of.len()];
        let free = structure.place_of.iter().enumerate().filter(|(_, place)| place.is_some());
        for (unknown, (pose, _)) in free.enumerate() {
            unknown_of[pose] = 3 * unknown;
        }
        let unknowns = 3 * structure.pose_at.len();
        let mut right_hand_side = vec![0.0; unknowns];
        let mut entries: Vec<(usize, usize, f64)> = Vec::new();
        for (number, chunk) in structure.chunks.iter().enumerate() {
            let values = engine.values(number);
            for (key, slot) in chunk.keys.iter().zip(values.slots.chunks_exact(SLOT).skip(1)) {
                let [row, column] =
                    [key.row, key.column].map(|place| unknown_of[structure.pose_at[place as usize] as usize]);
                if row == column {
                    let lower = [(0, 0), (1, 0), (2, 0), (1, 1), (2, 1), (2, 2)];
                    entries.extend(lower.iter().zip(slot).map(|(&(r, c), &value)| (column + c, row + r, value)));
                    (0..3).for_each(|k| right_hand_side[column + k] -= slot[6 + k]);
                } else {
                    // Later in the elimination order need not be later among the unknowns.
                    let at = |k: usize| (row + k % 3, column + k / 3);
                    entries.extend(
                        slot.iter().enumerate().map(|(k, &value)| (at(k).0.min(at(k).1), at(k).0.max(at(k).1), value)),
                    );
                }
            }
        }
        // Stable, so that what several chunks give to an entry is always added in the same order.
        entries.sort_by_key(|&(column, row, _)| (column, row));
        let mut equations =
            Self { column_starts: vec![0; unknowns + 1], rows: Vec::new(), values: Vec::new(), right_hand_side };
        for of_entry in entries.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let (column, row, _) = of_entry[0];
            equations.rows.push(row);
            equations.values.push(of_entry.iter().map(|entry| entry.2).sum());
            equations.column_starts[column + 1] += 1;
        }
        for column in 0..unknowns {
            equations.column_starts[column + 1] += equations.column_starts[column];
        }
        equations
    }
}
