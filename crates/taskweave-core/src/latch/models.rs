//! The models of ends.

use loom::cell::UnsafeCell;
use taskweave_sys::parker::Parker;

use super::{Latch, Tally};
use crate::model::{Body, Shared, body, check};

/// What stands on a waiter's stack.
struct Frame<T> {
    end: T,
    /// Written by those who are waited for.
    results: [UnsafeCell<u32>; 3],
}

/// The address of a frame, for those who are waited for.
struct Remote<T: 'static>(*const Frame<T>);

impl<T: 'static> Frame<T> {
    fn new(end: T) -> Shared<Self> {
        Shared::new(Frame {
            end,
            results: [UnsafeCell::new(0), UnsafeCell::new(0), UnsafeCell::new(0)],
        })
    }

    fn remote(&self) -> Remote<T> {
        Remote(self)
    }

    fn write(&self, part: usize) {
        // SAFETY: each part has its own result.
        self.results[part].with_mut(|result| unsafe { *result += 1 });
    }

    /// How many parts have written, once all have ended.
    fn written(&self) -> u32 {
        // SAFETY: the waiter's alone by now, which the model checks.
        let read = |result: &UnsafeCell<u32>| result.with(|result| unsafe { *result });
        self.results.iter().map(read).sum()
    }
}

impl<T: 'static> Remote<T> {
    fn body(&self, act: impl FnOnce(&Frame<T>) + 'static) -> Body<()> {
        let frame = self.0;
        // SAFETY: the model keeps the memory until all threads have ended; who may touch it is what it checks.
        body(move || act(unsafe { &*frame }))
    }
}

/// The end of the frame: an access that no other may follow or overlap.
fn free(latch: &Latch) {
    let state = (&raw const latch.state).cast_mut();
    // SAFETY: alive, and exclusive if the protocol holds, which the model checks.
    unsafe { &mut *state }.with_mut(|_| ());
}

fn free_tally(tally: &Tally) {
    let count = (&raw const tally.count).cast_mut();
    // SAFETY: as in `free`.
    unsafe { &mut *count }.with_mut(|_| ());
    free(&tally.latch);
}

fn parker() -> &'static Parker {
    Box::leak(Box::new(Parker::new()))
}

#[test]
fn a_waiter_sees_what_came_before_and_may_free_the_frame() {
    check(2, |order| {
        let frame = Frame::new(Latch::new());
        let setter = frame.remote().body(|frame| {
            frame.write(0);
            frame.end.set();
        });
        let waiter = frame.body(|frame| {
            frame.end.wait(parker());
            assert_eq!(frame.written(), 1);
            free(&frame.end);
        });
        order.run(vec![setter, waiter]);
    });
}

/// As a worker that helps: it looks, sleeps at most once, looks again.
#[test]
fn a_waiter_that_only_looks_may_free_the_frame_too() {
    check(2, |order| {
        let frame = Frame::new(Latch::new());
        let setter = frame.remote().body(|frame| {
            frame.write(0);
            frame.end.set();
        });
        let waiter = frame.body(|frame| {
            while !frame.end.is_set() {
                loom::thread::yield_now();
            }
            assert_eq!(frame.written(), 1);
            free(&frame.end);
        });
        order.run(vec![setter, waiter]);
    });
}

/// A parker outlives its waits: a release that comes late wakes the next wait once for nothing.
#[test]
fn a_late_release_disturbs_no_later_wait() {
    check(2, |order| {
        let (first, second) = (Frame::new(Latch::new()), Frame::new(Latch::new()));
        let remotes = (first.remote(), second.remote());
        let setter = body(move || {
            for Remote(frame) in [remotes.0, remotes.1] {
                // SAFETY: as in `Remote::body`.
                let frame = unsafe { &*frame };
                frame.write(0);
                frame.end.set();
            }
        });
        let waiter = body(move || {
            let parker = parker();
            for frame in [&first, &second] {
                frame.end.wait(parker);
                assert_eq!(frame.written(), 1);
                free(&frame.end);
            }
        });
        order.run(vec![setter, waiter]);
    });
}

#[test]
fn a_tally_ends_once_after_all_its_parts() {
    check(3, |order| {
        let frame = Frame::new(Tally::new());
        // Before the parts are handed out, as `spawn` does.
        // SAFETY: by the thread that has made it, in effect: the others begin later.
        unsafe { frame.end.add_local() };
        // SAFETY: as above.
        unsafe { frame.end.add_local() };
        let parent = frame.remote().body(|frame| {
            frame.end.add_remote();
            frame.write(0);
            frame.end.done(1);
            // The child, which somebody else could have run as well.
            frame.write(2);
            frame.end.done(1);
        });
        let single = frame.remote().body(|frame| {
            frame.write(1);
            frame.end.done(1);
        });
        let owner = frame.body(|frame| {
            // SAFETY: once, by the owner.
            unsafe { frame.end.settle() };
            frame.end.latch.wait(parker());
            assert_eq!(frame.written(), 3);
            free_tally(&frame.end);
        });
        order.run(vec![parent, single, owner]);
    });
}

/// Ends that a worker has held back are entered as one.
#[test]
fn ends_may_come_in_a_lump() {
    check(2, |order| {
        let mut tally = Tally::new();
        tally.rearm(3);
        let frame = Frame::new(tally);
        let worker = frame.remote().body(|frame| {
            frame.write(0);
            frame.write(1);
            frame.end.done(2);
        });
        let owner = frame.body(|frame| {
            frame.write(2);
            frame.end.done(1);
            frame.end.latch.wait(parker());
            assert_eq!(frame.written(), 3);
            free_tally(&frame.end);
        });
        order.run(vec![worker, owner]);
    });
}
