//! What the models share.
#![allow(dead_code, reason = "each suite uses its part")]

use std::ops::Deref;

use loom::{model::Builder, sync::Arc, thread};

/// What one thread of a model does.
pub(crate) type Body<R> = Box<dyn FnOnce() -> R>;

/// The bodies of a model's threads, of which the one that goes first in the first schedule rotates.
///
/// Loom derives further schedules from the conflicts it sees in those it has tried, and keeps only
/// the latest access to each word. A load in one thread is thus hidden from the exchange of another
/// by that thread's own load just before; if the other goes first, it isn't.
pub(crate) struct Order(usize);

impl Order {
    /// Runs the bodies concurrently, one of them in this thread; returns their results in the order
    /// given.
    pub(crate) fn run<R: 'static>(&self, bodies: Vec<Body<R>>) -> Vec<R> {
        let count = bodies.len();
        let first = self.0 % count;
        let mut bodies: Vec<_> = bodies.into_iter().map(Some).collect();
        let here = bodies[first].take();
        let others: Vec<_> = (1..count)
            .map(|offset| (first + offset) % count)
            .filter_map(|place| Some((place, thread::spawn(bodies[place].take()?))))
            .collect();
        let mut results: Vec<_> = (0..count).map(|_| None).collect();
        results[first] = here.map(|body| body());
        for (place, other) in others {
            results[place] = Some(other.join().unwrap());
        }
        results.into_iter().flatten().collect()
    }
}

/// Explores `body`, whose [`Order::run`] takes `threads` bodies, with up to `LOOM_MAX_PREEMPTIONS`
/// preemptions, by default three.
pub(crate) fn check(threads: usize, body: impl Fn(Order) + Sync + Send + Copy + 'static) {
    for first in 0..threads {
        let mut builder = Builder::new();
        builder.preemption_bound.get_or_insert(3);
        builder.check(move || body(Order(first)));
    }
}

/// Boxes a body.
pub(crate) fn body<R>(body: impl FnOnce() -> R + 'static) -> Body<R> {
    Box::new(body)
}

/// What the bodies of a model share.
pub(crate) struct Shared<T>(Arc<T>);

impl<T: 'static> Shared<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Arc::new(value))
    }

    /// A body that uses it.
    pub(crate) fn body<R>(&self, act: impl FnOnce(&T) -> R + 'static) -> Body<R> {
        let shared = Arc::clone(&self.0);
        body(move || act(&shared))
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
