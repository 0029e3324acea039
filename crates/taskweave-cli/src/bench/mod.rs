//! `taskweave bench`: how small tasks may be on this machine, by Task Bench.

mod chart;
mod figures;
mod machine;
mod measure;
mod outputs;
mod page;
mod plan;
mod record;
mod table;
#[cfg(test)]
mod tests;

use crate::args::BenchArgs;
use crate::bar::bar;
use crate::failure::Failure;
use crate::stdout;
use outputs::Outputs;
use plan::Plan;

/// Measures and reports. Regular files appear when everything else has succeeded; pipes and devices get theirs before the report.
pub(crate) fn run(args: &BenchArgs) -> Result<(), Failure> {
    let plan = Plan::new(args)?;
    let outputs = Outputs::check(args)?;
    // Before this thread has its place: afterwards it sees one processor.
    let machine = machine::describe();
    let bar = bar(plan.samples(), args.quiet);
    let measured = measure::all(&plan, |what| {
        bar.set_message(what.to_owned());
        bar.inc(1);
    });
    bar.finish_and_clear();
    let results = measured?;

    let svg = chart::svg(&results);
    let html = page::html(&results, &machine);
    let staged = outputs.stage(&svg, &html)?;
    let text = if args.json {
        record::json(&results, &machine, args)
    } else if args.quiet {
        table::last_line(&results)
    } else {
        table::report(&results, &machine, args)
    };
    stdout::print(&text)?;
    staged.publish()
}
