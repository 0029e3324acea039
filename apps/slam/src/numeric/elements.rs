//! Linearisation: from poses and measurements to the entries of the normal equations.
//!
//! A *chunk* holds constraints of one group. Each adds to up to three 3 × 3 blocks, the *slots* of its chunk: the diagonal blocks of both poses (with
//! the gradient beside them) and the block between them. Slots are summed within the chunk and assembled into the group's fronts later, so chunks
//! share nothing. A pose on the group's boundary has a diagonal slot here, too, whose sum enters the top front: a front may hold part of an entry
//! that is eliminated further up, for what remains of it is passed on with the update matrix.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use crate::constraint::Constraint;
use crate::geometry::{State, half_cotangents, wrap_angle};
use crate::numeric::lanes::Lanes;

/// Numbers in a slot. Off the diagonal: the block by columns, rows being those of the later pose. On it: 00, 10, 20, 11, 21, 22, then the gradient.
pub(crate) const SLOT: usize = 9;
/// Constraints are taken so many at a time.
const BLOCK: usize = 8;

/// Where a slot belongs: the places of its two poses in the elimination order, `row >= column`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SlotKey {
    pub(crate) column: u32,
    pub(crate) row: u32,
}

/// Eight constraints side by side. Lanes beyond the last constraint repeat it with no weight.
struct Block {
    /// x, y and θ of the measurement; information in the frame of the first pose: xx, xy, xθ, yy, yθ, θθ.
    constants: [[f64; BLOCK]; 9],
    /// The group's numbers of the two poses.
    poses: [[u32; 2]; BLOCK],
    /// The slots of the first pose, of the second, and between them; a fixed pose's are slot 0, which nobody reads.
    slots: [[u32; 3]; BLOCK],
    /// The second pose is eliminated first, so the slot between them is transposed.
    flipped: [bool; BLOCK],
}

/// The fixed part of a chunk.
pub(crate) struct Chunk {
    blocks: Vec<Block>,
    /// Sorted; slot `n + 1` is `keys[n]`.
    pub(crate) keys: Vec<SlotKey>,
    pub(crate) constraints: usize,
}

/// What linearising a chunk gives.
#[derive(Debug)]
pub(crate) struct ChunkValues {
    /// The slots, slot 0 first.
    pub(crate) slots: Vec<f64>,
    pub(crate) chi_squared: f64,
}

/// A constraint's pose as a chunk sees it: its number in the group, and its place in the elimination order unless it is fixed.
pub(crate) type Seen = (u32, Option<u32>);

impl Chunk {
    pub(crate) fn new(constraints: &[(Constraint, Seen, Seen)]) -> Self {
        let keys_of = |a: Option<u32>, b: Option<u32>| {
            let diagonal = |p: Option<u32>| p.map(|p| SlotKey { column: p, row: p });
            let between = a.zip(b).map(|(a, b)| SlotKey { column: a.min(b), row: a.max(b) });
            [diagonal(a), diagonal(b), between]
        };
        let mut keys: Vec<SlotKey> = constraints.iter().flat_map(|(_, a, b)| keys_of(a.1, b.1)).flatten().collect();
        keys.sort_unstable();
        keys.dedup();
        let slot =
            |key: Option<SlotKey>| key.map_or(0, |k| keys.binary_search(&k).expect("every key is there") as u32 + 1);
        let blocks = constraints.chunks(BLOCK).map(|some| {
            let lane = |n: usize| &some[n.min(some.len() - 1)];
            let mut constants = [[0.0; BLOCK]; 9];
            for n in 0..BLOCK {
                let (constraint, ..) = lane(n);
                let Constraint { measured, .. } = *constraint;
                let weights = if n < some.len() { in_first_frame(constraint) } else { [0.0; 6] };
                let all = [measured.x, measured.y, measured.theta].into_iter().chain(weights);
                constants.iter_mut().zip(all).for_each(|(row, value)| row[n] = value);
            }
            Block {
                constants,
                poses: std::array::from_fn(|n| [lane(n).1.0, lane(n).2.0]),
                slots: std::array::from_fn(|n| {
                    if n < some.len() { keys_of(lane(n).1.1, lane(n).2.1).map(slot) } else { [0; 3] }
                }),
                flipped: std::array::from_fn(|n| matches!((lane(n).1.1, lane(n).2.1), (Some(a), Some(b)) if a > b)),
            }
        });
        Self { blocks: blocks.collect(), constraints: constraints.len(), keys }
    }

    pub(crate) fn values(&self) -> ChunkValues {
        ChunkValues { slots: vec![0.0; SLOT * (self.keys.len() + 1)], chi_squared: 0.0 }
    }

    /// The numbers of the slots whose column is among `columns`.
    pub(crate) fn slots_of(&self, columns: Range<u32>) -> Range<usize> {
        let at = |column| self.keys.partition_point(|key| key.column < column) + 1;
        at(columns.start)..at(columns.end)
    }
}

/// The information matrix turned from the frame of the residual `measured⁻¹ ∘ …` into that of the first pose.
fn in_first_frame(constraint: &Constraint) -> [f64; 6] {
    let (s, c) = constraint.measured.theta.sin_cos();
    let [xx, xy, xt, yy, yt, tt] = constraint.information;
    [
        c * c * xx - 2.0 * c * s * xy + s * s * yy,
        c * s * (xx - yy) + (c * c - s * s) * xy,
        c * xt - s * yt,
        s * s * xx + 2.0 * c * s * xy + c * c * yy,
        s * xt + c * yt,
        tt,
    ]
}

/// Linearises a chunk about `states`, which the group numbers.
pub(crate) struct Linearise<'a> {
    pub(crate) chunk: &'a Chunk,
    pub(crate) states: &'a [State],
    pub(crate) values: &'a mut ChunkValues,
}

impl WithSimd for Linearise<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { chunk, states, values } = self;
        values.slots.fill(0.0);
        let mut chi_squared = [0.0; BLOCK];
        let mut out = [[0.0; BLOCK]; 28];
        for block in &chunk.blocks {
            let varying = Varying::gather(block, states);
            for lane in (0..BLOCK).step_by(S::F64_LANES) {
                terms(simd, &varying, &block.constants, lane, &mut out);
            }
            for n in 0..BLOCK {
                chi_squared[n] += out[27][n];
                let [a, b, between] = block.slots[n];
                add::<0, 1>(&mut values.slots, a, &out, n);
                add::<SLOT, 1>(&mut values.slots, b, &out, n);
                if block.flipped[n] {
                    add::<{ 2 * SLOT }, 3>(&mut values.slots, between, &out, n);
                } else {
                    add::<{ 2 * SLOT }, 1>(&mut values.slots, between, &out, n);
                }
            }
        }
        values.chi_squared = chi_squared.iter().sum();
    }
}

/// Adds lane `n` of nine rows of `out` to a slot; with a stride of 3 the 3 × 3 block is transposed.
#[inline(always)]
fn add<const FIRST: usize, const STRIDE: usize>(slots: &mut [f64], slot: u32, out: &[[f64; BLOCK]; 28], n: usize) {
    let slot: &mut [f64; SLOT] = (&mut slots[SLOT * slot as usize..][..SLOT]).try_into().expect("a slot");
    for k in 0..SLOT {
        slot[k] += out[FIRST + k * STRIDE % SLOT + k * STRIDE / SLOT][n];
    }
}

/// What changes from one iteration to the next, for eight constraints.
struct Varying {
    /// From the first pose to the second, in the map.
    x: [f64; BLOCK],
    y: [f64; BLOCK],
    /// The heading's part of `measured⁻¹ ∘ (from⁻¹ ∘ to)`.
    turn: [f64; BLOCK],
    /// Half the turn times its cotangent, and that one's derivative by the turn.
    alpha: [f64; BLOCK],
    alpha_slope: [f64; BLOCK],
    /// Of both headings.
    cos: [[f64; BLOCK]; 2],
    sin: [[f64; BLOCK]; 2],
}

impl Varying {
    #[inline(always)]
    fn gather(block: &Block, states: &[State]) -> Self {
        let zero = [0.0; BLOCK];
        let mut all =
            Self { x: zero, y: zero, turn: zero, alpha: zero, alpha_slope: zero, cos: [zero; 2], sin: [zero; 2] };
        for n in 0..BLOCK {
            let [a, b] = block.poses[n];
            let (a, b) = (&states[a as usize], &states[b as usize]);
            (all.x[n], all.y[n], all.turn[n]) = (b.x - a.x, b.y - a.y, b.theta - a.theta);
            (all.cos[0][n], all.cos[1][n]) = (a.cos, b.cos);
            (all.sin[0][n], all.sin[1][n]) = (a.sin, b.sin);
        }
        for n in 0..BLOCK {
            all.turn[n] = wrap_angle(all.turn[n] - block.constants[2][n]);
        }
        (all.alpha, all.alpha_slope) = half_cotangents(&all.turn);
        all
    }
}

/// The three slots of constraints and their parts of χ², for as many as the machine takes from `lane` on.
///
/// The residual is `Log(measured⁻¹ ∘ (from⁻¹ ∘ to))`, seen in the first pose's frame: with d the second pose's position there, m the measured one, u =
/// d − m and θ the turn left over, its first two parts are V⁻¹u = [α θ/2; −θ/2 α] u, and the third is θ. Its derivatives by u and θ are D = [V⁻¹ w; 0
/// 1] with w = dV⁻¹/dθ u; those of (u, θ) by the poses' steps in their own frames, with (c, s) the turn between them, are A = [−1 0 d_y; 0 −1 −d_x; 0 0
/// −1] and B = [c −s 0; s c 0; 0 0 1]. So D goes into the information, and A and B are as simple as if the residual were (u, θ) itself.
#[inline(always)]
fn terms<S: Simd>(
    simd: S,
    varying: &Varying,
    constants: &[[f64; BLOCK]; 9],
    lane: usize,
    out: &mut [[f64; BLOCK]; 28],
) {
    let read = Reader { simd, lane };
    let (x, y, turn) = (read.at(&varying.x), read.at(&varying.y), read.at(&varying.turn));
    let (ca, sa) = (read.at(&varying.cos[0]), read.at(&varying.sin[0]));
    let (cb, sb) = (read.at(&varying.cos[1]), read.at(&varying.sin[1]));
    let [mx, my, _, xx, xy, xt, yy, yt, tt] = constants;
    let (xx, xy, xt) = (read.at(xx), read.at(xy), read.at(xt));
    let (yy, yt, tt) = (read.at(yy), read.at(yt), read.at(tt));
    let half = Lanes::splat(simd, 0.5);
    let (dx, dy) = (ca.mul_add(x, sa * y), ca * y - sa * x);
    let (c, s) = (ca.mul_add(cb, sa * sb), ca * sb - sa * cb);
    let (ux, uy) = (dx - read.at(mx), dy - read.at(my));
    let (alpha, alpha_slope, beta) = (read.at(&varying.alpha), read.at(&varying.alpha_slope), half * turn);
    let (rx, ry) = (alpha.mul_add(ux, beta * uy), alpha * uy - beta * ux);
    let (wx, wy) = (alpha_slope.mul_add(ux, half * uy), alpha_slope * uy - half * ux);

    // The weighted residual I r, then Dᵀ of it.
    let ir = [
        xx.mul_add(rx, xy.mul_add(ry, xt * turn)),
        xy.mul_add(rx, yy.mul_add(ry, yt * turn)),
        xt.mul_add(rx, yt.mul_add(ry, tt * turn)),
    ];
    let chi_squared = rx.mul_add(ir[0], ry.mul_add(ir[1], turn * ir[2]));
    let slopes = Slopes { alpha, beta, wx, wy, dx, dy, c, s };
    let weighted = slopes.by_d(ir);
    // J = Dᵀ I D: the columns of I D, then Dᵀ of each.
    let id0 = [alpha * xx - beta * xy, alpha * xy - beta * yy, alpha * xt - beta * yt];
    let id1 = [beta.mul_add(xx, alpha * xy), beta.mul_add(xy, alpha * yy), beta.mul_add(xt, alpha * yt)];
    let id2 =
        [wx.mul_add(xx, wy.mul_add(xy, xt)), wx.mul_add(xy, wy.mul_add(yy, yt)), wx.mul_add(xt, wy.mul_add(yt, tt))];
    let (j0, j1, j2) = (slopes.by_d(id0), slopes.by_d(id1), slopes.by_d(id2));

    // J is symmetric, so on its columns Aᵀ and Bᵀ give the rows of J A and J B.
    let (ja0, ja1, ja2) = (slopes.by_a(j0), slopes.by_a(j1), slopes.by_a(j2));
    let (jb0, jb1, jb2) = (slopes.by_b(j0), slopes.by_b(j1), slopes.by_b(j2));
    let columns_a = [[ja0[0], ja1[0], ja2[0]], [ja0[1], ja1[1], ja2[1]], [ja0[2], ja1[2], ja2[2]]];
    let columns_b = [[jb0[0], jb1[0], jb2[0]], [jb0[1], jb1[1], jb2[1]], [jb0[2], jb1[2], jb2[2]]];
    let (haa, ga) =
        ([slopes.by_a(columns_a[0]), slopes.by_a(columns_a[1]), slopes.by_a(columns_a[2])], slopes.by_a(weighted));
    let (hbb, gb) =
        ([slopes.by_b(columns_b[0]), slopes.by_b(columns_b[1]), slopes.by_b(columns_b[2])], slopes.by_b(weighted));
    let hba = [slopes.by_b(columns_a[0]), slopes.by_b(columns_a[1]), slopes.by_b(columns_a[2])];
    let all = [
        [haa[0][0], haa[0][1], haa[0][2], haa[1][1], haa[1][2], haa[2][2], ga[0], ga[1], ga[2]],
        [hbb[0][0], hbb[0][1], hbb[0][2], hbb[1][1], hbb[1][2], hbb[2][2], gb[0], gb[1], gb[2]],
        [hba[0][0], hba[0][1], hba[0][2], hba[1][0], hba[1][1], hba[1][2], hba[2][0], hba[2][1], hba[2][2]],
    ];
    for (slot, values) in all.iter().enumerate() {
        for (k, value) in values.iter().enumerate() {
            value.store(&mut out[SLOT * slot + k][lane..]);
        }
    }
    chi_squared.store(&mut out[27][lane..]);
}

/// The derivatives D, A and B of [`terms`], by what varies in them.
struct Slopes<S: Simd> {
    alpha: Lanes<S>,
    beta: Lanes<S>,
    wx: Lanes<S>,
    wy: Lanes<S>,
    dx: Lanes<S>,
    dy: Lanes<S>,
    c: Lanes<S>,
    s: Lanes<S>,
}

impl<S: Simd> Slopes<S> {
    /// Dᵀ v.
    #[inline(always)]
    fn by_d(&self, v: [Lanes<S>; 3]) -> [Lanes<S>; 3] {
        let first = self.alpha * v[0] - self.beta * v[1];
        let second = self.beta.mul_add(v[0], self.alpha * v[1]);
        [first, second, self.wx.mul_add(v[0], self.wy.mul_add(v[1], v[2]))]
    }

    /// Aᵀ v.
    #[inline(always)]
    fn by_a(&self, v: [Lanes<S>; 3]) -> [Lanes<S>; 3] {
        [-v[0], -v[1], self.dy * v[0] - self.dx * v[1] - v[2]]
    }

    /// Bᵀ v.
    #[inline(always)]
    fn by_b(&self, v: [Lanes<S>; 3]) -> [Lanes<S>; 3] {
        [self.c.mul_add(v[0], self.s * v[1]), self.c * v[1] - self.s * v[0], v[2]]
    }
}

struct Reader<S: Simd> {
    simd: S,
    lane: usize,
}

impl<S: Simd> Reader<S> {
    #[inline(always)]
    fn at(&self, row: &[f64; BLOCK]) -> Lanes<S> {
        Lanes::load(self.simd, &row[self.lane..])
    }
}
