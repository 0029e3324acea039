//! Poses in the plane: the group SE(2), as far as pose graphs need it.

use std::f64::consts::TAU;

/// A position (metres) and a heading (radians, anticlockwise from the x axis).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pose {
    /// Position along the map's x axis.
    pub x: f64,
    /// Position along the map's y axis.
    pub y: f64,
    /// Heading; any real number is allowed, it is wrapped where it matters.
    pub theta: f64,
}

impl Pose {
    /// A pose from its three coordinates.
    #[must_use]
    pub const fn new(x: f64, y: f64, theta: f64) -> Self {
        Self { x, y, theta }
    }

    /// `self ∘ other`: where `other` is, if it is given as seen from `self`.
    #[must_use]
    pub fn compose(self, other: Self) -> Self {
        let (sin, cos) = self.theta.sin_cos();
        Self {
            x: self.x + cos * other.x - sin * other.y,
            y: self.y + sin * other.x + cos * other.y,
            theta: wrap_angle(self.theta + other.theta),
        }
    }

    /// `self⁻¹ ∘ other`: `other` as seen from `self`.
    #[must_use]
    pub fn between(self, other: Self) -> Self {
        let (sin, cos) = self.theta.sin_cos();
        let (dx, dy) = (other.x - self.x, other.y - self.y);
        Self { x: cos * dx + sin * dy, y: cos * dy - sin * dx, theta: wrap_angle(other.theta - self.theta) }
    }

    /// The pose reached in one unit of time with a constant velocity: along its own x and y, and turning.
    #[must_use]
    pub fn exponential([x, y, theta]: [f64; 3]) -> Self {
        // sin θ / θ and (1 − cos θ) / θ; near zero, where the second would cancel, by their series.
        let z = theta * theta;
        let (a, b) = if z < 1e-3 {
            let a = 1.0 - z / 6.0 * (1.0 - z / 20.0 * (1.0 - z / 42.0));
            (a, theta / 2.0 * (1.0 - z / 12.0 * (1.0 - z / 30.0 * (1.0 - z / 56.0))))
        } else {
            let (sin, cos) = theta.sin_cos();
            (sin / theta, (1.0 - cos) / theta)
        };
        Self { x: a * x - b * y, y: b * x + a * y, theta }
    }

    /// The logarithm of the pose as an element of SE(2): the constant velocity that reaches it in one unit of time.
    #[must_use]
    pub fn logarithm(self) -> [f64; 3] {
        let theta = wrap_angle(self.theta);
        let ([alpha], beta) = (half_cotangents(&[theta]).0, theta / 2.0);
        [alpha * self.x + beta * self.y, alpha * self.y - beta * self.x, theta]
    }
}

/// The angle in `[−π, π]` that differs from `angle` by whole turns.
#[must_use]
pub fn wrap_angle(angle: f64) -> f64 {
    angle - TAU * (angle * (1.0 / TAU)).round_ties_even()
}

/// α = θ/2 · cot(θ/2) and dα/dθ, for θ in `[−π, π]`: what SE(2)'s logarithm is made of. Several at a time, for the compiler to use SIMD.
#[inline(always)]
pub(crate) fn half_cotangents<const N: usize>(theta: &[f64; N]) -> ([f64; N], [f64; N]) {
    // The series Σ B₂ₙ (−1)ⁿ θ²ⁿ / (2n)!, exact to the last bit or two for small θ, where the closed form would cancel.
    const SERIES: [f64; 7] = [
        1.0 / 12.0,
        1.0 / 720.0,
        1.0 / 30_240.0,
        1.0 / 1_209_600.0,
        1.0 / 47_900_160.0,
        691.0 / 1_307_674_368_000.0,
        1.0 / 74_724_249_600.0,
    ];
    let (mut alpha, mut slope, mut large) = ([0.0; N], [0.0; N], false);
    for k in (0..SERIES.len()).rev() {
        for n in 0..N {
            let z = theta[n] * theta[n];
            slope[n] = slope[n] * z + (k + 1) as f64 * SERIES[k];
            alpha[n] = (alpha[n] + SERIES[k]) * z;
        }
    }
    for n in 0..N {
        alpha[n] = 1.0 - alpha[n];
        slope[n] *= -2.0 * theta[n];
        large |= theta[n].abs() >= 0.5;
    }
    if large {
        for n in 0..N {
            if theta[n].abs() >= 0.5 {
                let (sin, cos) = theta[n].sin_cos();
                let twice = 2.0 * (1.0 - cos);
                (alpha[n], slope[n]) = (theta[n] * sin / twice, (sin - theta[n]) / twice);
            }
        }
    }
    (alpha, slope)
}

/// A pose with the sine and cosine of its heading, which each of its constraints would compute again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct State {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) theta: f64,
    pub(crate) cos: f64,
    pub(crate) sin: f64,
}

impl State {
    pub(crate) fn new(pose: Pose) -> Self {
        let (sin, cos) = pose.theta.sin_cos();
        Self { x: pose.x, y: pose.y, theta: pose.theta, cos, sin }
    }

    pub(crate) fn pose(&self) -> Pose {
        Pose::new(self.x, self.y, self.theta)
    }

    /// The pose moved by a step given in its own frame: `T ∘ Exp(δ)`.
    pub(crate) fn moved(&self, step: [f64; 3]) -> Self {
        let Pose { x: dx, y: dy, theta: dtheta } = Pose::exponential(step);
        Self::new(Pose {
            x: self.x + self.cos * dx - self.sin * dy,
            y: self.y + self.sin * dx + self.cos * dy,
            theta: wrap_angle(self.theta + dtheta),
        })
    }
}
