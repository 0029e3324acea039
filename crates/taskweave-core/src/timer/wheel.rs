//! The wheel itself, for one thread at a time. See the essay.

use core::ptr;
use core::task::Waker;

use taskweave_sys::sync::atomic::{AtomicU8, Ordering};

const LEVELS: usize = 7;
const BITS: u32 = 6;
const PLACES: usize = 1 << BITS;
/// How far from now a timer may stand.
const SPAN: u64 = ((PLACES as u64) - 1) << (BITS * (LEVELS as u32 - 1));
/// No timer.
pub(crate) const NEVER: u64 = u64::MAX;
/// Of a node that is in no list.
const NOWHERE: u16 = u16::MAX;

/// How far a timer is.
pub(super) const WAITS: u8 = 0;
pub(super) const FIRED: u8 = 1;
/// Its wheel has gone.
pub(super) const LOST: u8 = 2;

/// A timer: part of the future that waits. All but `state` belongs to the wheel's lock while the node is linked.
pub(super) struct Node {
    prev: *mut Node,
    next: *mut Node,
    when: u64,
    waker: Option<Waker>,
    place: u16,
    /// Written last by whoever takes the node out: it's the owner's from then on.
    pub(super) state: AtomicU8,
}

impl Node {
    pub(super) fn new() -> Self {
        Node {
            prev: ptr::null_mut(),
            next: ptr::null_mut(),
            when: 0,
            waker: None,
            place: NOWHERE,
            state: AtomicU8::new(WAITS),
        }
    }

    /// When it's due, and whom it wakes. Not while it's linked.
    #[inline]
    pub(super) fn set(&mut self, when: u64, waker: Waker) {
        self.when = when;
        self.waker = Some(waker);
    }

    /// The waker of a node that isn't linked.
    #[inline]
    pub(super) fn take_waker(&mut self) -> Option<Waker> {
        self.waker.take()
    }
}

#[derive(Clone, Copy)]
struct List {
    first: *mut Node,
    last: *mut Node,
}

const EMPTY: List = List {
    first: ptr::null_mut(),
    last: ptr::null_mut(),
};

struct Level {
    occupied: u64,
    lists: [List; PLACES],
}

/// See the essay.
pub(super) struct Wheel {
    /// All that is due until here has fired.
    now: u64,
    levels: [Level; LEVELS],
    pub(super) closed: bool,
}

// SAFETY: the nodes are reached under the wheel's lock alone, and their owners may be on any thread.
unsafe impl Send for Wheel {}

/// Most wakers that are taken out at a time.
pub(super) const BATCH: usize = 32;

/// Wakers on their way out of the lock.
#[derive(Default)]
pub(super) struct Batch {
    wakers: [Option<Waker>; BATCH],
    len: usize,
}

impl Batch {
    pub(super) fn is_full(&self) -> bool {
        self.len == BATCH
    }

    fn push(&mut self, waker: Option<Waker>) {
        if waker.is_some() {
            self.wakers[self.len] = waker;
            self.len += 1;
        }
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = Waker> + '_ {
        let len = core::mem::take(&mut self.len);
        self.wakers[..len].iter_mut().filter_map(Option::take)
    }
}

impl Wheel {
    pub(super) fn new() -> Self {
        Wheel {
            now: 0,
            levels: [const {
                Level {
                    occupied: 0,
                    lists: [EMPTY; PLACES],
                }
            }; LEVELS],
            closed: false,
        }
    }

    /// Links a node that is [set](Node::set). Returns the tick at which its place is due; `None`: it's due already, and stays out.
    ///
    /// # Safety
    /// The node is in no list, and stays where it is until it's out again.
    #[inline]
    pub(super) unsafe fn insert(&mut self, node: *mut Node) -> Option<u64> {
        // SAFETY: the caller's.
        if unsafe { (*node).when } <= self.now {
            return None;
        }
        // SAFETY: passed on.
        Some(unsafe { self.link(node) })
    }

    /// # Safety
    /// As for `insert`; the node's time is to come.
    #[inline]
    unsafe fn link(&mut self, node: *mut Node) -> u64 {
        // SAFETY: the caller's.
        let when = unsafe { (*node).when }.min(self.now + SPAN);
        let differs = (self.now ^ when) | (PLACES as u64 - 1);
        let level = ((63 - differs.leading_zeros()) / BITS).min(LEVELS as u32 - 1);
        let place = (when >> (BITS * level)) as usize % PLACES;
        let to = &mut self.levels[level as usize];
        to.occupied |= 1 << place;
        let list = &mut to.lists[place];
        // SAFETY: the caller's.
        unsafe { (*node).prev = list.last };
        // SAFETY: as above.
        unsafe { (*node).next = ptr::null_mut() };
        // SAFETY: as above.
        unsafe { (*node).place = (level as usize * PLACES + place) as u16 };
        if list.last.is_null() {
            list.first = node;
        } else {
            // SAFETY: linked nodes are alive.
            unsafe { (*list.last).next = node };
        }
        list.last = node;
        when >> (BITS * level) << (BITS * level)
    }

    /// Takes a node out, if it's in: its waker is the owner's again.
    ///
    /// # Safety
    /// The node is alive, and of this wheel if it's in any.
    #[inline]
    pub(super) unsafe fn remove(&mut self, node: *mut Node) {
        // SAFETY: under the lock.
        if unsafe { (*node).place } != NOWHERE {
            // SAFETY: linked here.
            unsafe { self.unlink(node) };
        }
    }

    /// # Safety
    /// The node is linked in this wheel.
    #[inline]
    unsafe fn unlink(&mut self, node: *mut Node) {
        // SAFETY: by the caller's word.
        let prev = unsafe { (*node).prev };
        // SAFETY: as above.
        let next = unsafe { (*node).next };
        // SAFETY: as above.
        let place = core::mem::replace(unsafe { &mut (*node).place }, NOWHERE) as usize;
        let level = &mut self.levels[place / PLACES];
        let list = &mut level.lists[place % PLACES];
        if prev.is_null() {
            list.first = next;
        } else {
            // SAFETY: linked nodes are alive.
            unsafe { (*prev).next = next };
        }
        if next.is_null() {
            list.last = prev;
        } else {
            // SAFETY: as above.
            unsafe { (*next).prev = prev };
        }
        if list.first.is_null() {
            level.occupied &= !(1 << (place % PLACES));
        }
    }

    /// Replaces the waker of a linked node, unless it's the same one. False: the node is out.
    ///
    /// # Safety
    /// As for `remove`.
    pub(super) unsafe fn renew(&mut self, node: *mut Node, waker: &mut Option<Waker>) -> bool {
        // SAFETY: under the lock.
        if unsafe { (*node).place } == NOWHERE {
            return false;
        }
        // SAFETY: as above.
        core::mem::swap(unsafe { &mut (*node).waker }, waker);
        true
    }

    /// Whether a linked node has this waker already.
    ///
    /// # Safety
    /// As for `remove`.
    pub(super) unsafe fn has(&self, node: *mut Node, waker: &Waker) -> bool {
        // SAFETY: under the lock.
        unsafe { &(*node).waker }
            .as_ref()
            .is_some_and(|old| old.will_wake(waker))
    }

    /// The earliest place that isn't empty: level, place, and the tick at which it's due.
    fn earliest(&self) -> Option<(usize, usize, u64)> {
        self.levels.iter().enumerate().find_map(|(level, each)| {
            if each.occupied == 0 {
                return None;
            }
            let shift = BITS * level as u32;
            let here = (self.now >> shift) as u32 % PLACES as u32;
            let ahead = each.occupied.rotate_right(here).trailing_zeros();
            let place = (here + ahead) % PLACES as u32;
            let round = 1 << (shift + BITS);
            let mut due = (self.now & !(round - 1)) + (u64::from(place) << shift);
            if due < self.now && ahead != 0 {
                // In the next round of the last level.
                due += round;
            }
            Some((level, place as usize, due))
        })
    }

    /// No timer here is due before this tick.
    pub(super) fn next_due(&self) -> u64 {
        self.earliest().map_or(NEVER, |(_, _, due)| due)
    }

    /// Takes out what is due at `now`, in order, until the batch is full.
    pub(super) fn advance(&mut self, now: u64, batch: &mut Batch) {
        while let Some((level, place, due)) = self.earliest().filter(|(_, _, due)| *due <= now) {
            self.now = self.now.max(due);
            loop {
                let node = self.levels[level].lists[place].first;
                if node.is_null() {
                    break;
                }
                if batch.is_full() {
                    return;
                }
                // SAFETY: linked.
                unsafe { self.unlink(node) };
                // SAFETY: it's alive until its state says otherwise.
                if unsafe { (*node).when } > self.now {
                    // SAFETY: just taken out.
                    unsafe { self.link(node) };
                    continue;
                }
                // SAFETY: as above.
                batch.push(unsafe { (*node).waker.take() });
                // SAFETY: as above.
                let state = unsafe { &(*node).state };
                // Release: pairs with the Acquire of the owner, who may free the node at once.
                state.store(FIRED, Ordering::Release);
            }
        }
        self.now = self.now.max(now);
    }

    /// Takes everything out, until the batch is full.
    pub(super) fn close(&mut self, batch: &mut Batch) {
        self.closed = true;
        while let Some((level, place, _)) = self.earliest()
            && !batch.is_full()
        {
            let node = self.levels[level].lists[place].first;
            // SAFETY: linked.
            unsafe { self.unlink(node) };
            // SAFETY: it's alive until its state says otherwise.
            batch.push(unsafe { (*node).waker.take() });
            // SAFETY: as above.
            let state = unsafe { &(*node).state };
            // Release: as above.
            state.store(LOST, Ordering::Release);
        }
    }
}
