//! The formulas of the patterns, in both directions.

use super::{Pattern, siphash::uniform};

/// What the edges of a graph depend on, checked.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// Which of several graphs it is: chance differs between them.
    pub(crate) index: u32,
    pub(crate) pattern: Pattern,
    pub(crate) steps: u32,
    pub(crate) width: u32,
    pub(crate) radix: u32,
    pub(crate) period: u32,
    pub(crate) fraction: f64,
}

/// The points of a step: so many from `offset` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) offset: u32,
    pub(crate) width: u32,
}

impl Row {
    pub(crate) fn end(self) -> u32 {
        self.offset + self.width
    }
}

impl Shape {
    pub(crate) fn row(&self, step: u32) -> Row {
        let whole = Row {
            offset: 0,
            width: self.width,
        };
        match self.pattern {
            Pattern::Dom => Row {
                offset: (step + self.width).saturating_sub(self.steps),
                width: self.width.min(step + 1).min(self.steps - step),
            },
            Pattern::Tree => Row {
                width: 1_u32
                    .checked_shl(step)
                    .map_or(self.width, |grown| grown.min(self.width)),
                ..whole
            },
            _ => whole,
        }
    }

    /// How many different sets of edges the steps go through.
    pub(crate) fn sets(&self) -> u32 {
        match self.pattern {
            // One point has no partner at any distance, and still a set.
            Pattern::Fft => self.width.next_power_of_two().ilog2().max(1),
            Pattern::Spread | Pattern::RandomNearest => self.period,
            _ => 1,
        }
    }

    /// The set of edges that lead into a step.
    pub(crate) fn set_at(&self, step: u32) -> u32 {
        let sets = u64::from(self.sets());
        let turned = match self.pattern {
            Pattern::Fft => u64::from(step) + sets - 1,
            _ => u64::from(step),
        };
        (turned % sets) as u32
    }

    /// No point reads, or is read by, more than this many; at least one.
    pub(crate) fn most_inputs(&self) -> u32 {
        match self.pattern {
            Pattern::AllToAll => self.width,
            Pattern::Nearest | Pattern::Spread | Pattern::RandomNearest => {
                self.radix.clamp(1, self.width)
            }
            Pattern::Trivial | Pattern::NoComm => 1,
            _ => 3,
        }
    }

    /// The points that `point` reads in a row that is whole, in the order of its inputs.
    pub(crate) fn inputs(&self, set: u32, point: u32, found: &mut Vec<u32>) {
        let (p, radix) = (i64::from(point), i64::from(self.radix));
        match self.pattern {
            Pattern::Dom => self.between(p - 1, p, found),
            Pattern::Tree => found.push(point / 2),
            Pattern::Nearest if radix > 0 => {
                self.between(p - radix / 2, p + (radix - 1) / 2, found);
            }
            Pattern::Spread => self.spread(point, set, 1, found),
            Pattern::RandomNearest if radix > 0 => {
                let near = self.within(p - radix / 2, p + (radix - 1) / 2);
                found.extend(near.filter(|&input| self.chance(set, input, point)));
            }
            _ => self.symmetric(set, point, found),
        }
    }

    /// The points that read `point`, if their row is whole.
    pub(crate) fn readers(&self, set: u32, point: u32, found: &mut Vec<u32>) {
        let (p, radix) = (i64::from(point), i64::from(self.radix));
        match self.pattern {
            Pattern::Dom => self.between(p, p + 1, found),
            Pattern::Tree => self.between(2 * p, 2 * p + 1, found),
            Pattern::Nearest if radix > 0 => {
                self.between(p - (radix - 1) / 2, p + radix / 2, found);
            }
            Pattern::Spread => self.spread(point, set, -1, found),
            Pattern::RandomNearest if radix > 0 => {
                let near = self.within(p - (radix - 1) / 2, p + radix / 2);
                found.extend(near.filter(|&reader| self.chance(set, point, reader)));
            }
            _ => self.symmetric(set, point, found),
        }
    }

    /// The patterns in which whoever reads a point is read by it.
    fn symmetric(&self, set: u32, point: u32, found: &mut Vec<u32>) {
        let (p, last) = (i64::from(point), self.width - 1);
        match self.pattern {
            Pattern::NoComm => found.push(point),
            Pattern::Stencil1d => self.between(p - 1, p + 1, found),
            Pattern::Stencil1dPeriodic => {
                self.between(p - 1, p + 1, found);
                if point == 0 && self.width > 2 {
                    found.push(last);
                }
                if point == last && self.width > 2 {
                    found.push(0);
                }
            }
            Pattern::Fft => {
                let away = 1_i64 << set;
                self.between(p - away, p - away, found);
                found.push(point);
                self.between(p + away, p + away, found);
            }
            Pattern::AllToAll => self.between(0, i64::from(last), found),
            // Without a radix nobody is near.
            _ => {}
        }
    }

    fn between(&self, first: i64, last: i64, found: &mut Vec<u32>) {
        found.extend(self.within(first, last));
    }

    fn within(&self, first: i64, last: i64) -> impl Iterator<Item = u32> + use<> {
        let (first, last) = (first.max(0), last.min(i64::from(self.width) - 1));
        (first..=last).map(|point| point as u32)
    }

    /// `towards` is 1 for the points that are read and −1 for those that read.
    fn spread(&self, point: u32, set: u32, towards: i64, found: &mut Vec<u32>) {
        let (width, radix) = (i64::from(self.width), i64::from(self.radix));
        found.extend((0..radix).map(|i| {
            let shift = if i > 0 { i64::from(set) } else { 0 };
            let away = i * width / radix + shift;
            (i64::from(point) + towards * away).rem_euclid(width) as u32
        }));
    }

    fn chance(&self, set: u32, input: u32, reader: u32) -> bool {
        let facts = [self.index, self.radix, set, input, reader].map(u64::from);
        input == reader || uniform(&facts) < self.fraction
    }
}
