//! Writers and readers on threads of their own, with stalls, panics and drops, and checkpoints at which all is quiet.

use taskweave_progress::{Cells, Chain, Exchange, Medium, Mesh, Receiver, Sender};
use taskweave_sys::sync::thread;

use crate::support::{Choices, Trace, recv_and_panic};

const WRITERS: u32 = 3;
const READERS: usize = 3;
const ROUNDS: u32 = 6;
const BATCHES: u32 = 150;

fn stress<M>(medium: &M)
where
    M: Medium<Trace>,
    M::Writer: Send + 'static,
    M::Reader: Send + 'static,
{
    let mut writers: Vec<M::Writer> = (0..WRITERS).map(|_| medium.writer()).collect();
    let mut readers: Vec<(M::Reader, Trace)> = (0..READERS)
        .map(|_| (medium.reader(), Trace::default()))
        .collect();
    for round in 0..ROUNDS {
        let sending: Vec<_> = (0..)
            .zip(writers.drain(..))
            .map(|(who, mut writer)| {
                thread::spawn(move || {
                    let mut choices = Choices::new(u64::from(round * WRITERS + who));
                    for number in round * BATCHES..(round + 1) * BATCHES {
                        writer.send(&mut Trace::batch(who, number));
                        if choices.below(40) == 0 {
                            thread::yield_now();
                        }
                    }
                    writer
                })
            })
            .collect();
        let receiving: Vec<_> = (0..)
            .zip(readers.drain(..))
            .map(|(each, (mut reader, mut state))| {
                thread::spawn(move || {
                    let mut choices = Choices::new(100 + 10 * u64::from(round) + each);
                    for _ in 0..60 {
                        match choices.below(8) {
                            // Whoever is left within a receive keeps nodes apart: not before every look at the length.
                            0 if round % 2 == 1 => {
                                recv_and_panic(&mut reader, &mut state, each as usize);
                            }
                            0..4 => thread::yield_now(),
                            _ => {
                                reader.recv(&mut state);
                            }
                        }
                    }
                    state.ranges();
                    (reader, state)
                })
            })
            .collect();
        writers.extend(sending.into_iter().map(|thread| thread.join().unwrap()));
        readers.extend(receiving.into_iter().map(|thread| thread.join().unwrap()));
        // All is quiet.
        let bounded = || medium.length() <= READERS + 2;
        assert!(round % 2 == 1 || bounded(), "{}", medium.length());
        for (reader, state) in &mut readers {
            reader.recv(state);
            let expected = (0..WRITERS).map(|who| (who, (0, (round + 1) * BATCHES)));
            assert_eq!(state.ranges(), expected.collect());
        }
        assert!(bounded(), "{}", medium.length());
    }
}

#[test]
fn exchange() {
    for ring in [2, 8, 64] {
        stress(&Exchange::with_ring(ring));
    }
}

#[test]
fn chain() {
    stress(&Chain::new());
}

#[test]
fn cells() {
    stress(&Cells::new());
}

/// One chain a writer: the bound is for each.
#[test]
fn mesh() {
    struct OfOne(Mesh<Trace>);
    impl Medium<Trace> for OfOne {
        type Writer = <Mesh<Trace> as Medium<Trace>>::Writer;
        type Reader = <Mesh<Trace> as Medium<Trace>>::Reader;
        fn writer(&self) -> Self::Writer {
            self.0.writer()
        }
        fn reader(&self) -> Self::Reader {
            self.0.reader()
        }
        fn length(&self) -> usize {
            self.0.length().div_ceil(WRITERS as usize)
        }
    }
    stress(&OfOne(Mesh::new()));
}

#[test]
fn concurrent_writers_and_one_reader() {
    let exchange = Exchange::<i64>::with_ring(8);
    let mut reader = exchange.reader();
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let mut writer = exchange.writer();
            thread::spawn(move || (0..5_000).for_each(|_| writer.send(&mut 1)))
        })
        .collect();
    let mut sum = 0;
    while sum < 20_000 {
        if !reader.recv(&mut sum) {
            thread::yield_now();
        }
    }
    for writer in writers {
        writer.join().unwrap();
    }
    assert_eq!(sum, 20_000);
}
