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
        // sin θ / θ and (1 − cos θ) / θ; where they cancel, the first terms of their series are exact.
        let z = theta * theta;
        let (a, b) = if z < 1e-8 {
            (1.0 - z / 6.0, theta / 2.0 * (1.0 - z / 12.0))
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
        let (alpha, beta) = (half_cotangent(theta).0, theta / 2.0);
        [alpha * self.x + beta * self.y, alpha * self.y - beta * self.x, theta]
    }
}

/// The angle in `[−π, π]` that differs from `angle` by whole turns.
#[must_use]
pub fn wrap_angle(angle: f64) -> f64 {
    angle - TAU * (angle * (1.0 / TAU)).round_ties_even()
}

/// α = θ/2 · cot(θ/2) and dα/dθ, for θ in `[−π, π]`: what SE(2)'s logarithm is made of.
#[inline(always)]
pub(crate) fn half_cotangent(theta: f64) -> (f64, f64) {
    let z = theta * theta;
    if z < 0.25 {
        // The series Σ B₂ₙ (−1)ⁿ θ²ⁿ / (2n)!, exact to the last bit or two here, where the closed form would cancel.
        const C: [f64; 7] = [
            1.0 / 12.0,
            1.0 / 720.0,
            1.0 / 30_240.0,
            1.0 / 1_209_600.0,
            1.0 / 47_900_160.0,
            691.0 / 1_307_674_368_000.0,
            1.0 / 74_724_249_600.0,
        ];
        let (mut sum, mut slope) = (0.0, 0.0);
        for n in (0..C.len()).rev() {
            slope = slope * z + (n + 1) as f64 * C[n];
            sum = (sum + C[n]) * z;
        }
        (1.0 - sum, -2.0 * theta * slope)
    } else {
        let (sin, cos) = theta.sin_cos();
        let twice = 2.0 * (1.0 - cos);
        (theta * sin / twice, (sin - theta) / twice)
    }
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
