#![doc = include_str!("wait/README.md")]

use taskweave_sys::deque::Position;
use taskweave_sys::sync::atomic::Ordering;
use taskweave_sys::sync::hint::spin_loop;
use taskweave_sys::sync::thread::yield_now;

use crate::error::Stuck;
use crate::idle::Sleep;
use crate::keeper;
use crate::latch::Latch;
use crate::shared::Shared;
use crate::task::Task;
use crate::thread;
use crate::timer::Slept;
use crate::worker::Worker;

/// Waits that run unrelated tasks nest at most so deep on one stack.
const MAX_DEPTH: u32 = 32;

/// How often a wait looks before it sleeps, outside of a worker.
const SPINS: u32 = 200;

/// Looks for a short while whether `done`; false: time to sleep. A model sleeps at once.
#[inline]
pub(crate) fn spin_until(done: impl Fn() -> bool) -> bool {
    if cfg!(any(taskweave_loom, taskweave_shuttle)) {
        return done();
    }
    (0..SPINS).any(|spin| {
        if done() {
            return true;
        }
        if spin % 32 == 31 {
            // What is waited for may need this very processor.
            yield_now();
        }
        spin_loop();
        false
    })
}

impl Worker {
    /// Returns when the latch is set. `mark` is the deque's position when the first part of what the
    /// latch stands for could have been queued. The slot may be lost on return.
    pub(crate) fn wait(&self, latch: &Latch, mark: Position) {
        let stuck = Stuck;
        self.wait_helping(latch, mark);
        core::mem::forget(stuck);
        // What bodies left here that ran meanwhile isn't to lie behind the one that goes on now, for who knows how long.
        if self.is_current() && self.owner.position() > mark && self.owner.private_len() > 0 {
            self.share();
        }
    }

    fn wait_helping(&self, latch: &Latch, mark: Position) {
        self.enter_ends();
        self.polls.publish();
        let root = thread::root();
        let mut may_help = root == 0 && self.depth().get() < MAX_DEPTH;
        while !latch.is_set() {
            if may_help {
                self.look_at_timers();
            }
            let fair = if may_help { self.fair_task() } else { None };
            if fair.is_none()
                && let Some(task) = self.descendant(mark)
            {
                self.run(task);
                if !self.is_current() {
                    return self.shared().wait_without_slot(latch);
                }
                self.enter_ends();
                continue;
            }
            if !may_help {
                if let Some(task) = self.kin(latch, root) {
                    self.help(task);
                    if !self.is_current() {
                        return self.shared().wait_without_slot(latch);
                    }
                    continue;
                }
                if self.wait_apart(latch) {
                    return;
                }
                may_help = true;
                continue;
            }
            let found = fair
                .or_else(|| self.any_local())
                .or_else(|| self.search(|| latch.is_set()));
            let Some(task) = found else {
                self.sleep_waiting(latch);
                continue;
            };
            self.help(task);
            if !self.is_current() {
                return self.shared().wait_without_slot(latch);
            }
        }
        self.drop_token();
    }

    /// Runs a task on top of this stack that isn't a descendant of what waits.
    fn help(&self, task: Task) {
        self.drop_token();
        self.depth().set(self.depth().get() + 1);
        self.run(task);
        if self.is_current() {
            self.depth().set(self.depth().get() - 1);
            self.enter_ends();
        }
    }

    /// Looks for a task of the same root for as long as a worker looks for any, or until the latch is set.
    fn kin(&self, latch: &Latch, root: usize) -> Option<Task> {
        if self.depth().get() >= MAX_DEPTH {
            return None;
        }
        let budget = self.kinds.us(self.shared().config.spin_us);
        let start = self.kinds.now();
        while !latch.is_set() && self.kinds.now().wrapping_sub(start) <= budget {
            let Some(task) = self.steal_one() else {
                for _ in 0..16 {
                    spin_loop();
                }
                continue;
            };
            if self.root_of(task) == Some(root) {
                return Some(task);
            }
            // Not ours to run here: anybody may have it, the spare thread first.
            // SAFETY: stolen, so in no queue.
            unsafe { self.slot().inbox.push(task) };
            self.shared().wake_for_work();
            return None;
        }
        None
    }

    /// Sleeps until the latch is set or somebody wakes this worker for work.
    fn sleep_waiting(&self, latch: &Latch) {
        let parker = thread::parker();
        let shared = self.shared();
        if !latch.register(parker) {
            return;
        }
        // Relaxed: released by the bit that `announce` sets.
        self.slot()
            .waiter
            .store(core::ptr::from_ref(parker).cast_mut(), Ordering::Relaxed);
        shared.idle.announce(self.index(), Sleep::Waiting);
        if self.forget_token() {
            // The look below is the look that dropping the last token calls for.
            let _ = shared.idle.end_search();
        }
        let ticket = parker.prepare();
        if latch.is_set() || shared.work_visible() {
            ticket.cancel();
            // What is visible may be somebody's who is halfway through taking or queueing it.
            spin_loop();
        } else {
            self.slot().counters.parks.add(1);
            shared.check_stall();
            let start = self.kinds.now();
            if shared.timers.sleep(self.index(), parker, ticket) == Slept::Due {
                self.timers_are_due();
            }
            self.slept_since(start);
        }
        // Either way it ends with a token: taken along with the bit, or left by whoever has claimed it.
        let _ = shared.idle.retract(self.index(), Sleep::Waiting);
        self.accept_token();
    }

    /// Waits without helping: the slot goes to a spare thread. False if there is none to be had; then
    /// helping is the only way on, and a task that needs what this stack holds finds out by itself.
    fn wait_apart(&self, latch: &Latch) -> bool {
        if spin_until(|| latch.is_set()) {
            self.drop_token();
            return true;
        }
        let given = keeper::give_slot_away(self).is_ok();
        if given {
            self.shared().wait_without_slot(latch);
        }
        given
    }
}

/// Waits for a latch of a pool in which this thread occupies no slot.
pub(crate) fn wait_apart_from(latch: &Latch) {
    // SAFETY: the current worker's slot is alive while this thread occupies it.
    if let Some(worker) = unsafe { thread::current().as_ref() } {
        leave_for_another_pool(worker);
    }
    wait_outside(latch);
}

/// A worker's body goes on in another pool, for who knows how long: its own pool gets a spare thread, if there may be one, and all that
/// is queued on the worker.
pub(crate) fn leave_for_another_pool(worker: &Worker) {
    if keeper::give_slot_away(worker).is_err() {
        worker.publish_queues();
        worker.shared().wake_for_work();
    }
}

/// Waits for a latch on a thread that occupies no slot.
pub(crate) fn wait_outside(latch: &Latch) {
    if !spin_until(|| latch.is_set()) {
        latch.wait(thread::parker());
    }
}

/// Runs `f` on a worker slot of the pool: the present one, a borrowed one, or as a task.
pub(crate) fn enter<R, F>(shared: &Shared, f: F) -> R
where
    F: FnOnce(Option<&Worker>) -> R + Send,
    R: Send,
{
    let here = thread::current();
    // SAFETY: the current worker's slot is alive while this thread occupies it.
    if let Some(worker) = unsafe { here.as_ref() }
        && core::ptr::eq(worker.shared(), shared)
    {
        return f(Some(worker));
    }
    if let Some(loan) = borrow(shared) {
        return f(Some(loan.worker));
    }
    crate::stack_job::run_on_worker(shared, f)
}

/// Makes this thread the occupant of a sleeping worker's slot, if there is one.
pub(crate) fn borrow(shared: &Shared) -> Option<Loan<'_>> {
    let worker = shared.borrow_slot()?;
    // SAFETY: the current worker's slot is alive while this thread occupies it.
    if let Some(outer) = unsafe { thread::current().as_ref() } {
        leave_for_another_pool(outer);
    }
    let outer_without = thread::set_without_slot(core::ptr::null());
    if core::ptr::eq(outer_without, shared) {
        // For the time of the loan it has a slot again.
        shared.sleepers.without_slot.fetch_sub(1, Ordering::SeqCst);
    }
    Some(Loan {
        shared,
        worker,
        outer: thread::set_current(worker),
        outer_without,
    })
}

/// A slot that a thread from outside works in. Ends when dropped, also by a panic.
pub(crate) struct Loan<'a> {
    shared: &'a Shared,
    worker: &'a Worker,
    outer: *const Worker,
    outer_without: *const Shared,
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        let lost = !self.worker.is_current();
        thread::set_current(self.outer);
        thread::set_without_slot(self.outer_without);
        let without_slot = &self.shared.sleepers.without_slot;
        match (core::ptr::eq(self.outer_without, self.shared), lost) {
            // It had none before the loan, and has none now.
            (true, true) => {}
            (true, false) => {
                without_slot.fetch_add(1, Ordering::SeqCst);
                self.shared.vacate(self.worker);
            }
            (false, true) => {
                without_slot.fetch_sub(1, Ordering::SeqCst);
                crate::keeper::end_if_over(self.shared);
                self.shared.check_stall();
            }
            (false, false) => self.shared.vacate(self.worker),
        }
    }
}
