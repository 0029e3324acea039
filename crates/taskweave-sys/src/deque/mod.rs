#![doc = include_str!("README.md")]

mod indices;
mod owner;
mod ring;
mod stealer;

use std::{error::Error, fmt, ptr::NonNull};

pub use owner::{Owner, Position};
pub use stealer::Stealer;

use ring::Ring;

use crate::sync::Arc;

/// The largest capacity.
pub const MAX_CAPACITY: usize = 1 << 15;

/// Makes a deque for `capacity` elements, a power of two from 2 to [`MAX_CAPACITY`].
///
/// Costs two allocations, the only ones the deque ever makes. Elements left in it at the end are
/// forgotten, not dropped: it holds pointers.
///
/// # Errors
/// [`CapacityError`] if the capacity is something else.
pub fn new<T>(capacity: usize) -> Result<(Owner<T>, Stealer<T>), CapacityError> {
    if !capacity.is_power_of_two() || !(2..=MAX_CAPACITY).contains(&capacity) {
        return Err(CapacityError { capacity });
    }
    let ring = Arc::new(Ring::new(capacity));
    Ok((Owner::new(Arc::clone(&ring)), Stealer::new(ring)))
}

/// A capacity that a deque can't have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapacityError {
    /// What was asked for.
    pub capacity: usize,
}

impl fmt::Display for CapacityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a deque can't hold {} elements: choose a power of two from 2 to {MAX_CAPACITY}",
            self.capacity
        )
    }
}

impl Error for CapacityError {}

/// The deque had no room: the element comes back.
pub struct Full<T>(pub NonNull<T>);

impl<T> fmt::Debug for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Full").field(&self.0).finish()
    }
}

impl<T> fmt::Display for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the deque is full: spill some of its elements, or run them")
    }
}

impl<T> Error for Full<T> {}

/// What a thief got.
#[must_use = "a stolen element that is dropped is lost"]
pub enum Steal<T> {
    /// There was nothing public.
    Empty,
    /// Another thief was copying, or another thread was quicker: trying again may succeed.
    Busy,
    /// The oldest public element, and how many more were moved to the thief's own deque.
    Taken {
        /// The oldest.
        first: NonNull<T>,
        /// How many followed it into the destination.
        more: usize,
    },
}

impl<T> fmt::Debug for Steal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Busy => f.write_str("Busy"),
            Self::Taken { first, more } => f
                .debug_struct("Taken")
                .field("first", first)
                .field("more", more)
                .finish(),
        }
    }
}
