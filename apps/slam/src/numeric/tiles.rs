//! Groups of one large front, cut into square tiles with a task for each operation on a tile.
//!
//! The front's indices (pivots, the rest, and the right-hand side as a last row) are cut every so often, and at the border between pivots and the
//! rest; tile (i, j), i ≥ j, holds rows i and columns j. Cholesky by tiles is then: factorise tile (k, k); solve the tiles (i, k) below it; subtract
//! (i, k)(j, k)ᵀ from every tile (i, j) to the right; and so on for the next k. What each step needs is all the order there is between them.

use std::ops::Range;
use std::sync::RwLock;

use pulp::{Simd, WithSimd};

use crate::numeric::assembly::{Entry, Part, add_entries, extend_add};
use crate::numeric::buffer::{Buffer, read, write};
use crate::numeric::elements::{Chunk, ChunkValues};
use crate::numeric::front::Incoming;
use crate::numeric::kernel::{self, BadPivot, Block, padded};
use crate::tree::runs::Window;
use crate::tree::symbolic::Supernode;

/// How a front is cut.
pub(crate) struct Tiling {
    pivots: usize,
    remaining: usize,
    /// Where tiles start, and the end.
    bounds: Vec<usize>,
    /// How many rows of tiles hold pivots.
    pub(crate) pivot_tiles: usize,
    /// Slots to assemble, by tile.
    entries: Vec<Vec<Entry>>,
}

impl Tiling {
    pub(crate) fn new(supernode: &Supernode, chunks: &[Chunk], tile: usize) -> Self {
        let (pivots, remaining) = (supernode.pivots(), supernode.remaining());
        let mut bounds: Vec<usize> = (0..pivots).step_by(tile).collect();
        let pivot_tiles = bounds.len();
        bounds.extend((pivots..(pivots + remaining).max(pivots + 1)).step_by(tile));
        bounds.push(pivots + remaining + 1);
        let count = bounds.len() - 1;
        let mut tiling = Self { pivots, remaining, bounds, pivot_tiles, entries: Vec::new() };
        tiling.entries.resize_with(count * (count + 1) / 2, Vec::new);
        let right_hand_side = pivots + remaining;
        for (number, chunk) in (0..).zip(chunks) {
            for (slot, key) in (1..).zip(&chunk.keys) {
                let (row, column) = (supernode.index_of(key.row), supernode.index_of(key.column));
                for (part, row) in Part::of(row, column, right_hand_side) {
                    tiling.enter(number, slot, row, column, part);
                }
            }
        }
        tiling
    }

    fn enter(&mut self, chunk: u32, slot: u32, row: usize, column: usize, part: Part) {
        let tile_of = |index: usize| self.bounds.partition_point(|&b| b <= index) - 1;
        let (i, j) = (tile_of(row), tile_of(column));
        let (row, column) = ((row - self.bounds[i]) as u32, (column - self.bounds[j]) as u32);
        self.entries[place(i, j)].push(Entry { chunk, slot, row, column, part });
    }

    /// How many rows of tiles there are.
    pub(crate) fn count(&self) -> usize {
        self.bounds.len() - 1
    }

    /// The rows of tile row `i`.
    pub(crate) fn rows(&self, i: usize) -> Range<usize> {
        self.bounds[i]..self.bounds[i + 1]
    }

    /// The columns of tile column `j`: as its rows, but for the right-hand side's.
    pub(crate) fn columns(&self, j: usize) -> Range<usize> {
        self.bounds[j]..self.bounds[j + 1].min(self.pivots + self.remaining)
    }

    fn ld(&self, i: usize) -> usize {
        padded(self.rows(i).len())
    }

    /// Tiles that hold anything, by (row, column), the factor's column by column and then the rest.
    pub(crate) fn tiles(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let count = self.count();
        (0..count).flat_map(move |j| (j..count).map(move |i| (i, j))).filter(|&(_, j)| !self.columns(j).is_empty())
    }

    /// Tiles of the update matrix.
    pub(crate) fn passed_on(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.tiles().filter(|&(_, j)| j >= self.pivot_tiles)
    }

    /// The window of tile (i, j), numbered as part of this front.
    pub(crate) fn window(&self, i: usize, j: usize) -> Window {
        Window { rows: self.rows(i), columns: self.columns(j), ld: self.ld(i), origin: 0 }
    }

    /// The window of a tile of the update matrix, numbered as the parent's runs do.
    pub(crate) fn passed_on_window(&self, i: usize, j: usize) -> Window {
        let shift = |range: Range<usize>| range.start - self.pivots..range.end - self.pivots;
        Window { rows: shift(self.rows(i)), columns: shift(self.columns(j)), ld: self.ld(i), origin: 0 }
    }

    /// The chunks that tile (i, j) assembles.
    pub(crate) fn chunks(&self, i: usize, j: usize) -> Vec<u32> {
        let mut chunks: Vec<u32> = self.entries[place(i, j)].iter().map(|entry| entry.chunk).collect();
        chunks.dedup();
        chunks
    }

    pub(crate) fn memory(&self) -> Vec<RwLock<Buffer>> {
        let count = self.count();
        let sized = |(i, j): (usize, usize)| self.ld(i) * self.columns(j).len();
        (0..count)
            .flat_map(|i| (0..=i).map(move |j| (i, j)))
            .map(|tile| RwLock::new(Buffer::new(sized(tile))))
            .collect()
    }

    /// The length of a vector over the front whose parts start where the tiles' rows do.
    pub(crate) fn gathered_length(&self) -> usize {
        (0..self.count()).map(|i| self.ld(i)).sum()
    }

    pub(crate) fn longest_columns(&self) -> usize {
        (0..self.pivot_tiles).map(|j| self.columns(j).len()).max().unwrap_or(0)
    }
}

/// Where tile (i, j) is among all.
pub(crate) fn place(i: usize, j: usize) -> usize {
    i * (i + 1) / 2 + j
}

/// One operation on the tiles of a front.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum TileOperation {
    /// Clears tile (i, j) and adds in slots and children.
    Assemble { i: usize, j: usize },
    /// Factorises tile (k, k).
    Factor { k: usize },
    /// Solves tile (i, k) with tile (k, k).
    Solve { i: usize, k: usize },
    /// Subtracts (i, k)(j, k)ᵀ from tile (i, j).
    Update { i: usize, j: usize, k: usize },
}

/// What an operation works on.
pub(crate) struct OnTiles<'a, I> {
    pub(crate) operation: TileOperation,
    pub(crate) tiling: &'a Tiling,
    pub(crate) tiles: &'a [RwLock<Buffer>],
    pub(crate) chunks: &'a [RwLock<ChunkValues>],
    /// For [`TileOperation::Assemble`]: what the children pass on to the tile.
    pub(crate) incoming: I,
}

impl<'a, I: Iterator<Item = Incoming<'a>>> WithSimd for OnTiles<'a, I> {
    /// On failure the scalar column of the front.
    type Output = Result<(), usize>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Self { operation, tiling, tiles, chunks, incoming } = self;
        match operation {
            TileOperation::Assemble { i, j } => {
                let mut tile = write(&tiles[place(i, j)]);
                tile.fill(0.0);
                add_entries(&mut tile, tiling.ld(i), &tiling.entries[place(i, j)], chunks);
                let window = tiling.window(i, j);
                for child in incoming {
                    extend_add(&mut tile, &window, &child.update, &child.window, child.runs);
                }
            }
            TileOperation::Factor { k } => {
                let mut tile = write(&tiles[place(k, k)]);
                kernel::factor(simd, &mut tile, tiling.ld(k), 0, tiling.columns(k).len())
                    .map_err(|BadPivot(column)| tiling.bounds[k] + column)?;
            }
            TileOperation::Solve { i, k } => {
                let diagonal = read(&tiles[place(k, k)]);
                let mut tile = write(&tiles[place(i, k)]);
                kernel::solve(
                    simd,
                    &mut tile,
                    tiling.ld(i),
                    Block { data: &diagonal, ld: tiling.ld(k) },
                    tiling.columns(k).len(),
                );
            }
            TileOperation::Update { i, j, k } => {
                let left = read(&tiles[place(i, k)]);
                let upper = (i != j).then(|| read(&tiles[place(j, k)]));
                let a = Block { data: &left, ld: tiling.ld(i) };
                let b = upper.as_deref().map_or(a, |upper| Block { data: upper, ld: tiling.ld(j) });
                let mut tile = write(&tiles[place(i, j)]);
                let (columns, depth) = (tiling.columns(j).len(), tiling.columns(k).len());
                kernel::update(simd, &mut tile, tiling.ld(i), columns, (a, b), depth, i == j);
            }
        }
        Ok(())
    }
}

/// Solves backward through a tiled front.
pub(crate) struct BackwardTiles<'a> {
    pub(crate) tiling: &'a Tiling,
    pub(crate) tiles: &'a [RwLock<Buffer>],
    /// The step by the group's numbers, three for each pose; that of the boundary is known, that of its own poses is found.
    pub(crate) step: &'a mut [f64],
    pub(crate) gathered: &'a mut [f64],
    pub(crate) sums: &'a mut [f64],
}

impl WithSimd for BackwardTiles<'_> {
    /// The squared norm of the forward solution on the group's own rows.
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let Self { tiling, tiles, step, gathered, sums } = self;
        let (count, end) = (tiling.count(), tiling.pivots + tiling.remaining);
        let start_of = |i: usize| (0..i).map(|above| tiling.ld(above)).sum::<usize>();
        gathered.fill(0.0);
        for i in tiling.pivot_tiles..count {
            let known = &step[tiling.columns(i)];
            gathered[start_of(i)..][..known.len()].copy_from_slice(known);
        }
        // The last tile row ends with the right-hand side's, which holds L⁻¹ g: a one there makes it part of the sums.
        let last_row = end - tiling.bounds[count - 1];
        gathered[start_of(count - 1) + last_row] = 1.0;
        let mut squares = 0.0;
        for j in (0..tiling.pivot_tiles).rev() {
            let columns = tiling.columns(j);
            let sums = &mut sums[..columns.len()];
            sums.fill(0.0);
            for i in (j + 1..count).rev() {
                let tile = read(&tiles[place(i, j)]);
                let x = &gathered[start_of(i)..][..tiling.ld(i)];
                kernel::transposed_product(simd, Block { data: &tile, ld: tiling.ld(i) }, 0, x, sums);
                if i == count - 1 {
                    squares += tile[last_row..].iter().step_by(tiling.ld(i)).map(|y| y * y).sum::<f64>();
                }
            }
            let tile = read(&tiles[place(j, j)]);
            let x = &mut gathered[start_of(j)..][..tiling.ld(j)];
            kernel::backward(simd, Block { data: &tile, ld: tiling.ld(j) }, 0, sums, x);
            step[columns].copy_from_slice(&x[..sums.len()]);
        }
        squares
    }
}
