//! A leaf's run: polling what its signals say.

use core::ptr::{self, NonNull};
use core::task::Context;

use taskweave_sys::mutated;
use taskweave_sys::sync::atomic::Ordering;
use taskweave_sys::sync::cell::Cell;

use super::cell::FutureVerbs;
use super::leaf::{LeafRef, SLOTS, SlotRef};
use crate::cancel::CancelToken;
use crate::error::TaskError;
use crate::kind::Measure;
use crate::shared::{Phase, Shared};
use crate::spawn::state::{Cancel, Pended};
use crate::task::{Class, Description, Header, TaskVTable};
use crate::thread;
use crate::worker::Worker;

pub(super) static TASK: TaskVTable = TaskVTable {
    run,
    abandon,
    describe,
    forecast: None,
    tallies: false,
    root: None,
    class: Class::TopLevel,
    label: "future",
};

unsafe fn describe(_: NonNull<Header>) -> Description {
    Description {
        kind: "futures",
        name: None,
    }
}

unsafe fn run(task: NonNull<Header>) {
    let leaf = LeafRef::from_header(task);
    // From here on the header is whoever's sets the next first signal.
    let bits = leaf.signals().take();
    // SAFETY: whoever runs a task keeps its pool alive.
    let shared = unsafe { &*leaf.shared() };
    Worker::with_current_of(shared, |worker| match worker {
        Some(worker) => worker.poll_all(leaf, bits),
        None => each(bits, |index| {
            let slot = leaf.slot(index);
            if slot.state().begin_poll() {
                // SAFETY: claimed just now.
                unsafe { poll(slot, shared, None) };
            }
        }),
    });
}

unsafe fn abandon(task: NonNull<Header>) {
    let leaf = LeafRef::from_header(task);
    each(leaf.signals().take(), |index| {
        let slot = leaf.slot(index);
        if slot.state().begin_poll() {
            // SAFETY: claimed just now.
            unsafe { settle(slot, TaskError::Shutdown) };
        }
    });
}

fn each(mut bits: u64, mut act: impl FnMut(u32)) {
    while bits != 0 {
        act(bits.trailing_zeros());
        bits &= bits - 1;
    }
}

/// Of the leaf that a worker's occupant runs: what is to be polled, and what is to be polled again.
pub(crate) struct Polls {
    leaf: Cell<Option<LeafRef>>,
    rest: Cell<u64>,
    again: Cell<u64>,
    /// What the last poll has woken, of any leaf: it's next.
    woken: Cell<Option<Woken>>,
    /// The future that is being polled, unless what it wakes is to be anybody's at once.
    now: Cell<*const ()>,
    /// The count of the waker that woke it, for the first one that its poll clones.
    spare: Cell<bool>,
    /// The poll is expected to be over soon: what it wakes may wait for that.
    short: Cell<bool>,
}

/// What became of a wake.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Noted {
    /// It needs a signal.
    No,
    /// It needs nothing more.
    Yes,
    /// As `Yes`, and the waker's count stays with it, if there was one.
    Kept,
}

/// A future that is polled next, perhaps with the count of the waker that is used up by it: most polls that have to wait clone one.
#[derive(Clone, Copy)]
struct Woken {
    slot: SlotRef,
    counted: bool,
}

impl Woken {
    /// # Safety
    /// The count, if there is one, is given up.
    #[inline]
    unsafe fn uncount(self) {
        if self.counted {
            // SAFETY: by the caller's word.
            unsafe { self.slot.drop_ref() };
        }
    }
}

impl Polls {
    pub(crate) fn new() -> Self {
        Polls {
            leaf: Cell::new(None),
            rest: Cell::new(0),
            again: Cell::new(0),
            woken: Cell::new(None),
            now: Cell::new(ptr::null()),
            spare: Cell::new(false),
            short: Cell::new(false),
        }
    }

    /// A poll on this thread has woken a future, which is seen to without a signal if that can wait for the end of the poll.
    #[inline]
    pub(super) fn note(&self, slot: SlotRef, counted: bool) -> Noted {
        let own = ptr::eq(self.now.get(), slot.0.as_ptr().cast());
        if !own && !self.short.get() {
            return Noted::No;
        }
        let woken = self.woken.get();
        if !own && woken.is_none() {
            self.woken.set(Some(Woken { slot, counted }));
            return Noted::Kept;
        }
        // One that wakes itself lets others go first, and so is never next.
        if self.join_again(slot) || !own && woken.is_some_and(|woken| woken.slot == slot) {
            return Noted::Yes;
        }
        Noted::No
    }

    /// Has a future of the run's leaf polled again. False: it's of another leaf.
    #[inline]
    fn join_again(&self, slot: SlotRef) -> bool {
        let ours = self.leaf.get() == Some(slot.leaf());
        if ours {
            self.again.set(self.again.get() | slot.bit());
        }
        ours
    }

    /// A future has ended that may have woken itself.
    #[inline]
    fn leave_again(&self, slot: SlotRef) {
        if self.leaf.get() == Some(slot.leaf()) {
            self.again.set(self.again.get() & !slot.bit());
        }
    }

    /// The count of the waker that this poll is owed to, for a clone. False: there is none.
    #[inline]
    pub(super) fn take_spare(&self, slot: SlotRef) -> bool {
        self.spare.get()
            && ptr::eq(self.now.get(), slot.0.as_ptr().cast())
            && self.spare.replace(false)
    }

    /// A poll begins here.
    #[inline]
    fn begin(&self, woken: Woken, short: bool) {
        self.now.set(woken.slot.0.as_ptr().cast());
        self.spare.set(woken.counted);
        self.short.set(short);
    }

    /// No poll goes on here, or what it wakes can't wait for its end.
    #[inline]
    fn end(&self) {
        self.short.set(false);
        let now = self.now.replace(ptr::null());
        if self.spare.replace(false)
            && let Some(slot) = SlotRef::of(now)
        {
            // SAFETY: the count came with the wake, and nobody else has it.
            unsafe { slot.drop_ref() };
        }
    }

    /// How many futures wait here for their poll.
    #[inline]
    fn waiting(&self) -> usize {
        let bits = self.rest.get() | self.again.get();
        bits.count_ones() as usize + usize::from(self.woken.get().is_some())
    }

    /// Hands back what isn't polled yet, for anybody; and what the poll that goes on wakes from here on is anybody's at once.
    #[inline]
    pub(crate) fn publish(&self) {
        self.end();
        self.hand_back(LeafRef::raise);
    }

    #[inline]
    fn hand_back(&self, raise: impl Fn(LeafRef, u64)) {
        let bits = self.rest.replace(0) | self.again.replace(0);
        if bits != 0
            && let Some(leaf) = self.leaf.get()
        {
            raise(leaf, bits);
        }
        if let Some(woken) = self.woken.take()
            && !mutated!("future-woken-forgotten")
        {
            raise(woken.slot.leaf(), woken.slot.bit());
            // SAFETY: taken just now.
            unsafe { woken.uncount() };
        }
    }

    fn enter(&self, leaf: LeafRef, bits: u64) {
        // A leaf may be run on top of another one's poll, by a wait that helps.
        self.publish();
        self.leaf.set(Some(leaf));
        self.rest.set(bits);
    }

    /// The next future of the run. `chain` more may be polled that weren't in its signals.
    fn next(&self, leaf: LeafRef, chain: &mut u32) -> Option<Woken> {
        if self.leaf.get() != Some(leaf) {
            return None;
        }
        if *chain > 0
            && let Some(woken) = self.woken.take()
        {
            *chain -= 1;
            return Some(woken);
        }
        let bits = self.rest.get();
        if bits == 0 {
            return None;
        }
        self.rest.set(bits & (bits - 1));
        Some(Woken {
            slot: leaf.slot(bits.trailing_zeros()),
            counted: false,
        })
    }

    /// The run is over, and a boundary between two bodies follows, if `at_boundary`.
    fn leave(&self, at_boundary: bool) {
        self.hand_back(if at_boundary {
            LeafRef::raise_at_end
        } else {
            LeafRef::raise
        });
        self.leaf.set(None);
    }
}

impl Worker {
    fn poll_all(&self, leaf: LeafRef, bits: u64) {
        let polls = &self.polls;
        polls.enter(leaf, bits);
        let mut chain = SLOTS as u32 - bits.count_ones();
        while let Some(woken) = polls.next(leaf, &mut chain) {
            let slot = woken.slot;
            if !slot.state().begin_poll() {
                // SAFETY: taken just now.
                unsafe { woken.uncount() };
                continue;
            }
            // SAFETY: claimed just now.
            let kind = unsafe { FutureVerbs::of(slot) }.poll as usize;
            let outlook = self.before_poll(kind, polls.waiting());
            if outlook.is_better_shared {
                polls.publish();
            }
            let start = outlook.is_due.then(|| self.kinds.now());
            polls.begin(woken, outlook.is_short);
            // SAFETY: claimed just now.
            unsafe { poll(slot, self.shared(), Some(self)) };
            if !self.is_current() {
                // What was left was handed back when the slot was given away.
                return;
            }
            polls.end();
            if let Some(start) = start {
                self.kinds.record_since(Measure { kind, start });
            }
        }
        // A wait on whose stack this ran may be over, and what follows then is the rest of a body.
        polls.leave(self.depth().get() == 0);
    }
}

/// Polls a future, and settles it if need be.
///
/// # Safety
/// It's claimed by the caller.
unsafe fn poll(slot: SlotRef, shared: &Shared, worker: Option<&Worker>) {
    // SAFETY: claimed.
    let core = unsafe { slot.core() };
    if core
        .options
        .token
        .as_ref()
        .is_some_and(CancelToken::is_cancelled)
    {
        // SAFETY: claimed.
        return unsafe { settle(slot, TaskError::Cancelled) };
    }
    let closing = shared.phase() != Phase::Open;
    let alone = closing && slot.is_alone();
    let wakes = slot.wakes().load(Ordering::Relaxed);
    // SAFETY: claimed.
    let verbs = unsafe { FutureVerbs::of(slot) };
    let waker = slot.waker();
    // Relaxed: read under the lock of the list of blocked threads.
    core.runner.store(thread::token(), Ordering::Relaxed);
    let rooted = thread::enter_root(slot.core_ptr().as_ptr() as usize);
    // SAFETY: claimed.
    let ready = unsafe { (verbs.poll)(slot, &mut Context::from_waker(&waker)) };
    drop(rooted);
    // Relaxed: as above.
    core.runner.store(0, Ordering::Relaxed);
    let here = worker.filter(|worker| worker.is_current());
    if let Some(worker) = here {
        worker.slot().counters.polls.add(1);
    }
    if ready {
        if let Some(worker) = here {
            worker.polls.leave_again(slot);
        }
        // SAFETY: claimed, and the result is stored.
        return unsafe { end(slot, shared, here) };
    }
    // Nobody could wake it before this poll, nor now, and nobody has in between.
    let stuck = alone && slot.is_alone() && slot.wakes().load(Ordering::Relaxed) == wakes;
    // Relaxed: `close` has every future polled after it was set.
    if closing && (stuck || shared.futures.dropping.load(Ordering::Relaxed)) {
        if let Some(worker) = here {
            worker.polls.leave_again(slot);
        }
        // SAFETY: claimed.
        return unsafe { settle(slot, TaskError::Shutdown) };
    }
    match slot.state().end_poll() {
        Pended::Idle => {}
        Pended::Again => {
            if !here.is_some_and(|worker| worker.polls.join_again(slot)) {
                slot.leaf().raise(slot.bit());
            }
        }
        // SAFETY: claimed still.
        Pended::Aborted => unsafe { settle(slot, TaskError::Cancelled) },
    }
}

/// Drops a future and stores an error.
///
/// # Safety
/// It's claimed by the caller.
pub(super) unsafe fn settle(slot: SlotRef, error: TaskError) {
    // SAFETY: claimed.
    let verbs = unsafe { FutureVerbs::of(slot) };
    // SAFETY: as above.
    unsafe { (verbs.settle)(slot, error) };
    // SAFETY: a slot in use keeps its pool alive.
    let shared = unsafe { &*slot.leaf().shared() };
    Worker::with_current_of(shared, |worker| {
        // SAFETY: claimed, and the result is stored.
        unsafe { end(slot, shared, worker) };
    });
}

/// # Safety
/// The future is claimed by the caller, who has stored the result.
unsafe fn end(slot: SlotRef, shared: &Shared, worker: Option<&Worker>) {
    // The slot may be the last that keeps the pool's shared part, for a thread from outside.
    let _guard = worker.is_none().then(|| shared.this.upgrade());
    // SAFETY: claimed.
    let verbs = unsafe { FutureVerbs::of(slot) };
    // SAFETY: claimed.
    if let Some(token) = &unsafe { slot.core() }.options.token {
        token.part();
    }
    // SAFETY: passed on; not touched afterwards.
    unsafe { (verbs.end)(slot) };
    match worker {
        Some(worker) => worker.slot().counters.futures_ended.add(1),
        None => {
            shared.futures.ended.add_shared(1);
            if shared.phase() != Phase::Open {
                crate::keeper::end_if_over(shared);
            }
            shared.check_stall();
        }
    }
}

/// Cancels a future for its handle. True: the result is `Cancelled`.
///
/// # Safety
/// A share of the task is the caller's.
pub(super) unsafe fn cancel(slot: SlotRef) -> bool {
    match slot.state().cancel() {
        Cancel::Claimed => {
            // SAFETY: claimed just now.
            unsafe { settle(slot, TaskError::Cancelled) };
            true
        }
        Cancel::Noted | Cancel::Late => false,
    }
}
