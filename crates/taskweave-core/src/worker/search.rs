//! Where the next task comes from.
//!
//! Own children newest first, own top-level tasks oldest first, the inbox, the others. So that nothing starves, that order is
//! broken once in [`SLICE`] tasks by a turn: in turn the worker takes its oldest task and the inbox's, and now and then it looks at a
//! victim first. A run-next chain ends for a turn. Two turns lie at most twice a slice apart (a third, where a wait in the middle of a stack takes one), so **a task is overtaken by at most N · (k + 1) others on
//! its worker, N = 64**, where k counts the tasks that were on the worker when it came (or when it was spilled into the
//! inbox). Waits in the middle of a stack take the same turns where they may run any task (`wait.rs`).

use taskweave_sys::deque::Steal;
use taskweave_sys::inbox::Chain;
use taskweave_sys::sync::hint::spin_loop;
use taskweave_sys::sync::thread::yield_now;

use super::Worker;
use crate::task::{Class, Header, Task, vtable};

/// Tasks between two turns; a run-next chain ends when one is due and something is queued.
const SLICE: u32 = 16;
/// Turns between two measurements of short bodies. A look at the clock costs as much as such a body: after each turn it would take an eighth of all time.
const CHECK: u32 = 4;
/// Turns between two looks at a victim.
const LOOK: u32 = 8;
/// Fewer tasks than these, with the first of a visit, may be hardly worth the cache lines that moved for them.
const SMALL_BOOTY: usize = 16;
/// How long work is left to gather after a booty that wasn't worth it, and at most after several.
pub(super) const LEAST_GATHER_US: u64 = 2;
const MOST_GATHER_US: u64 = 8;
/// Most that a worker spends on looking for work before it sleeps, in spin budgets.
const MOST_PATIENCE: u64 = 4;
/// Most tasks that one visit takes from a victim's deque or inbox.
const BATCH: usize = 64;

impl Worker {
    /// The next task of this worker's own queues.
    pub(crate) fn next_task(&self) -> Option<Task> {
        self.fair_task().or_else(|| self.local_task())
    }

    #[inline]
    pub(super) fn is_turn_due(&self) -> bool {
        self.since_turn.get() >= SLICE
    }

    /// Whether a body of a kind that is known to be short is to be measured again, though everybody is busy.
    #[inline]
    pub(super) fn is_check_due(&self) -> bool {
        let since = self.since_turn.get();
        // Also where no turns are taken, as in waits that help with their own parts alone.
        let slices = || self.turn.get().wrapping_add(since / SLICE);
        since.is_multiple_of(SLICE) && slices().is_multiple_of(CHECK)
    }

    /// Takes a fairness turn if one is due.
    #[inline]
    pub(crate) fn fair_task(&self) -> Option<Task> {
        if !self.is_turn_due() {
            return None;
        }
        self.since_turn.set(0);
        let task = self.fairness_turn();
        if task.is_some() {
            self.slot().counters.fairness_turns.add(1);
        }
        task
    }

    fn fairness_turn(&self) -> Option<Task> {
        let turn = self.turn.get().wrapping_add(1);
        self.turn.set(turn);
        if turn.is_multiple_of(LOOK)
            && let Some(task) = self.visit(self.random() as usize % self.shared().slots.len(), 1)
        {
            // One only: the others would come before what waits in the own inbox.
            return Some(task);
        }
        if turn.is_multiple_of(2) {
            self.owner.pop_oldest()
        } else if self.floor.get().is_some() {
            self.inbox_task(1)
        } else {
            // Without children, the inbox is next when the deque is empty, and nothing is pushed in front of it.
            None
        }
    }

    fn local_task(&self) -> Option<Task> {
        if let Some(floor) = self.floor.get() {
            if let Some(task) = self.owner.pop_above(floor) {
                self.slot().counters.popped_fast.add(1);
                return Some(task);
            }
            self.floor.set(None);
        }
        if let Some(task) = self.owner.pop_oldest() {
            self.slot().counters.popped_slow.add(1);
            return Some(task);
        }
        self.inbox_task(BATCH)
    }

    /// The newest child that was queued since `mark`.
    #[inline]
    pub(crate) fn descendant(&self, mark: taskweave_sys::deque::Position) -> Option<Task> {
        let task = self.owner.pop_above(mark)?;
        // SAFETY: the deque handed it out; it's live until one of its verbs is called.
        if unsafe { vtable(task) }.class == Class::TopLevel {
            // Children are never queued below these, so there are none.
            self.put_back(task);
            return None;
        }
        self.slot().counters.popped_fast.add(1);
        Some(task)
    }

    /// Puts a task back where it was popped from, for anybody to take.
    #[cold]
    fn put_back(&self, task: Task) {
        if self.owner.push(task).is_err() {
            // SAFETY: the deque handed it out, and back.
            unsafe { self.slot().inbox.push(task) };
        }
        self.owner.publish_all();
    }

    /// As `put_back`, for several, the oldest first.
    pub(crate) fn put_all_back(&self, mut tasks: Chain<Header>) {
        if tasks.is_empty() {
            return;
        }
        while let Some(task) = tasks.pop_front() {
            self.put_back(task);
        }
        self.shared().wake_for_work();
    }

    /// A task for a wait that has no descendants left here.
    pub(crate) fn any_local(&self) -> Option<Task> {
        if let Some(task) = self.inbox_task(BATCH) {
            return Some(task);
        }
        let task = self.owner.pop_oldest()?;
        self.slot().counters.popped_slow.add(1);
        Some(task)
    }

    /// Takes up to `most` tasks from the own inbox: one to run, the others into the deque.
    fn inbox_task(&self, most: usize) -> Option<Task> {
        let slot = self.slot();
        if slot.inbox.is_empty() {
            return None;
        }
        let task = self.take_inbox(self.index, most.min(self.owner.room() + 1))?;
        slot.counters.inbox.add(1);
        Some(task)
    }

    /// Takes from the inbox of slot `index`; what isn't returned goes into the own deque.
    fn take_inbox(&self, index: usize, most: usize) -> Option<Task> {
        let inbox = &self.shared().slots[index].inbox;
        let mark = self.owner.position();
        let was_empty = self.owner.is_empty();
        let mut first = None;
        let mut children = true;
        let mut batch = [None; BATCH];
        let mut others = 0;
        inbox.try_take(most.min(BATCH), |task| {
            if first.is_none() {
                first = Some(task);
                return;
            }
            // SAFETY: the inbox handed it out; it's live until one of its verbs is called.
            children &= unsafe { vtable(task) }.class == Class::Child;
            batch[others] = Some(task);
            others += 1;
        });
        let batch = &mut batch[..others];
        let children = was_empty && children && others > 0;
        if children {
            // They leave by the end they come in by. The oldest first: in the order in which their memory was written.
            batch.reverse();
        }
        for task in batch.iter().flatten() {
            if let Err(full) = self.owner.push(*task) {
                self.overflow(full.0);
            }
        }
        if others > 0 {
            // As they were where they come from: the next body may be a long one, or wait for one of them.
            self.owner.publish_all();
        }
        if children {
            self.floor.set(Some(mark));
        }
        first
    }

    /// Looks at one victim's deque, then at its inbox.
    fn visit(&self, index: usize, most: usize) -> Option<Task> {
        if index == self.index {
            return None;
        }
        let slot = &self.shared().slots[index];
        let counters = &self.slot().counters;
        counters.steals_tried.add(1);
        let mark = self.owner.position();
        let was_empty = self.owner.is_empty();
        if let Steal::Taken { first, more } = slot.stealer.steal_into(&self.owner, most) {
            counters.steals_won.add(1);
            counters.stolen_in_batch.add(more as u64);
            self.stolen_at
                .set((more < SMALL_BOOTY).then(|| self.kinds.now()));
            // SAFETY: stolen, so live until one of its verbs is called.
            if was_empty && more > 0 && unsafe { vtable(first) }.class == Class::Child {
                self.floor.set(Some(mark));
            }
            return Some(first);
        }
        if slot.inbox.is_empty() {
            return None;
        }
        let task = self.take_inbox(index, most.min(self.owner.room() + 1))?;
        counters.steals_won.add(1);
        Some(task)
    }

    /// What a child is part of; `None` for a top-level task.
    pub(crate) fn root_of(&self, task: Task) -> Option<usize> {
        // SAFETY: a queue handed it out; it's live until one of its verbs is called.
        let root = unsafe { vtable(task) }.root?;
        // SAFETY: as above.
        Some(unsafe { root(task) })
    }

    /// Whether a task is part of the same root as the code on this stack.
    pub(crate) fn is_kin(&self, task: Task) -> bool {
        self.root_of(task) == Some(crate::thread::root())
    }

    /// The oldest public task of some other worker.
    pub(crate) fn steal_one(&self) -> Option<Task> {
        let count = self.shared().slots.len();
        let from = self.random() as usize % count;
        (0..count).find_map(|step| {
            let index = (from + step) % count;
            if index == self.index {
                return None;
            }
            self.slot().counters.steals_tried.add(1);
            match self.shared().slots[index].stealer.steal_one() {
                Steal::Taken { first, .. } => {
                    self.slot().counters.steals_won.add(1);
                    Some(first)
                }
                _ => None,
            }
        })
    }

    /// A thief that keeps up with a producer of short tasks takes them one by one, and both spend their time on moving cache lines. If the last booty
    /// was small and has kept this worker busy for less than that costs, work is left alone for some microseconds, in which more of it comes together.
    fn let_work_gather(&self) {
        let Some(stolen_at) = self.stolen_at.take() else {
            return;
        };
        let start = self.kinds.now();
        if start.wrapping_sub(stolen_at) >= self.kinds.us(1) {
            self.gather_us.set(LEAST_GATHER_US);
            return;
        }
        let us = self.gather_us.get();
        self.gather_us.set((us * 2).min(MOST_GATHER_US));
        while self.kinds.now().wrapping_sub(start) < self.kinds.us(us) {
            spin_loop();
        }
    }

    /// Takes a search token. Waits for one for a moment, which is less than a sleep costs: whoever has the last one may be about to run something.
    fn begin_search(&self, give_up: &impl Fn() -> bool) -> bool {
        let shared = self.shared();
        let limit = (shared.slots.len() as u32 / 2).max(1);
        let budget = self.kinds.us(shared.config.spin_us.min(2));
        let start = self.kinds.now();
        while !shared.idle.begin_search(limit) {
            if give_up() || self.kinds.now().wrapping_sub(start) >= budget {
                return false;
            }
            spin_loop();
        }
        self.searching.set(true);
        true
    }

    /// This worker has slept since `start`. After a short sleep it looks for longer the next time, as a sleep costs two threads more than it spares:
    /// work comes again and again within the time that phases on one thread take.
    pub(crate) fn slept_since(&self, start: u64) {
        let short = self.kinds.us(self.shared().config.spin_us) * MOST_PATIENCE;
        let patience = self.patience.get();
        self.patience
            .set(if self.kinds.now().wrapping_sub(start) < short {
                (patience * 2).min(MOST_PATIENCE)
            } else {
                (patience / 2).max(1)
            });
    }

    /// One look at every other worker, from a random one on.
    pub(crate) fn visit_all(&self) -> Option<Task> {
        let count = self.shared().slots.len();
        let from = self.random() as usize % count;
        (0..count).find_map(|step| self.visit((from + step) % count, BATCH))
    }

    /// Looks for work elsewhere for as long as the spin budget allows. Whoever finds some while being
    /// the last to search wakes the next.
    pub(crate) fn search(&self, give_up: impl Fn() -> bool) -> Option<Task> {
        let shared = self.shared();
        self.let_work_gather();
        if let Some(task) = self.visit_all() {
            self.drop_token();
            return Some(task);
        }
        if !self.searching.get() && !self.begin_search(&give_up) {
            return None;
        }
        let budget = self.kinds.us(shared.config.spin_us) * self.patience.get();
        let start = self.kinds.now();
        let at_first = self.kinds.us(2);
        let mut rounds = 0_u32;
        loop {
            let task = self.inbox_task(1).or_else(|| self.visit_all());
            if task.is_some() {
                self.drop_token();
                return task;
            }
            let spent = self.kinds.now().wrapping_sub(start);
            if give_up() || spent >= budget {
                return None;
            }
            spin_loop();
            if spent >= at_first {
                for _ in 0..7 {
                    spin_loop();
                }
                rounds += 1;
                if rounds.is_multiple_of(8) {
                    // Whoever is about to bring work may need this very processor.
                    yield_now();
                }
            }
        }
    }
}
