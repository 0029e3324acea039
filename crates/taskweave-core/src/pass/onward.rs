//! What a vertex's end sets off: who gets the successors that become ready. See the essay in the folder.

use taskweave_sys::mutated;
use taskweave_sys::sync::hint::spin_loop;

use super::counter::Arrival;
use super::links::{Form, Links};
use super::rows::NO_PLACE;
use super::state::{Core, NO_BRANCH, Vertex};
use crate::worker::Worker;

/// Looks at a watched counter between two looks at the clock.
const LOOKS: u32 = 4;
/// So many looks come one right after the other: a pause takes as long as a cache line's way.
const AT_ONCE: u32 = 100;

/// What a vertex's end leaves to the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    Nothing,
    /// To be run next.
    Ready(u32),
    /// Not ready yet, and left to nobody else: to be [watched](Core::watch), or not any more.
    Watched(u32),
}

/// Which edges of a vertex that has ended are live.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Live {
    All,
    None,
    /// This branch, and what is no branch.
    Branch(u32),
}

impl<'env> Core<'env> {
    /// A vertex has ended, at the end of whatever this worker runs: its successors arrive. What is left to the worker is returned, the others are queued. If nothing is
    /// left, the pass may be over and the graph gone.
    #[inline]
    pub(super) fn pass_on(&self, vertex: &Vertex<'env>, worker: Option<&Worker>) -> Left {
        if mutated!("pass-stopped-passes-nothing-on") && self.is_cut(|| 0) {
            return Left::Nothing;
        }
        match vertex.links.form() {
            Form::Lone => self.leave(vertex.links.first(), worker),
            _ => self.pass_on_by_counters(&vertex.links, worker),
        }
    }

    #[inline(never)]
    fn pass_on_by_counters(&self, links: &Links, worker: Option<&Worker>) -> Left {
        if links.form() == Form::Row && links.range().is_empty() {
            self.end_sink(worker);
            return Left::Nothing;
        }
        let Some(worker) = worker else {
            for &successor in links.of(&self.successors) {
                if self.arrive(successor) {
                    self.make_ready(successor, None);
                }
            }
            return Left::Nothing;
        };
        // What comes after is taken to be like the body that has ended.
        let spreads = worker.spreads(links.kind());
        if !spreads && links.form() == Form::Pair {
            return self.pass_on_to_pair(links.both(), worker);
        }
        self.pass_on_to_all(links.of(&self.successors), spreads, worker)
    }

    /// As in [`pass_on_to_all`](Self::pass_on_to_all).
    #[inline]
    fn pass_on_to_pair(&self, [first, second]: [u32; 2], worker: &Worker) -> Left {
        let is_first_ready = self.arrive(first);
        if !self.arrive(second) {
            return if is_first_ready {
                Left::Ready(first)
            } else {
                Left::Nothing
            };
        }
        if is_first_ready {
            self.make_ready(first, Some(worker));
        }
        Left::Ready(second)
    }

    #[inline(never)]
    fn pass_on_to_all(&self, successors: &[u32], spreads: bool, worker: &Worker) -> Left {
        let last = successors.len() - 1;
        let mut held = None;
        for (edge, &successor) in successors.iter().enumerate() {
            if spreads && edge == last && held.is_none() && !worker.has_queued() {
                return self.arrive_to_watch(successor, worker);
            }
            if !self.arrive(successor) || spreads && self.send(successor, worker) {
                continue;
            }
            if let Some(earlier) = held.replace(successor) {
                self.make_ready(earlier, Some(worker));
            }
        }
        held.map_or(Left::Nothing, Left::Ready)
    }

    #[inline]
    fn arrive(&self, vertex: u32) -> bool {
        let vertex = &self.vertices[vertex as usize];
        vertex.in_degree == 1
            || vertex
                .arrivals
                .arrive(vertex.in_degree, self.round().pass as u32)
    }

    /// The last arrival of a vertex whose end leaves nothing else to this worker.
    fn arrive_to_watch(&self, successor: u32, worker: &Worker) -> Left {
        let vertex = &self.vertices[successor as usize];
        let pass = self.round().pass as u32;
        let arrival = match vertex.in_degree {
            1 => Arrival::Last,
            in_degree => vertex.arrivals.arrive_to_watch(in_degree, pass),
        };
        match arrival {
            Arrival::Counted => Left::Nothing,
            Arrival::Watching => Left::Watched(successor),
            Arrival::Last if self.send(successor, worker) => Left::Nothing,
            Arrival::Last => Left::Ready(successor),
        }
    }

    /// Leaves a ready vertex to the worker; without one, it's queued.
    #[inline]
    fn leave(&self, vertex: u32, worker: Option<&Worker>) -> Left {
        if worker.is_some() {
            return Left::Ready(vertex);
        }
        self.make_ready(vertex, None);
        Left::Nothing
    }

    /// Sends a ready vertex to the worker that has its place. False: that's here, or anywhere.
    fn send(&self, vertex: u32, worker: &Worker) -> bool {
        let place = self.vertices[vertex as usize].place;
        // Waits within a root look for its parts in deques alone.
        if place == NO_PLACE || self.round().root != 0 {
            return false;
        }
        let at = (usize::from(place) * self.pool().slots.len()) >> 16;
        if at == worker.index() {
            return false;
        }
        self.make_ready_at(at as u32, vertex, Some(worker));
        true
    }

    /// Waits a moment for a vertex whose last predecessors are under way elsewhere: to be told by its counter takes one cache line's way, and a queue several. Returns
    /// it, or nothing if something else has come up, or nothing at all has.
    #[inline(never)]
    pub(super) fn watch(&self, vertex: u32, worker: &Worker) -> Option<u32> {
        let counter = &self.vertices[vertex as usize];
        let pass = self.round().pass as u32;
        let start = worker.kinds.now();
        for look in 0_u32.. {
            if counter.arrivals.is_left_to_watcher(counter.in_degree, pass) {
                return Some(vertex);
            }
            if look.is_multiple_of(LOOKS) {
                if worker.has_queued() {
                    break;
                }
                if worker.kinds.now().wrapping_sub(start) >= worker.watch_ticks() {
                    // Whoever is to end it has other things to do, or no processor.
                    worker.stay_for_a_while();
                    break;
                }
            }
            if look > AT_ONCE {
                spin_loop();
            }
        }
        self.stop_watching(vertex)
    }

    pub(super) fn stop_watching(&self, vertex: u32) -> Option<u32> {
        let counter = &self.vertices[vertex as usize];
        let pass = self.round().pass as u32;
        counter
            .arrivals
            .stop_watching(counter.in_degree, pass)
            .then_some(vertex)
    }

    /// As [`pass_on`](Self::pass_on), telling the successors which edges are live. The last one to become ready is run next: rows are in ascending order of
    /// urgency.
    pub(super) fn pass_on_live(&self, vertex: &Vertex<'env>, live: Live, worker: Option<&Worker>) {
        let row = vertex.links.range();
        if row.is_empty() {
            return self.end_sink(worker);
        }
        let pass = self.round().pass;
        let branching = !self.branches.is_empty();
        let mut held = None;
        for edge in row {
            let successor = self.successors[edge];
            let next = &self.vertices[successor as usize];
            let mark = || {
                if branching && self.is_live(edge, live) {
                    self.more[successor as usize].live.mark(pass);
                }
            };
            if !mutated!("pass-mark-after-arrival") {
                mark();
            }
            if next.in_degree > 1 && !next.arrivals.arrive(next.in_degree, pass as u32) {
                if mutated!("pass-mark-after-arrival") {
                    mark();
                }
                continue;
            }
            if let Some(place) = self.more[successor as usize].place {
                self.make_ready_at(place, successor, worker);
            } else if worker.is_none() {
                self.make_ready(successor, None);
            } else if let Some(earlier) = held.replace(successor) {
                self.make_ready(earlier, worker);
            }
        }
        if let (Some(worker), Some(held)) = (worker, held) {
            // SAFETY: ready once a pass; this body is at its end.
            unsafe { worker.run_next(self.task(held)) };
        }
    }

    /// Queues a vertex for the worker that it had better run on.
    fn make_ready_at(&self, place: u32, vertex: u32, worker: Option<&Worker>) {
        let pool = self.pool();
        let index = place as usize % pool.slots.len();
        if worker.is_some_and(|worker| worker.index() == index) {
            return self.make_ready(vertex, worker);
        }
        let slot = &pool.slots[index];
        slot.counters.pushed_remote.add_shared(1);
        // SAFETY: ready once a pass, so it's in no queue; it lives as long as the pass runs.
        unsafe { slot.inbox.push(self.task(vertex)) };
        if worker.is_some() {
            pool.wake_for_work();
        } else {
            pool.published();
        }
    }

    #[inline]
    fn is_live(&self, edge: usize, live: Live) -> bool {
        match live {
            Live::All => true,
            Live::None => false,
            Live::Branch(chosen) => [NO_BRANCH, chosen].contains(&self.branches[edge]),
        }
    }
}
