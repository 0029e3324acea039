//! Where the plot and the page go.

use crate::args::BenchArgs;
use crate::failure::Failure;
use crate::files::{Destination, Staged};

/// The files, looked at before anything is measured.
#[derive(Debug)]
pub(crate) struct Outputs {
    svg: Destination,
    html: Destination,
}

impl Outputs {
    /// Looks whether both can be written, and that neither replaces the other.
    pub(crate) fn check(args: &BenchArgs) -> Result<Self, Failure> {
        let svg = Destination::check(&args.svg)?;
        let html = Destination::check(&args.html)?;
        html.refuse_output(&svg, "the plot")?;
        Ok(Self { svg, html })
    }

    /// Does all that can be done before a regular file changes. Pipes and devices are written now, the plot first.
    pub(crate) fn stage<'a>(
        &'a self,
        svg: &'a str,
        html: &'a str,
    ) -> Result<StagedOutputs<'a>, Failure> {
        Ok(StagedOutputs {
            svg: self.svg.stage(svg.as_bytes())?,
            html: self.html.stage(html.as_bytes())?,
        })
    }
}

/// Both, written; dropping takes them back.
#[derive(Debug)]
#[must_use]
pub(crate) struct StagedOutputs<'a> {
    svg: Staged<'a>,
    html: Staged<'a>,
}

impl StagedOutputs<'_> {
    /// Puts them in their places.
    pub(crate) fn publish(self) -> Result<(), Failure> {
        self.svg.publish()?;
        self.html.publish()
    }
}
