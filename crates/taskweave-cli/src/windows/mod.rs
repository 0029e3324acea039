//! `taskweave windows`: words by window, counted out of order and reported in order.

mod count;
mod input;
mod job;
mod table;

use taskweave::Pool;

use crate::args::WindowsArgs;
use crate::failure::Failure;
use crate::stdout;

/// Counts and reports.
pub(crate) fn run(args: &WindowsArgs) -> Result<(), Failure> {
    let mut builder = Pool::builder();
    if let Some(count) = args.worker_threads {
        builder = builder.worker_threads(count);
    }
    let pool = builder.build().map_err(pool_failure)?;
    if let Some(lag) = args.lag.filter(|lag| *lag > pool.worker_threads()) {
        return Err(Failure::Usage(format!(
            "invalid value '{lag}' for '--lag <W>': the number of workers is {} (see `taskweave windows --help`)",
            pool.worker_threads()
        )));
    }
    let input = input::read(args.path.as_deref(), args.files)?;
    let outcome = job::run(&pool, &input, args.lag)?;
    let text = if args.quiet {
        table::last_line(&outcome)
    } else {
        table::report(&input, &outcome)
    };
    stdout::print(&text)
}

fn pool_failure(error: taskweave::BuildError) -> Failure {
    let line = Failure::Pool(error).to_string();
    Failure::Usage(line.replace("`taskweave slam --help`", "`taskweave windows --help`"))
}
