//! The models of timers: what wakes whom. Time doesn't pass; a timer is due when somebody says so.

use core::task::Waker;
use std::sync::Arc;
use std::task::Wake;

use taskweave_sys::parker::Parker;
use taskweave_sys::sync::atomic::{AtomicUsize, Ordering};

use super::wheel::{NEVER, Node};
use crate::model::{body, check};
use crate::pool::Pool;
use crate::shared::Shared;

fn shared() -> Arc<Shared> {
    let builder = Pool::builder()
        .worker_threads(1)
        .queue_capacity(2)
        .spin_us(0);
    Shared::new(builder.check().unwrap())
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Where a node stays.
#[derive(Clone, Copy)]
struct Place(*mut Node);

impl Place {
    fn new() -> Self {
        Place(Box::into_raw(Box::new(Node::new())))
    }

    /// Links it, due at tick `when`.
    fn set(self, shared: &Shared, when: u64, woken: &Arc<Woken>) {
        let waker = Waker::from(Arc::clone(woken));
        // SAFETY: boxed, and not linked.
        unsafe { &mut *self.0 }.set(when, waker);
        let place = shared.timers.wheels[0].place();
        // SAFETY: never freed before the model's end.
        if let Some(due) = place.with(|wheel| unsafe { wheel.insert(self.0) }) {
            shared.lower_timer(due);
        }
    }

    /// Takes it back and frees it.
    fn end(self, shared: &Shared) {
        let place = shared.timers.wheels[0].place();
        // SAFETY: linked in this wheel, if at all.
        place.with(|wheel| unsafe { wheel.remove(self.0) });
        // SAFETY: boxed by `new`.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

/// The one who will attend has seen a timer, and lies down while an earlier one is set: it has to know of that one, or to be woken for it. In a model a sleep with a
/// time ends at once, so what is checked is which time it was given.
#[test]
fn a_timer_is_set_while_the_attendant_lies_down() {
    check(2, |order| {
        let shared = shared();
        let woken = Arc::new(Woken::default());
        let (far, near) = (Place::new(), Place::new());
        far.set(&shared, 40, &woken);
        let sleeper = Arc::clone(&shared);
        let setter = Arc::clone(&shared);
        let told = order.run(vec![
            body(move || {
                let parker: &'static Parker = Box::leak(Box::new(Parker::new()));
                let timers = &sleeper.timers;
                let (attends, early) = timers.attend(0, parker);
                assert!(attends);
                let until = timers.attend_until(early);
                // Awake for this one, or told while it sleeps.
                let told = until <= 3 || {
                    loom::thread::yield_now();
                    parker.permits() > 0
                };
                (Some(parker), told, until)
            }),
            body(move || {
                near.set(&setter, 3, &Arc::new(Woken::default()));
                (None, true, 0)
            }),
        ]);
        for (parker, told, until) in told {
            if let Some(parker) = parker {
                let told = told || parker.permits() > 0;
                assert!(told, "sleeps until {until}, and a timer is due at 3");
            }
        }
        far.end(&shared);
        near.end(&shared);
    });
}

/// A timer is set while another thread fires what is due: the next look finds it.
#[test]
fn a_timer_is_set_while_others_fire() {
    check(2, |order| {
        let shared = shared();
        let woken = Arc::new(Woken::default());
        let (due, later) = (Place::new(), Place::new());
        due.set(&shared, 1, &woken);
        let (fires, sets) = (Arc::clone(&shared), Arc::clone(&shared));
        let counts = Arc::clone(&woken);
        order.run(vec![
            body(move || fires.fire_until(1)),
            body(move || later.set(&sets, 5, &counts)),
        ]);
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
        let next = shared.timers.next.load(Ordering::SeqCst);
        assert!(next != NEVER && next <= 5, "nobody knows of a timer");
        shared.fire_until(5);
        assert_eq!(woken.0.load(Ordering::SeqCst), 2);
        due.end(&shared);
        later.end(&shared);
    });
}

/// A timer is dropped while it fires: it's woken or not, and its node is the owner's afterwards.
#[test]
fn a_timer_is_dropped_while_it_fires() {
    check(2, |order| {
        let shared = shared();
        let woken = Arc::new(Woken::default());
        let place = Place::new();
        place.set(&shared, 1, &woken);
        let (fires, drops) = (Arc::clone(&shared), Arc::clone(&shared));
        order.run(vec![
            body(move || fires.fire_until(1)),
            body(move || place.end(&drops)),
        ]);
        assert!(woken.0.load(Ordering::SeqCst) <= 1);
        assert_eq!(Arc::strong_count(&woken), 1);
    });
}
