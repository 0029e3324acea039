//! The seven clauses, each for every medium.

use std::collections::BTreeMap;

use taskweave_progress::{Cells, Chain, Exchange, Ledger, Medium, Mesh, Receiver, Sender};

use crate::support::{Trace, recv_and_panic};

/// The clauses as tests of a medium that is made by an expression.
macro_rules! clauses {
    ($($name:ident: $medium:expr;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn clause_1_a_reader_has_prefixes_of_whole_batches() {
                super::clause_1($medium);
            }

            #[test]
            fn clause_2_each_batch_is_folded_exactly_once() {
                super::clause_2($medium);
            }

            #[test]
            fn clause_3_merged_batches_of_several_writers_advance_all_their_prefixes() {
                super::clause_3($medium);
            }

            #[test]
            fn clause_4_batches_of_a_writer_come_in_their_order() {
                super::clause_4($medium);
            }

            #[test]
            fn clause_5_batches_are_never_split() {
                super::clause_5($medium);
            }

            #[test]
            fn clause_6_nothing_is_merged_across_a_reader() {
                super::clause_6($medium);
            }

            #[test]
            fn clause_7_a_reader_hears_of_what_is_sent_after_its_registration_alone() {
                super::clause_7($medium);
            }
        }
    )*};
}

clauses! {
    chain: Chain::new();
    mesh: Mesh::new();
    ledger: Ledger::new();
    cells: Cells::new();
    exchange: Exchange::new();
    exchange_with_rings_of_two: Exchange::with_ring(2);
}

fn send(writer: &mut impl Sender<Trace>, who: u32, numbers: std::ops::Range<u32>) {
    for number in numbers {
        writer.send(&mut Trace::batch(who, number));
    }
}

fn ranges<const N: usize>(ranges: [(u32, (u32, u32)); N]) -> BTreeMap<u32, (u32, u32)> {
    ranges.into()
}

fn clause_1(medium: impl Medium<Trace>) {
    let (mut one, mut other) = (medium.writer(), medium.writer());
    let mut reader = medium.reader();
    let mut state = Trace::default();
    for round in 0..40 {
        send(&mut one, 1, 3 * round..3 * round + 3);
        // Whatever a receive that breaks off has got, it's prefixes; and the next gets the rest.
        recv_and_panic(&mut reader, &mut state, round as usize % 5);
        let got = state.ranges();
        assert!(got.values().all(|(from, _)| *from == 0), "{got:?}");
        send(&mut other, 2, round..round + 1);
        if round % 7 == 6 {
            reader.recv(&mut state);
            assert_eq!(
                state.ranges(),
                ranges([(1, (0, 3 * round + 3)), (2, (0, round + 1))])
            );
        }
    }
}

fn clause_2(medium: impl Medium<Trace>) {
    let mut writer = medium.writer();
    let mut readers = [medium.reader(), medium.reader(), medium.reader()];
    let mut states = [Trace::default(), Trace::default(), Trace::default()];
    for round in 0..60 {
        send(&mut writer, 0, round..round + 1);
        for (each, (reader, state)) in readers.iter_mut().zip(&mut states).enumerate() {
            // Every round, every third, and once every twenty.
            if (round + 1) % [1, 3, 20][each] == 0 {
                reader.recv(state);
                assert_eq!(state.ranges(), ranges([(0, (0, round + 1))]));
            }
            assert!((round + 1) % [1, 3, 20][each] != 0 || !reader.recv(state));
        }
    }
}

fn clause_3(medium: impl Medium<Trace>) {
    let mut writers = [medium.writer(), medium.writer()];
    let mut reader = medium.reader();
    for number in 0..100 {
        for (who, writer) in (0..).zip(&mut writers) {
            send(writer, who, number..number + 1);
        }
    }
    let mut state = Trace::default();
    let pieces = reader.recv_with(|piece| piece.fold_into(&mut state));
    assert_eq!(state.ranges(), ranges([(0, (0, 100)), (1, (0, 100))]));
    assert!(pieces <= 200, "whole batches, merged or not");
}

fn clause_4(medium: impl Medium<Trace>) {
    let mut writer = medium.writer();
    let mut reader = medium.reader();
    let mut state = Trace::default();
    for burst in [1, 2, 3, 5, 63, 64, 65, 130] {
        let from = state.ranges().get(&0).map_or(0, |range| range.1);
        send(&mut writer, 0, from..from + burst);
        // Piece by piece: each piece goes on where the one before ended.
        reader.recv_with(|piece| {
            piece.fold_into(&mut state);
            state.ranges();
        });
        assert_eq!(state.ranges(), ranges([(0, (0, from + burst))]));
    }
}

fn clause_5(medium: impl Medium<Trace>) {
    let mut writers = [medium.writer(), medium.writer(), medium.writer()];
    let mut reader = medium.reader();
    let mut pieces = Vec::new();
    for number in 0..90 {
        for (who, writer) in (0..).zip(&mut writers) {
            send(writer, who, number..number + 1);
        }
        if number % 10 == 9 {
            reader.recv_with(|piece| {
                let mut alone = Trace::default();
                piece.fold_into(&mut alone);
                pieces.push(alone);
            });
        }
    }
    // Each piece by itself has whole batches; `ranges` looks.
    assert!(pieces.iter().all(|piece| !piece.ranges().is_empty()));
}

fn clause_6(medium: impl Medium<Trace>) {
    let mut writer = medium.writer();
    let mut readers = Vec::new();
    for number in 0..20 {
        readers.push(medium.reader());
        send(&mut writer, 0, 10 * number..10 * number + 10);
    }
    // From the middle to both ends, so that some of those who are passed over have neighbours that could be merged.
    readers.swap(3, 9);
    for mut reader in readers.drain(..10) {
        let mut state = Trace::default();
        reader.recv(&mut state);
        let (from, to) = state.ranges()[&0];
        assert_eq!((from % 10, to), (0, 200));
    }
    for (number, mut reader) in (10..).zip(readers) {
        let mut state = Trace::default();
        reader.recv(&mut state);
        assert_eq!(state.ranges(), ranges([(0, (10 * number, 200))]));
    }
}

fn clause_7(medium: impl Medium<Trace>) {
    let mut writer = medium.writer();
    let mut early = medium.reader();
    send(&mut writer, 0, 0..70);
    let mut late = medium.reader();
    let mut second = medium.writer();
    send(&mut writer, 0, 70..75);
    send(&mut second, 1, 0..3);
    let mut last = medium.reader();
    let mut state = Trace::default();
    assert!(!last.recv(&mut state), "nothing was sent since");
    late.recv(&mut state);
    assert_eq!(state.ranges(), ranges([(0, (70, 75)), (1, (0, 3))]));
    state = Trace::default();
    early.recv(&mut state);
    assert_eq!(state.ranges(), ranges([(0, (0, 75)), (1, (0, 3))]));
}
