//! What a solver may be told.

use crate::error::SlamError;

/// Options of a [`Solver`](crate::Solver). The defaults suit a few cores.
///
/// The sizes of tasks follow a cost model in microseconds of one nominal core, so that the same options cut the same problem in the same way on every
/// machine.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// The most iterations to run; at least 1. Default: 50.
    pub max_iterations: usize,
    /// The map is found when the step just taken was expected to lower χ² by no more than this part of it (or by 10⁻¹² in all); from 0 to below 1. Near the map the
    /// steps shrink quadratically, so what is still to be gained then is about the square of it. Default: 10⁻⁷.
    pub tolerance: f64,
    /// The size a task should have, in modelled microseconds; more than 0. Default: 200.
    pub grain: f64,
    /// Fronts that cost more than this are cut into tiles, in modelled microseconds; infinite for never. Default: 100.
    pub tile_above: f64,
    /// Columns of a tile; a multiple of 3. Default: 72.
    pub tile: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_iterations: 50, tolerance: 1e-7, grain: 200.0, tile_above: 100.0, tile: 72 }
    }
}

impl Options {
    /// Options for one thread: one task, no tiles.
    #[must_use]
    pub fn sequential() -> Self {
        Self { grain: f64::INFINITY, tile_above: f64::INFINITY, ..Self::default() }
    }

    pub(crate) fn check(&self) -> Result<(), SlamError> {
        let fail = |name, must| Err(SlamError::Option { name, must });
        if self.max_iterations == 0 {
            return fail("max_iterations", "at least 1");
        }
        if !(0.0..1.0).contains(&self.tolerance) {
            return fail("tolerance", "from 0 to below 1");
        }
        if self.grain.is_nan() || self.grain <= 0.0 {
            return fail("grain", "more than 0");
        }
        if self.tile_above.is_nan() {
            return fail("tile_above", "a number of microseconds, or infinite");
        }
        if self.tile == 0 || !self.tile.is_multiple_of(3) {
            return fail("tile", "a positive multiple of 3");
        }
        Ok(())
    }

    /// In the cost model's nanoseconds.
    pub(crate) fn grain(&self) -> f64 {
        self.grain * 1e3
    }

    pub(crate) fn tile_above(&self) -> f64 {
        self.tile_above * 1e3
    }
}
