//! What is done under the lock: who lags, what they are owed, who may write where.

use std::collections::VecDeque;

use crossbeam_utils::CachePadded;
use taskweave_sys::mutated;
use taskweave_sys::sync::Arc;

use super::lane::{Gate, Lane, Place, Ring};
use crate::Chainable;
use crate::log::{Log, Mark};

/// The state that the lock protects.
pub(super) struct Control<T> {
    size: u64,
    lanes: Vec<LaneRecord<T>>,
    readers: Vec<ReaderRecord<T>>,
    next_reader: u64,
    /// What was fed since the oldest laggard was demoted.
    log: Log<T>,
    laggards: usize,
    demotions: u64,
    replaced: u64,
}

struct LaneRecord<T> {
    lane: Arc<Lane>,
    ring: Arc<Ring<T>>,
    /// The first position that this ring has held.
    base: u64,
    /// Everything before it is in the log. Meaningless if nobody lags.
    fed: u64,
    /// A ring that was replaced, to be used again when its last reader has left it.
    spare: Option<Arc<Ring<T>>>,
    /// The writer is gone.
    free: bool,
}

struct ReaderRecord<T> {
    name: u64,
    gate: Arc<CachePadded<Gate>>,
    /// One for each lane.
    places: Vec<Arc<CachePadded<Place>>>,
    lag: Option<Lag<T>>,
}

/// What a reader that was demoted is owed.
struct Lag<T> {
    /// From its place to where its mark stands.
    debt: T,
    mark: Mark,
    /// Where the receive ends in which it was demoted, for each lane; nothing if there was none.
    ends: Vec<u64>,
}

/// A lane as its reader needs it.
pub(super) struct View<T> {
    pub(super) lane: Arc<Lane>,
    pub(super) ring: Arc<Ring<T>>,
    pub(super) place: Arc<CachePadded<Place>>,
    /// Everything before it is folded, or was given to a fold that panicked.
    pub(super) cursor: u64,
    /// As the place says.
    pub(super) done: u64,
    /// Where the receive under way ends.
    pub(super) end: u64,
}

/// What a writer is told about the way ahead.
pub(super) struct Room<T> {
    pub(super) limit: u64,
    /// The ring to write into from now on, if it's another one.
    pub(super) ring: Option<Arc<Ring<T>>>,
}

impl<T: Chainable> Control<T> {
    pub(super) fn new(size: u64) -> Self {
        Self {
            size,
            lanes: Vec::new(),
            readers: Vec::new(),
            next_reader: 0,
            log: Log::new(),
            laggards: 0,
            demotions: 0,
            replaced: 0,
        }
    }

    /// A lane for a new writer: its number and itself, and whether it is new.
    pub(super) fn take_lane(&mut self) -> (usize, Arc<Lane>, Arc<Ring<T>>, bool) {
        if let Some(index) = self.lanes.iter().position(|lane| lane.free) {
            let record = &mut self.lanes[index];
            record.free = false;
            return (
                index,
                Arc::clone(&record.lane),
                Arc::clone(&record.ring),
                false,
            );
        }
        let record = LaneRecord {
            lane: Arc::new(Lane::new()),
            ring: Arc::new(Ring::new(self.size)),
            base: 0,
            fed: 0,
            spare: None,
            free: false,
        };
        let (lane, ring) = (Arc::clone(&record.lane), Arc::clone(&record.ring));
        self.lanes.push(record);
        for reader in &mut self.readers {
            reader
                .places
                .push(Arc::new(CachePadded::new(Place::new(0))));
        }
        (self.lanes.len() - 1, lane, ring, true)
    }

    pub(super) fn give_lane_back(&mut self, index: usize) {
        self.lanes[index].free = true;
    }

    /// A new reader, which has read all that was written.
    pub(super) fn register(&mut self) -> (u64, Arc<CachePadded<Gate>>) {
        let name = self.next_reader;
        self.next_reader += 1;
        let gate = Arc::new(CachePadded::new(Gate::new()));
        let place = |lane: &LaneRecord<T>| Place::new(lane.lane.written());
        self.readers.push(ReaderRecord {
            name,
            gate: Arc::clone(&gate),
            places: self
                .lanes
                .iter()
                .map(|lane| Arc::new(CachePadded::new(place(lane))))
                .collect(),
            lag: None,
        });
        (name, gate)
    }

    pub(super) fn remove(&mut self, name: u64) {
        let Some(at) = self.readers.iter().position(|reader| reader.name == name) else {
            return;
        };
        if let Some(lag) = self.readers.swap_remove(at).lag {
            self.laggards -= 1;
            self.log.unmark(lag.mark);
        }
    }

    /// Brings a reader's list of lanes up to date. No receive of its is under way.
    pub(super) fn refresh(&self, name: u64, views: &mut Vec<View<T>>) {
        for (view, record) in views.iter_mut().zip(&self.lanes) {
            if !Arc::ptr_eq(&view.ring, &record.ring) {
                view.ring = Arc::clone(&record.ring);
            }
        }
        let Some(reader) = self.readers.iter().find(|reader| reader.name == name) else {
            return;
        };
        let new = self.lanes.iter().zip(&reader.places).skip(views.len());
        views.extend(new.map(|(record, place)| View {
            lane: Arc::clone(&record.lane),
            ring: Arc::clone(&record.ring),
            place: Arc::clone(place),
            cursor: place.done(),
            done: place.done(),
            end: place.done(),
        }));
    }

    /// Pays a laggard: returns its debt and adds the nodes that it has yet to fold, and sets its places to where the log ends and its ends to what is written. A receive has begun when this returns.
    /// The reader's list is up to date.
    pub(super) fn catch_up(
        &mut self,
        name: u64,
        views: &mut [View<T>],
        nodes: &mut VecDeque<Arc<T>>,
    ) -> Option<T> {
        let reader = self.readers.iter_mut().find(|reader| reader.name == name)?;
        let lag = reader.lag.take();
        for (view, record) in views.iter_mut().zip(&self.lanes) {
            let written = record.lane.written();
            let place = if lag.is_none() {
                // A merge has panicked in the middle of the demotion: the slots are still there.
                view.cursor
            } else if mutated!("catch-up-skips-the-rest") {
                written
            } else {
                record.fed
            };
            view.cursor = place;
            view.done = place;
            view.end = written;
            view.place.set_done(place);
            view.place.set_end(written);
        }
        reader.gate.catch_up();
        let lag = lag?;
        self.laggards -= 1;
        self.log.take_last(lag.mark, nodes);
        Some(lag.debt)
    }

    /// Lets the writer of a lane go on from `written`, whoever stands in its way. `replaced` is called if it gets another ring.
    pub(super) fn make_room(
        &mut self,
        index: usize,
        written: u64,
        replaced: impl FnOnce(),
    ) -> Room<T> {
        let least = (self.size / 4).max(1);
        let size = self.size;
        self.demote(|reader| reader.places[index].done() + size < written + least);
        if self.laggards > 0 {
            self.feed(index);
            self.log.compact();
        }
        let limit = self.limit(index, written);
        if limit > written {
            return Room { limit, ring: None };
        }
        // Somebody who was demoted within a receive is still reading: the ring is left to it.
        if !mutated!("replace-strands-stragglers") {
            self.demote(|reader| reader.places[index].done() < written);
        }
        let record = &mut self.lanes[index];
        let ring = record
            .spare
            .take()
            .and_then(|mut ring| Arc::get_mut(&mut ring).is_some().then_some(ring))
            .unwrap_or_else(|| Arc::new(Ring::new(size)));
        record.spare = Some(std::mem::replace(&mut record.ring, Arc::clone(&ring)));
        record.base = written;
        self.replaced += 1;
        replaced();
        Room {
            limit: written + size,
            ring: Some(ring),
        }
    }

    /// A ring beyond the least position of the lane that somebody has yet to read in its slot.
    fn limit(&self, index: usize, written: u64) -> u64 {
        let base = self.lanes[index].base;
        let places = self.readers.iter().filter_map(|reader| {
            let done = reader.places[index].done();
            match &reader.lag {
                None => Some(done),
                Some(_) if mutated!("limit-overlooks-the-busy") => None,
                // A lane that is newer than the receive has no end in it.
                Some(lag) => {
                    let end = *lag.ends.get(index)?;
                    (done < end && end > base).then_some(done)
                }
            }
        });
        places.min().unwrap_or(written).min(written) + self.size
    }

    /// Demotes those of the readers that keep up for whom `which` holds.
    fn demote(&mut self, which: impl Fn(&ReaderRecord<T>) -> bool) {
        if mutated!("demote-after-feed") {
            self.feed_all();
        }
        let demoted: Vec<(usize, bool)> = self
            .readers
            .iter()
            .enumerate()
            .filter(|(_, reader)| reader.lag.is_none() && which(reader))
            // Before the lanes are fed: no receive begins from here on, so that no end lies beyond what is fed.
            .map(|(at, reader)| (at, reader.gate.demote()))
            .collect();
        if demoted.is_empty() {
            return;
        }
        if !mutated!("demote-after-feed") {
            self.feed_all();
        }
        for (at, busy) in demoted {
            let reader = &mut self.readers[at];
            let (mut debt, mut ends) = (T::default(), Vec::new());
            for (place, record) in reader.places.iter().zip(&self.lanes) {
                let from = if busy { place.end() } else { place.done() };
                if busy {
                    ends.push(from);
                }
                for position in from..record.fed {
                    // SAFETY: published, since it lies before `fed`; not overwritten, since the limit is at most a ring beyond the place of a reader that keeps up, and limits move under
                    // the lock, which we hold.
                    unsafe { record.ring.read(position, |batch| debt.merge(batch)) };
                }
            }
            debt.tidy();
            reader.lag = Some(Lag {
                debt,
                mark: self.log.mark(),
                ends,
            });
            self.laggards += 1;
            self.demotions += 1;
        }
    }

    /// Merges nodes of the log that were kept apart by what has gone since.
    pub(super) fn compact(&mut self) {
        self.log.compact();
    }

    fn feed_all(&mut self) {
        for lane in 0..self.lanes.len() {
            self.feed(lane);
        }
    }

    /// Moves `fed` up to what is written, through the log if somebody reads it.
    fn feed(&mut self, index: usize) {
        let record = &mut self.lanes[index];
        let written = record.lane.written();
        if self.log.is_read() && record.fed < written {
            let sum = self.log.open();
            for position in record.fed..written {
                // SAFETY: published, by `written`; not overwritten, since the limit is at most a ring beyond `fed` while somebody lags, and limits move under the lock, which we hold.
                unsafe { record.ring.read(position, |batch| sum.merge(batch)) };
            }
        }
        record.fed = written;
    }

    pub(super) fn stats(&self) -> super::Stats {
        let debts = self.readers.iter().filter_map(|reader| reader.lag.as_ref());
        super::Stats {
            lanes: self.lanes.len(),
            readers: self.readers.len(),
            laggards: self.laggards,
            nodes: self.log.length(),
            entries: self.log.entries() + debts.map(|lag| lag.debt.entries()).sum::<usize>(),
            demotions: self.demotions,
            replaced_rings: self.replaced,
        }
    }
}
