//! `taskweave slam`: from a pose graph to a map, with a report of what the scheduler did.

mod job;
mod outputs;
mod probe;
mod progress;
mod record;
mod table;

use std::path::PathBuf;

use taskweave_slam::{Picture, Problem};

use crate::args::SlamArgs;
use crate::failure::Failure;
use crate::stdout;
use job::Job;
use outputs::Outputs;
use progress::Progress;

/// Does the job and reports it. Regular files appear when everything else has succeeded; pipes and devices get theirs before the report.
pub(crate) fn run(args: &SlamArgs) -> Result<(), Failure> {
    let file = match &args.file {
        Some(file) => file.clone(),
        None => default_file()?,
    };
    let outputs = Outputs::check(args, &file)?;
    let progress = Progress::new(args.quiet);

    progress.say("reading");
    let problem = Problem::read(&file).map_err(|error| Failure::slam(&file, error))?;
    progress.say("analysing");
    let mut job = Job::new(&problem, args).map_err(|error| error.naming(&file))?;
    let outcome = job.run(&progress).map_err(|error| error.naming(&file))?;
    let picture = Picture {
        problem: &problem,
        poses: &outcome.poses,
        iterations: outcome.steps.len(),
    }
    .svg();
    let dot = args
        .dot
        .as_ref()
        .map(|_| job.dot())
        .transpose()
        .map_err(|error| Failure::slam(&file, error))?;
    drop(progress);

    let staged = outputs.stage(&picture, dot.as_deref())?;
    let name = args.file.as_ref().map_or_else(
        || file.file_name().map_or_else(|| file.clone(), PathBuf::from),
        Clone::clone,
    );
    let text = if args.json {
        record::json(&name, &problem, &outcome, args)
    } else if args.quiet {
        table::last_line(&outcome)
    } else {
        table::report(&name, &problem, &outcome, args)
    };
    stdout::print(&text)?;
    staged.publish()
}

fn default_file() -> Result<PathBuf, Failure> {
    taskweave_slam::default_data_path().map_err(|error| Failure::Usage(error.to_string()))
}
