//! Runtimes of other languages, each in a program of `peers/taskbench` that is started once for an engine.

mod wire;

use std::{path::Path, process::Command, sync::Arc, time::Duration};

use serde::Deserialize;
use taskweave_taskbench::{Elsewhere, Engine, EngineError, Fault, Setup, Workload};

use crate::{
    companion::{Companion, Greeting, Program},
    error::BenchError,
    harness::Stopwatch,
};

/// Where the programs were compiled to.
const FOLDER: &str = env!("BENCH_NATIVE");
/// How long threads of OpenMP look for more before they sleep, about a millisecond: what they do between passes is billed to others.
const GCC_SPINS: &str = "20000";
const CLANG_MILLISECONDS: &str = "1";

/// The runtimes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Native {
    /// oneTBB's flow graph.
    Tbb,
    /// OpenMP's tasks, by gcc.
    OpenmpGcc,
    /// OpenMP's tasks, by clang.
    OpenmpClang,
    /// StarPU.
    Starpu,
    /// MPI.
    Mpi,
}

impl Native {
    /// Its name in options and tables, and its program's.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tbb => "tbb",
            Self::OpenmpGcc => "openmp-gcc",
            Self::OpenmpClang => "openmp-clang",
            Self::Starpu => "starpu",
            Self::Mpi => "mpi",
        }
    }

    /// Starts its program and has it take up `work`. It has to do one pass right before it counts as an engine: the outputs and the operations are
    /// compared with our own.
    pub(super) fn start(self, setup: &Setup, work: Arc<Workload>) -> Result<Engine, EngineError> {
        let refused = EngineError::refused(self.name());
        let mut remote = Remote::start(self, setup, &work).map_err(&refused)?;
        remote.prove(&work).map_err(&refused)?;
        let engine = Box::new(remote);
        Ok(Engine::elsewhere(self.name(), setup.threads, work, engine))
    }

    fn program(self, threads: usize) -> Program {
        let path = Path::new(FOLDER).join(self.name());
        let threads = threads.to_string();
        let command = match self {
            Self::Mpi => mpirun(&path, &threads),
            _ => Command::new(path),
        };
        let mut program = Program {
            side: self.name(),
            command,
            itself: [self.name(), self.install()],
            needs: [self.name(), self.install()],
        };
        program
            .command
            .env("OMP_NUM_THREADS", &threads)
            .env("OMP_DYNAMIC", "false")
            .env("GOMP_SPINCOUNT", GCC_SPINS)
            .env("KMP_BLOCKTIME", CLANG_MILLISECONDS)
            .env("STARPU_HOME", Path::new(FOLDER).join("starpu-home"))
            .env("STARPU_SILENT", "1");
        program
    }

    fn install(self) -> &'static str {
        match self {
            Self::Tbb => "apt-get install libtbb-dev",
            Self::OpenmpGcc => "apt-get install g++",
            Self::OpenmpClang => "apt-get install clang libomp-dev",
            Self::Starpu => "apt-get install libstarpu-dev",
            Self::Mpi => "apt-get install libopenmpi-dev openmpi-bin",
        }
    }
}

/// As many processes as threads, which place themselves. More than there are processors are allowed, and the system's first user, whom a container may have as
/// its only one; what one process copies from another's memory directly needs a permission that containers don't give, and small messages
/// never go that way.
fn mpirun(program: &Path, processes: &str) -> Command {
    let mut command = Command::new("mpirun");
    command
        .args([
            "--allow-run-as-root",
            "--oversubscribe",
            "--bind-to",
            "none",
        ])
        .args(["--mca", "btl_vader_single_copy_mechanism", "none"])
        .args(["-n", processes])
        .arg(program);
    command
}

/// The answer to a pass, or several.
#[derive(Debug, Deserialize)]
struct Sample {
    wall_ns: u64,
    cpu_ns: u64,
    fault: Option<String>,
}

/// What a pass has left, as the program sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Sums {
    /// Of all outputs.
    pub(crate) digest: u64,
    /// Floating-point operations, counted from what each task was told to do.
    pub(crate) flops: u64,
    /// Runs of tasks, in strict work.
    pub(crate) runs: u64,
}

/// A program that runs our graphs.
#[derive(Debug)]
pub(crate) struct Remote {
    name: &'static str,
    companion: Companion,
    form: String,
    used: Duration,
}

impl Remote {
    /// Starts it; it has not run anything yet.
    pub(crate) fn start(
        native: Native,
        setup: &Setup,
        work: &Workload,
    ) -> Result<Self, BenchError> {
        Self::start_program(native.program(setup.threads), setup, work)
    }

    /// The same for any program.
    pub(crate) fn start_program(
        program: Program,
        setup: &Setup,
        work: &Workload,
    ) -> Result<Self, BenchError> {
        let name = program.side;
        let described = wire::task_bench(setup, work);
        let (companion, Greeting { form, .. }) = Companion::start(program, &described)?;
        Ok(Self {
            name,
            companion,
            form,
            used: Duration::ZERO,
        })
    }

    /// What its latest pass has left.
    pub(crate) fn sums(&mut self) -> Result<Sums, BenchError> {
        self.companion.ask("digest")
    }

    /// One pass there and one here must come to the same.
    fn prove(&mut self, work: &Workload) -> Result<(), BenchError> {
        let name = self.name;
        let failed = |fault: Fault| BenchError::refused(name)(fault.into());
        work.pass(|| work.all().for_each(|task| work.run(task)))
            .map_err(failed)?;
        self.pass(work).map_err(failed)?;
        let sums = self.sums()?;
        let runs = if work.is_strict() { work.tasks() } else { 0 };
        let expected = Sums {
            digest: work.digest(),
            flops: work.flops(),
            runs,
        };
        if sums == expected {
            return Ok(());
        }
        Err(BenchError::Wrong {
            side: name,
            expected: format!("{expected:?}"),
            got: format!("{sums:?}"),
        })
    }
}

impl Elsewhere for Remote {
    fn pass(&mut self, work: &Workload) -> Result<Duration, Fault> {
        let graphs = 0..work.graphs() as u32;
        let iterations: Vec<String> = graphs
            .map(|graph| work.iterations(graph).to_string())
            .collect();
        let engine = self.name;
        let elsewhere = |what| Fault::Elsewhere { engine, what };
        let asked = self.companion.ask(&format!("run {}", iterations.join(" ")));
        let sample: Sample = asked.map_err(|error| elsewhere(error.to_string()))?;
        self.used += Duration::from_nanos(sample.cpu_ns);
        match sample.fault {
            Some(fault) => Err(elsewhere(fault)),
            None => Ok(Duration::from_nanos(sample.wall_ns)),
        }
    }

    fn used(&self) -> Duration {
        self.used
    }

    fn form(&self) -> &str {
        &self.form
    }
}

/// oneTBB's flow graph of tasks that only count.
#[derive(Debug)]
pub(crate) struct CountingGraph {
    companion: Companion,
    form: String,
}

impl CountingGraph {
    /// Builds the graph; edges lead from one number below `tasks` to another.
    pub(crate) fn start(
        setup: &Setup,
        tasks: usize,
        edges: impl Iterator<Item = (u32, u32)>,
    ) -> Result<Self, BenchError> {
        let described = wire::counting(setup, tasks, edges);
        let (companion, Greeting { form, .. }) =
            Companion::start(Native::Tbb.program(setup.threads), &described)?;
        Ok(Self { companion, form })
    }

    /// Its version and form.
    pub(crate) fn form(&self) -> &str {
        &self.form
    }

    /// So many passes, each of which stands for `each` operations.
    pub(crate) fn run(
        &mut self,
        passes: u64,
        each: u64,
        watch: &mut Stopwatch,
    ) -> Result<(), BenchError> {
        let sample: Sample = self.companion.ask(&format!("run {passes}"))?;
        match sample.fault {
            Some(fault) => Err(BenchError::Refused {
                side: Native::Tbb.name(),
                why: fault,
            }),
            None => {
                let [wall, cpu] = [sample.wall_ns, sample.cpu_ns].map(Duration::from_nanos);
                watch.add(passes * each, wall, cpu);
                Ok(())
            }
        }
    }
}
