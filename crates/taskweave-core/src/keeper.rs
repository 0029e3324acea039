#![doc = include_str!("keeper/README.md")]

#[cfg(all(test, taskweave_loom))]
pub(crate) mod models;

use core::ptr;
use std::io;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use taskweave_sys::machine::{affinity, priority};
use taskweave_sys::mutated;
use taskweave_sys::parker::Parker;
use taskweave_sys::sync::atomic::{AtomicUsize, Ordering, fence};
use taskweave_sys::sync::hint::spin_loop;
use taskweave_sys::sync::thread::Builder;
use taskweave_sys::sync::{Condvar, MutexGuard};

use crate::error::TaskError;
use crate::idle::Sleep;
use crate::shared::{MODE_ASLEEP, MODE_WOKEN, Phase, Shared, Slot};
use crate::thread;
use crate::timer::Slept;
use crate::worker::Worker;

/// One thread of a pool.
pub(crate) struct Keeper {
    parker: Parker,
    /// The slot it keeps, or [`NONE`] for a spare.
    slot: AtomicUsize,
}

const NONE: usize = usize::MAX;

impl Keeper {
    pub(crate) fn parker(&self) -> &Parker {
        &self.parker
    }
}

/// The list of a pool's threads.
#[derive(Default)]
pub(crate) struct Keepers {
    /// All that were ever started; slots point to them.
    all: Vec<Arc<Keeper>>,
    /// Indices into `all` of those that wait to be given a slot.
    spares: Vec<usize>,
    /// Threads that haven't ended.
    live: usize,
    /// Threads that run a body without a slot, because it blocked.
    displaced: usize,
    all_gone: Arc<Condvar>,
}

fn lock(shared: &Shared) -> MutexGuard<'_, Keepers> {
    shared
        .keepers
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

/// Starts one keeper for each slot.
pub(crate) fn start_all(shared: &Arc<Shared>) -> io::Result<()> {
    let started = (0..shared.slots.len()).try_for_each(|slot| start(shared, slot).map(drop));
    if started.is_err() {
        // The slots without a keeper never sleep, so nobody would ever find the pool to be over.
        end(shared, &lock(shared));
    }
    started
}

fn start(shared: &Arc<Shared>, slot: usize) -> io::Result<usize> {
    start_in(shared, &mut lock(shared), slot)
}

fn start_in(shared: &Arc<Shared>, keepers: &mut Keepers, slot: usize) -> io::Result<usize> {
    let index = keepers.all.len();
    let keeper = Arc::new(Keeper {
        parker: Parker::new(),
        slot: AtomicUsize::new(slot),
    });
    if slot != NONE {
        // Release: pairs with the load in `wake_keeper`.
        shared.slots[slot]
            .keeper
            .store(Arc::as_ptr(&keeper).cast_mut(), Ordering::Release);
    }
    let mut builder = Builder::new().name(shared.config.thread_name(index));
    if let Some(bytes) = shared.config.stack_size {
        builder = builder.stack_size(bytes);
    }
    let for_thread = (Arc::clone(shared), Arc::clone(&keeper));
    let first_slot = (slot != NONE).then_some(slot);
    builder.spawn(move || {
        let (shared, keeper) = for_thread;
        keep(&shared, &keeper, index, first_slot);
    })?;
    keepers.all.push(keeper);
    keepers.live += 1;
    Ok(index)
}

/// Why a keeper stopped running its slot.
enum Left {
    /// The pool is gone.
    Gone,
    /// A body blocked, and the slot has another keeper now.
    Displaced,
}

fn keep(shared: &Arc<Shared>, keeper: &Keeper, index: usize, first_slot: Option<usize>) {
    set_up_thread(shared, index);
    // Now, so that no later wait allocates it.
    let _ = thread::parker();
    if let Some(hook) = &shared.config.on_start {
        crate::error::contain(|| hook(index));
    }
    let home = thread::enter_home(shared);
    let mut first = first_slot;
    loop {
        let (slot, woken) = match first.take() {
            Some(slot) => (slot, false),
            None => match await_slot(shared, keeper) {
                Some(slot) => (slot, true),
                None => break,
            },
        };
        match run_slot(shared, keeper, &shared.slots[slot], woken) {
            Left::Gone => break,
            Left::Displaced => become_spare(shared, keeper, index),
        }
    }
    drop(home);
    if let Some(hook) = &shared.config.on_stop {
        crate::error::contain(|| hook(index));
    }
    leave(shared);
}

/// A thread is about to end. The last one takes along what has come too late.
fn leave(shared: &Shared) {
    let mut keepers = lock(shared);
    keepers.live -= 1;
    if keepers.live > 0 {
        return;
    }
    let all_gone = Arc::clone(&keepers.all_gone);
    drop(keepers);
    if !mutated!("keeper-leave-without-fence") {
        // Partner of the fence in `published`: a submission that this sweep doesn't see sees that
        // no thread is left.
        fence(Ordering::SeqCst);
    }
    shared.sweep_all();
    shared.close_timers();
    all_gone.notify_all();
}

fn set_up_thread(shared: &Shared, index: usize) {
    let config = &shared.config;
    if let Some(cpus) = config.cpus_of(index % config.worker_threads) {
        // The builder tried it on a thread of its own, so this fails only if the set of processors
        // has shrunk since; the thread then runs unpinned.
        let _ = affinity::pin_current_thread(&cpus);
    }
    if let Some(wanted) = config.priority {
        // As above.
        let _ = priority::set_current(wanted);
    }
}

/// Occupies the slot until the pool is gone or a body gives the slot away.
fn run_slot(shared: &Shared, keeper: &Keeper, slot: &Slot, woken: bool) -> Left {
    let worker = &slot.worker;
    thread::set_current(worker);
    if woken {
        worker.accept_token();
    }
    loop {
        worker.look_at_timers();
        let task = worker.next_task().or_else(|| {
            worker.enter_ends();
            worker.search(|| shared.phase() != Phase::Open)
        });
        if let Some(task) = task {
            worker.drop_token();
            let measure = worker.pass_timers_on(task);
            worker.run(task);
            if !worker.is_current() {
                return Left::Displaced;
            }
            if let Some(measure) = measure {
                worker.kinds.record_since(measure);
            }
            continue;
        }
        thread::set_current(ptr::null());
        if !sleep_at_base(shared, keeper, slot) {
            return Left::Gone;
        }
        thread::set_current(worker);
    }
}

/// Sleeps until the slot is this keeper's to run again. False: the pool is gone.
fn sleep_at_base(shared: &Shared, keeper: &Keeper, slot: &Slot) -> bool {
    !lie_down(shared, slot) || await_wake(shared, keeper, slot)
}

/// Declares the slot asleep. False: there is work, and it's awake still.
fn lie_down(shared: &Shared, slot: &Slot) -> bool {
    let worker = &slot.worker;
    let index = worker.index();
    // Relaxed: released by the bit that `announce` sets.
    slot.mode.store(MODE_ASLEEP, Ordering::Relaxed);
    let token = worker.forget_token();
    slot.counters.parks.add(1);
    // From here on the slot may be somebody else's.
    shared.idle.announce(index, Sleep::Base);
    if token {
        // The look below is the look that dropping the last token calls for.
        let _ = shared.idle.end_search();
    }
    if shared.work_visible() {
        if shared.idle.retract(index, Sleep::Base) {
            worker.accept_token();
            // What is visible may be somebody's who is halfway through taking or queueing it.
            spin_loop();
            return false;
        }
        if !mutated!("keeper-borrowed-look-dropped") {
            // Whoever has the slot may have come for something else, and the token's end called for this look.
            shared.wake_one();
        }
    }
    true
}

/// Sleeps until somebody who has claimed the slot wakes its keeper. False: the pool is gone.
fn await_wake(shared: &Shared, keeper: &Keeper, slot: &Slot) -> bool {
    let start = slot.worker.kinds.now();
    loop {
        end_if_over(shared);
        let ticket = keeper.parker.prepare();
        // Acquire: pairs with the store in `wake_keeper`; the slot is this thread's now.
        if slot.mode.load(Ordering::Acquire) == MODE_WOKEN {
            ticket.cancel();
            break;
        }
        if shared.phase() == Phase::Gone {
            ticket.cancel();
            return false;
        }
        shared.check_stall();
        let worker = &slot.worker;
        if shared.timers.sleep(worker.index(), &keeper.parker, ticket) == Slept::Due {
            if shared.idle.retract(worker.index(), Sleep::Base) {
                worker.timers_are_due();
                break;
            }
            // Somebody else has the slot.
            shared.fire_timers();
        }
    }
    slot.worker.accept_token();
    slot.worker.slept_since(start);
    true
}

/// Has the pool refuse new work and end when it can, at the latest the later one of several calls asks for.
pub(crate) fn close(shared: &Shared, phase: Phase) {
    shared.phase.fetch_max(phase as u8, Ordering::SeqCst);
    // Partner of the fence in `published`: a submission that doesn't see the phase is seen by the keepers' next look at
    // the queues.
    fence(Ordering::SeqCst);
    shared.blocking.wake_all();
    shared.wake_futures();
    end_if_over(shared);
}

/// Ends a closing pool in which every slot sleeps at its base, no body runs without one, and nothing is queued. To be
/// called whenever something that kept it alive has ended.
///
/// All slots are claimed first. From then on nothing can begin in this pool, so that it doesn't matter in
/// which moment each of the other conditions holds; and nobody is woken in a pool that is gone.
pub(crate) fn end_if_over(shared: &Shared) {
    if !mutated!("keeper-end-without-fence") {
        // Partner of the fence in `close`: either this sees that the pool is closing, or `close` sees what has ended.
        fence(Ordering::SeqCst);
    }
    if !matches!(shared.phase(), Phase::Draining | Phase::Dropping) {
        return;
    }
    // One at a time: of two who claim half of the slots each, neither would end the pool.
    let keepers = lock(shared);
    let slots = shared.slots.len();
    if mutated!("keeper-end-by-looks") {
        let displaced = shared.sleepers.without_slot.load(Ordering::SeqCst);
        if displaced == 0 && shared.idle.all_at_base(slots) && !shared.work_visible() {
            end(shared, &keepers);
        }
        return;
    }
    if !shared.idle.all_at_base(slots) {
        return;
    }
    let mut claimed = Vec::with_capacity(slots);
    while claimed.len() < slots
        && let Some(slot) = shared.idle.claim(Sleep::Base, 0)
    {
        claimed.push(slot);
    }
    // In this order: a body without a slot may leave a task to a blocking thread, and both may leave work in a queue.
    if claimed.len() == slots
        && shared.sleepers.without_slot.load(Ordering::SeqCst) == 0
        && shared.blocking.is_idle()
        && shared.live_futures() == 0
        && !shared.work_visible()
    {
        end(shared, &keepers);
        return;
    }
    for slot in claimed {
        shared.idle.announce(slot, Sleep::Base);
    }
    drop(keepers);
    if shared.work_visible() {
        shared.wake_one();
    }
    shared.check_stall();
}

/// Each thread leaves when it sees this.
fn end(shared: &Shared, keepers: &Keepers) {
    shared.phase.store(Phase::Gone as u8, Ordering::SeqCst);
    for keeper in &keepers.all {
        keeper.parker.release(1);
    }
    shared.blocking.wake_all();
}

fn become_spare(shared: &Shared, keeper: &Keeper, index: usize) {
    thread::set_without_slot(ptr::null());
    {
        let mut keepers = lock(shared);
        keeper.slot.store(NONE, Ordering::Relaxed);
        keepers.displaced -= 1;
        keepers.spares.push(index);
    }
    shared.sleepers.without_slot.fetch_sub(1, Ordering::SeqCst);
    end_if_over(shared);
    shared.check_stall();
}

/// Sleeps as a spare until a slot that was given to this keeper is woken.
fn await_slot(shared: &Shared, keeper: &Keeper) -> Option<usize> {
    loop {
        let ticket = keeper.parker.prepare();
        // Acquire: pairs with the store in `give_slot_away`.
        let slot = keeper.slot.load(Ordering::Acquire);
        // Acquire: pairs with the store in `wake_keeper`.
        if slot != NONE && shared.slots[slot].mode.load(Ordering::Acquire) == MODE_WOKEN {
            ticket.cancel();
            return Some(slot);
        }
        if shared.phase() == Phase::Gone {
            ticket.cancel();
            return None;
        }
        ticket.commit();
    }
}

/// There is no thread to take a slot over.
pub(crate) enum NoSpare {
    /// As many threads as the pool may have are blocked.
    TooManyBlocked { limit: usize },
    /// The system refused to start one.
    Refused,
}

impl From<NoSpare> for TaskError {
    fn from(none: NoSpare) -> TaskError {
        match none {
            NoSpare::TooManyBlocked { limit } => TaskError::TooManyBlocked { limit },
            NoSpare::Refused => TaskError::NoThread,
        }
    }
}

/// The current thread is about to block: its slot gets another keeper, and the thread none.
pub(crate) fn give_slot_away(worker: &Worker) -> Result<(), NoSpare> {
    name_keeper(worker)?;
    leave_slot(worker);
    Ok(())
}

fn leave_slot(worker: &Worker) {
    let shared = worker.shared();
    shared.sleepers.without_slot.fetch_add(1, Ordering::SeqCst);
    thread::set_without_slot(shared);
    thread::set_current(ptr::null());
    shared.vacate(worker);
}

/// Sees to it that somebody sleeps for the slot when its occupant has left.
fn name_keeper(worker: &Worker) -> Result<(), NoSpare> {
    let shared = worker.shared();
    // A borrowed slot has a keeper that sleeps for it already.
    if !worker.is_borrowed() {
        let limit = shared.config.max_blocked;
        // Relaxed: released by the store that makes a spare thread the keeper, which may look at once and must not take
        // an earlier wake for its own.
        if !mutated!("keeper-asleep-after-hand-over") {
            worker.slot().mode.store(MODE_ASLEEP, Ordering::Relaxed);
        }
        find_spare(shared, worker.index(), limit)?;
        if mutated!("keeper-asleep-after-hand-over") {
            worker.slot().mode.store(MODE_ASLEEP, Ordering::Relaxed);
        }
    }
    Ok(())
}

/// Makes a spare thread the keeper of `slot`, starting one if need be.
fn find_spare(shared: &Shared, slot: usize, limit: usize) -> Result<(), NoSpare> {
    let mut keepers = lock(shared);
    if keepers.displaced >= limit {
        return Err(NoSpare::TooManyBlocked { limit });
    }
    let index = match keepers.spares.pop() {
        Some(index) => index,
        None => {
            let owned = shared.this.upgrade().ok_or(NoSpare::Refused)?;
            start_in(&owned, &mut keepers, NONE).map_err(|_| NoSpare::Refused)?
        }
    };
    keepers.displaced += 1;
    let keeper = &keepers.all[index];
    // Release: pairs with the load in `await_slot`.
    keeper.slot.store(slot, Ordering::Release);
    // Release: pairs with the load in `wake_keeper`.
    shared.slots[slot]
        .keeper
        .store(Arc::as_ptr(keeper).cast_mut(), Ordering::Release);
    Ok(())
}

/// Waits until the last thread has ended. False: the time is over.
pub(crate) fn await_end(shared: &Shared, deadline: Option<Instant>) -> bool {
    let mut keepers = lock(shared);
    let all_gone = Arc::clone(&keepers.all_gone);
    while keepers.live > 0 {
        let left = match deadline {
            None => Duration::MAX,
            Some(deadline) => match deadline.checked_duration_since(Instant::now()) {
                Some(left) if !left.is_zero() => left,
                _ => return false,
            },
        };
        keepers = if left == Duration::MAX {
            all_gone
                .wait(keepers)
                .unwrap_or_else(PoisonError::into_inner)
        } else {
            all_gone
                .wait_timeout(keepers, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0
        };
    }
    true
}

impl Shared {
    /// Threads of the pool that haven't ended.
    pub(crate) fn live_threads(&self) -> usize {
        lock(self).live
    }

    /// Threads of the pool that run a body without a slot.
    pub(crate) fn displaced_threads(&self) -> usize {
        lock(self).displaced
    }
}
