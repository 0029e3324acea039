//! The memory of futures: slots, 64 to a leaf, and the pool's list of leaves.
//!
//! No reference to a whole slot or leaf is ever made, since others write to parts of it: fields are reached through pointers.

use core::mem::MaybeUninit;
use core::ptr::{self, NonNull, addr_of, addr_of_mut};
use std::sync::{Arc, OnceLock, PoisonError};

use crossbeam_utils::CachePadded;
use taskweave_sys::mutated;
use taskweave_sys::signal::Signal;
use taskweave_sys::sync::atomic::{
    AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence, fence_after_rmw,
};
use taskweave_sys::sync::cell::{Cell, UnsafeCell};
use taskweave_sys::sync::{Mutex, MutexGuard};

use super::run;
use crate::metrics::Counter;
use crate::shared::{Phase, Shared};
use crate::spawn::Options;
use crate::spawn::cell::{Core, Waiter};
use crate::spawn::state::State;
use crate::task::Header;
use crate::thread;
use crate::worker::Worker;

/// Futures in a leaf. A model has few, so that it soon needs a second leaf.
pub(crate) const SLOTS: usize = if cfg!(taskweave_loom) { 2 } else { 64 };
const ALL: u64 = u64::MAX >> (64 - SLOTS);
/// A leaf that was full is used again when so many of its slots are free: taking it up costs a lock.
const RELIST: u32 = (SLOTS as u32).div_ceil(4);
/// Words that a slot has for a future and its result.
pub(super) const WORDS: usize = 12;

/// The place of a future.
#[repr(C)]
pub(crate) struct Slot {
    pub(super) core: Core,
    /// Wakers, and one more while the task isn't freed.
    refs: AtomicUsize,
    /// Of the wakers, those that handles of tasks of this pool have (see [`Held`](super::waker::Held)).
    held: AtomicUsize,
    /// Wakes since the pool began to close.
    wakes: AtomicU32,
    index: u32,
    leaf: NonNull<Leaf>,
    pub(super) payload: UnsafeCell<MaybeUninit<[u64; WORDS]>>,
}

#[cfg(all(
    target_pointer_width = "64",
    not(any(taskweave_loom, taskweave_shuttle, taskweave_portable))
))]
const _: () = assert!(size_of::<Slot>() == 256);

/// 64 slots, and what makes them a task. See the essay.
#[repr(C)]
pub(crate) struct Leaf {
    header: Header,
    shared: *const Shared,
    /// The leaf is in the list of those that have free slots, or somebody's current one.
    listed: AtomicBool,
    signals: CachePadded<Signal>,
    free: CachePadded<AtomicU64>,
    slots: [Slot; SLOTS],
}

/// A pointer to a slot, with its verbs. `Copy`: who may use it for what is the essay's matter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SlotRef(pub(super) NonNull<Slot>);

// SAFETY: slots are shared; who may do what with them is the essay's matter.
unsafe impl Send for SlotRef {}

/// A pointer to a leaf, with its verbs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeafRef(NonNull<Leaf>);

/// A reference to a part of what a pointer points to, and to nothing else of it.
///
/// The pointer is valid, as slots and leaves live as long as the pool's shared part, which whoever has a pointer to one keeps alive.
macro_rules! part {
    ($pointer:expr, $($field:tt)+) => {{
        // SAFETY: in bounds of a live object, see above.
        let part = unsafe { addr_of!((*$pointer).$($field)+) };
        // SAFETY: as above; atomic, guarded by the protocol, or never written while anybody looks.
        unsafe { &*part }
    }};
}

/// Writes a field of memory that is the caller's.
macro_rules! write {
    ($pointer:expr, $field:ident, $value:expr) => {{
        // SAFETY: in bounds of memory for this type.
        let field = unsafe { addr_of_mut!((*$pointer).$field) };
        // SAFETY: as above, and nobody else looks at it; what it replaces owns nothing.
        unsafe { field.write($value) }
    }};
}

impl SlotRef {
    pub(super) fn state<'a>(self) -> &'a State {
        part!(self.0.as_ptr(), core.state)
    }

    fn refs<'a>(self) -> &'a AtomicUsize {
        part!(self.0.as_ptr(), refs)
    }

    fn held<'a>(self) -> &'a AtomicUsize {
        part!(self.0.as_ptr(), held)
    }

    pub(super) fn leaf(self) -> LeafRef {
        // SAFETY: as in `state`; never written after the leaf was made.
        LeafRef(unsafe { (*self.0.as_ptr()).leaf })
    }

    pub(super) fn bit(self) -> u64 {
        // SAFETY: as in `leaf`.
        1 << unsafe { (*self.0.as_ptr()).index }
    }

    /// How often the future was woken since the pool began to close. A count, since a signal that was taken tells nobody else.
    pub(super) fn wakes<'a>(self) -> &'a AtomicU32 {
        part!(self.0.as_ptr(), wakes)
    }

    pub(super) fn core_ptr(self) -> NonNull<Core> {
        self.0.cast()
    }

    /// # Safety
    /// The slot's future is the caller's (claimed), or a share of its task is.
    pub(super) unsafe fn core<'a>(self) -> &'a Core {
        // SAFETY: written before the future was armed, and by nobody else while the caller may look.
        unsafe { &*self.core_ptr().as_ptr() }
    }

    pub(super) fn payload<'a>(self) -> &'a UnsafeCell<MaybeUninit<[u64; WORDS]>> {
        part!(self.0.as_ptr(), payload)
    }

    /// Whether nobody could wake the future.
    pub(super) fn is_alone(self) -> bool {
        // Acquire: pairs with the Release in `drop_ref`; whoever was the last to have a waker has woken before.
        self.refs().load(Ordering::Acquire) == 1
    }

    /// Whether only handles of tasks in this pool could wake the future.
    fn is_moved_from_inside(self) -> bool {
        self.refs().load(Ordering::SeqCst) == 1 + self.held().load(Ordering::SeqCst)
    }

    pub(super) fn hold(self, by: isize) {
        // SeqCst: read by whoever looks for a stall.
        self.held().fetch_add(by as usize, Ordering::SeqCst);
    }

    pub(super) fn add_ref(self) {
        // Relaxed: the caller has one.
        if self.refs().fetch_add(1, Ordering::Relaxed) > isize::MAX as usize {
            // Wakers that were forgotten by the billion: going on would free a slot in use.
            std::process::abort();
        }
    }

    /// Gives up a waker, or the task's own count.
    ///
    /// # Safety
    /// It was the caller's.
    pub(super) unsafe fn drop_ref(self) {
        let leaf = self.leaf();
        let shared = leaf.shared();
        // This thread keeps the pool alive anyway, or counts a share for the time in which it touches the leaf without a count of the slot.
        let inside = ptr::eq(thread::pool(), shared);
        // SAFETY: the slot in use keeps the pool's shared part alive.
        let _guard = (!inside).then(|| unsafe { leaf.share() });
        // AcqRel: Release hands on what was done with the count; Acquire, so that the last one sees all of it.
        let before = self.refs().fetch_sub(1, Ordering::AcqRel);
        if before == 1 {
            return self.give_back();
        }
        if !inside {
            // It may be what hid that nothing in the pool can move any more, and everybody may have looked by now. Partner of the looks at the counts in
            // `is_moved_from_inside`, which come after the looker has entered itself.
            fence_after_rmw();
            // SAFETY: alive, see above.
            unsafe { &*shared }.check_stall();
        }
        if before == 2 {
            // Partner of the fence in `close`: either this sees that the pool is closing, or the poll that `close` asks for sees that
            // nobody has a waker.
            fence_after_rmw();
            // SAFETY: alive, see above.
            if unsafe { &*shared }.phase() != Phase::Open && !mutated!("future-drain-looks-once") {
                leaf.raise(self.bit());
            }
        }
    }

    /// The slot is empty.
    fn give_back(self) {
        let leaf = self.leaf();
        let bit = self.bit();
        self.state().disarm();
        // SAFETY: somebody keeps the shared part alive until the end of this, see `drop_ref`.
        let free = leaf.free();
        // AcqRel: Release pairs with the Acquire in `take`; Acquire, so that the last one sees what the others did.
        let now = free.fetch_or(bit, Ordering::AcqRel) | bit;
        if now.count_ones() >= RELIST {
            leaf.relist();
        }
        if now == ALL && !mutated!("future-leaf-uncounted") {
            // SAFETY: counted when the leaf's first slot was taken.
            unsafe { Arc::decrement_strong_count(leaf.shared()) };
        }
    }
}

impl LeafRef {
    fn ptr(self) -> *mut Leaf {
        self.0.as_ptr()
    }

    /// The leaf that the kernel hands back by its header.
    pub(super) fn from_header(header: NonNull<Header>) -> Self {
        LeafRef(header.cast())
    }

    pub(super) fn shared(self) -> *const Shared {
        // SAFETY: a leaf lives as long as the shared part; never written after it was made.
        unsafe { (*self.ptr()).shared }
    }

    /// A share of the pool's shared part.
    ///
    /// # Safety
    /// It's alive.
    unsafe fn share(self) -> Arc<Shared> {
        // SAFETY: by the caller's word; it came from an `Arc`.
        unsafe { Arc::increment_strong_count(self.shared()) };
        // SAFETY: counted just now.
        unsafe { Arc::from_raw(self.shared()) }
    }

    pub(super) fn signals<'a>(self) -> &'a Signal {
        part!(self.ptr(), signals)
    }

    fn free<'a>(self) -> &'a AtomicU64 {
        part!(self.ptr(), free)
    }

    fn listed<'a>(self) -> &'a AtomicBool {
        part!(self.ptr(), listed)
    }

    pub(super) fn slot(self, index: u32) -> SlotRef {
        // SAFETY: as in `shared`.
        let first = unsafe { addr_of_mut!((*self.ptr()).slots) }.cast::<Slot>();
        debug_assert!((index as usize) < SLOTS);
        // SAFETY: signals are set for slots that are there.
        let slot = unsafe { first.add(index as usize) };
        // SAFETY: part of a live object.
        SlotRef(unsafe { NonNull::new_unchecked(slot) })
    }

    /// Sets signals, and submits the leaf if these are the first.
    pub(super) fn raise(self, bits: u64) {
        if self.set(bits) {
            self.queue(|worker, task| {
                // SAFETY: whoever sets the first signal has the header: the run that took the last ones doesn't use it.
                unsafe { worker.submit(task) }
            });
        }
    }

    /// As `raise`, as the last act of a leaf's run: whether to share it is decided at the boundary that follows.
    pub(super) fn raise_at_end(self, bits: u64) {
        if self.set(bits) {
            // SAFETY: as above.
            self.queue(|worker, task| unsafe { worker.push(task) });
        }
    }

    /// Sets signals. True: they are the first.
    #[must_use]
    fn set(self, bits: u64) -> bool {
        let word = self.signals().word();
        if mutated!("signal-load-only") && word.load(Ordering::Acquire) & bits == bits {
            return false;
        }
        // Release: pairs with the Acquire of the run that takes them. An exchange also if they are set.
        word.fetch_or(bits, Ordering::Release) == 0
    }

    fn queue(self, local: impl FnOnce(&Worker, NonNull<Header>)) {
        // SAFETY: the pool's shared part is alive: the caller has a count of one of the slots, or is inside.
        let shared = unsafe { &*self.shared() };
        let task = self.0.cast::<Header>();
        Worker::with_current_of(shared, |worker| match worker {
            Some(worker) => local(worker, task),
            // SAFETY: whoever sets the first signal has the header.
            None => unsafe { shared.inject(task) },
        });
    }

    /// Takes a free slot. Only by whoever has the leaf as its current one.
    fn take(self) -> Option<SlotRef> {
        let free = self.free();
        // Relaxed: confirmed by the exchange.
        let bits = free.load(Ordering::Relaxed);
        if bits == 0 {
            return None;
        }
        let index = bits.trailing_zeros();
        // Acquire: pairs with the Release in `give_back`. Release: with a look at which slots are taken in `Futures::wake_all`.
        let before = free.fetch_and(!(1 << index), Ordering::AcqRel);
        if before == ALL && !mutated!("future-leaf-uncounted") {
            // SAFETY: alive, since the caller works for it. Given up in `give_back`.
            unsafe { Arc::increment_strong_count(self.shared()) };
        }
        Some(self.slot(index))
    }

    /// Nobody's current leaf any more. True: it has free slots again already, and is the caller's still.
    fn leave(self) -> bool {
        self.listed().store(false, Ordering::SeqCst);
        // Partner: the exchange on `free` before the look in `relist`.
        fence(Ordering::SeqCst);
        self.free().load(Ordering::Relaxed).count_ones() >= RELIST && self.list()
    }

    /// True for the one who has to see to it that the leaf's slots are used.
    fn list(self) -> bool {
        !self.listed().swap(true, Ordering::SeqCst)
    }

    fn relist(self) {
        fence_after_rmw();
        // Relaxed first: as a rule it's listed.
        if !self.listed().load(Ordering::Relaxed) && self.list() {
            // SAFETY: see `give_back`.
            unsafe { &*self.shared() }.futures.lock().spare.push(self);
        }
    }

    fn new(shared: *const Shared) -> Self {
        let leaf: *mut Leaf = Box::into_raw(Box::<Leaf>::new_uninit()).cast();
        // SAFETY: a box is not null.
        let this = LeafRef(unsafe { NonNull::new_unchecked(leaf) });
        write!(leaf, header, Header::new(&run::TASK));
        write!(leaf, shared, shared);
        write!(leaf, listed, AtomicBool::new(true));
        write!(leaf, signals, CachePadded::new(Signal::new()));
        write!(leaf, free, CachePadded::new(AtomicU64::new(ALL)));
        for index in 0..SLOTS {
            let slot = this.slot(index as u32).0.as_ptr();
            let core = Core {
                header: Header::new(&run::TASK),
                state: State::vacant(),
                runner: AtomicUsize::new(0),
                waiter: UnsafeCell::new(Waiter::Nobody),
                vtable: ptr::null(),
                shared,
                options: Options::default(),
                admitted: AtomicBool::new(false),
            };
            write!(slot, core, core);
            write!(slot, refs, AtomicUsize::new(0));
            write!(slot, held, AtomicUsize::new(0));
            write!(slot, leaf, this.0);
            write!(slot, index, index as u32);
            write!(slot, wakes, AtomicU32::new(0));
            let payload = UnsafeCell::new(MaybeUninit::uninit());
            write!(slot, payload, payload);
        }
        this
    }
}

impl SlotRef {
    /// Fills a slot that was taken, but for its payload. The task's own count is the caller's.
    pub(super) fn fill(self, vtable: *const (), options: Options) {
        let core = self.core_ptr().as_ptr();
        write!(core, vtable, vtable);
        write!(core, options, options);
        // Relaxed: released by `arm`.
        self.refs().store(1, Ordering::Relaxed);
    }

    /// The task is freed: what is left in its slot goes, but for wakers.
    ///
    /// # Safety
    /// Both shares were given up, and this is called once for that.
    pub(super) unsafe fn empty(self) {
        // SAFETY: the task's memory is the caller's.
        let core = unsafe { self.core() };
        let waiter = core
            .waiter
            // SAFETY: as above.
            .with_mut(|waiter| unsafe { ptr::replace(waiter, Waiter::Nobody) });
        // Relaxed: handed on with the slot.
        core.admitted.store(false, Ordering::Relaxed);
        let core = self.core_ptr().as_ptr();
        // SAFETY: as above.
        let options = unsafe { addr_of_mut!((*core).options) };
        // SAFETY: as above.
        let options = unsafe { ptr::replace(options, Options::default()) };
        // A waker's drop is foreign code.
        crate::error::discard((waiter, options));
        // SAFETY: the task's own count.
        unsafe { self.drop_ref() };
    }
}

/// A pool's futures.
pub(crate) struct Futures {
    leaves: Mutex<Leaves>,
    /// What begins and ends on threads without a slot.
    pub(super) begun: Counter,
    pub(super) ended: Counter,
    /// A model without futures doesn't explore when it's found that there are none.
    modelled: OnceLock<()>,
    /// The pool was dropped: what waits is to be dropped, too.
    pub(super) dropping: AtomicBool,
}

pub(super) struct Leaves {
    all: Vec<LeafRef>,
    /// Those that have free slots and are nobody's current ones. There's always room for all.
    spare: Vec<LeafRef>,
    /// Where threads without a slot take theirs.
    current: Option<LeafRef>,
}

// SAFETY: leaves are shared; who may do what with them is the essay's matter.
unsafe impl Send for Leaves {}

impl Futures {
    pub(crate) fn new() -> Self {
        Futures {
            leaves: Mutex::new(Leaves {
                all: Vec::new(),
                spare: Vec::new(),
                current: None,
            }),
            begun: Counter::default(),
            ended: Counter::default(),
            modelled: OnceLock::new(),
            dropping: AtomicBool::new(false),
        }
    }

    /// From now on a poll that has to wait is a future's last.
    pub(crate) fn drop_pending(&self) {
        // SeqCst: before the phase, whose close has every future polled.
        self.dropping.store(true, Ordering::SeqCst);
    }

    fn lock(&self) -> MutexGuard<'_, Leaves> {
        self.leaves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leaves {
    /// A leaf with free slots, in place of a full one.
    fn next(&mut self, full: Option<LeafRef>, shared: *const Shared) -> LeafRef {
        if let Some(leaf) = full
            && leaf.leave()
        {
            return leaf;
        }
        self.spare.pop().unwrap_or_else(|| {
            let leaf = LeafRef::new(shared);
            self.all.push(leaf);
            let room = self.all.capacity();
            let more = room.saturating_sub(self.spare.len());
            self.spare.reserve_exact(more);
            leaf
        })
    }
}

/// The leaf in which a worker's occupant places new futures.
pub(crate) struct Current(Cell<Option<LeafRef>>);

impl Current {
    pub(crate) fn new() -> Self {
        Current(Cell::new(None))
    }
}

/// An empty slot for a new future.
pub(super) fn take_slot(shared: &Arc<Shared>, worker: Option<&Worker>) -> SlotRef {
    if cfg!(taskweave_loom) {
        shared.futures.modelled.get_or_init(|| ());
    }
    let pool = Arc::as_ptr(shared);
    match worker {
        Some(worker) => {
            let current = &worker.leaf.0;
            loop {
                if let Some(slot) = current.get().and_then(LeafRef::take) {
                    return slot;
                }
                current.set(Some(shared.futures.lock().next(current.get(), pool)));
            }
        }
        None => {
            let mut leaves = shared.futures.lock();
            loop {
                if let Some(slot) = leaves.current.and_then(LeafRef::take) {
                    return slot;
                }
                let full = leaves.current;
                leaves.current = Some(leaves.next(full, pool));
            }
        }
    }
}

impl Shared {
    /// Futures that haven't ended, exact if nobody begins any.
    pub(crate) fn live_futures(&self) -> u64 {
        if cfg!(taskweave_loom) && self.futures.modelled.get().is_none() {
            return 0;
        }
        let counters = || self.slots.iter().map(|slot| &slot.counters);
        // What has ended first: so an equal pair is true of some moment in between.
        let ended = counters()
            .map(|each| each.futures_ended.read())
            .sum::<u64>()
            + self.futures.ended.read();
        fence(Ordering::SeqCst);
        let begun =
            counters().map(|each| each.futures.read()).sum::<u64>() + self.futures.begun.read();
        begun.wrapping_sub(ended)
    }

    /// Has every future polled, or settled, by the rules of the pool's phase.
    pub(crate) fn wake_futures(&self) {
        if cfg!(taskweave_loom) && self.futures.modelled.get().is_none() {
            return;
        }
        let leaves = self.futures.lock().all.clone();
        for leaf in leaves {
            // An exchange: a slot that is taken after it is taken by somebody who sees the phase.
            let free = leaf.free().fetch_or(0, Ordering::AcqRel);
            if free != ALL {
                leaf.raise(!free & ALL);
            }
        }
    }

    /// Whether no future could be moved from outside of the pool.
    pub(crate) fn futures_are_still(&self) -> bool {
        if self.live_futures() == 0 {
            return true;
        }
        let leaves = self.futures.lock();
        leaves.all.iter().all(|leaf| {
            let used = !leaf.free().load(Ordering::SeqCst) & ALL;
            (0..SLOTS as u32)
                .filter(|index| used & 1 << index != 0)
                .map(|index| leaf.slot(index))
                .all(|slot| {
                    let state = slot.state();
                    !state.is_open() || state.is_pending() && slot.is_moved_from_inside()
                })
        })
    }
}

impl Drop for Futures {
    fn drop(&mut self) {
        // No slot is in use: it would keep the shared part alive.
        for leaf in self.lock().all.drain(..) {
            // SAFETY: boxed with this type, and nobody has a pointer any more.
            drop(unsafe { Box::from_raw(leaf.ptr()) });
        }
    }
}
