//! Loops: over ranges and slices, split as thieves ask for it.
//!
//! A loop is split in halves by `join`, deep enough to feed every worker several times over; a half that
//! was stolen may be split further, since somebody evidently had nothing to do (the rule of
//! rayon's adaptive splitter). What isn't stolen runs as one plain loop that the compiler can vectorise.

use core::ops::Range;

use crate::join::join;
use crate::pool::ambient;
use crate::worker::Worker;

/// What a loop can run over: something that falls into two halves, and in the end into items.
pub trait Splittable: Send + Sized {
    /// What the loop's body gets.
    type Item;

    /// Number of items.
    fn len(&self) -> usize;

    /// Whether there is no item.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first `at` items, and the others. `at` is at most the length.
    fn split_at(self, at: usize) -> (Self, Self);

    /// The items in order.
    fn into_items(self) -> impl Iterator<Item = Self::Item>;
}

impl Splittable for Range<usize> {
    type Item = usize;

    fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let middle = self.start + at;
        (self.start..middle, middle..self.end)
    }

    #[inline]
    fn into_items(self) -> impl Iterator<Item = usize> {
        self
    }
}

impl<'a, T: Sync> Splittable for &'a [T] {
    type Item = &'a T;

    fn len(&self) -> usize {
        <[T]>::len(self)
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        <[T]>::split_at(self, at)
    }

    #[inline]
    fn into_items(self) -> impl Iterator<Item = &'a T> {
        self.iter()
    }
}

impl<'a, T: Send> Splittable for &'a mut [T] {
    type Item = &'a mut T;

    fn len(&self) -> usize {
        <[T]>::len(self)
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        <[T]>::split_at_mut(self, at)
    }

    #[inline]
    fn into_items(self) -> impl Iterator<Item = &'a mut T> {
        self.iter_mut()
    }
}

/// How much further a part may be split.
#[derive(Clone, Copy)]
struct Splitter {
    splits: usize,
    origin: usize,
}

impl Splitter {
    /// Parts to be made for each worker: uneven bodies even out, and so do workers of which one wakes 30 µs after the other. With 2, loops of ten million
    /// items take 3 to 5 % longer; a part costs a `join`.
    const PER_WORKER: usize = 16;

    fn here() -> Self {
        Worker::with_current(|worker| Splitter {
            splits: worker.map_or(1, |worker| worker.shared().slots.len() * Self::PER_WORKER),
            origin: worker.map_or(0, Worker::index),
        })
    }

    /// Whether to split once more.
    fn again(&mut self) -> bool {
        let now = Splitter::here();
        if now.origin != self.origin {
            *self = now;
        }
        self.splits /= 2;
        self.splits > 0
    }
}

/// Calls `body` for each item, in parallel, in no particular order across parts.
///
/// A panic of a body continues here; items of other parts may or may not have been visited.
///
/// # Cost
/// A few `join`s per worker and steal; no allocation, no lock.
///
/// ```
/// let mut data = vec![1.0_f64; 10_000];
/// taskweave_core::for_each(&mut data[..], |x| *x *= 2.0);
/// assert!(data.iter().all(|&x| x == 2.0));
/// ```
pub fn for_each<S, F>(items: S, body: F)
where
    S: Splittable,
    F: Fn(S::Item) + Sync,
{
    map_parts(
        items,
        &|part: S| part.into_items().for_each(&body),
        &|(), ()| (),
    );
}

/// Maps each item, and reduces the results to one, in parallel.
///
/// Results are combined in the items' order, so `reduce` has to be associative but not commutative; where the
/// parts begin depends on who was idle, so floating-point sums may differ in the last digits from run to run.
/// `identity` is used for each part and for an empty loop.
///
/// ```
/// let squares = taskweave_core::map_reduce(0..1000, || 0, |i| i * i, |a, b| a + b);
/// assert_eq!(squares, 332_833_500);
/// ```
pub fn map_reduce<S, R, I, M, C>(items: S, identity: I, map: M, reduce: C) -> R
where
    S: Splittable,
    R: Send,
    I: Fn() -> R + Sync,
    M: Fn(S::Item) -> R + Sync,
    C: Fn(R, R) -> R + Sync,
{
    map_parts(
        items,
        &|part: S| {
            part.into_items()
                .fold(identity(), |sum, item| reduce(sum, map(item)))
        },
        &reduce,
    )
}

fn map_parts<S, R, P, C>(items: S, part: &P, reduce: &C) -> R
where
    S: Splittable,
    R: Send,
    P: Fn(S) -> R + Sync,
    C: Fn(R, R) -> R + Sync,
{
    let run = || split(items, Splitter::here(), part, reduce);
    if Worker::with_current(|worker| worker.is_some()) {
        return run();
    }
    ambient(|shared| crate::wait::enter(shared, |_| run()))
}

fn split<S, R, P, C>(items: S, mut splitter: Splitter, part: &P, reduce: &C) -> R
where
    S: Splittable,
    R: Send,
    P: Fn(S) -> R + Sync,
    C: Fn(R, R) -> R + Sync,
{
    let len = items.len();
    if len < 2 || !splitter.again() {
        return part(items);
    }
    let (left, right) = items.split_at(len / 2);
    let (a, b) = join(
        || split(left, splitter, part, reduce),
        || split(right, splitter, part, reduce),
    );
    reduce(a, b)
}
