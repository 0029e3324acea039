//! The models of waiting for a frontier.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Wake, Waker};

use taskweave_sys::sync::Arc;
use taskweave_sys::sync::atomic::{AtomicUsize, Ordering};

use super::Progress;
use crate::model::{body, check};

#[test]
fn a_wait_ends_when_the_last_capability_goes() {
    check(3, |order| {
        let (progress, root) = Progress::<u64>::new();
        let (one, other) = (root.mint(1).unwrap(), root.mint(1).unwrap());
        drop(root);
        let waiting = body(move || progress.wait_until_passed(&1));
        order.run(vec![
            body(move || drop(one)),
            body(move || drop(other)),
            waiting,
        ]);
    });
}

/// The one who looks sees 3 held or 7, and never neither.
#[test]
fn a_downgrade_is_one_step() {
    check(2, |order| {
        let (progress, mut root) = Progress::<u64>::new();
        root.downgrade(3).unwrap();
        let moving = body(move || {
            root.downgrade(7).unwrap();
            Some(root)
        });
        let looking = body(move || {
            let frontier = progress.frontier();
            assert!([[3], [7]].contains(&[frontier[0]]));
            assert!(!progress.has_passed(&7));
            None
        });
        order.run(vec![moving, looking]);
    });
}

struct Counter(std::sync::Mutex<Arc<AtomicUsize>>);

impl Wake for Counter {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.lock().unwrap().fetch_add(1, Ordering::SeqCst);
    }
}

/// A future that wasn't ready is woken.
#[test]
fn a_future_that_is_pending_is_woken() {
    check(2, |order| {
        let (progress, root) = Progress::<u64>::new();
        let wakes = Arc::new(AtomicUsize::new(0));
        let waker = Waker::from(std::sync::Arc::new(Counter(std::sync::Mutex::new(
            Arc::clone(&wakes),
        ))));
        let dropping = body(move || {
            drop(root);
            true
        });
        let polling = body(move || {
            let mut passed = pin!(progress.on_passed(4));
            let polled = passed.as_mut().poll(&mut Context::from_waker(&waker));
            // Dropped as it is, woken or not.
            polled == Poll::Ready(()) || progress.moves() == 0 || progress.has_passed(&4)
        });
        assert_eq!(order.run(vec![dropping, polling]), [true, true]);
        assert!(wakes.load(Ordering::SeqCst) <= 1);
    });
}
