//! Where the picture and the graph go.

use std::fs;
use std::path::Path;

use crate::args::SlamArgs;
use crate::failure::Failure;
use crate::files::{Destination, Staged};

/// The files that were asked for, looked at before the work begins.
#[derive(Debug)]
pub(crate) struct Outputs {
    svg: Destination,
    dot: Option<Destination>,
}

impl Outputs {
    /// Looks whether all can be written, and that none replaces another or the input.
    pub(crate) fn check(args: &SlamArgs, input: &Path) -> Result<Self, Failure> {
        let svg = Destination::check(&args.svg)?;
        let dot = args.dot.as_deref().map(Destination::check).transpose()?;
        // An input that isn't there is reported by whoever reads it.
        let input = fs::metadata(input).ok();
        for destination in [Some(&svg), dot.as_ref()].into_iter().flatten() {
            destination.refuse(input.as_ref(), "the map to be read")?;
        }
        if let Some(dot) = &dot {
            dot.refuse_output(&svg, "the picture")?;
        }
        Ok(Self { svg, dot })
    }

    /// Does all that can be done before a regular file changes. Pipes and devices are written now, the graph first.
    pub(crate) fn stage<'a>(
        &'a self,
        svg: &'a str,
        dot: Option<&'a str>,
    ) -> Result<StagedOutputs<'a>, Failure> {
        let dot = match (&self.dot, dot) {
            (Some(destination), Some(text)) => Some(destination.stage(text.as_bytes())?),
            _ => None,
        };
        Ok(StagedOutputs {
            svg: self.svg.stage(svg.as_bytes())?,
            dot,
        })
    }
}

/// All outputs, written; dropping takes them back.
#[derive(Debug)]
#[must_use]
pub(crate) struct StagedOutputs<'a> {
    svg: Staged<'a>,
    dot: Option<Staged<'a>>,
}

impl StagedOutputs<'_> {
    /// Puts them in their places.
    pub(crate) fn publish(self) -> Result<(), Failure> {
        self.svg.publish()?;
        self.dot.map_or(Ok(()), Staged::publish)
    }
}
