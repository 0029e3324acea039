//! The models of stalls: a part of the keepers', whose world they use.
//!
//! In each a *sleeper*, which is a body that has given its slot away, waits as a wait for a task does, and can be told that it
//! never ends.

use taskweave_sys::sync::atomic::{AtomicBool, Ordering};
use taskweave_sys::sync::thread::yield_now;

use super::{Here, World, close_world, leak, setter};
use crate::blocking;
use crate::latch::Latch;
use crate::model::{Body, check};
use crate::thread;

/// Sleeps without a slot until the latch is set (true), or it's told that it never will be; then ends the pool.
fn sleep(world: &World, latch: &Latch) -> bool {
    let stalled = AtomicBool::new(false);
    let parker = thread::parker();
    let entered = world.shared.sleepers.enter(Some(&stalled), false);
    while !stalled.load(Ordering::Acquire) && latch.register(parker) {
        let ticket = parker.prepare();
        if latch.is_set() || stalled.load(Ordering::Acquire) {
            ticket.cancel();
            break;
        }
        world.shared.check_stall();
        ticket.commit();
    }
    drop(entered);
    close_world(world);
    !stalled.load(Ordering::Acquire)
}

impl World {
    /// A world with a slot, and a body that runs without one.
    fn with_sleeper() -> Box<World> {
        let world = World::new(1, 0);
        world
            .shared
            .sleepers
            .without_slot
            .fetch_add(1, Ordering::SeqCst);
        world
    }
}

fn sleeper(here: Here, latch: &'static Latch, ends: bool) -> Body<()> {
    here.body(move |world| assert_eq!(sleep(world, latch), ends))
}

/// A sleeper and a keeper lie down, and nothing will ever move: whoever is last finds out.
#[test]
fn the_last_to_sleep_finds_out() {
    check(2, |order| {
        let world = World::with_sleeper();
        let here = world.here();
        order.run(vec![
            here.body(|world| world.keep(0)),
            sleeper(here, leak(Latch::new()), false),
        ]);
    });
}

/// A thread from outside queues what the sleeper waits for, and goes. A slot wakes, runs it, and sleeps again, while
/// others look whether anything moves.
#[test]
fn a_nap_between_two_looks_is_noticed() {
    check(3, |order| {
        let world = World::with_sleeper();
        world.asleep(0);
        world.shared.sleepers.outside.fetch_add(1, Ordering::SeqCst);
        let here = world.here();
        let latch = leak(Latch::new());
        order.run(vec![
            here.body(|world| world.keep_asleep(0)),
            sleeper(here, latch, true),
            here.body(|world| {
                // SAFETY: a live header, in no queue.
                unsafe { world.shared.inject(setter(world, latch)) };
                let outside = &world.shared.sleepers.outside;
                outside.fetch_sub(1, Ordering::SeqCst);
                world.shared.check_stall();
            }),
        ]);
    });
}

/// The sleeper waits for a body whose own wait in the middle of a slot's stack is over, but which hasn't woken.
#[test]
fn a_wait_that_is_over_moves() {
    check(2, |order| {
        let world = World::with_sleeper();
        let here = world.here();
        let (inner, outer) = (leak(Latch::new()), leak(Latch::new()));
        order.run(vec![
            here.body(|world| {
                let worker = &world.shared.slots[0].worker;
                thread::set_current(worker);
                worker.wait(inner, worker.owner.position());
                outer.set();
                world.keep(0);
            }),
            here.body(|world| {
                inner.set();
                assert!(sleep(world, outer));
            }),
        ]);
    });
}

/// A blocking thread ends what the sleeper waits for, and is idle then, while a keeper lies down and looks.
#[test]
fn a_blocking_thread_moves_what_waits_for_it() {
    check(2, |order| {
        let world = World::with_sleeper();
        let here = world.here();
        let latch = leak(Latch::new());
        // SAFETY: a live header, in no queue.
        unsafe { blocking::submit(&world.shared, setter(&world, latch)) }.unwrap();
        order.run(vec![
            here.body(|world| world.keep(0)),
            sleeper(here, latch, true),
        ]);
        // The task's memory is the world's.
        while !world.shared.blocking.is_idle() {
            yield_now();
        }
    });
}
