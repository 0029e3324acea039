//! Random pose graphs, as text, and a dense oracle for their normal equations.

use std::fmt::Write as _;

use proptest::prelude::*;
use taskweave_slam::{Options, Pose, Problem};

/// A pose graph before it is written down: poses by id, and edges between them.
#[derive(Clone, Debug)]
pub(crate) struct Sketch {
    pub(crate) poses: Vec<(u64, [f64; 3])>,
    pub(crate) edges: Vec<Edge>,
    pub(crate) fixed: Vec<u64>,
}

#[derive(Clone, Debug)]
pub(crate) struct Edge {
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) measured: [f64; 3],
    /// xx, xy, xθ, yy, yθ, θθ.
    pub(crate) information: [f64; 6],
    pub(crate) toro: bool,
}

impl Sketch {
    pub(crate) fn text(&self) -> String {
        let mut out = String::from("# drawn at random\n\n");
        for edge in &self.edges {
            let [xx, xy, xt, yy, yt, tt] = edge.information;
            let (from, to, [x, y, theta]) = (edge.from, edge.to, edge.measured);
            let _ = match edge.toro {
                true => writeln!(out, "EDGE2 {from} {to} {x} {y} {theta} {xx} {xy} {yy} {tt} {xt} {yt}\r"),
                false => writeln!(out, "EDGE_SE2 {from}\t{to} {x} {y} {theta} {xx} {xy} {xt} {yy} {yt} {tt}"),
            };
        }
        for (n, (id, [x, y, theta])) in self.poses.iter().enumerate() {
            let record = if n % 2 == 0 { "VERTEX2" } else { "VERTEX_SE2" };
            let _ = writeln!(out, "{record} {id} {x} {y} {theta} # a pose");
        }
        for id in &self.fixed {
            let _ = writeln!(out, "FIX {id}");
        }
        out
    }

    pub(crate) fn problem(&self) -> Problem {
        Problem::parse("sketch", &self.text()).expect("a sketch is a good pose graph")
    }
}

/// Connected graphs of up to `most` poses with any ids, some of them fixed, with edges in either direction and both formats.
pub(crate) fn sketches(most: usize) -> impl Strategy<Value = Sketch> {
    (2..=most, 0..=2_usize).prop_flat_map(|(count, fixed)| {
        let ids = proptest::collection::hash_set(any::<u32>(), count);
        let poses = proptest::collection::vec([-8.0..8.0, -8.0..8.0, -4.0..4.0_f64], count);
        // A tree makes it connected: the pose before each, anywhere among those already there.
        let tree = proptest::collection::vec(any::<prop::sample::Index>(), count - 1);
        let more =
            proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..3 * count);
        let details = proptest::collection::vec(edge_details(), 4 * count);
        (ids, poses, tree, more, details, Just(fixed)).prop_map(|(ids, poses, tree, more, details, fixed)| {
            let ids: Vec<u64> = ids.into_iter().map(u64::from).collect();
            let mut pairs: Vec<(usize, usize)> =
                (1..ids.len()).zip(&tree).map(|(n, before)| (n, before.index(n))).collect();
            pairs.extend(more.iter().map(|(a, b)| (a.index(ids.len()), b.index(ids.len()))).filter(|(a, b)| a != b));
            let at = |n: usize| Pose::new(poses[n][0], poses[n][1], poses[n][2]);
            let edges = pairs.iter().zip(details).map(|(&(a, b), (noise, lower, toro, turned))| {
                let (a, b) = if turned { (b, a) } else { (a, b) };
                let seen = at(a).between(at(b));
                let measured = [seen.x + noise[0], seen.y + noise[1], seen.theta + noise[2]];
                Edge { from: ids[a], to: ids[b], measured, information: squared(lower), toro }
            });
            let edges = edges.collect();
            let fixed = ids.iter().copied().take(fixed).collect();
            Sketch { poses: ids.iter().copied().zip(poses.iter().copied()).collect(), edges, fixed }
        })
    })
}

type Details = ([f64; 3], [f64; 6], bool, bool);

fn edge_details() -> impl Strategy<Value = Details> {
    let noise = [-0.4..0.4, -0.4..0.4, -0.3..0.3_f64];
    let lower = [0.5..3.0, -1.0..1.0, -1.0..1.0, 0.5..3.0, -1.0..1.0, 0.5..3.0_f64];
    (noise, lower, any::<bool>(), any::<bool>())
}

/// L Lᵀ for L with rows (a), (b, d), (c, e, f).
fn squared([a, b, c, d, e, f]: [f64; 6]) -> [f64; 6] {
    [a * a, a * b, a * c, b * b + d * d, b * c + d * e, c * c + e * e + f * f]
}

/// Options that cut even a small graph into many tasks and tiles.
pub(crate) fn fine_options() -> impl Strategy<Value = Options> {
    (
        prop_oneof![Just(0.001), Just(1.0), Just(20.0)],
        prop_oneof![Just(0.0), Just(3.0), Just(f64::INFINITY)],
        1..5_usize,
    )
        .prop_map(|(grain, tile_above, threes)| {
            let mut options = Options::default();
            (options.grain, options.tile_above, options.tile) = (grain, tile_above, 3 * threes);
            options
        })
}

/// H and −g about the initial guess, dense by rows, the derivatives of the residual taken numerically.
pub(crate) fn dense_equations(problem: &Problem) -> (Vec<Vec<f64>>, Vec<f64>) {
    let mut unknown = vec![None; problem.poses().len()];
    let free = (0..unknown.len()).filter(|&n| !problem.is_fixed(n));
    for (number, pose) in free.enumerate() {
        unknown[pose] = Some(3 * number);
    }
    let size = 3 * unknown.iter().flatten().count();
    let (mut h, mut b) = (vec![vec![0.0; size]; size], vec![0.0; size]);
    for c in problem.constraints() {
        let (from, to) = (problem.poses()[c.from as usize], problem.poses()[c.to as usize]);
        let residual = |from: Pose, to: Pose| c.measured.between(from.between(to)).logarithm();
        let r = residual(from, to);
        let [xx, xy, xt, yy, yt, tt] = c.information;
        let information = [[xx, xy, xt], [xy, yy, yt], [xt, yt, tt]];
        let mut columns: Vec<(usize, [f64; 3])> = Vec::new();
        for (which, index) in [(0, c.from), (1, c.to)] {
            let Some(first) = unknown[index as usize] else { continue };
            for k in 0..3 {
                const H: f64 = 1e-5;
                let moved = |by: f64| {
                    let mut step = [0.0; 3];
                    step[k] = by;
                    let step = Pose::exponential(step);
                    if which == 0 { residual(from.compose(step), to) } else { residual(from, to.compose(step)) }
                };
                let (plus, minus) = (moved(H), moved(-H));
                columns.push((first + k, std::array::from_fn(|i| (plus[i] - minus[i]) / (2.0 * H))));
            }
        }
        let weighted =
            |v: &[f64; 3]| -> [f64; 3] { std::array::from_fn(|i| (0..3).map(|j| information[i][j] * v[j]).sum()) };
        for (row, left) in &columns {
            let left = weighted(left);
            b[*row] -= (0..3).map(|i| left[i] * r[i]).sum::<f64>();
            for (column, right) in &columns {
                h[*row][*column] += (0..3).map(|i| left[i] * right[i]).sum::<f64>();
            }
        }
    }
    (h, b)
}

/// Solves `H x = b` by elimination with the largest pivot.
pub(crate) fn dense_solve(mut h: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let size = b.len();
    for k in 0..size {
        let pivot = (k..size).max_by(|&i, &j| h[i][k].abs().total_cmp(&h[j][k].abs())).expect("rows are left");
        h.swap(k, pivot);
        b.swap(k, pivot);
        let (above, below) = h.split_at_mut(k + 1);
        let row = &above[k];
        for (i, other) in below.iter_mut().enumerate() {
            let factor = other[k] / row[k];
            for (entry, known) in other.iter_mut().zip(row).skip(k) {
                *entry -= factor * known;
            }
            b[k + 1 + i] -= factor * b[k];
        }
    }
    for k in (0..size).rev() {
        let known: f64 = (k + 1..size).map(|j| h[k][j] * b[j]).sum();
        b[k] = (b[k] - known) / h[k][k];
    }
    b
}

/// The largest difference, as part of the largest entry of `expected`.
pub(crate) fn difference(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(1e-300_f64, |most, value| most.max(value.abs()));
    found.iter().zip(expected).fold(0.0_f64, |most, (a, b)| most.max((a - b).abs())) / largest
}
