//! How near the map is.

use indicatif::ProgressBar;

use crate::bar::bar;

/// How far the bar is when the map is found.
const FULL: u64 = 1000;

/// Shown until it is dropped.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar; `hidden` for none at all.
    pub(crate) fn new(hidden: bool) -> Self {
        Self(bar(FULL, hidden))
    }

    /// Names the phase.
    pub(crate) fn say(&self, phase: &'static str) {
        self.0.set_message(phase);
        self.0.tick();
    }

    /// After iteration number `iteration`: the bar counts the digits of the relative decrease, of which `tolerance` wants so many.
    pub(crate) fn show(
        &self,
        iteration: usize,
        chi_squared: f64,
        expected_decrease: f64,
        tolerance: f64,
    ) {
        if self.0.is_hidden() {
            return;
        }
        let digits = (expected_decrease / chi_squared).log10() / tolerance.log10();
        let share = if digits.is_finite() {
            digits.clamp(0.0, 1.0)
        } else {
            0.0
        };
        self.0.set_message(format!(
            "iteration {iteration}, χ² {}",
            super::table::chi_squared(chi_squared)
        ));
        self.0.set_position((share * FULL as f64) as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
