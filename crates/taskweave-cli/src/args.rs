//! What may stand on the command line.

use std::ffi::OsString;
use std::num::IntErrorKind;
use std::path::PathBuf;

use clap::error::{ContextKind, ErrorKind};
use clap::{Args, Parser, Subcommand};

use taskweave_taskbench::Pattern;

use crate::failure::Failure;

/// Real jobs on the Taskweave runtime.
///
/// Without a command it runs `taskweave slam` on the map that comes with it.
#[derive(Debug, Parser)]
#[command(name = "taskweave", version, disable_help_subcommand = true)]
struct Program {
    #[command(subcommand)]
    command: Option<Command>,
}

/// A job.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Find the map that fits a robot's measurements best
    ///
    /// Reads a pose graph (TORO or g2o, 2-D, up to 1 GiB) and minimises the squared error of its
    /// constraints by Gauss–Newton. Each iteration is one run of one static task graph: linearise,
    /// assemble, factorise, solve, update. Every iteration is done twice, by the fastest sequential
    /// form and by the graph, to compare; with `--sequential` or `--quiet` it is done once. Writes a
    /// picture of the map before and after.
    #[command(verbatim_doc_comment)]
    Slam(SlamArgs),

    /// Find out how small tasks may be
    ///
    /// Runs Task Bench's graphs with smaller and smaller tasks on three engines: one static graph on
    /// a pool (taskweave), a loop on one thread (sequential), and threads that own a part of each
    /// graph and only spin (spinning), which is the floor. Every task checks what it reads. The
    /// result is METG(50 %), the smallest time of all threads for a task at which an engine still
    /// computes half of what the machine can. Writes a plot of efficiency against granularity, and
    /// one page with everything that opens without a network. Takes a minute or two; other work on
    /// the machine shows in the figures.
    #[command(verbatim_doc_comment)]
    Bench(BenchArgs),

    /// Count the words of a folder's text files, window by window
    ///
    /// Reads the text files under a folder, some files to a window. Workers count them out of order;
    /// a window is reported when the frontier has passed it, in order, and compared with what one
    /// thread counted before. Meanwhile workers tell each other of every line over an exchange.
    /// With `--lag` one of them doesn't listen until the end: what is kept for it stays small.
    #[command(verbatim_doc_comment)]
    Windows(WindowsArgs),
}

/// `taskweave bench`.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Measure everything once, coarsely, in under a minute
    #[arg(long)]
    pub(crate) quick: bool,

    /// Print one JSON object instead of the table
    #[arg(long)]
    pub(crate) json: bool,

    /// Print the result in one line
    #[arg(long, short, conflicts_with = "json")]
    pub(crate) quiet: bool,

    /// Number of workers [default: as many as there are processors for this process, at most the width]
    #[arg(long, short, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true)]
    pub(crate) worker_threads: Option<usize>,

    /// Tasks of a step that don't wait for one another
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = width, allow_negative_numbers = true)]
    pub(crate) width: u32,

    /// A pattern, one option for each [default: the five that are compared by their mean]
    #[arg(long, value_name = "NAME")]
    pub(crate) pattern: Vec<Pattern>,

    /// Write the plot to this file
    #[arg(long, value_name = "FILE", default_value = "bench.svg")]
    pub(crate) svg: PathBuf,

    /// Write the page to this file
    #[arg(long, value_name = "FILE", default_value = "bench.html")]
    pub(crate) html: PathBuf,

    /// About so many tasks a pass, so that tests needn't wait
    #[arg(long, value_name = "N", hide = true)]
    pub(crate) tasks: Option<u32>,
}

/// `taskweave slam`.
#[derive(Debug, Args)]
pub(crate) struct SlamArgs {
    /// A pose graph, TORO or g2o, 2-D [default: the 10,000 poses that come with the program]
    pub(crate) file: Option<PathBuf>,

    /// Print one JSON object instead of the table
    #[arg(long)]
    pub(crate) json: bool,

    /// Print the result in one line, without the comparison
    #[arg(long, short, conflicts_with = "json")]
    pub(crate) quiet: bool,

    /// Number of workers [default: as many as this process may use processors]
    #[arg(long, short, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true, conflicts_with = "sequential")]
    pub(crate) worker_threads: Option<usize>,

    /// Stop after so many iterations at most
    #[arg(long, short, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true)]
    pub(crate) iterations: Option<usize>,

    /// Run on the calling thread alone, without a pool
    #[arg(long)]
    pub(crate) sequential: bool,

    /// Write the task graph in the language of Graphviz
    #[arg(long, value_name = "FILE")]
    pub(crate) dot: Option<PathBuf>,

    /// Write the picture of the map before and after to this file
    #[arg(long, value_name = "FILE", default_value = "slam.svg")]
    pub(crate) svg: PathBuf,

    /// Run a vertex that allocates N times beside each iteration, to see that the report counts it
    #[arg(long, value_name = "N", hide = true, conflicts_with = "sequential")]
    pub(crate) allocating_vertex: Option<usize>,
}

/// `taskweave windows`.
#[derive(Debug, Args)]
pub(crate) struct WindowsArgs {
    /// A folder [default: the repository that the current folder is in, or else that folder]
    pub(crate) path: Option<PathBuf>,

    /// Print the result in one line
    #[arg(long, short)]
    pub(crate) quiet: bool,

    /// Number of workers [default: as many as this process may use processors]
    #[arg(long, short, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true)]
    pub(crate) worker_threads: Option<usize>,

    /// Number of files to a window
    #[arg(long, short, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true, default_value = "16")]
    pub(crate) files: usize,

    /// Have worker number W, from 1, not listen to the others until the end
    #[arg(long, value_name = "W", value_parser = at_least_one, allow_negative_numbers = true)]
    pub(crate) lag: Option<usize>,
}

/// What to do, or the text that was asked for instead (`--help`, `--version`).
pub(crate) enum Request {
    /// Run a job.
    Run(Command),
    /// Print this and end.
    Print(String),
}

/// Reads the command line, the program's name first.
pub(crate) fn parse(line: impl IntoIterator<Item = OsString>) -> Result<Request, Failure> {
    let line: Vec<OsString> = line.into_iter().collect();
    match Program::try_parse_from(&line) {
        Ok(Program {
            command: Some(command),
        }) => Ok(Request::Run(command)),
        Ok(Program { command: None }) => parse(["taskweave".into(), "slam".into()]),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            ) =>
        {
            Ok(Request::Print(error.to_string()))
        }
        Err(error) => {
            let command = line.get(1).and_then(|word| word.to_str());
            Err(Failure::Usage(one_line(&error, command)))
        }
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(0) => Err("it must be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => {
            Err("it is too large".to_owned())
        }
        Err(_) => Err("it must be a whole number from 1".to_owned()),
    }
}

/// The widest graph whose efficiency means something here.
const WIDEST: usize = 1024;

fn width(text: &str) -> Result<u32, String> {
    match at_least_one(text)? {
        width if width > WIDEST => Err(format!("it must be at most {WIDEST}")),
        width => Ok(width as u32),
    }
}

/// The complaint without the usage that the parser prints below it.
fn one_line(error: &clap::Error, command: Option<&str>) -> String {
    let text = error.to_string();
    let complaint = text.split("\n\nUsage:").next().unwrap_or(&text);
    let complaint = complaint
        .split("\n\nFor more information")
        .next()
        .unwrap_or(complaint);
    // The hint stands in a paragraph of its own.
    let paragraphs: Vec<String> = complaint
        .trim_start_matches("error: ")
        .split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let topic = match (error.get(ContextKind::InvalidSubcommand), command) {
        (Some(_), _) => "taskweave --help",
        (None, Some("bench")) => "taskweave bench --help",
        (None, Some("windows")) => "taskweave windows --help",
        (None, _) => "taskweave slam --help",
    };
    format!("{} (see `{topic}`)", paragraphs.join("; "))
}
