//! The programs that run Task Bench on runtimes of other languages.

use std::{
    env,
    error::Error,
    fs,
    path::Path,
    process::{self, Command},
};

const FOLDER: &str = "peers/taskbench";
/// What all programs share.
const CORE: [&str; 3] = ["work.cpp", "kernel.cpp", "wire.cpp"];
const INSTALL: &str = "apt-get install libtbb-dev libomp-dev clang libstarpu-dev libopenmpi-dev";

/// A program: its name, its compiler, its source, and what the compiler is told.
type Program = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

const PROGRAMS: [Program; 6] = [
    ("tbb", "g++", "tbb.cpp", &["-ltbb"]),
    ("openmp-gcc", "g++", "openmp.cpp", &["-fopenmp"]),
    ("openmp-clang", "clang++", "openmp.cpp", &["-fopenmp"]),
    ("starpu", "g++", "starpu.cpp", &[]),
    ("mpi", "mpicxx", "mpi.cpp", &[]),
    // For the tests.
    ("broken", "g++", "broken.cpp", &[]),
];

pub(super) fn compile() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={FOLDER}");
    let out = env::var("OUT_DIR")?;
    println!("cargo::rustc-env=BENCH_NATIVE={out}");
    // StarPU keeps what it has learned about the machine here, and not in the user's folder.
    fs::create_dir_all(Path::new(&out).join("starpu-home"))?;
    for program in PROGRAMS {
        one(program, Path::new(&out))?;
    }
    Ok(())
}

fn one((name, compiler, source, flags): Program, out: &Path) -> Result<(), Box<dyn Error>> {
    let folder = Path::new(FOLDER);
    let mut command = Command::new(compiler);
    command
        .args(["-std=c++17", "-O3", "-Wall", "-Wextra", "-o"])
        .arg(out.join(name))
        .arg(folder.join(source))
        .args(CORE.map(|file| folder.join(file)));
    if name == "starpu" {
        // Its headers aren't where a compiler looks by itself.
        let asked = Command::new("pkg-config")
            .args(["--cflags", "--libs", "starpu-1.3"])
            .output();
        let said = asked.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        // Without an answer the compiler fails and says what it misses.
        command.args(said.unwrap_or_default().split_whitespace());
    }
    command.args(flags);
    let why = match command.output() {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(why) => format!("{compiler}: {why}"),
    };
    for line in why.lines() {
        println!("cargo::warning={line}");
    }
    println!(
        "cargo::error=the feature native-peers can't compile {FOLDER}/{source} with {compiler}; what it needs is installed with: {INSTALL}"
    );
    process::exit(1);
}
