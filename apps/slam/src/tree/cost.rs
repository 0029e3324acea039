//! The cost model, in nanoseconds of one nominal core.
//!
//! It decides which columns share a front, which fronts share a task and where fronts are cut into tiles, and it weighs the critical path. It depends
//! on nothing but sizes, so that the same problem gives the same plan, and the same bits, on every machine. The constants were fitted once to a
//! 2.x GHz server core with 512-bit SIMD; only their ratios matter.

/// Starting a front: its loops, its maps, its first cache misses.
const FRONT: f64 = 600.0;
/// A multiplication and an addition in a dense kernel.
const MULTIPLY_ADD: f64 = 0.04;
/// A scalar pivot: its square root, its division, and what waits for them.
const PIVOT: f64 = 11.0;
/// Clearing, assembling or copying an entry.
const ENTRY: f64 = 1.5;
/// An entry of the factor in the backward solve.
const SOLVE_ENTRY: f64 = 0.35;
/// Residual, Jacobians and products of one constraint.
const CONSTRAINT: f64 = 45.0;
/// Sine, cosine and composition of one pose.
pub(crate) const POSE: f64 = 30.0;
/// What a tile task costs beside its arithmetic.
const TILE: f64 = 300.0;

/// Multiplications (each with an addition) of a partial Cholesky factorisation of `pivots` out of `pivots + remaining` scalar columns.
pub(crate) fn multiply_adds(pivots: usize, remaining: usize) -> f64 {
    let (p, r) = (pivots as f64, remaining as f64);
    p * p * p / 6.0 + p * p * r / 2.0 + p * r * r / 2.0
}

/// Assembling and factorising the front of `width` poses that reach `rows` later ones.
pub(crate) fn front(width: usize, rows: usize) -> f64 {
    let (p, r) = (3.0 * width as f64, 3.0 * rows as f64);
    let entries = p * p / 2.0 + p * r + r * r / 2.0;
    FRONT + PIVOT * p + ENTRY * entries + MULTIPLY_ADD * multiply_adds(3 * width, 3 * rows)
}

/// Linearising this many constraints.
pub(crate) fn linearise(constraints: usize) -> f64 {
    CONSTRAINT * constraints as f64
}

/// The backward solve through the same front, and moving its poses.
pub(crate) fn solve(width: usize, rows: usize) -> f64 {
    let (p, r) = (3.0 * width as f64, 3.0 * rows as f64);
    FRONT / 4.0 + SOLVE_ENTRY * (p * p / 2.0 + p * r) + (POSE + 5.0) * width as f64
}

/// Clearing and assembling a tile.
pub(crate) fn assemble_tile(rows: usize, columns: usize) -> f64 {
    TILE + ENTRY * (rows * columns) as f64
}

/// `C -= A Bᵀ` with `depth` columns in `A`.
pub(crate) fn update_tile(rows: usize, columns: usize, depth: usize) -> f64 {
    TILE + MULTIPLY_ADD * (rows * columns * depth) as f64
}

/// Solving `rows` rows against a factorised tile of `pivots` columns.
pub(crate) fn solve_tile(rows: usize, pivots: usize) -> f64 {
    TILE + MULTIPLY_ADD * (rows * pivots * pivots) as f64 / 2.0
}

/// Factorising a diagonal tile.
pub(crate) fn factor_tile(pivots: usize) -> f64 {
    TILE + PIVOT * pivots as f64 + MULTIPLY_ADD * (pivots * pivots * pivots) as f64 / 6.0
}
