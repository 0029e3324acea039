use proptest::prelude::*;
use pulp::{Scalar, Simd, WithSimd};

use super::kernel::{self, BadPivot, Block, padded};
use super::room::Room;
use crate::geometry::{Pose, half_cotangents};

/// Column-major, rows padded with zeros.
#[derive(Clone, Debug)]
struct Matrix {
    data: Vec<f64>,
    ld: usize,
}

impl Matrix {
    fn new(rows: usize, columns: usize, mut entry: impl FnMut(usize, usize) -> f64) -> Self {
        let ld = padded(rows);
        let mut data = vec![0.0; ld * columns];
        for c in 0..columns {
            (0..rows).for_each(|r| data[c * ld + r] = entry(r, c));
        }
        Self { data, ld }
    }

    fn at(&self, r: usize, c: usize) -> f64 {
        self.data[c * self.ld + r]
    }

    fn block(&self) -> Block<'_> {
        Block { data: &self.data, ld: self.ld }
    }
}

/// A positive definite front of `pivots` columns over `rows` rows, on a panel whose diagonal starts at `top`.
struct Case {
    pivots: usize,
    rows: usize,
    columns: usize,
    entries: Vec<f64>,
}

impl Case {
    fn entry(&self, r: usize, c: usize) -> f64 {
        self.entries[(r * 131 + c * 17) % self.entries.len()]
    }

    fn spd(&self, r: usize, c: usize) -> f64 {
        if r == c { 2.0 * (self.rows + self.pivots) as f64 } else { self.entry(r.max(c), r.min(c)) }
    }
}

/// Runs every kernel on a case, and compares it with its definition.
struct Check<'a>(&'a Case);

impl WithSimd for Check<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let case = self.0;
        let (pivots, rows, columns) = (case.pivots, case.rows, case.columns);
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-10, "{a} and {b}");

        // factor, on a panel with rows above the diagonal.
        let top = padded(pivots) - pivots;
        let at = |r: usize, c: usize| if r < top { 0.0 } else { case.spd(r - top, c) };
        let whole = Matrix::new(top + pivots + rows, pivots, at);
        let mut factored = whole.clone();
        kernel::factor(simd, &mut factored.data, whole.ld, top, pivots).expect("diagonally dominant");
        let l = |r: usize, c: usize| if c <= r { factored.at(top + r, c) } else { 0.0 };
        for c in 0..pivots {
            for r in c..pivots + rows {
                near((0..=c).map(|k| l(r, k) * l(c, k)).sum(), case.spd(r, c));
            }
            let zeros = (top + c / 6 * 6) / 8 * 8..top + c;
            (top + pivots + rows..whole.ld).chain(zeros).for_each(|r| near(factored.at(r, c), 0.0));
        }
        // A pivot that fails is named.
        for bad in [0, pivots / 2, pivots - 1] {
            let mut broken = whole.clone();
            broken.data[bad * whole.ld + top + bad] = f64::NAN;
            let BadPivot(named) = kernel::factor(simd, &mut broken.data, whole.ld, top, pivots).expect_err("NaN");
            assert_eq!(named, bad);
        }

        // solve: X Lᵀ is what X was.
        let triangle = Matrix::new(pivots, pivots, l);
        let x = Matrix::new(rows, pivots, |r, c| case.entry(r, c));
        let mut solved = x.clone();
        kernel::solve(simd, &mut solved.data, x.ld, triangle.block(), pivots);
        for r in 0..rows {
            (0..pivots).for_each(|c| near((0..=c).map(|k| solved.at(r, k) * l(c, k)).sum(), x.at(r, c)));
        }

        // update and lower_product.
        let b = Matrix::new(columns + 1, pivots, |r, c| case.entry(c, r + 3));
        let c0 = Matrix::new(rows, columns, |r, c| case.entry(r + 7, c));
        let mut updated = c0.clone();
        kernel::update(simd, &mut updated.data, c0.ld, columns, (x.block(), b.block()), pivots, false);
        let product =
            |a: &Matrix, b: &Matrix, r: usize, c: usize| -> f64 { (0..pivots).map(|k| a.at(r, k) * b.at(c, k)).sum() };
        for c in 0..columns {
            (0..rows).for_each(|r| near(updated.at(r, c), c0.at(r, c) - product(&x, &b, r, c)));
        }
        let square = Matrix::new(columns + 1, columns, |r, c| case.entry(r + 7, c));
        let (mut lower, mut fresh) = (square.clone(), Matrix::new(columns + 1, columns, |_, _| f64::NAN));
        kernel::update(simd, &mut lower.data, square.ld, columns, (b.block(), b.block()), pivots, true);
        kernel::lower_product(simd, &mut fresh.data, square.ld, columns, b.block(), pivots);
        for c in 0..columns {
            for r in c..=columns {
                near(lower.at(r, c), square.at(r, c) - product(&b, &b, r, c));
                near(fresh.at(r, c), -product(&b, &b, r, c));
            }
        }

        // The backward solve: Lᵀ x = -s with what is known below.
        let panel = Matrix::new(rows, pivots, |r, c| case.entry(r, c));
        let known = Matrix::new(rows, 1, |r, _| case.entry(r, 5));
        let mut sums = vec![0.5; pivots];
        kernel::transposed_product(simd, panel.block(), 0, &known.data, &mut sums);
        for (c, sum) in sums.iter().enumerate() {
            near(*sum, 0.5 + (0..rows).map(|r| panel.at(r, c) * known.at(r, 0)).sum::<f64>());
        }
        // With the panel's own rows, whose x is known, and with rows of zeros above.
        let mut x = vec![0.0; whole.ld];
        x[..top + pivots].fill(7.0);
        (0..rows).for_each(|r| x[top + pivots + r] = case.entry(r, 9));
        kernel::backward(simd, factored.block(), top, &sums, &mut x);
        for (c, sum) in sums.iter().enumerate() {
            near((c..pivots + rows).map(|r| factored.at(top + r, c) * x[top + r]).sum(), -sum);
        }
        let mut x = vec![f64::NAN; pivots];
        x.resize(triangle.ld, 0.0);
        kernel::backward(simd, triangle.block(), 0, &sums, &mut x);
        for (c, sum) in sums.iter().enumerate() {
            near((c..pivots).map(|r| l(r, c) * x[r]).sum(), -sum);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(50) })]

    /// At every SIMD width that this machine has, and without SIMD.
    #[test]
    fn kernels_do_what_they_say(
        pivots in 1..20_usize,
        rows in 1..70_usize,
        columns in 1..20_usize,
        entries in proptest::collection::vec(-1.0..1.0_f64, 200),
    ) {
        let case = Case { pivots: 3 * pivots, rows, columns: 3 * columns, entries };
        Scalar::new().vectorize(Check(&case));
        #[cfg(target_arch = "x86_64")]
        {
            pulp::x86::V3::try_new().into_iter().for_each(|simd| pulp::Simd::vectorize(simd, Check(&case)));
            pulp::x86::V4::try_new().into_iter().for_each(|simd| pulp::Simd::vectorize(simd, Check(&case)));
        }
        #[cfg(not(target_arch = "x86_64"))]
        pulp::Arch::new().dispatch(Check(&case));
    }

    /// The exponential undoes the logarithm, on either side of where it changes its form.
    #[test]
    fn logarithms_are_undone(x in -9.0..9.0_f64, y in -9.0..9.0_f64, theta in prop_oneof![-3.1..3.1_f64, -0.04..0.04, -1e-9..1e-9]) {
        let pose = Pose::new(x, y, theta);
        let again = Pose::exponential(pose.logarithm());
        let off = (pose.x - again.x).abs().max((pose.y - again.y).abs()).max((theta - again.theta).abs());
        prop_assert!(off < 1e-13, "{pose:?} and {again:?}");
    }

    /// The series and the closed form meet, and the derivative is one.
    #[test]
    fn half_cotangents_are_smooth(theta in -3.1..3.1_f64) {
        let alpha = |theta: f64| half_cotangents(&[theta]).0[0];
        let exact = if theta == 0.0 { 1.0 } else { theta / 2.0 / (theta / 2.0).tan() };
        prop_assert!((alpha(theta) - exact).abs() < 1e-14);
        let slope = (alpha(theta + 1e-6) - alpha(theta - 1e-6)) / 2e-6;
        prop_assert!((half_cotangents(&[theta]).1[0] - slope).abs() < 1e-8);
        for edge in [0.5, -0.5, 0.499_999_999, 0.500_000_001] {
            prop_assert!((alpha(edge) - edge / 2.0 / (edge / 2.0).tan()).abs() < 1e-15);
        }
    }
}

#[test]
fn places_in_scratch_memory_never_overlap_and_gaps_are_used_again() {
    let mut random = crate::order::Random(0x5EED);
    let mut room = Room::default();
    let mut taken: Vec<(usize, usize)> = Vec::new();
    let mut most = 0;
    for _ in 0..5000 {
        if taken.len() > 40 || random.next().is_multiple_of(3) && !taken.is_empty() {
            let (at, length) = taken.swap_remove(random.next() as usize % taken.len());
            room.give_back(at, length);
        } else {
            let length = 1 + random.next() as usize % 30;
            let at = room.take(length);
            assert!(taken.iter().all(|&(other, room)| at + length <= other || other + room <= at));
            assert!(at + length <= room.length);
            taken.push((at, length));
        }
        most = most.max(taken.iter().map(|(_, length)| length).sum());
        assert!(room.gaps() <= taken.len(), "gaps that touch are one");
    }
    assert!(room.length < 2 * most, "{} for {most}", room.length);
    taken.drain(..).for_each(|(at, length)| room.give_back(at, length));
    assert_eq!((room.gaps(), room.take(1)), (0, 0), "nothing is left");
}
