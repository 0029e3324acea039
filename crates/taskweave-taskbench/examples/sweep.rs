//! Granularity and efficiency of one engine, from small tasks to large ones: `sweep ENGINE THREADS [OPTION VALUE]...`, with the field's options for
//! the graphs.

use std::error::Error;

use taskweave_taskbench::{
    HELP, Kind, Setup, Workload,
    metg::{Meter, Peak},
    parse,
};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [engine, threads, options @ ..] = &words[..] else {
        return Err(format!("usage: sweep ENGINE THREADS [OPTION VALUE]...\n{HELP}").into());
    };
    let setup = Setup::anywhere(threads.parse()?);
    let mut peak = Peak::new(&setup)?;
    let engine = engine
        .parse::<Kind>()?
        .start(&setup, Workload::new(&parse(options)?)?)?;
    let mut meter = Meter::new(engine);
    println!("iterations  granularity µs  efficiency %");
    for step in (0..=28).step_by(2) {
        let best = peak.measure()?;
        let point = meter.at(step)?;
        println!(
            "{:10}  {:14.3}  {:12.1}",
            point.iterations,
            point.granularity_ns / 1000.0,
            100.0 * point.efficiency(best)
        );
    }
    Ok(())
}
