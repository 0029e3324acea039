//! What the chain's tests promise: single, several and late readers, laggards, drops, lengths, locks.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use taskweave_progress::exchange::Stats;
use taskweave_progress::timely::progress::ChangeBatch;
use taskweave_progress::{Chain, Chainable, Exchange, Medium, Mesh, Receiver, Sender};

type Batch = ChangeBatch<u64>;

fn batch(changes: &[(u64, i64)]) -> Batch {
    let mut batch = Batch::new();
    batch.extend(changes.iter().copied());
    batch
}

fn received(reader: &mut impl Receiver<Batch>) -> Vec<(u64, i64)> {
    let mut changes = Batch::new();
    reader.recv(&mut changes);
    changes.into_inner().to_vec()
}

macro_rules! both {
    ($($name:ident($medium:ident) $body:block)*) => {$(
        mod $name {
            use super::*;

            fn run($medium: impl Medium<Batch>) $body

            #[test]
            fn chain() {
                run(Chain::new());
            }

            #[test]
            fn exchange() {
                run(Exchange::new());
            }

            #[test]
            fn exchange_with_rings_of_two() {
                run(Exchange::with_ring(2));
            }
        }
    )*};
}

both! {
    a_single_reader(medium) {
        let (mut writer, mut reader) = (medium.writer(), medium.reader());
        writer.send(&mut batch(&[(1, 1)]));
        writer.send(&mut batch(&[(1, 1), (2, -1)]));
        assert_eq!(received(&mut reader), [(1, 2), (2, -1)]);
    }

    several_readers(medium) {
        let mut writer = medium.writer();
        let mut readers = [medium.reader(), medium.reader(), medium.reader()];
        for time in 0..10 {
            writer.send(&mut batch(&[(time, 1)]));
            assert_eq!(received(&mut readers[0]), [(time, 1)]);
        }
        let all: Vec<_> = (0..10).map(|time| (time, 1)).collect();
        assert_eq!(received(&mut readers[1]), all);
        assert_eq!(received(&mut readers[2]), all);
    }

    a_late_reader(medium) {
        let (mut writer, mut early) = (medium.writer(), medium.reader());
        writer.send(&mut batch(&[(1, 1)]));
        let mut late = medium.reader();
        writer.send(&mut batch(&[(2, 1)]));
        assert_eq!(received(&mut late), [(2, 1)]);
        assert_eq!(received(&mut early), [(1, 1), (2, 1)]);
    }

    repeated_and_empty_receives(medium) {
        let (mut writer, mut reader) = (medium.writer(), medium.reader());
        let mut changes = Batch::new();
        assert!(!reader.recv(&mut changes));
        writer.send(&mut batch(&[(1, 1)]));
        assert!(reader.recv(&mut changes));
        assert!(!reader.recv(&mut changes));
        assert_eq!(reader.recv_with(|_| panic!("nothing has come")), 0);
    }

    an_empty_batch_is_not_sent(medium) {
        let (mut writer, mut reader) = (medium.writer(), medium.reader());
        let mut nothing = batch(&[(1, 1), (1, -1)]);
        writer.send(&mut nothing);
        assert_eq!(reader.recv_with(|_| panic!("nothing was sent")), 0);
    }

    a_sent_batch_is_left_neutral(medium) {
        let (mut writer, _reader) = (medium.writer(), medium.reader());
        for _ in 0..100 {
            let mut sent = batch(&[(1, 1), (2, 1), (3, 1), (4, 1)]);
            writer.send(&mut sent);
            assert!(sent.is_empty());
        }
    }

    two_handles_in_sequence(medium) {
        let (mut first, mut reader) = (medium.writer(), medium.reader());
        first.send(&mut batch(&[(1, 1)]));
        drop(first);
        let mut second = medium.writer();
        second.send(&mut batch(&[(1, -1), (2, 1)]));
        assert_eq!(received(&mut reader), [(2, 1)]);
    }

    a_laggard_gets_what_it_came_to(medium) {
        let (mut writer, mut laggard, mut reader) = (medium.writer(), medium.reader(), medium.reader());
        for time in 0..10_000 {
            writer.send(&mut batch(&[(time, -1), (time + 1, 1)]));
            if time % 10 == 0 {
                received(&mut reader);
            }
        }
        let (mut pieces, mut entries) = (0, 0);
        let mut changes = Batch::new();
        laggard.recv_with(|piece| {
            pieces += 1;
            entries += piece.entries();
            piece.fold_into(&mut changes);
        });
        assert_eq!(changes.into_inner().to_vec(), [(0, -1), (10_000, 1)]);
        assert!(pieces <= 64 + 3, "{pieces} pieces");
        // What a batch hasn't tidied up, and a ring.
        assert!(entries <= 2 * (64 + 64), "{entries} entries of 20,000 sent");
    }

    a_dropped_reader_heals(medium) {
        let mut writer = medium.writer();
        let mut readers: Vec<_> = (0..6).map(|_| medium.reader()).collect();
        for time in 0..600 {
            writer.send(&mut batch(&[(time, 1)]));
            let reader = (time / 100) as usize;
            received(&mut readers[reader]);
        }
        let before = medium.length();
        assert!(before <= 6 + 2);
        readers.truncate(1);
        assert!(medium.length() <= 1 + 2);
        let mut sum = 0;
        readers[0].recv_with(|piece| sum += piece.entries());
        assert!(sum >= 500);
        drop(readers);
        writer.send(&mut batch(&[(0, 1)]));
        assert_eq!(medium.length(), 1, "nobody reads");
    }

    state_is_bounded_by_what_is_alive_across_writers(medium) {
        let (mut minting, mut retiring) = (medium.writer(), medium.writer());
        let mut laggard = medium.reader();
        for time in 0..20_000 {
            minting.send(&mut batch(&[(time, 1)]));
            if time >= 10 {
                retiring.send(&mut batch(&[(time - 10, -1)]));
            }
        }
        let mut entries = 0;
        let mut changes = Batch::new();
        laggard.recv_with(|piece| {
            entries += piece.entries();
            piece.fold_into(&mut changes);
        });
        assert_eq!(changes.len(), 10);
        assert!(entries <= 400, "{entries} entries of 40,000");
    }

    the_length_is_at_most_readers_and_two(medium) {
        let mut writers = [medium.writer(), medium.writer()];
        let mut readers: Vec<_> = (0..5).map(|_| medium.reader()).collect();
        for step in 0..5_000_u64 {
            writers[step as usize % 2].send(&mut batch(&[(step % 17, 1)]));
            for (each, reader) in readers.iter_mut().enumerate() {
                if step % [1, 7, 50, 333, 2_000][each] == 0 {
                    received(reader);
                }
            }
            assert!(medium.length() <= 5 + 2, "{}", medium.length());
        }
    }
}

/// The base, and the one node that all sends merge into.
#[test]
fn the_length_is_exactly_two_after_a_catch_up_and_n_sends() {
    let chain = Chain::new();
    let mut reader = chain.reader();
    for round in 0..5 {
        for time in 0..100 {
            chain.send(&mut batch(&[(time + round, 1)]));
            assert_eq!(chain.length(), 2);
        }
        received(&mut reader);
        assert_eq!(chain.length(), 1);
    }
}

#[test]
fn a_mesh_delivers_to_all_from_all() {
    let mesh = Mesh::new();
    let mut writers = [mesh.writer(), mesh.writer(), mesh.writer()];
    let mut readers = [mesh.reader(), mesh.reader()];
    let mut late = mesh.writer();
    for (time, writer) in (0..).zip(&mut writers) {
        writer.send(&mut batch(&[(time, 1)]));
    }
    late.send(&mut batch(&[(9, 1)]));
    for reader in &mut readers {
        assert_eq!(received(reader), [(0, 1), (1, 1), (2, 1), (9, 1)]);
    }
}

#[test]
fn an_idle_receive_takes_no_lock() {
    let chain = Chain::new();
    let mut reader = chain.reader();
    chain.send(&mut 1_i64);
    let mut sum = 0;
    reader.recv(&mut sum);
    let locks = reader.locks();
    for _ in 0..1_000 {
        assert!(!reader.recv(&mut sum));
    }
    assert_eq!(reader.locks(), locks);

    let exchange = Exchange::new();
    let (mut writer, mut reader) = (exchange.writer(), exchange.reader());
    for _ in 0..1_000 {
        assert!(!reader.recv(&mut sum));
        writer.send(&mut 1_i64);
        assert!(reader.recv(&mut sum));
    }
    // One that keeps up takes none at all.
    assert_eq!(reader.locks(), 0);
}

#[test]
fn the_exchange_tells_what_it_is_made_of() {
    let exchange = Exchange::<i64>::with_ring(0);
    let mut writer = exchange.writer();
    let (reader, laggard) = (exchange.reader(), exchange.reader());
    for _ in 0..3 {
        writer.send(&mut 1);
    }
    let Stats {
        lanes,
        readers,
        laggards,
        nodes,
        demotions,
        ..
    } = exchange.stats();
    assert_eq!(
        (lanes, readers, laggards, nodes, demotions),
        (1, 2, 2, 1, 2)
    );
    drop((reader, laggard));
    assert_eq!(exchange.stats().laggards, 0);
}

/// A fold that panicked keeps nodes apart until the rest of them is folded, and no longer.
#[test]
fn a_chain_is_short_again_after_a_fold_that_panicked() {
    let chain: Chain<i64> = Chain::new();
    let _laggard = chain.reader();
    let mut reader = chain.reader();
    let mut marks = Vec::new();
    for _ in 0..50 {
        chain.send(&mut 1);
        marks.push(chain.reader());
    }
    chain.send(&mut 1);
    panics(|| {
        reader.recv_with(|_| resume_unwind(Box::new("on purpose")));
    });
    drop(marks);
    reader.recv_with(|_| ());
    assert!(chain.length() <= 4, "{}", chain.length());
}

/// The same for a reader that never folds the rest.
#[test]
fn an_exchange_is_short_again_without_the_reader_whose_fold_panicked() {
    let exchange: Exchange<i64> = Exchange::with_ring(2);
    let mut writer = exchange.writer();
    let mut reader = exchange.reader();
    let _laggard = exchange.reader();
    let mut marks = Vec::new();
    for _ in 0..20 {
        (0..6).for_each(|_| writer.send(&mut 1));
        marks.push(exchange.reader());
    }
    (0..6).for_each(|_| writer.send(&mut 1));
    panics(|| {
        reader.recv_with(|_| resume_unwind(Box::new("on purpose")));
    });
    drop((marks, reader));
    let stats = exchange.stats();
    assert!(stats.nodes <= stats.laggards + 2, "{stats:?}");
}

fn panics(act: impl FnOnce()) {
    assert!(catch_unwind(AssertUnwindSafe(act)).is_err());
}
