//! Random histories against an oracle that knows every writer's batches.

use std::collections::BTreeMap;

use proptest::prelude::*;
use taskweave_progress::{Cells, Chain, Exchange, Ledger, Medium, Mesh, Receiver, Sender};

use crate::support::{Trace, recv_and_panic};

#[derive(Clone, Debug)]
enum Step {
    Send(usize, u32),
    Receive(usize),
    /// A fold panics at this piece: the reader is left within a receive.
    Panic(usize, usize),
    Register,
    DropReader(usize),
    AddWriter,
    DropWriter(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (any::<usize>(), 1..12_u32).prop_map(|(writer, count)| Step::Send(writer, count)),
        4 => any::<usize>().prop_map(Step::Receive),
        2 => (any::<usize>(), 0..6_usize).prop_map(|(reader, at)| Step::Panic(reader, at)),
        1 => Just(Step::Register),
        1 => any::<usize>().prop_map(Step::DropReader),
        1 => Just(Step::AddWriter),
        1 => any::<usize>().prop_map(Step::DropWriter),
    ]
}

/// What a reader has, and what it should.
struct Watched<R> {
    reader: R,
    state: Trace,
    /// What each writer had sent when it was registered.
    from: BTreeMap<u32, u32>,
    /// What it had of each at the last look.
    had: BTreeMap<u32, u32>,
}

impl<R> Watched<R> {
    /// Prefixes from the registration on, none shorter than before.
    fn look(&mut self, sent: &BTreeMap<u32, u32>) {
        let ranges = self.state.ranges();
        for (writer, (from, to)) in &ranges {
            let start = self.from.get(writer).copied().unwrap_or(0);
            assert_eq!(*from, start, "writer {writer}");
            assert!(*to <= sent[writer]);
            assert!(*to >= self.had.get(writer).copied().unwrap_or(0));
        }
        self.had = ranges
            .iter()
            .map(|(writer, (_, to))| (*writer, *to))
            .collect();
    }

    /// All of it.
    fn look_at_all(&mut self, sent: &BTreeMap<u32, u32>) {
        self.look(sent);
        for (writer, count) in sent {
            let start = self.from.get(writer).copied().unwrap_or(0);
            let had = self.had.get(writer).copied().unwrap_or(start);
            assert_eq!(had, *count, "writer {writer}");
        }
    }
}

fn run<M: Medium<Trace>>(medium: &M, steps: &[Step]) {
    let mut writers: Vec<(u32, M::Writer)> = vec![(0, medium.writer())];
    let mut sent = BTreeMap::from([(0, 0)]);
    let mut readers: Vec<Watched<M::Reader>> = Vec::new();
    for step in steps {
        match *step {
            Step::Send(writer, count) if !writers.is_empty() => {
                let at = writer % writers.len();
                let (who, writer) = &mut writers[at];
                for _ in 0..count {
                    let number = sent.get_mut(who).unwrap();
                    writer.send(&mut Trace::batch(*who, *number));
                    *number += 1;
                }
            }
            Step::Receive(reader) if !readers.is_empty() => {
                let at = reader % readers.len();
                let watched = &mut readers[at];
                watched.reader.recv(&mut watched.state);
                watched.look_at_all(&sent);
            }
            Step::Panic(reader, piece) if !readers.is_empty() => {
                let at = reader % readers.len();
                let watched = &mut readers[at];
                recv_and_panic(&mut watched.reader, &mut watched.state, piece);
                watched.look(&sent);
            }
            Step::Register => readers.push(Watched {
                reader: medium.reader(),
                state: Trace::default(),
                from: sent.clone(),
                had: BTreeMap::new(),
            }),
            Step::DropReader(reader) if !readers.is_empty() => {
                readers.swap_remove(reader % readers.len());
            }
            Step::AddWriter => {
                let who = sent.len() as u32;
                sent.insert(who, 0);
                writers.push((who, medium.writer()));
            }
            Step::DropWriter(writer) if !writers.is_empty() => {
                writers.swap_remove(writer % writers.len());
            }
            _ => {}
        }
    }
    for watched in &mut readers {
        watched.reader.recv(&mut watched.state);
        watched.look_at_all(&sent);
        assert!(!watched.reader.recv(&mut watched.state));
    }
}

proptest! {
    #[test]
    fn exchange(ring in prop_oneof![Just(2_usize), Just(4), Just(16)], steps in prop::collection::vec(step(), 0..80)) {
        let exchange = Exchange::with_ring(ring);
        run(&exchange, &steps);
        let stats = exchange.stats();
        assert_eq!((stats.readers, stats.nodes), (0, 1));
    }

    #[test]
    fn chain(steps in prop::collection::vec(step(), 0..80)) {
        let chain = Chain::new();
        run(&chain, &steps);
        assert_eq!(chain.length(), 1);
    }

    #[test]
    fn mesh_ledger_and_cells(steps in prop::collection::vec(step(), 0..40)) {
        run(&Mesh::new(), &steps);
        run(&Ledger::new(), &steps);
        run(&Cells::new(), &steps);
    }
}
