//! The dependence patterns: which points of one step a point of the next one reads.

use std::{fmt, str::FromStr};

/// How the steps of a graph hang together. In the formulas p is a point, r the radix and W the width; what lies outside of the previous
/// step's row is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// Nothing.
    #[default]
    Trivial,
    /// p.
    NoComm,
    /// p − 1, p, p + 1.
    Stencil1d,
    /// The same around a ring. A ring of one or two points has no neighbours that aren't there already: that is the stencil.
    Stencil1dPeriodic,
    /// p − 1, p, in a diamond: rows grow by one point a step up to the width, and shrink again towards the end.
    Dom,
    /// p / 2: rows double up to the width.
    Tree,
    /// p − 2ᵈ, p, p + 2ᵈ, where d goes round from step to step.
    Fft,
    /// Every point.
    AllToAll,
    /// r points around p.
    Nearest,
    /// r points, W / r apart; all but the first are shifted from step to step.
    Spread,
    /// Those of `nearest` that chance allows, and p.
    RandomNearest,
}

impl Pattern {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Trivial,
        Self::NoComm,
        Self::Stencil1d,
        Self::Stencil1dPeriodic,
        Self::Dom,
        Self::Tree,
        Self::Fft,
        Self::AllToAll,
        Self::Nearest,
        Self::Spread,
        Self::RandomNearest,
    ];

    /// Its name in the field.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trivial => "trivial",
            Self::NoComm => "no_comm",
            Self::Stencil1d => "stencil_1d",
            Self::Stencil1dPeriodic => "stencil_1d_periodic",
            Self::Dom => "dom",
            Self::Tree => "tree",
            Self::Fft => "fft",
            Self::AllToAll => "all_to_all",
            Self::Nearest => "nearest",
            Self::Spread => "spread",
            Self::RandomNearest => "random_nearest",
        }
    }

    /// Whether its edges change from step to step with a period that can be chosen.
    pub fn has_period(self) -> bool {
        matches!(self, Self::Spread | Self::RandomNearest)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why a name is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// It is a name, but has no meaning.
    #[error(
        "the pattern random_spread is a name without a definition: nobody has said which points it depends on, so that no two programs \
         could be compared; use spread or random_nearest"
    )]
    Undefined,
    /// There is no such name.
    #[error("there is no pattern `{0}`; there are {names}", names = names())]
    Unknown(String),
}

fn names() -> String {
    Pattern::ALL.map(Pattern::name).join(", ")
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(name: &str) -> Result<Self, PatternError> {
        if name == "random_spread" {
            return Err(PatternError::Undefined);
        }
        Self::ALL
            .into_iter()
            .find(|pattern| pattern.name() == name)
            .ok_or_else(|| PatternError::Unknown(name.to_owned()))
    }
}
