//! The models of the chain.

use super::Chain;
use crate::Receiver;
use crate::model::{body, check};

/// Each batch is a digit of its own.
#[test]
fn two_writers_and_a_reader_that_looks_before_it_locks() {
    check(3, |order| {
        let chain = Chain::new();
        let mut reader = chain.reader();
        let sending = |batches: [u64; 2]| {
            let chain = chain.clone();
            body(move || {
                for mut batch in batches {
                    chain.send(&mut batch);
                }
                None
            })
        };
        let (first, second) = (sending([0x1, 0x10]), sending([0x100, 0x1000]));
        let receiving = body(move || {
            let (mut once, mut sum) = (0_u64, 0_u64);
            reader.recv(&mut once);
            reader.recv(&mut sum);
            for sum in [once, once + sum] {
                assert!([0, 0x1, 0x11].contains(&(sum & 0xff)), "{sum:x}");
                assert!([0, 0x100, 0x1100].contains(&(sum & 0xff00)), "{sum:x}");
            }
            Some((reader, once + sum))
        });
        let results = order.run(vec![first, second, receiving]);
        let (mut reader, mut sum) = results.into_iter().flatten().next().unwrap();
        reader.recv(&mut sum);
        assert_eq!(sum, 0x1111);
        assert!(chain.length() <= 3);
    });
}

/// What one reader folds outside of the lock is left alone by a writer that adds for another.
#[test]
fn a_reader_folds_while_a_writer_adds_for_a_laggard() {
    check(2, |order| {
        let chain = Chain::new();
        let (mut laggard, mut reader) = (chain.reader(), chain.reader());
        chain.send(&mut 0x1);
        let sending = {
            let chain = chain.clone();
            body(move || {
                chain.send(&mut 0x10);
                None
            })
        };
        let receiving = body(move || {
            let mut sum = 0_u64;
            reader.recv(&mut sum);
            assert!([0x1, 0x11].contains(&sum), "{sum:x}");
            Some((reader, sum))
        });
        let results = order.run(vec![sending, receiving]);
        let (mut reader, mut sum) = results.into_iter().flatten().next().unwrap();
        reader.recv(&mut sum);
        assert_eq!(sum, 0x11);
        let mut all = 0;
        laggard.recv(&mut all);
        assert_eq!(all, 0x11);
        assert!(chain.length() <= 4);
    });
}

/// A send that is known to have returned is not overlooked by the look before the lock.
#[test]
fn a_finished_send_is_never_overlooked() {
    check(2, |order| {
        let (chain, news) = (Chain::new(), Chain::new());
        let (mut reader, mut told) = (chain.reader(), news.reader());
        let sending = body(move || {
            chain.send(&mut 1_u64);
            news.send(&mut 1_u64);
        });
        let receiving = body(move || {
            let (mut news, mut sum) = (0, 0);
            told.recv(&mut news);
            let came = reader.recv(&mut sum);
            assert!(news == 0 || came);
        });
        order.run(vec![sending, receiving]);
    });
}
