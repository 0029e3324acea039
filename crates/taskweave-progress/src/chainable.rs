//! What can be merged while it waits.

use timely::progress::ChangeBatch;

/// A commutative monoid: batches that may be merged in any grouping, across writers and in any order, without a reader being able to tell from the sum.
///
/// `merge` is commutative and associative, the default value is neutral. Values that undo each other should vanish when merged: that is what keeps the backlog
/// of a reader that lags as small as what is alive, however much was sent.
///
/// The operations are called by writers with internal locks held. They should be quick, must not panic, and must not use the medium that calls them. After a panic in one of
/// them batches may be lost or counted twice; nothing else happens, and later ones arrive.
pub trait Chainable: Default + Send + Sync {
    /// Adds what `other` holds.
    fn merge(&mut self, other: &Self);

    /// Adds what `other` holds and leaves `other` neutral, if possible with some memory to be used again.
    fn absorb(&mut self, other: &mut Self) {
        self.merge(other);
        other.clear();
    }

    /// Makes it neutral, and keeps its memory.
    fn clear(&mut self);

    /// Whether it holds nothing. It may tidy up to find out.
    fn is_neutral(&mut self) -> bool;

    /// Drops what cancels out. Called on what has been merged before it waits for long.
    fn tidy(&mut self) {}

    /// How much it holds, for reports: updates, entries, whatever is counted.
    fn entries(&self) -> usize {
        1
    }
}

/// A [`Chainable`] whose values can be taken off a sum again.
pub trait Subtract: Chainable {
    /// Takes off what `other` holds.
    fn subtract(&mut self, other: &Self);
}

/// Timely's batches of changed counts, as they are.
impl<T: Ord + Clone + Send + Sync, const X: usize> Chainable for ChangeBatch<T, X> {
    fn merge(&mut self, other: &Self) {
        self.extend(other.unstable_internal_updates().iter().cloned());
    }

    fn absorb(&mut self, other: &mut Self) {
        other.drain_into(self);
    }

    fn clear(&mut self) {
        ChangeBatch::clear(self);
    }

    fn is_neutral(&mut self) -> bool {
        self.is_empty()
    }

    fn tidy(&mut self) {
        self.compact();
    }

    fn entries(&self) -> usize {
        self.unstable_internal_updates().len()
    }
}

impl<T: Ord + Clone + Send + Sync, const X: usize> Subtract for ChangeBatch<T, X> {
    fn subtract(&mut self, other: &Self) {
        let updates = other.unstable_internal_updates().iter();
        self.extend(updates.map(|(key, count)| (key.clone(), -count)));
    }
}

macro_rules! sums {
    ($($integer:ty),*) => {$(
        /// A sum, modulo what the type holds.
        impl Chainable for $integer {
            fn merge(&mut self, other: &Self) {
                *self = self.wrapping_add(*other);
            }

            fn clear(&mut self) {
                *self = 0;
            }

            fn is_neutral(&mut self) -> bool {
                *self == 0
            }
        }

        impl Subtract for $integer {
            fn subtract(&mut self, other: &Self) {
                *self = self.wrapping_sub(*other);
            }
        }
    )*};
}

sums!(u32, u64, u128, usize, i32, i64, i128, isize);

/// Both, side by side.
impl<A: Chainable, B: Chainable> Chainable for (A, B) {
    fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0);
        self.1.merge(&other.1);
    }

    fn absorb(&mut self, other: &mut Self) {
        self.0.absorb(&mut other.0);
        self.1.absorb(&mut other.1);
    }

    fn clear(&mut self) {
        self.0.clear();
        self.1.clear();
    }

    fn is_neutral(&mut self) -> bool {
        self.0.is_neutral() && self.1.is_neutral()
    }

    fn tidy(&mut self) {
        self.0.tidy();
        self.1.tidy();
    }

    fn entries(&self) -> usize {
        self.0.entries() + self.1.entries()
    }
}

impl<A: Subtract, B: Subtract> Subtract for (A, B) {
    fn subtract(&mut self, other: &Self) {
        self.0.subtract(&other.0);
        self.1.subtract(&other.1);
    }
}
