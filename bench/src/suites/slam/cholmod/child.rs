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
    super::check_solution,
    NAME,
    ffi::{Form, Ordering, Session},
    wire::{self, Sample},
};
use crate::{
    companion::Greeting,
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
pub(crate) fn serve(blas_threads: &str, loop_threads: &str) -> Result<(), BenchError> {
    let failed = |why: io::Error| BenchError::refused(NAME)(why.into());
    let mut input = io::stdin().lock();
    let system = wire::decode(&mut input).map_err(failed)?;
    let Some(blas) = openblas().map_err(failed)? else {
        let why = "CHOLMOD's supernodal form would run on the reference BLAS".to_owned();
        return say(&Greeting {
            missing: Some(why),
            ..Greeting::default()
        });
    };
    let alone = blas_threads == "1" && loop_threads == "1";
    let Choice {
        mut session,
        form,
        cost,
        tried,
    } = fastest(&system, alone)?;
    say(&Greeting {
        form: format!(
            "{form}, the fastest of {tried} forms; {blas}, threads: {blas_threads}; threads of CHOLMOD's own loops: {loop_threads}"
        ),
        least_ns: Some(cost),
        missing: None,
    })?;
    let mut line = String::new();
    while input.read_line(&mut line).map_err(failed)? > 0 {
        line.clear();
        let sample = timed(&mut session)?;
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

/// The fastest form.
struct Choice {
    session: Session,
    form: String,
    /// By which it was chosen, in nanoseconds.
    cost: f64,
    /// How many forms there were.
    tried: usize,
}

/// `alone`: with one thread in all.
fn fastest(system: &NormalEquations, alone: bool) -> Result<Choice, BenchError> {
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
            let sample = timed(&mut session)?;
            // A form mustn't lose because the machine was busy just then: what one thread used says it best, and with more of them the
            // better of the rounds.
            let cost = if alone { sample.cpu_ns } else { sample.wall_ns } as f64;
            *best = best.min(cost);
            check_solution(NAME, system, session.solution())?;
        }
    }
    tried.retain(|(_, least)| least.is_finite());
    let fastest = tried.iter().min_by(|a, b| a.1.total_cmp(&b.1));
    let chosen = fastest.and_then(|&(kind, cost)| Some((open(system, kind)?, kind, cost)));
    let Some((session, (ordering, form, upper), cost)) = chosen else {
        return Err(BenchError::Refused {
            side: NAME,
            why: "it can do none of its forms".to_owned(),
        });
    };
    let triangle = if upper { "upper" } else { "lower" };
    Ok(Choice {
        session,
        form: format!("{form}, {ordering} order, {triangle} triangle"),
        cost,
        tried: tried.len(),
    })
}

/// Order, arithmetic, and whether the upper triangle is stored.
type Kind = (Ordering, Form, bool);

fn open(system: &NormalEquations, (ordering, form, upper): Kind) -> Option<Session> {
    Session::new(system, ordering, form, upper)
}

/// A sample.
fn timed(session: &mut Session) -> Result<Sample, BenchError> {
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
    Ok(Sample {
        wall_ns: median(&wall) as u64,
        cpu_ns: cpu.as_nanos() as u64,
    })
}

/// The file name of the OpenBLAS that this process computes with, if it does.
fn openblas() -> io::Result<Option<String>> {
    Ok(openblas_among(&fs::read_to_string("/proc/self/maps")?).map(str::to_owned))
}

/// The same in a list of mapped files. OpenBLAS may be loaded for LAPACK only, with the reference BLAS beside it.
fn openblas_among(maps: &str) -> Option<&str> {
    let paths = || {
        maps.lines()
            .filter_map(|line| line.split_whitespace().nth(5))
    };
    let is_reference = |path: &str| {
        name(path).is_some_and(|name| name.starts_with("libblas")) && !path.contains("openblas")
    };
    if paths().any(is_reference) {
        return None;
    }
    paths()
        .filter_map(name)
        .find(|name| name.contains("openblas"))
}

fn name(path: &str) -> Option<&str> {
    Path::new(path).file_name()?.to_str()
}

#[cfg(test)]
mod tests {
    use super::openblas_among;

    fn maps(paths: &[&str]) -> String {
        let line = |path: &&str| format!("7f00-7f01 r-xp 00000000 fe:00 1 {path}\n");
        paths.iter().map(line).collect()
    }

    #[test]
    fn openblas_counts_when_it_is_the_blas() {
        let with = maps(&[
            "/lib/libc.so.6",
            "/lib/openblas-pthread/libblas.so.3",
            "/lib/libopenblasp-r0.so",
        ]);
        assert_eq!(openblas_among(&with), Some("libopenblasp-r0.so"));
        let beside = maps(&["/lib/blas/libblas.so.3", "/lib/libopenblasp-r0.so"]);
        assert_eq!(openblas_among(&beside), None);
        assert_eq!(openblas_among(&maps(&["/lib/libc.so.6"])), None);
    }
}
