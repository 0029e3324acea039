//! Static graphs: built once, run again and again.
//!
//! Large ones show what a task costs in a pass, small ones what a pass costs. Bodies count in a place of their own, next to nothing. Rayon has no
//! graphs: its side is the best form that can be written by hand, with counters that are never set back and a successor that runs at once
//! on the thread that made it ready. `rayon` has a boxed body for each task, as a graph has whose tasks do different things, and as ours has; in
//! `rayon-uniform` all tasks have one body that is compiled into the loop, and so has `sequential`. `tbb` is oneTBB's flow graph, built once, whose nodes
//! have a body of their own each, too.

mod dag;
mod large;
mod small;
#[cfg(feature = "taktora")]
mod taktora;

use dag::Dag;

use super::{Case, Setup, Suite, pools};
use crate::{
    error::{BenchError, wrong},
    harness::{Pair, Side},
};

/// A case's name and its graph.
type Shape = (&'static str, fn() -> Dag);

/// The graph of the case at hand.
fn shape(shapes: &[Shape], setup: &Setup) -> Result<Dag, BenchError> {
    let shape = shapes.iter().find(|(name, _)| *name == setup.case);
    let (_, make) = shape.ok_or_else(|| BenchError::NoCase(setup.case.to_owned()))?;
    Ok(make())
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = [large::cases(), small::cases()].concat();
    cases.extend(with_taktora());
    cases
}

#[cfg(feature = "taktora")]
fn with_taktora() -> Vec<Case> {
    taktora::cases()
}

#[cfg(not(feature = "taktora"))]
fn with_taktora() -> Vec<Case> {
    Vec::new()
}
