//! The exchange in the place of timely's progress broadcast: the same calls in the same order, with timely's own types.
//!
//! A timely worker has a broadcast per scope. When it steps a scope it (1) receives into the scope's batch of changes what all workers have sent, itself included; (2) propagates; (3) sends its own changes, compacted, if there are any.
//! Workers build their dataflows at different times, so the readers have to exist from the first worker's building on.

use taskweave_progress::exchange::{Reader, Writer};
use taskweave_progress::timely::progress::frontier::MutableAntichain;
use taskweave_progress::timely::progress::{ChangeBatch, Location};
use taskweave_progress::{Exchange, Receiver, Sender};
use taskweave_sys::sync::thread;

type Changes = ChangeBatch<(Location, u64)>;

/// What stands in for a worker's `Progcaster` of one scope.
struct Broadcast {
    writer: Writer<Changes>,
    reader: Reader<Changes>,
}

impl Broadcast {
    fn send(&mut self, changes: &mut Changes) {
        changes.compact();
        if !changes.is_empty() {
            self.writer.send(changes);
        }
    }

    fn recv(&mut self, changes: &mut Changes) {
        self.reader.recv(changes);
    }
}

/// One exchange a scope; all ends are made at once, and each worker fetches its own when it builds.
fn scope(workers: usize) -> Vec<Broadcast> {
    let exchange = Exchange::new();
    // All readers first: clause 7.
    let readers: Vec<_> = (0..workers).map(|_| exchange.reader()).collect();
    readers
        .into_iter()
        .map(|reader| Broadcast {
            writer: exchange.writer(),
            reader,
        })
        .collect()
}

/// A worker's side of one scope: an operator that mints messages of later and later epochs and retires what it received.
struct Tracker {
    broadcast: Broadcast,
    pending: Changes,
    counts: MutableAntichain<u64>,
    held: u64,
}

impl Tracker {
    /// Every worker knows from the beginning that all of them hold the least time, as in timely: those who haven't built yet, too.
    fn new(broadcast: Broadcast, workers: usize) -> Self {
        let mut counts = MutableAntichain::new();
        counts.update_iter([(0, workers as i64)]).for_each(drop);
        Self {
            broadcast,
            pending: Changes::new(),
            counts,
            held: 0,
        }
    }

    /// The order of a worker's step: receive, propagate, send.
    fn step(&mut self, advance_to: Option<u64>) {
        let mut changes = Changes::new();
        self.broadcast.recv(&mut changes);
        let updates: Vec<_> = changes
            .drain()
            .map(|((_, time), count)| (time, count))
            .collect();
        self.counts.update_iter(updates).for_each(drop);
        if let Some(epoch) = advance_to {
            let location = Location::new_source(0, 0);
            self.pending.update((location, epoch), 1);
            self.pending.update((location, self.held), -1);
            self.held = epoch;
        }
        self.broadcast.send(&mut self.pending);
        // What a worker holds is never passed in its own view.
        assert!(self.counts.less_equal(&self.held));
    }
}

#[test]
fn workers_in_turns_over_two_scopes() {
    const WORKERS: usize = 3;
    let mut scopes: Vec<Vec<Tracker>> = (0..2)
        .map(|_| {
            scope(WORKERS)
                .into_iter()
                .map(|broadcast| Tracker::new(broadcast, WORKERS))
                .collect()
        })
        .collect();
    for epoch in 1..200 {
        for worker in 0..WORKERS {
            // The last worker builds its dataflow when the others have gone far ahead.
            if worker == 2 && epoch < 150 {
                continue;
            }
            for (number, scope) in scopes.iter_mut().enumerate() {
                let advance = (epoch % (number as u64 + 1) == 0).then_some(epoch);
                scope[worker].step(advance);
            }
        }
    }
    for scope in &mut scopes {
        // Those who came first have the last ones' batches to read yet.
        for _ in 0..2 {
            for tracker in scope.iter_mut() {
                tracker.step(None);
            }
        }
        let held = scope.iter().map(|tracker| tracker.held).min().unwrap();
        for tracker in scope {
            assert_eq!(&*tracker.counts.frontier(), [held]);
        }
    }
}

/// Each worker waits until its frontier has passed the epoch that it has left, as a loop over a probe does.
#[test]
fn workers_on_threads_pass_epochs_together() {
    const EPOCHS: u64 = 300;
    let workers: Vec<_> = scope(3)
        .into_iter()
        .enumerate()
        .map(|(worker, broadcast)| {
            thread::spawn(move || {
                for _ in 0..worker {
                    thread::yield_now();
                }
                let mut tracker = Tracker::new(broadcast, 3);
                for epoch in 1..=EPOCHS {
                    tracker.step(Some(epoch));
                    while tracker.counts.less_than(&epoch) {
                        tracker.step(None);
                        thread::yield_now();
                    }
                }
                tracker.held
            })
        })
        .collect();
    for worker in workers {
        assert_eq!(worker.join().unwrap(), EPOCHS);
    }
}
