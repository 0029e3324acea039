//! What was measured between two poses.

use crate::geometry::Pose;

/// One measurement: pose `to` as seen from pose `from`, and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constraint {
    /// Index of the pose measured from.
    pub from: u32,
    /// Index of the pose measured.
    pub to: u32,
    /// `to` as seen from `from`.
    pub measured: Pose,
    /// The information matrix, upper triangle by rows: xx, xy, xθ, yy, yθ, θθ. It weighs the residual
    /// `Log(measured⁻¹ ∘ (from⁻¹ ∘ to))`.
    pub information: [f64; 6],
}

impl Constraint {
    /// `rᵀ I r` with `r = Log(measured⁻¹ ∘ (from⁻¹ ∘ to))`: what this constraint adds to χ² if its poses are these.
    #[must_use]
    pub fn chi_squared(&self, from: Pose, to: Pose) -> f64 {
        let [x, y, theta] = self.measured.between(from.between(to)).logarithm();
        let [xx, xy, xt, yy, yt, tt] = self.information;
        xx * x * x + yy * y * y + tt * theta * theta + 2.0 * (xy * x * y + xt * x * theta + yt * y * theta)
    }
}
