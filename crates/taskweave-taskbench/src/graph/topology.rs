//! The edges of a graph, tabled: tasks look them up instead of computing them.
//!
//! The sets of edges repeat from step to step, so that the tables are small and stay in the cache. Where rows aren't whole, what lies outside
//! is cut off both ends of a list: the patterns with such rows (`dom`, `tree`) have ascending lists.

use super::{Shape, SpecError, shape::Row};

/// More entries than this are refused: a gibibyte for each direction.
pub(crate) const MOST_ENTRIES: usize = 1 << 28;

#[derive(Debug)]
pub(crate) struct Topology {
    width: u32,
    steps: Box<[Step]>,
    inputs: Table,
    readers: Table,
}

#[derive(Clone, Copy, Debug)]
struct Step {
    row: Row,
    set: u32,
}

/// A list for each set and point, one after the other.
#[derive(Debug)]
struct Table {
    starts: Box<[u32]>,
    points: Box<[u32]>,
}

impl Topology {
    pub(crate) fn new(shape: &Shape) -> Result<Self, SpecError> {
        let sets = shape.sets().min(shape.steps.saturating_add(1));
        // The first step reads nothing, so that a set beyond the last step is never looked up, but for that of `fft`, which starts at the end.
        let sets = match shape.pattern {
            super::Pattern::Fft => shape.sets(),
            _ => sets,
        };
        Ok(Self {
            width: shape.width,
            steps: (0..shape.steps)
                .map(|step| Step {
                    row: shape.row(step),
                    set: shape.set_at(step),
                })
                .collect(),
            inputs: Table::new(shape, sets, Shape::inputs)?,
            readers: Table::new(shape, sets, Shape::readers)?,
        })
    }

    pub(crate) fn row(&self, step: u32) -> Row {
        self.steps[step as usize].row
    }

    /// The points of the step before that a task reads, in order.
    #[inline]
    pub(crate) fn inputs(&self, step: u32, point: u32) -> &[u32] {
        match step.checked_sub(1) {
            None => &[],
            Some(before) => {
                let set = self.steps[step as usize].set;
                let all = self.inputs.list(set * self.width + point);
                cut(all, self.steps[before as usize].row, self.width)
            }
        }
    }

    /// The points of the step after that read a task.
    #[inline]
    pub(crate) fn readers(&self, step: u32, point: u32) -> &[u32] {
        match self.steps.get(step as usize + 1) {
            None => &[],
            Some(after) => cut(
                self.readers.list(after.set * self.width + point),
                after.row,
                self.width,
            ),
        }
    }
}

/// Only the points in `row`.
#[inline]
fn cut(points: &[u32], row: Row, width: u32) -> &[u32] {
    if row.width == width {
        return points;
    }
    let from = points.partition_point(|&point| point < row.offset);
    let to = points.partition_point(|&point| point < row.end());
    &points[from..to]
}

impl Table {
    fn new(
        shape: &Shape,
        sets: u32,
        list: fn(&Shape, u32, u32, &mut Vec<u32>),
    ) -> Result<Self, SpecError> {
        let entries = [sets, shape.width, shape.most_inputs()]
            .into_iter()
            .fold(1, |all: u64, many| all.saturating_mul(u64::from(many)));
        if entries > MOST_ENTRIES as u64 {
            return Err(SpecError::TooManyEdges {
                graph: shape.index,
                most: MOST_ENTRIES,
            });
        }
        let mut starts = vec![0];
        let mut points = Vec::new();
        for set in 0..sets {
            for point in 0..shape.width {
                list(shape, set, point, &mut points);
                starts.push(points.len() as u32);
            }
        }
        Ok(Self {
            starts: starts.into(),
            points: points.into(),
        })
    }

    #[inline]
    fn list(&self, index: u32) -> &[u32] {
        let index = index as usize;
        &self.points[self.starts[index] as usize..self.starts[index + 1] as usize]
    }
}
