//! Where a vertex's successors stand. From one vertex to the next leads a line of loads, each of which needs the one before, and a worker that runs short bodies waits
//! for nothing else: so up to two successors stand in the vertex itself, and only more than that in the graph's rows.

use core::ops::Range;

/// The successors of one vertex, and what is known of its body, in twelve bytes.
#[derive(Clone, Copy)]
pub(super) struct Links {
    /// By form: successors, or where the row begins and ends.
    ends: [u32; 2],
    /// The kind of the body; the lowest bits are the [form](Form).
    kind: u32,
}

/// What `ends` are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Form {
    /// The beginning and the end of a row, perhaps an empty one.
    Row = 0,
    /// The only successor, which has no other predecessor.
    Lone = 1,
    /// The only successor.
    One = 2,
    /// Both successors.
    Pair = 3,
}

const FORM_BITS: u32 = 2;
const FORMS: u32 = (1 << FORM_BITS) - 1;

impl Links {
    /// A vertex whose successors are in this part of the rows.
    pub(super) fn row(kind: usize, row: Range<u32>) -> Self {
        Links {
            ends: [row.start, row.end],
            // The lower part of an address tells code from other code as well. Zero is no kind.
            kind: ((kind as u32) << FORM_BITS).max(1 << FORM_BITS),
        }
    }

    /// As [`row`](Self::row), where the row holds `successors`: without it, if they fit in here. `in_degree` is asked how many predecessors one has.
    pub(super) fn short(
        kind: usize,
        row: Range<u32>,
        successors: &[u32],
        in_degree: impl Fn(u32) -> u32,
    ) -> Self {
        let mut links = Self::row(kind, row);
        let (ends, form) = match *successors {
            [one] if in_degree(one) == 1 => ([one; 2], Form::Lone),
            [one] => ([one; 2], Form::One),
            [first, second] => ([first, second], Form::Pair),
            _ => return links,
        };
        links.ends = ends;
        links.kind |= form as u32;
        links
    }

    #[inline]
    pub(super) fn kind(&self) -> usize {
        (self.kind >> FORM_BITS) as usize
    }

    #[inline]
    pub(super) fn form(&self) -> Form {
        match self.kind & FORMS {
            0 => Form::Row,
            1 => Form::Lone,
            2 => Form::One,
            _ => Form::Pair,
        }
    }

    #[inline]
    pub(super) fn first(&self) -> u32 {
        self.ends[0]
    }

    /// Both ends: of a [`Pair`](Form::Pair), the successors.
    #[inline]
    pub(super) fn both(&self) -> [u32; 2] {
        self.ends
    }

    /// The part of the rows, for links made by [`row`](Self::row).
    #[inline]
    pub(super) fn range(&self) -> Range<usize> {
        debug_assert_eq!(self.form(), Form::Row);
        self.ends[0] as usize..self.ends[1] as usize
    }

    /// The successors.
    #[inline]
    pub(super) fn of<'a>(&'a self, rows: &'a [u32]) -> &'a [u32] {
        match self.form() {
            Form::Row => &rows[self.range()],
            Form::Lone | Form::One => &self.ends[..1],
            Form::Pair => &self.ends,
        }
    }
}

#[cfg(all(test, not(any(taskweave_loom, taskweave_shuttle))))]
mod tests {
    use super::{Form, Links};

    #[test]
    fn up_to_two_successors_stand_in_the_vertex() {
        let rows = [7, 8, 9, 10];
        let degree = |next: u32| if next == 7 { 1 } else { 2 };
        let links = |row: core::ops::Range<u32>| {
            let successors = &rows[row.start as usize..row.end as usize];
            Links::short(0x1230, row, successors, degree)
        };
        for (row, form) in [
            (1..1, Form::Row),
            (0..1, Form::Lone),
            (1..2, Form::One),
            (0..2, Form::Pair),
            (1..4, Form::Row),
        ] {
            let links = links(row.clone());
            assert_eq!(links.form(), form, "{row:?}");
            let expected = &rows[row.start as usize..row.end as usize];
            assert_eq!(links.of(&rows), expected);
            assert_eq!(links.kind(), 0x1230, "the form is no part of the kind");
        }
    }

    #[test]
    fn no_body_is_of_kind_zero() {
        for kind in [0, 1 << 32, 1 << 30] {
            assert_ne!(Links::row(kind, 0..0).kind(), 0, "{kind:#x}");
        }
    }
}
