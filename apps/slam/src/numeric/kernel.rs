//! Dense kernels on column-major blocks: partial Cholesky, triangular solve, `C -= A Bᵀ`, and the two halves of the backward solve.
//!
//! They are written once over `pulp`'s SIMD vectors and compiled for each width; the caller picks the width once per task, so that everything below
//! is inlined into it. Three rules make them short. Every block's leading dimension is a multiple of [`LANES`], and the rows that this adds hold
//! zeros: there are no ragged edges. Widths are multiples of three, as poses have three coordinates, so columns are taken six or three at a time.
//! And row ranges may start at the multiple of [`LANES`] below, because what this takes in above the diagonal is never used: it is rubbish while a
//! block is updated, and zeros once it is factorised.
//!
//! Measured beside faer 0.24 on one core with 512-bit vectors: panels of 6 to 96 columns take 0.57 to 0.78 of its time, lower products of up to 96
//! columns 0.2 to 0.8, and `C -= A Bᵀ` on tiles of 72 columns the same (70 GFLOP/s); only from 240 columns on is it 15 percent faster. Fronts here are
//! rarely that large, and tiles never.

// Indices into arrays in registers: iterators over them are not sure to be inlined, see `lanes`.
#![allow(clippy::needless_range_loop)]

use pulp::Simd;

/// Rows of a block are padded to a multiple of this, the widest vector there is.
pub(crate) const LANES: usize = 8;

/// `rows` rounded up to whole vectors.
pub(crate) const fn padded(rows: usize) -> usize {
    rows.next_multiple_of(LANES)
}

/// A pivot that is not positive, by its column.
#[derive(Debug)]
pub(crate) struct BadPivot(pub(crate) usize);

/// A read-only block: entry (r, c) is at `c * ld + r`.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a> {
    pub(crate) data: &'a [f64],
    pub(crate) ld: usize,
}

impl<'a> Block<'a> {
    #[inline(always)]
    fn rows_from(self, row: usize) -> Self {
        // A block without columns has no rows to skip.
        Self { data: &self.data[row.min(self.data.len())..], ld: self.ld }
    }
}

#[inline(always)]
fn load<S: Simd, const M: usize>(column: &[f64]) -> [S::f64s; M] {
    let (vectors, _) = S::as_simd_f64s(&column[..M * S::F64_LANES]);
    let mut values = [vectors[0]; M];
    values.copy_from_slice(vectors);
    values
}

#[inline(always)]
fn store<S: Simd, const M: usize, const W: usize>(c: &mut [f64], ld: usize, row: usize, values: &[[S::f64s; M]; W]) {
    for w in 0..W {
        let (vectors, _) = S::as_mut_simd_f64s(&mut c[w * ld + row..][..M * S::F64_LANES]);
        vectors.copy_from_slice(&values[w]);
    }
}

/// `A Bᵀ` for `M` vectors of rows and `W` columns, in registers.
#[inline(always)]
fn product<S: Simd, const M: usize, const W: usize>(
    simd: S,
    a: Block<'_>,
    b: Block<'_>,
    depth: usize,
) -> [[S::f64s; M]; W] {
    let mut sum = [[simd.splat_f64s(0.0); M]; W];
    for (a, b) in a.data.chunks(a.ld).zip(b.data.chunks(b.ld)).take(depth) {
        let a: [S::f64s; M] = load::<S, M>(a);
        let b: &[f64; W] = b[..W].try_into().expect("W long");
        for w in 0..W {
            let factor = simd.splat_f64s(b[w]);
            for m in 0..M {
                sum[w][m] = simd.mul_add_f64s(a[m], factor, sum[w][m]);
            }
        }
    }
    sum
}

/// `C - A Bᵀ` likewise.
#[inline(always)]
fn subtracted<S: Simd, const M: usize, const W: usize>(
    simd: S,
    c: &[f64],
    ldc: usize,
    a: Block<'_>,
    b: Block<'_>,
    depth: usize,
) -> [[S::f64s; M]; W] {
    let mut sum = product::<S, M, W>(simd, a, b, depth);
    for w in 0..W {
        let old: [S::f64s; M] = load::<S, M>(&c[w * ldc..]);
        for m in 0..M {
            sum[w][m] = simd.sub_f64s(old[m], sum[w][m]);
        }
    }
    sum
}

/// A diagonal block of the factor, with the reciprocals of its diagonal.
struct Triangle<const W: usize> {
    lower: [[f64; W]; W],
    reciprocal: [f64; W],
}

impl<const W: usize> Triangle<W> {
    /// Factorises the block whose first entry is `c[0]`.
    #[inline(always)]
    fn factor(c: &[f64], ld: usize) -> Result<Self, BadPivot> {
        let mut lower = Self::copy(c, ld);
        let mut reciprocal = [0.0; W];
        for k in 0..W {
            let pivot = lower[k][k];
            // NaN fails this comparison, too.
            if !(pivot > 0.0 && pivot < f64::INFINITY) {
                return Err(BadPivot(k));
            }
            let root = pivot.sqrt();
            reciprocal[k] = 1.0 / root;
            lower[k][k] = root;
            for r in k + 1..W {
                lower[r][k] *= reciprocal[k];
            }
            for r in k + 1..W {
                for s in k + 1..=r {
                    lower[r][s] -= lower[r][k] * lower[s][k];
                }
            }
        }
        Ok(Self { lower, reciprocal })
    }

    /// The block whose first entry is `c[0]`, already factorised.
    #[inline(always)]
    fn read(c: &[f64], ld: usize) -> Self {
        let lower = Self::copy(c, ld);
        let mut reciprocal = [0.0; W];
        for k in 0..W {
            reciprocal[k] = 1.0 / lower[k][k];
        }
        Self { lower, reciprocal }
    }

    #[inline(always)]
    fn copy(c: &[f64], ld: usize) -> [[f64; W]; W] {
        let mut lower = [[0.0; W]; W];
        for k in 0..W {
            for r in k..W {
                lower[r][k] = c[k * ld + r];
            }
        }
        lower
    }

    /// Writes the block to row `diagonal` of `c`, and zeros above it from row `first` on.
    #[inline(always)]
    fn write(&self, c: &mut [f64], ld: usize, first: usize, diagonal: usize) {
        for k in 0..W {
            let column = &mut c[k * ld..][..ld];
            column[first..diagonal].fill(0.0);
            for r in 0..W {
                column[diagonal + r] = self.lower[r][k];
            }
        }
    }

    /// `X := X L⁻ᵀ` for `M` vectors of rows.
    #[inline(always)]
    fn solve<S: Simd, const M: usize>(&self, simd: S, x: &mut [[S::f64s; M]; W]) {
        for w in 0..W {
            for k in 0..w {
                let factor = simd.splat_f64s(-self.lower[w][k]);
                for m in 0..M {
                    x[w][m] = simd.mul_add_f64s(x[k][m], factor, x[w][m]);
                }
            }
            let scale = simd.splat_f64s(self.reciprocal[w]);
            for m in 0..M {
                x[w][m] = simd.mul_f64s(x[w][m], scale);
            }
        }
    }
}

/// Runs `$step` with a constant number of vectors `$m` over the rows `$row..$end`, the most at a time that the registers hold.
macro_rules! over_rows {
    ($simd:ident, $row:ident, $end:expr, $m:ident => $step:expr) => {{
        let (mut $row, end, lanes) = ($row, $end, $simd::F64_LANES);
        if $simd::REGISTER_COUNT >= 32 {
            while $row + 4 * lanes <= end {
                const $m: usize = 4;
                $step;
                $row += 4 * lanes;
            }
            if $row + 3 * lanes <= end {
                const $m: usize = 3;
                $step;
                $row += 3 * lanes;
            }
        }
        while $row + 2 * lanes <= end {
            const $m: usize = 2;
            $step;
            $row += 2 * lanes;
        }
        if $row + lanes <= end {
            const $m: usize = 1;
            $step;
        }
    }};
}

/// Runs `$step` for blocks of six columns, then three, of `$count`.
macro_rules! over_columns {
    ($j:ident, $count:expr, $w:ident => $step:expr) => {{
        let (mut $j, count) = (0, $count);
        while $j + 6 <= count {
            const $w: usize = 6;
            $step;
            $j += 6;
        }
        if $j < count {
            const $w: usize = 3;
            $step;
        }
    }};
}

/// Factorises the first `pivots` columns of a front in place: its diagonal starts in row `top`, and all rows below, to the block's end, are solved.
#[inline(always)]
pub(crate) fn factor<S: Simd>(simd: S, data: &mut [f64], ld: usize, top: usize, pivots: usize) -> Result<(), BadPivot> {
    over_columns!(j, pivots, W => {
        let (left, right) = data.split_at_mut(j * ld);
        factor_columns::<S, W>(simd, left, &mut right[..W * ld], ld, top + j, j).map_err(|BadPivot(k)| BadPivot(j + k))?;
    });
    Ok(())
}

#[inline(always)]
fn factor_columns<S: Simd, const W: usize>(
    simd: S,
    left: &[f64],
    c: &mut [f64],
    ld: usize,
    diagonal: usize,
    depth: usize,
) -> Result<(), BadPivot> {
    let left = Block { data: left, ld };
    let pivot_rows = left.rows_from(diagonal);
    let first = diagonal / LANES * LANES;
    // The vectors that the diagonal block lies in are updated first, so that it can be factorised before any row is solved with it.
    let below = padded(diagonal + W).min(ld);
    let row = first;
    over_rows!(S, row, below, M => {
        let x = subtracted::<S, M, W>(simd, &c[row..], ld, left.rows_from(row), pivot_rows, depth);
        store::<S, M, W>(c, ld, row, &x);
    });
    let triangle = Triangle::<W>::factor(&c[diagonal..], ld)?;
    over_rows!(S, row, below, M => {
        let mut x = [[simd.splat_f64s(0.0); M]; W];
        for w in 0..W {
            x[w] = load::<S, M>(&c[w * ld + row..]);
        }
        triangle.solve::<S, M>(simd, &mut x);
        store::<S, M, W>(c, ld, row, &x);
    });
    triangle.write(c, ld, first, diagonal);
    let row = below;
    over_rows!(S, row, ld, M => {
        let mut x = subtracted::<S, M, W>(simd, &c[row..], ld, left.rows_from(row), pivot_rows, depth);
        triangle.solve::<S, M>(simd, &mut x);
        store::<S, M, W>(c, ld, row, &x);
    });
    Ok(())
}

/// `X := X L⁻ᵀ`: solves a tile below the diagonal with the factorised diagonal tile `l` of `pivots` columns.
#[inline(always)]
pub(crate) fn solve<S: Simd>(simd: S, x: &mut [f64], ld: usize, l: Block<'_>, pivots: usize) {
    over_columns!(j, pivots, W => {
        let (left, right) = x.split_at_mut(j * ld);
        let c = &mut right[..W * ld];
        let left = Block { data: left, ld };
        let triangle = Triangle::<W>::read(&l.data[j * l.ld + j..], l.ld);
        let row = 0;
        over_rows!(S, row, ld, M => {
            let mut x = subtracted::<S, M, W>(simd, &c[row..], ld, left.rows_from(row), l.rows_from(j), j);
            triangle.solve::<S, M>(simd, &mut x);
            store::<S, M, W>(c, ld, row, &x);
        });
    });
}

/// `C -= A Bᵀ` for `columns` columns of `C`, with `depth` columns in `A` and `B`; if `lower`, only from the diagonal down.
#[inline(always)]
pub(crate) fn update<S: Simd>(
    simd: S,
    c: &mut [f64],
    ld: usize,
    columns: usize,
    (a, b): (Block<'_>, Block<'_>),
    depth: usize,
    lower: bool,
) {
    over_columns!(j, columns, W => {
        let c = &mut c[j * ld..(j + W) * ld];
        let row = if lower { j / LANES * LANES } else { 0 };
        over_rows!(S, row, ld, M => {
            let x = subtracted::<S, M, W>(simd, &c[row..], ld, a.rows_from(row), b.rows_from(j), depth);
            store::<S, M, W>(c, ld, row, &x);
        });
    });
}

/// `C := -A Aᵀ` from the diagonal down, for `columns` columns of `C`, with `depth` columns in `A`.
#[inline(always)]
pub(crate) fn lower_product<S: Simd>(simd: S, c: &mut [f64], ld: usize, columns: usize, a: Block<'_>, depth: usize) {
    over_columns!(j, columns, W => {
        let c = &mut c[j * ld..(j + W) * ld];
        let row = j / LANES * LANES;
        over_rows!(S, row, ld, M => {
            let mut x = product::<S, M, W>(simd, a.rows_from(row), a.rows_from(j), depth);
            for w in 0..W {
                for m in 0..M {
                    x[w][m] = simd.neg_f64s(x[w][m]);
                }
            }
            store::<S, M, W>(c, ld, row, &x);
        });
    });
}

/// `s += Lᵀ x` over the block's rows from `first`, a multiple of [`LANES`], to its end.
#[inline(always)]
pub(crate) fn transposed_product<S: Simd>(simd: S, l: Block<'_>, first: usize, x: &[f64], s: &mut [f64]) {
    over_columns!(j, s.len(), W => {
        let s: &mut [f64; W] = (&mut s[j..j + W]).try_into().expect("W long");
        add_transposed_product::<S, W>(simd, &l.data[j * l.ld..(j + W) * l.ld], l.ld, first, x, s);
    });
}

#[inline(always)]
fn add_transposed_product<S: Simd, const W: usize>(
    simd: S,
    columns: &[f64],
    ld: usize,
    first: usize,
    x: &[f64],
    s: &mut [f64; W],
) {
    let mut sum = [simd.splat_f64s(0.0); W];
    for row in (first..ld).step_by(S::F64_LANES) {
        let [x] = load::<S, 1>(&x[row..]);
        for w in 0..W {
            let [l] = load::<S, 1>(&columns[w * ld + row..]);
            sum[w] = simd.mul_add_f64s(l, x, sum[w]);
        }
    }
    for w in 0..W {
        s[w] += simd.reduce_sum_f64s(sum[w]);
    }
}

/// Solves `Lᵀ x = -s` for the `sums.len()` columns of a front whose diagonal starts in row `top`, last unknown first; `s` is `sums` and what the rows
/// below give with what `x` holds for them. `x` is numbered as the rows are.
#[inline(always)]
pub(crate) fn backward<S: Simd>(simd: S, l: Block<'_>, top: usize, sums: &[f64], x: &mut [f64]) {
    // What is not known yet counts as nothing, so that the vector a block's diagonal lies in can be taken whole.
    x[top..top + sums.len()].fill(0.0);
    let threes = sums.len() % 6;
    if threes > 0 {
        backward_columns::<S, 3>(simd, l, top, sums.len() - 3, sums, x);
    }
    for j in (0..sums.len() - threes).step_by(6).rev() {
        backward_columns::<S, 6>(simd, l, top, j, sums, x);
    }
}

#[inline(always)]
fn backward_columns<S: Simd, const W: usize>(simd: S, l: Block<'_>, top: usize, j: usize, sums: &[f64], x: &mut [f64]) {
    let columns = &l.data[j * l.ld..(j + W) * l.ld];
    let diagonal = top + j;
    let mut total = [0.0; W];
    total.copy_from_slice(&sums[j..j + W]);
    add_transposed_product::<S, W>(simd, columns, l.ld, diagonal / LANES * LANES, x, &mut total);
    for w in (0..W).rev() {
        let mut sum = total[w];
        for v in w + 1..W {
            sum += columns[w * l.ld + diagonal + v] * x[diagonal + v];
        }
        x[diagonal + w] = -sum / columns[w * l.ld + diagonal + w];
    }
}
