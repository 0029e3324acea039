//! The `taskweave` program: real jobs on the Taskweave runtime.
//!
//! Whatever goes wrong is one line on standard error, if that can be written, and exit code 2.

mod allocations;
mod args;
mod bar;
mod bench;
mod failure;
mod files;
mod json;
mod paint;
mod ruled;
mod slam;
mod stdout;
mod windows;

use std::io::{self, Write};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

fn main() -> ExitCode {
    match args::parse(std::env::args_os()).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Who can't be told still sees the code.
            let _ = writeln!(io::stderr(), "taskweave: {}", failure.line());
            ExitCode::from(2)
        }
    }
}

fn run(request: args::Request) -> Result<(), failure::Failure> {
    match request {
        args::Request::Print(text) => stdout::print(&text),
        args::Request::Run(args::Command::Slam(args)) => slam::run(&args),
        args::Request::Run(args::Command::Bench(args)) => bench::run(&args),
        args::Request::Run(args::Command::Windows(args)) => windows::run(&args),
    }
}
