//! GTSAM, by a script of ours on its Python package.

use std::{process::Command, time::Duration};

use serde::Deserialize;
use taskweave_slam::default_data_path;

use super::{ITERATIONS, check_map, ours::refused};
use crate::{
    companion::{Companion, Program},
    error::BenchError,
    harness::{Side, Stopwatch, median},
};

const NAME: &str = "gtsam";
const SCRIPT: &str = include_str!("../../../peers/gtsam_slam.py");

#[derive(Debug, Deserialize)]
struct Sample {
    wall_ns: Vec<f64>,
    cpu_ns: Vec<f64>,
    chi_squared: f64,
}

pub(super) fn iteration() -> Result<Side, BenchError> {
    let mut command = Command::new("python3");
    command
        .args(["-c", SCRIPT])
        .arg(default_data_path().map_err(refused)?)
        .arg(ITERATIONS.to_string());
    let program = Program {
        side: NAME,
        command,
        itself: ["Python 3", "apt-get install python3"],
        needs: ["GTSAM for Python", "pip install gtsam"],
    };
    let (mut companion, greeting) = Companion::start(program, b"")?;
    let side = Side::new(NAME, move |_, watch: &mut Stopwatch| {
        let sample: Sample = companion.sample()?;
        let mean = sample.cpu_ns.iter().sum::<f64>() / ITERATIONS as f64;
        let [wall, cpu] = [median(&sample.wall_ns), mean].map(|ns| Duration::from_nanos(ns as u64));
        watch.add(1, wall, cpu);
        check_map(NAME, sample.chi_squared)
    });
    Ok(side.single().in_form(greeting.form))
}
