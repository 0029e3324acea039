//! Whether iterations lead somewhere: when the map is found, and when it is lost.

use std::time::Duration;

use crate::error::SlamError;
use crate::plan::engine::Totals;
use crate::report::Report;

#[cfg(test)]
mod tests;

/// A gain in χ² that means nothing: it counts squared standard deviations, so this is a millionth of one. Where the measurements agree, χ² itself is
/// no more than rounding.
const NEGLIGIBLE: f64 = 1e-12;
/// χ² may rise on the way, but not this often in a row;
const RISES: usize = 4;
/// by less than this part it does not count, for at the solution it rises and falls by rounding.
const RISE: f64 = 1e-6;
/// Nor may it rise beyond so many times its first value.
const FAR_ABOVE: f64 = 1e6;

/// How the iterations so far went.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    iterations: usize,
    initial: f64,
    last: f64,
    rises: usize,
}

impl Progress {
    /// The number of the next iteration, from 1.
    pub(crate) fn next(&self) -> usize {
        self.iterations + 1
    }

    /// Takes in what an iteration found.
    pub(crate) fn note(&mut self, totals: Totals, elapsed: Duration) -> Result<Report, SlamError> {
        let Totals { chi_squared, expected_decrease } = totals;
        self.iterations += 1;
        let iteration = self.iterations;
        if iteration == 1 {
            (self.initial, self.last) = (chi_squared, chi_squared);
        }
        let rises = chi_squared > self.last * (1.0 + RISE) + NEGLIGIBLE;
        self.rises = if rises { self.rises + 1 } else { 0 };
        self.last = chi_squared;
        let lost = !chi_squared.is_finite() || !expected_decrease.is_finite();
        if lost || self.rises >= RISES || chi_squared > FAR_ABOVE * self.initial + NEGLIGIBLE {
            return Err(SlamError::Diverged { iteration, initial: self.initial, chi_squared });
        }
        Ok(Report { iteration, chi_squared, expected_decrease, elapsed })
    }

    /// The error when χ² has overflowed before the next iteration could note it.
    pub(crate) fn lost(&self, chi_squared: f64) -> SlamError {
        let initial = if self.iterations == 0 { chi_squared } else { self.initial };
        SlamError::Diverged { iteration: self.next(), initial, chi_squared }
    }
}

/// Whether the step that an iteration took was its last.
pub(crate) fn is_found(report: &Report, tolerance: f64) -> bool {
    report.expected_decrease <= (tolerance * report.chi_squared).max(NEGLIGIBLE)
}
