//! The media under one interface: what a worker sends by and receives by.

use std::sync::mpsc;

use taskweave_progress::timely::progress::ChangeBatch;
use taskweave_progress::{
    Cells, Chain, Chainable, Exchange, Ledger, Medium, Mesh, Receiver, Sender,
};

/// A time as a worker tells of it.
pub(super) trait Key: Ord + Clone + Send + Sync + 'static {
    /// Number `number`.
    fn new(number: u64) -> Self;
}

impl Key for u64 {
    fn new(number: u64) -> Self {
        number
    }
}

/// One whose clones allocate.
pub(super) type Boxed = Box<[u64; 3]>;

impl Key for Boxed {
    fn new(number: u64) -> Self {
        Box::new([number, 0, 0])
    }
}

pub(super) type Batch<K> = ChangeBatch<K>;

/// Which medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Exchange,
    Mpsc,
    Chain,
    Cells,
    Mesh,
    Ledger,
}

impl Kind {
    /// All that ours is held against.
    pub(super) const PEERS: [Self; 5] = [
        Self::Mpsc,
        Self::Chain,
        Self::Cells,
        Self::Mesh,
        Self::Ledger,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Exchange => "taskweave",
            Self::Mpsc => "mpsc",
            Self::Chain => "chain",
            Self::Cells => "cells",
            Self::Mesh => "mesh",
            Self::Ledger => "ledger",
        }
    }

    /// The ends of so many workers. All readers are there before anything is sent.
    pub(super) fn links<K: Key>(self, workers: usize) -> Vec<Box<dyn Link<K>>> {
        match self {
            Self::Exchange => over(&Exchange::new(), workers),
            Self::Chain => over(&Chain::new(), workers),
            Self::Cells => over(&Cells::new(), workers),
            Self::Mesh => over(&Mesh::new(), workers),
            Self::Ledger => over(&Ledger::new(), workers),
            Self::Mpsc => queues(workers),
        }
    }
}

/// One worker's ends.
pub(super) trait Link<K>: Send {
    /// Tells everybody, itself included.
    fn send(&mut self, batch: &mut Batch<K>);
    /// Adds what has come to `into`, and says how many entries it was.
    fn recv(&mut self, into: &mut Batch<K>) -> usize;
}

struct Ends<W, R>(W, R);

fn over<K: Key, M: Medium<Batch<K>>>(medium: &M, workers: usize) -> Vec<Box<dyn Link<K>>>
where
    M::Writer: Send + 'static,
    M::Reader: Send + 'static,
{
    (0..workers)
        .map(|_| Box::new(Ends(medium.writer(), medium.reader())) as Box<dyn Link<K>>)
        .collect()
}

impl<K: Key, W: Sender<Batch<K>> + Send, R: Receiver<Batch<K>> + Send> Link<K> for Ends<W, R> {
    fn send(&mut self, batch: &mut Batch<K>) {
        self.0.send(batch);
    }

    fn recv(&mut self, into: &mut Batch<K>) -> usize {
        let mut entries = 0;
        self.1.recv_with(|piece| {
            entries += piece.entries();
            piece.fold_into(into);
        });
        entries
    }
}

/// What workers do today: a queue for each, and a clone of each batch for each.
struct Queue<K> {
    senders: Vec<mpsc::Sender<Batch<K>>>,
    receiver: mpsc::Receiver<Batch<K>>,
}

fn queues<K: Key>(workers: usize) -> Vec<Box<dyn Link<K>>> {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..workers).map(|_| mpsc::channel()).unzip();
    receivers
        .into_iter()
        .map(|receiver| {
            let senders = senders.clone();
            Box::new(Queue { senders, receiver }) as Box<dyn Link<K>>
        })
        .collect()
}

impl<K: Key> Link<K> for Queue<K> {
    fn send(&mut self, batch: &mut Batch<K>) {
        batch.compact();
        if let Some((last, others)) = self.senders.split_last() {
            for sender in others {
                // Nobody leaves before all are done.
                let _ = sender.send(batch.clone());
            }
            let _ = last.send(std::mem::take(batch));
        }
    }

    fn recv(&mut self, into: &mut Batch<K>) -> usize {
        let mut entries = 0;
        while let Ok(mut batch) = self.receiver.try_recv() {
            entries += batch.entries();
            into.absorb(&mut batch);
        }
        entries
    }
}
