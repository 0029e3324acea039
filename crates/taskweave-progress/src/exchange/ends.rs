//! The two ends: what sends and what receives.

use std::collections::VecDeque;
use std::fmt;

use crossbeam_utils::CachePadded;
use taskweave_sys::mutated;
use taskweave_sys::sync::Arc;
use taskweave_sys::sync::atomic::Ordering;

use super::Shared;
use super::control::View;
use super::lane::{Gate, Lane, Ring};
use crate::log::sole;
use crate::{Atom, Chainable, Receiver, Sender};

/// A writer of an [`Exchange`](super::Exchange), with a ring of its own. A clone is another writer.
pub struct Writer<T: Chainable> {
    shared: Arc<Shared<T>>,
    index: usize,
    lane: Arc<Lane>,
    ring: Arc<Ring<T>>,
    written: u64,
    /// Positions before it may be written.
    limit: u64,
}

/// A reader of an [`Exchange`](super::Exchange), from its registration on.
pub struct Reader<T: Chainable> {
    shared: Arc<Shared<T>>,
    name: u64,
    gate: Arc<CachePadded<Gate>>,
    lanes: Vec<View<T>>,
    /// The layout that `lanes` shows.
    layout: u64,
    /// A receive is under way, or a fold has panicked in one.
    busy: bool,
    /// Owed to a laggard, not folded yet.
    debt: Option<T>,
    nodes: VecDeque<Arc<T>>,
    locks: u64,
}

impl<T: Chainable> Writer<T> {
    pub(super) fn new(shared: &Arc<Shared<T>>) -> Self {
        let mut control = shared.lock();
        let (index, lane, ring, new) = control.take_lane();
        if new {
            shared.layout_changes();
        }
        drop(control);
        let written = lane.written();
        Self {
            shared: Arc::clone(shared),
            index,
            lane,
            ring,
            written,
            // The first send asks.
            limit: written,
        }
    }

    #[cold]
    fn make_room(&mut self) {
        let mut control = self.shared.lock();
        let room = control.make_room(self.index, self.written, || self.shared.layout_changes());
        drop(control);
        self.limit = room.limit;
        if let Some(ring) = room.ring {
            self.ring = ring;
        }
    }
}

impl<T: Chainable> Sender<T> for Writer<T> {
    /// Two stores; at times a lock. Never waits for a receive.
    #[inline]
    fn send(&mut self, batch: &mut T) {
        if batch.is_neutral() {
            return;
        }
        if self.written == self.limit {
            self.make_room();
        }
        // SAFETY: a lane has one writer, this one; the position is below the limit, so that whoever had to read what the slot held has done so.
        unsafe {
            self.ring.write(self.written, |slot| {
                std::mem::swap(slot, batch);
            });
        }
        batch.clear();
        self.written += 1;
        self.lane.publish(self.written);
    }
}

impl<T: Chainable> Clone for Writer<T> {
    fn clone(&self) -> Self {
        Self::new(&self.shared)
    }
}

impl<T: Chainable> Drop for Writer<T> {
    fn drop(&mut self) {
        self.shared.lock().give_lane_back(self.index);
    }
}

impl<T: Chainable> Reader<T> {
    pub(super) fn new(shared: &Arc<Shared<T>>) -> Self {
        let mut control = shared.lock();
        let (name, gate) = control.register();
        let mut lanes = Vec::new();
        control.refresh(name, &mut lanes);
        // Relaxed: under the lock.
        let layout = shared.layout.load(Ordering::Relaxed);
        drop(control);
        Self {
            shared: Arc::clone(shared),
            name,
            gate,
            lanes,
            layout,
            busy: false,
            debt: None,
            nodes: VecDeque::new(),
            locks: 0,
        }
    }

    /// How often it has taken the lock.
    pub fn locks(&self) -> u64 {
        self.locks
    }

    /// Begins a receive of all that is there now. False if there is nothing.
    fn begin(&mut self) -> bool {
        loop {
            let early = mutated!("layout-before-written").then(|| self.read_layout());
            let mut news = false;
            for view in &mut self.lanes {
                view.end = view.lane.written();
                news |= view.end != view.cursor;
            }
            // After the ends: one that lies in a ring we don't know was published after the layout had changed.
            if early.unwrap_or_else(|| self.read_layout()) != self.layout {
                self.refresh();
                continue;
            }
            if !self.gate.lags() {
                if !news {
                    return false;
                }
                for view in self.lanes.iter().filter(|view| view.end != view.cursor) {
                    view.place.set_end(view.end);
                }
                if self.gate.enter() {
                    return true;
                }
            }
            return self.catch_up();
        }
    }

    /// Leaves the reader within a receive, as a fold does that panics at once.
    #[cfg(all(test, taskweave_loom))]
    pub(super) fn stall(&mut self) {
        assert!(self.begin());
        self.busy = true;
    }

    fn read_layout(&self) -> u64 {
        // Acquire: pairs with the Release in `layout_changes`.
        self.shared.layout.load(Ordering::Acquire)
    }

    #[cold]
    fn refresh(&mut self) {
        self.locks += 1;
        let control = self.shared.lock();
        control.refresh(self.name, &mut self.lanes);
        // Relaxed: under the lock.
        self.layout = self.shared.layout.load(Ordering::Relaxed);
    }

    #[cold]
    fn catch_up(&mut self) -> bool {
        self.locks += 1;
        let mut control = self.shared.lock();
        control.refresh(self.name, &mut self.lanes);
        // Relaxed: under the lock.
        self.layout = self.shared.layout.load(Ordering::Relaxed);
        self.debt = control.catch_up(self.name, &mut self.lanes, &mut self.nodes);
        true
    }

    /// Folds what the receive under way has yet to fold, and ends it. What a fold that panics was given isn't given again.
    fn fold(&mut self, fold: &mut impl FnMut(Atom<'_, T>)) -> usize {
        let (mut count, mut shared) = (0, false);
        if let Some(mut debt) = self.debt.take()
            && !debt.is_neutral()
        {
            count += 1;
            fold(Atom::Owned(debt));
        }
        while let Some(node) = self.nodes.pop_front() {
            count += 1;
            match sole(node) {
                Ok(sum) => fold(Atom::Owned(sum)),
                Err(node) => {
                    shared = true;
                    fold(Atom::Shared(&node));
                }
            }
        }
        for view in self.lanes.iter_mut().filter(|view| view.end != view.done) {
            while view.cursor < view.end {
                let position = view.cursor;
                view.cursor += 1;
                count += 1;
                // SAFETY: published, by what `begin` or `catch_up` has seen; not overwritten: this reader is `BUSY`, and `done` isn't moved yet.
                unsafe { view.ring.read(position, |batch| fold(Atom::Shared(batch))) };
            }
            view.place.set_done(view.end);
            view.done = view.end;
        }
        self.gate.leave();
        self.busy = false;
        if shared {
            // Nodes that were pinned meanwhile can be merged now.
            self.locks += 1;
            self.shared.lock().compact();
        }
        count
    }
}

impl<T: Chainable> Receiver<T> for Reader<T> {
    /// No lock, and no store, if nothing has come. No lock either if the reader keeps up.
    fn recv_with(&mut self, mut fold: impl FnMut(Atom<'_, T>)) -> usize {
        let left = if self.busy { self.fold(&mut fold) } else { 0 };
        if !self.begin() {
            return left;
        }
        self.busy = true;
        left + self.fold(&mut fold)
    }
}

impl<T: Chainable> Drop for Reader<T> {
    fn drop(&mut self) {
        // What a fold that panicked has left pins nodes of the log; they can be merged when it's gone.
        let had_pinned = !self.nodes.is_empty();
        drop(std::mem::take(&mut self.nodes));
        let mut control = self.shared.lock();
        control.remove(self.name);
        if had_pinned {
            control.compact();
        }
    }
}

impl<T: Chainable> fmt::Debug for Writer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("lane", &self.index)
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}

impl<T: Chainable> fmt::Debug for Reader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("lanes", &self.lanes.len())
            .field("locks", &self.locks)
            .finish_non_exhaustive()
    }
}
