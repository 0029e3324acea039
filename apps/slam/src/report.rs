//! What a solver tells about its work.

use std::fmt;
use std::time::Duration;

/// One iteration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// Which one, from 1.
    pub iteration: usize,
    /// χ² at its start, where it linearised.
    pub chi_squared: f64,
    /// By how much its step lowers χ² if the problem is linear there: gᵀ H⁻¹ g. Near the solution it is exact, so no further pass is needed to see that
    /// the solution is reached.
    pub expected_decrease: f64,
    /// How long it took.
    pub elapsed: Duration,
}

/// A run from the initial guess to the end.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Every iteration, in order.
    pub iterations: Vec<Report>,
    /// χ² of the map found.
    pub chi_squared: f64,
    /// Whether the tolerance was reached; else the most iterations allowed were run.
    pub converged: bool,
    /// How long all of it took.
    pub elapsed: Duration,
}

/// The size of a solver's plan, and what its cost model expects of it.
///
/// Modelled times are those of one nominal core: they depend on the problem and the options alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
    /// Unknowns: three for each pose that isn't fixed.
    pub unknowns: usize,
    /// Constraints.
    pub constraints: usize,
    /// Supernodes: dense fronts of the factorisation.
    pub fronts: usize,
    /// Fronts that are cut into tiles.
    pub tiled_fronts: usize,
    /// Rows of the largest front.
    pub largest_front: usize,
    /// Entries of the factor's lower triangle, without the zeros that merging columns adds.
    pub factor_entries: u64,
    /// The same with those zeros: what is stored.
    pub stored_entries: u64,
    /// Σ (entries of a column)², without those zeros: the arithmetic of the factorisation.
    pub factor_flops: u64,
    /// Tasks of one iteration.
    pub tasks: usize,
    /// Edges between them.
    pub edges: usize,
    /// Modelled work of all tasks.
    pub work: Duration,
    /// Modelled time of the longest path through the tasks: no number of workers can be faster.
    pub critical_path: Duration,
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "unknowns        {:>12}", self.unknowns)?;
        writeln!(f, "constraints     {:>12}", self.constraints)?;
        writeln!(
            f,
            "fronts          {:>12}  ({} of them in tiles, the largest {} rows)",
            self.fronts, self.tiled_fronts, self.largest_front
        )?;
        writeln!(
            f,
            "factor entries  {:>12}  ({} with merged columns' zeros)",
            self.factor_entries, self.stored_entries
        )?;
        writeln!(f, "factor MFLOP    {:>12.1}", self.factor_flops as f64 / 1e6)?;
        writeln!(f, "tasks           {:>12}  ({} edges)", self.tasks, self.edges)?;
        let share = 100.0 * self.critical_path.as_secs_f64() / self.work.as_secs_f64();
        write!(
            f,
            "critical path   {:>9.2} ms  of {:.2} ms of work, as modelled: {share:.1} %",
            milliseconds(self.critical_path),
            milliseconds(self.work)
        )
    }
}

pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// How long each phase of an iteration took when it was run on one thread, task by task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// Linearising the constraints.
    pub linearise: Duration,
    /// Assembling and factorising groups of whole fronts, the right-hand side solved forward with them.
    pub factor: Duration,
    /// Assembling tiles.
    pub assemble_tiles: Duration,
    /// Factorising, solving and updating tiles.
    pub factor_tiles: Duration,
    /// Solving backward and moving the poses.
    pub backward: Duration,
}
