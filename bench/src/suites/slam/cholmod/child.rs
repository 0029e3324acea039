//! The process that CHOLMOD runs in.
//!
//! It reads the system, tries every form that CHOLMOD offers for it (order, simplicial or supernodal, which triangle is stored) and keeps the
//! fastest. Ordering and analysis are not timed.

use std::{
    fs,
    io::{self, BufRead, Write},
    path::Path,
    time::Instant,
};

use taskweave_slam::NormalEquations;

use super::{
    super::{check_solution, companion::Greeting},
    NAME,
    ffi::{Form, Ordering, Session},
    wire::{self, Sample},
};
use crate::{
    error::BenchError,
    harness::{Cpu, median},
};

/// How this program is told to be that process; not for people.
pub(crate) const COMMAND: &str = "cholmod-companion";

/// Repetitions that aren't counted: the first ones spread threads over processors.
const BEFORE: usize = 2;
/// Repetitions of a form that is tried, and of a sample.
const COUNTED: usize = 5;
/// How often each form is tried, seconds apart.
const ROUNDS: usize = 2;

/// Serves samples until its input ends.
pub(crate) fn serve(threads: &str) -> Result<(), BenchError> {
    let failed = |why: io::Error| BenchError::refused(NAME)(why.into());
    let mut input = io::stdin().lock();
    let system = wire::decode(&mut input).map_err(failed)?;
    let Some(blas) = openblas().map_err(failed)? else {
        return say(&Greeting::Missing(
            "CHOLMOD's supernodal form would run on the reference BLAS".to_owned(),
        ));
    };
    let (mut session, form, tried) = fastest(&system)?;
    say(&Greeting::Form(format!(
        "{form}, the fastest of {tried} forms; {blas}; threads: {threads}"
    )))?;
    let mut line = String::new();
    while input.read_line(&mut line).map_err(failed)? > 0 {
        line.clear();
        let sample = timed(&mut session)?.0;
        check_solution(NAME, &system, session.solution())?;
        say(&sample)?;
    }
    Ok(())
}

fn say(what: &impl serde::Serialize) -> Result<(), BenchError> {
    let line = serde_json::to_string(what).map_err(|why| BenchError::refused(NAME)(why.into()))?;
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")
        .and_then(|()| output.flush())
        .map_err(|why| BenchError::refused(NAME)(why.into()))
}

/// The fastest form, its name, and how many were tried.
fn fastest(system: &NormalEquations) -> Result<(Session, String, usize), BenchError> {
    let forms = Ordering::ALL.into_iter().flat_map(|ordering| {
        let kinds = Form::ALL.into_iter();
        kinds.flat_map(move |form| [false, true].map(|upper| (ordering, form, upper)))
    });
    let mut tried: Vec<(Kind, f64)> = forms.map(|kind| (kind, f64::INFINITY)).collect();
    for _ in 0..ROUNDS {
        for (kind, best) in &mut tried {
            let Some(mut session) = open(system, *kind) else {
                continue;
            };
            // The least time: a form mustn't lose because the machine was busy just then.
            *best = best.min(timed(&mut session)?.1);
            check_solution(NAME, system, session.solution())?;
        }
    }
    tried.retain(|(_, least)| least.is_finite());
    let fastest = tried.iter().min_by(|a, b| a.1.total_cmp(&b.1));
    let session = fastest.and_then(|(kind, _)| Some((open(system, *kind)?, *kind)));
    let Some((session, (ordering, form, upper))) = session else {
        return Err(BenchError::Refused {
            side: NAME,
            why: "it can do none of its forms".to_owned(),
        });
    };
    let triangle = if upper { "upper" } else { "lower" };
    Ok((
        session,
        format!("{form}, {ordering} order, {triangle} triangle"),
        tried.len(),
    ))
}

/// Order, arithmetic, and whether the upper triangle is stored.
type Kind = (Ordering, Form, bool);

fn open(system: &NormalEquations, (ordering, form, upper): Kind) -> Option<Session> {
    Session::new(system, ordering, form, upper)
}

/// A sample, and the least time of its repetitions.
fn timed(session: &mut Session) -> Result<(Sample, f64), BenchError> {
    let mut once = || {
        let started = Instant::now();
        if session.factorise_and_solve() {
            Ok(started.elapsed().as_nanos() as f64)
        } else {
            Err(BenchError::Refused {
                side: NAME,
                why: "the matrix is not positive definite".to_owned(),
            })
        }
    };
    for _ in 0..BEFORE {
        once()?;
    }
    let cpu = Cpu::start();
    let wall = (0..COUNTED)
        .map(|_| once())
        .collect::<Result<Vec<f64>, _>>()?;
    let cpu = cpu.settled() / COUNTED as u32;
    let sample = Sample {
        wall_ns: median(&wall) as u64,
        cpu_ns: cpu.as_nanos() as u64,
    };
    Ok((sample, wall.into_iter().fold(f64::INFINITY, f64::min)))
}

/// The file name of the OpenBLAS that this process has loaded, if it has.
fn openblas() -> io::Result<Option<String>> {
    let maps = fs::read_to_string("/proc/self/maps")?;
    let files = maps
        .lines()
        .filter_map(|line| line.split_whitespace().nth(5));
    let mut names = files.filter_map(|path| Path::new(path).file_name()?.to_str());
    Ok(names
        .find(|name| name.contains("openblas"))
        .map(str::to_owned))
}
