//! What may stand on the command line.

use std::ffi::OsString;
use std::num::IntErrorKind;
use std::path::PathBuf;

use clap::error::{ContextKind, ErrorKind};
use clap::{Args, Parser, Subcommand};

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
    /// Count the words of a folder's text files, window by window
    ///
    /// Reads the text files under a folder, some files to a window. Workers count them out of order;
    /// a window is reported when the frontier has passed it, in order, and compared with what one
    /// thread counted before. Meanwhile workers tell each other of every line over an exchange.
    /// With `--lag` one of them doesn't listen until the end: what is kept for it stays small.
    #[command(verbatim_doc_comment)]
    Windows(WindowsArgs),
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
    let windows = line.get(1).is_some_and(|command| command == "windows");
    match Program::try_parse_from(line) {
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
        Err(error) if windows => Err(Failure::Usage(
            one_line(&error).replace("`taskweave slam --help`", "`taskweave windows --help`"),
        )),
        Err(error) => Err(Failure::Usage(one_line(&error))),
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

/// The complaint without the usage that the parser prints below it.
fn one_line(error: &clap::Error) -> String {
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
    let topic = match error.get(ContextKind::InvalidSubcommand) {
        Some(_) => "taskweave --help",
        None => "taskweave slam --help",
    };
    format!("{} (see `{topic}`)", paragraphs.join("; "))
}
