//! Peers side by side.
//!
//! Every case is one job done by this project and by another system, in one process, in turns: A B A B. See [`harness`] for how, [`suites`]
//! for what, [`report`] for what becomes of it.

mod cli;
#[cfg(any(feature = "slam-peers", feature = "native-peers"))]
mod companion;
mod engines;
mod error;
mod harness;
mod report;
mod suites;

use std::{fs, path::Path, process::ExitCode};

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

use cli::Arguments;
use error::BenchError;
use report::Finding;
use suites::{Case, Setup};

fn main() -> ExitCode {
    match serve_or_run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("taskweave-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A peer with settings of its own has this program start itself again.
fn serve_or_run() -> Result<(), BenchError> {
    #[cfg(feature = "slam-peers")]
    {
        use suites::cholmod_child as child;

        let mut arguments = std::env::args().skip(1);
        if arguments.next().as_deref() == Some(child::COMMAND) {
            let mut next = || arguments.next().unwrap_or_default();
            return child::serve(&next(), &next());
        }
    }
    run(&Arguments::parse())
}

fn run(arguments: &Arguments) -> Result<(), BenchError> {
    let cases = chosen(arguments)?;
    if arguments.list {
        for case in &cases {
            println!("{}", case.title());
        }
        return Ok(());
    }
    let machine = report::describe_machine();
    println!(
        "{machine}\n{} workers on each side, unless the row says one.",
        arguments.workers
    );
    let mut findings = Vec::new();
    check_writable(arguments)?;
    let mut without = 0;
    for case in &cases {
        // One that can't be measured is no reason to lose the others, of which there may be hours.
        match measure(case, arguments) {
            Ok(finding) => findings.push(finding),
            Err(error) => {
                without += 1;
                eprintln!("{}: {error}", case.title());
                continue;
            }
        }
        // Written after each case: a long run that is broken off keeps what it has.
        write(arguments, &findings, &machine)?;
    }
    println!("{}", report::table(&findings));
    match without {
        0 => Ok(()),
        _ => Err(BenchError::Without(without)),
    }
}

fn chosen(arguments: &Arguments) -> Result<Vec<Case>, BenchError> {
    let cases: Vec<Case> = suites::catalogue()
        .into_iter()
        .filter(|case| arguments.suite.has(case.suite))
        .filter(|case| arguments.has_engine(case) && arguments.has_pattern(case))
        .filter(|case| {
            let wanted = arguments.case.as_ref();
            wanted.is_none_or(|wanted| case.title().contains(wanted.as_str()))
        })
        .collect();
    if cases.is_empty() {
        return Err(BenchError::NoCase(arguments.wanted()));
    }
    Ok(cases)
}

fn measure(case: &Case, arguments: &Arguments) -> Result<Finding, BenchError> {
    let samples = arguments.samples.unwrap_or(case.samples);
    let bar = ProgressBar::new(samples as u64).with_message(case.title());
    if let Ok(style) = ProgressStyle::with_template("{msg:48} {bar:30} {pos}/{len} {eta}") {
        bar.set_style(style);
    }
    bar.tick();
    let setup = Setup {
        case: case.name,
        workers: case.workers.unwrap_or(arguments.workers),
    };
    let mut pair = (case.build)(&setup)?;
    let comparison = pair.compare(samples, || bar.inc(1))?;
    bar.finish_and_clear();
    let form = pair.peer.form().map(str::to_owned);
    Ok(Finding::new(case, &setup, samples, comparison, form))
}

fn write(arguments: &Arguments, findings: &[Finding], machine: &str) -> Result<(), BenchError> {
    if let Some(path) = &arguments.json {
        save(path, &report::json(findings))?;
    }
    let about = format!(
        "{machine} {} workers on each side, unless the row says one.",
        arguments.workers
    );
    for path in &arguments.markdown {
        let page = filled(path, findings, &about)?;
        save(
            path,
            &page.unwrap_or_else(|| report::markdown(findings, &about)),
        )?;
    }
    Ok(())
}

/// The page at `path` with these figures in its places; nothing if it has none.
fn filled(path: &Path, findings: &[Finding], about: &str) -> Result<Option<String>, BenchError> {
    // A pipe or a terminal has no places, and reading it might never end.
    if !path.is_file() {
        return Ok(None);
    }
    let page = fs::read_to_string(path).map_err(|source| BenchError::Read {
        path: path.to_owned(),
        source,
    })?;
    report::fill(&page, findings, about).map_err(|why| BenchError::Fill {
        path: path.to_owned(),
        why,
    })
}

/// Finds a file that can't be written, or filled, before anything is measured, and leaves what is in it.
fn check_writable(arguments: &Arguments) -> Result<(), BenchError> {
    for path in arguments.json.iter().chain(&arguments.markdown) {
        let opened = fs::OpenOptions::new().append(true).create(true).open(path);
        opened.map_err(|source| BenchError::Write {
            path: path.clone(),
            source,
        })?;
    }
    for path in &arguments.markdown {
        filled(path, &[], "")?;
    }
    Ok(())
}

fn save(path: &Path, text: &str) -> Result<(), BenchError> {
    fs::write(path, text).map_err(|source| BenchError::Write {
        path: path.to_owned(),
        source,
    })
}
