//! The models of sleeping, waking, borrowing and handing over, with the functions that a pool's threads really call.

#[path = "../stall/models.rs"]
mod stall;

use core::ptr::NonNull;
use std::sync::Arc;

use loom::cell::UnsafeCell;
use taskweave_sys::inbox::Pop;
use taskweave_sys::parker::Parker;
use taskweave_sys::sync::atomic::{AtomicUsize, Ordering};

use super::{
    Keeper, Left, NONE, await_slot, await_wake, become_spare, close, end, leave, leave_slot,
    lie_down, lock, name_keeper, run_slot, sleep_at_base,
};
use crate::blocking;
use crate::idle::Sleep;
use crate::latch::Latch;
use crate::model::{Body, body, check};
use crate::pool::Pool;
use crate::shared::{MODE_WOKEN, Phase, Shared};
use crate::task::{Class, Description, Header, Task, TaskVTable, vtable};
use crate::thread;

/// A pool without threads; those of the model play them.
struct World {
    shared: Arc<Shared>,
    /// Accessed by whoever believes to occupy the slot: the model reports two who aren't ordered.
    occupied: Vec<UnsafeCell<u32>>,
    tasks: Box<[TestTask]>,
}

#[repr(C)]
struct TestTask {
    header: Header,
    ran: UnsafeCell<u32>,
    world: *const World,
    /// How many of the world's tasks must run before the pool ends.
    left: Arc<AtomicUsize>,
}

const VERBS: TaskVTable = TaskVTable {
    run,
    abandon: run,
    describe: |_| Description {
        kind: "test",
        name: None,
    },
    forecast: None,
    tallies: false,
    root: None,
    class: Class::Child,
    label: "test",
};

unsafe fn run(task: NonNull<Header>) {
    let task: NonNull<TestTask> = task.cast();
    // SAFETY: the world outlives its threads.
    let task = unsafe { task.as_ref() };
    // SAFETY: run once, which the model checks.
    task.ran.with_mut(|ran| unsafe { *ran += 1 });
    if task.left.fetch_sub(1, Ordering::AcqRel) == 1 {
        // SAFETY: as above.
        let shared = unsafe { &(*task.world).shared };
        end(shared, &lock(shared));
    }
}

/// A task that does something once, never freed.
#[repr(C)]
struct Act {
    header: Header,
    act: Box<dyn Fn(&Shared)>,
    /// Whoever runs it keeps that alive.
    shared: *const Shared,
}

const ACT: TaskVTable = TaskVTable {
    run: act,
    abandon: act,
    ..VERBS
};

unsafe fn act(task: NonNull<Header>) {
    let task: NonNull<Act> = task.cast();
    // SAFETY: leaked by `task`.
    let task = unsafe { task.as_ref() };
    // SAFETY: a thread of the pool, or of the model, holds it.
    (task.act)(unsafe { &*task.shared });
}

fn task(world: &World, act: impl Fn(&Shared) + 'static) -> Task {
    let task: &'static Act = leak(Act {
        header: Header::new(const { &ACT }),
        act: Box::new(act),
        shared: Arc::as_ptr(&world.shared),
    });
    NonNull::from(task).cast()
}

/// A task that ends a wait.
fn setter(world: &World, latch: &'static Latch) -> Task {
    task(world, move |_| latch.set())
}

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// A reference to the world that a model's threads may have: it's dropped after all of them.
#[derive(Clone, Copy)]
struct Here(*const World);

impl World {
    fn new(slots: usize, tasks: usize) -> Box<World> {
        let builder = Pool::builder()
            .worker_threads(slots)
            .queue_capacity(2)
            .spin_us(0);
        let shared = Shared::new(builder.check().unwrap());
        for slot in 0..slots {
            add_keeper(&shared, slot);
        }
        let mut world = Box::new(World {
            shared,
            occupied: (0..slots).map(|_| UnsafeCell::new(0)).collect(),
            tasks: Box::new([]),
        });
        let left = Arc::new(AtomicUsize::new(tasks));
        let address: *const World = &raw const *world;
        world.tasks = (0..tasks)
            .map(|_| TestTask {
                header: Header::new(const { &VERBS }),
                ran: UnsafeCell::new(0),
                world: address,
                left: Arc::clone(&left),
            })
            .collect();
        world
    }

    fn here(&self) -> Here {
        Here(self)
    }

    /// Somebody occupies the slot.
    fn occupy(&self, slot: usize) {
        // SAFETY: one occupant at a time, which the model checks.
        self.occupied[slot].with_mut(|count| unsafe { *count += 1 });
    }

    fn keeper(&self, slot: usize) -> &Keeper {
        let keeper = self.shared.slots[slot].keeper.load(Ordering::Relaxed);
        // SAFETY: keepers live as long as the shared part.
        unsafe { &*keeper }
    }

    fn inject(&self, task: usize) {
        let task = NonNull::from(&self.tasks[task]).cast();
        // SAFETY: a live header, in no queue: each is injected once.
        unsafe { self.shared.inject(task) };
    }

    /// Takes a task from some slot's inbox.
    fn take(&self) -> Option<Task> {
        self.shared.slots.iter().find_map(|slot| {
            loop {
                match slot.inbox.try_pop() {
                    Pop::Taken(task) => return Some(task),
                    Pop::Empty => return None,
                    Pop::Busy => loom::thread::yield_now(),
                }
            }
        })
    }

    /// What a slot's keeper does until the pool is gone, less fairness and deques.
    fn keep(&self, slot: usize) {
        let worker = &self.shared.slots[slot].worker;
        loop {
            self.occupy(slot);
            if let Some(task) = self.take() {
                worker.drop_token();
                // SAFETY: taken, so it's alive until one of its verbs is called.
                let verbs = unsafe { vtable(task) };
                // SAFETY: one verb, once.
                unsafe { (verbs.run)(task) };
            } else if !sleep_at_base(&self.shared, self.keeper(slot), &self.shared.slots[slot]) {
                return;
            }
        }
    }

    /// As `keep`, by a keeper that sleeps already.
    fn keep_asleep(&self, slot: usize) {
        let public = &self.shared.slots[slot];
        if await_wake(&self.shared, self.keeper(slot), public) {
            self.keep(slot);
        }
    }

    /// The keeper without a slot.
    fn spare(&self) -> &Keeper {
        let keepers = lock(&self.shared);
        let keeper: *const Keeper = &raw const **keepers.all.last().unwrap();
        drop(keepers);
        // SAFETY: keepers live as long as the shared part.
        unsafe { &*keeper }
    }

    /// Declares a slot asleep before the model begins.
    fn asleep(&self, slot: usize) {
        self.shared.idle.announce(slot, Sleep::Base);
    }

    /// Gives a slot a search token before the model begins.
    fn searching(&self, slot: usize) {
        assert!(self.shared.idle.begin_search(1));
        self.shared.slots[slot].worker.accept_token();
    }

    fn all_ran_once(&self) {
        for task in &self.tasks {
            // SAFETY: the threads have ended.
            assert_eq!(task.ran.with(|ran| unsafe { *ran }), 1);
        }
    }
}

impl Here {
    fn body(self, act: impl FnOnce(&World) + 'static) -> Body<()> {
        // SAFETY: `check`'s bodies are joined before the world goes.
        body(move || act(unsafe { &*self.0 }))
    }
}

/// Ends the pool.
fn close_world(world: &World) {
    end(&world.shared, &lock(&world.shared));
}

/// A pool without keepers counts as one whose threads have left.
pub(crate) fn add_keeper(shared: &Shared, slot: usize) {
    let keeper = Arc::new(Keeper {
        parker: Parker::new(),
        slot: AtomicUsize::new(slot),
    });
    let address = Arc::as_ptr(&keeper).cast_mut();
    let mut keepers = lock(shared);
    keepers.all.push(keeper);
    keepers.live += 1;
    if slot == NONE {
        let index = keepers.all.len() - 1;
        keepers.spares.push(index);
    } else {
        shared.slots[slot].keeper.store(address, Ordering::Relaxed);
    }
}

/// Hazard 1: what is queued while a keeper lies down is seen, or it is woken.
#[test]
fn a_keeper_lies_down_while_work_comes() {
    check(2, |order| {
        let world = World::new(1, 1);
        let here = world.here();
        order.run(vec![
            here.body(|world| {
                let slot = &world.shared.slots[0];
                let left = run_slot(&world.shared, world.keeper(0), slot, false);
                assert!(matches!(left, Left::Gone));
            }),
            here.body(|world| world.inject(0)),
        ]);
        world.all_ran_once();
    });
}

/// Hazard 2: work that comes while somebody searches is that one's to see to, also when it stops searching for other work.
#[test]
fn a_searcher_stops_while_work_comes() {
    check(3, |order| {
        let world = World::new(2, 1);
        world.searching(0);
        world.asleep(1);
        let here = world.here();
        order.run(vec![
            here.body(|world| world.shared.slots[0].worker.drop_token()),
            here.body(|world| world.keep_asleep(1)),
            here.body(|world| world.inject(0)),
        ]);
        world.all_ran_once();
    });
}

/// Hazard 3: a searcher that lies down takes its announcement back for one piece of work, and owes a wake for the other.
#[test]
fn a_searcher_that_stays_up_sees_to_the_rest() {
    check(2, |order| {
        let world = World::new(2, 2);
        world.searching(0);
        world.asleep(1);
        let first = NonNull::from(&world.tasks[0]).cast();
        // SAFETY: a live header, in no queue.
        unsafe { world.shared.slots[0].inbox.push(first) };
        let here = world.here();
        order.run(vec![
            here.body(|world| {
                let slot = &world.shared.slots[0];
                if lie_down(&world.shared, slot) {
                    return world.keep_asleep(0);
                }
                let task = world.take();
                slot.worker.drop_token();
                if let Some(task) = task {
                    // SAFETY: taken, so it's run once.
                    unsafe { run(task) };
                }
                // The other keeper is played by this thread, as the first is busy from then on.
                world.keep_asleep(1);
            }),
            here.body(|world| world.inject(1)),
        ]);
        world.all_ran_once();
    });
}

/// Hazard 4: a slot is lent, while its keeper lies down, to somebody who is busy; others see to the work.
#[test]
fn a_borrower_is_no_help() {
    check(3, |order| {
        let world = World::new(2, 1);
        world.searching(0);
        world.asleep(1);
        let here = world.here();
        order.run(vec![
            here.body(|world| world.keep(0)),
            here.body(|world| world.keep_asleep(1)),
            here.body(|world| {
                world.inject(0);
                if let Some(worker) = world.shared.borrow_slot() {
                    world.occupy(worker.index());
                }
            }),
        ]);
        world.all_ran_once();
    });
}

/// Hazard 5: what is queued while a borrowed slot is given back is seen, or its keeper is woken; and the slot has one
/// occupant at a time.
#[test]
fn a_borrower_leaves_while_work_comes() {
    check(3, |order| {
        let world = World::new(1, 1);
        world.asleep(0);
        let here = world.here();
        order.run(vec![
            here.body(|world| world.keep_asleep(0)),
            here.body(|world| {
                if let Some(worker) = world.shared.borrow_slot() {
                    world.occupy(0);
                    world.shared.vacate(worker);
                }
            }),
            here.body(|world| world.inject(0)),
        ]);
        world.all_ran_once();
    });
}

/// Hazard 6: a search that is refused must not count for a moment. These searches find nothing and are followed by no
/// look of their own, as in a wait that is over.
#[test]
fn a_refused_searcher_promises_nothing() {
    check(3, |order| {
        let world = World::new(1, 1);
        world.asleep(0);
        let here = world.here();
        let searches = |world: &World| {
            if world.shared.idle.begin_search(1) {
                world.shared.end_search();
            }
        };
        order.run(vec![
            here.body(searches),
            here.body(move |world| {
                searches(world);
                // Whoever has been woken does what a keeper does; here, in the same thread, it's less to explore.
                world.keep_asleep(0);
            }),
            here.body(|world| world.inject(0)),
        ]);
        world.all_ran_once();
    });
}

/// Hazard 7: a wait that searches, lies down and ends hands on what was left to it.
#[test]
fn a_wait_ends_while_work_comes() {
    check(3, |order| {
        let world = World::new(2, 1);
        world.searching(0);
        world.asleep(1);
        let here = world.here();
        let latch = leak(Latch::new());
        order.run(vec![
            here.body(|world| {
                let worker = &world.shared.slots[0].worker;
                thread::set_current(worker);
                worker.wait(latch, worker.owner.position());
            }),
            here.body(|world| world.keep_asleep(1)),
            here.body(|world| {
                world.inject(0);
                latch.set();
            }),
        ]);
        world.all_ran_once();
    });
}

/// Hazard 7, too: what ends the wait is queued while it lies down, and nobody else is there to run it.
#[test]
fn a_wait_lies_down_while_its_end_comes() {
    check(2, |order| {
        let world = World::new(1, 0);
        let here = world.here();
        let latch = leak(Latch::new());
        order.run(vec![
            here.body(|world| {
                let worker = &world.shared.slots[0].worker;
                thread::set_current(worker);
                worker.wait(latch, worker.owner.position());
            }),
            here.body(|world| {
                // SAFETY: a live header, in no queue.
                unsafe { world.shared.inject(setter(world, latch)) }
            }),
        ]);
    });
}

/// A body blocks: its slot goes to a spare thread, which takes no earlier wake for its own.
#[test]
fn a_slot_changes_hands_while_work_comes() {
    check(3, |order| {
        let world = World::new(1, 1);
        add_keeper(&world.shared, NONE);
        world.shared.slots[0]
            .mode
            .store(MODE_WOKEN, Ordering::Relaxed);
        let here = world.here();
        order.run(vec![
            here.body(|world| {
                let worker = &world.shared.slots[0].worker;
                thread::set_current(worker);
                assert!(name_keeper(worker).is_ok());
                world.occupy(0);
                leave_slot(worker);
            }),
            here.body(|world| {
                let spare = world.spare();
                if let Some(slot) = await_slot(&world.shared, spare) {
                    world.occupy(slot);
                    let slot = &world.shared.slots[slot];
                    run_slot(&world.shared, spare, slot, true);
                }
            }),
            here.body(|world| world.inject(0)),
        ]);
        world.all_ran_once();
    });
}

/// Something is queued and the pool is closed, in either order, while a keeper lies down: the task is run or swept, and the
/// keeper leaves.
#[test]
fn a_pool_is_closed_while_a_keeper_lies_down() {
    for late in [false, true] {
        check(2, move |order| {
            let world = World::new(1, 1);
            let here = world.here();
            order.run(vec![
                here.body(|world| {
                    world.keep(0);
                    leave(&world.shared);
                }),
                here.body(move |world| {
                    if late {
                        close(&world.shared, Phase::Draining);
                        world.inject(0);
                    } else {
                        world.inject(0);
                        close(&world.shared, Phase::Draining);
                    }
                }),
            ]);
            world.all_ran_once();
        });
    }
}

/// A submission that doesn't know of the shutdown is seen by the last thread that leaves.
#[test]
fn the_last_one_takes_along_what_came_too_late() {
    check(3, |order| {
        let world = World::new(1, 1);
        let here = world.here();
        order.run(vec![
            here.body(|world| {
                while world.shared.phase() == Phase::Open {
                    loom::thread::yield_now();
                }
                leave(&world.shared);
            }),
            here.body(|world| close(&world.shared, Phase::Draining)),
            here.body(|world| world.inject(0)),
        ]);
        world.all_ran_once();
    });
}

/// The last of two keepers to lie down ends the pool, whoever it is.
#[test]
fn a_closed_pool_ends() {
    check(3, |order| {
        let world = World::new(2, 0);
        let here = world.here();
        order.run(vec![
            here.body(|world| world.keep(0)),
            here.body(|world| world.keep(1)),
            here.body(|world| close(&world.shared, Phase::Draining)),
        ]);
        assert!(world.shared.phase() == Phase::Gone);
    });
}

/// A body that has given its slot away keeps a closing pool alive, and its end lets it end.
#[test]
fn a_pool_outlives_its_bodies() {
    check(3, |order| {
        let world = World::new(1, 0);
        add_keeper(&world.shared, NONE);
        let here = world.here();
        order.run(vec![
            here.body(|world| {
                let worker = &world.shared.slots[0].worker;
                let own = world.keeper(0);
                thread::set_current(worker);
                assert!(name_keeper(worker).is_ok());
                leave_slot(worker);
                assert!(world.shared.phase() != Phase::Gone);
                become_spare(&world.shared, own, 0);
            }),
            here.body(|world| {
                let spare = world.spare();
                assert_eq!(await_slot(&world.shared, spare), None);
            }),
            here.body(|world| close(&world.shared, Phase::Draining)),
        ]);
    });
}

/// A blocking thread leaves a task to a closing pool as its last act: the pool goes on until both have run.
#[test]
fn a_pool_outlives_what_blocks() {
    check(1, |order| {
        let world = World::new(1, 0);
        world.asleep(0);
        let ran = leak(Latch::new());
        let last = setter(&world, ran);
        let blocks = task(&world, move |shared| {
            assert!(shared.phase() != Phase::Gone);
            // SAFETY: a live header, in no queue.
            unsafe { shared.inject(last) };
        });
        // SAFETY: a live header, in no queue.
        unsafe { blocking::submit(&world.shared, blocks) }.unwrap();
        order.run(vec![world.here().body(move |world| {
            close(&world.shared, Phase::Draining);
            world.keep_asleep(0);
            assert!(ran.is_set());
        })]);
    });
}
