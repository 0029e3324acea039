//! Solves a pose graph on all cores and draws it: `cargo run --release -p taskweave-slam --example map -- [FILE [PICTURE]]`.

use taskweave::Pool;
use taskweave_slam::{Options, Picture, Problem, Solver, default_data_path};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let file = arguments.next().map_or_else(default_data_path, |file| Ok(file.into()))?;
    let picture = arguments.next().unwrap_or_else(|| "slam.svg".into());
    let problem = Problem::read(file)?;
    let mut solver = Solver::new(&problem, Options::default())?;
    let summary = solver.solve(&Pool::builder().build()?)?;
    println!("{}", solver.statistics());
    for report in &summary.iterations {
        println!("iteration {:2}: χ² {:16.6}  {:.2?}", report.iteration, report.chi_squared, report.elapsed);
    }
    println!("in the end:   χ² {:16.6}  {:.2?}", summary.chi_squared, summary.elapsed);
    Picture { problem: &problem, poses: &solver.poses(), iterations: summary.iterations.len() }.write(&picture)?;
    println!("the map is in {}", picture.display());
    Ok(())
}
