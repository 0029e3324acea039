//! The models of the exchange: rings of two batches, so that the third send of a writer finds it full.

use taskweave_sys::sync::Mutex;

use super::{Exchange, Reader, Writer};
use crate::model::{Shared, body, check};
use crate::{Receiver, Sender};

/// Batch `number` of writer `writer`, as a digit of its own.
fn batch(writer: u32, number: u32) -> u64 {
    1 << (16 * writer + 4 * number)
}

/// How many batches of a writer a sum holds; they must be the first ones, each once.
fn prefix(sum: u64, writer: u32) -> u32 {
    let digits = (sum >> (16 * writer)) & 0xffff;
    match digits {
        0 => 0,
        1 => 1,
        0x11 => 2,
        0x111 => 3,
        0x1111 => 4,
        _ => panic!("{digits:x} is no prefix, each batch once"),
    }
}

fn send(writer: &mut Writer<u64>, who: u32, numbers: std::ops::Range<u32>) {
    for number in numbers {
        writer.send(&mut batch(who, number));
    }
}

/// Receives `times` times; what each writer sent must have come in order every time.
fn receive(reader: &mut Reader<u64>, writers: u32, times: u32) -> u64 {
    let mut sum = 0_u64;
    for _ in 0..times {
        let before: Vec<u32> = (0..writers).map(|writer| prefix(sum, writer)).collect();
        reader.recv_with(|piece| sum += *piece);
        for (writer, before) in (0..writers).zip(before) {
            assert!(prefix(sum, writer) >= before);
        }
    }
    sum
}

/// A reader that keeps up, or is demoted before, between or within its receives, as it happens.
#[test]
fn a_reader_gets_every_batch_once_and_in_order() {
    check(2, |order| {
        let exchange = Exchange::with_ring(2);
        let (mut writer, mut reader) = (exchange.writer(), exchange.reader());
        let sending = body(move || {
            send(&mut writer, 0, 0..4);
            None
        });
        let receiving = body(move || {
            let sum = receive(&mut reader, 1, 2);
            Some((reader, sum))
        });
        let (mut reader, sum) = order
            .run(vec![sending, receiving])
            .into_iter()
            .flatten()
            .next()
            .unwrap();
        let mut rest = 0;
        reader.recv(&mut rest);
        assert_eq!(sum + rest, 0x1111);
        assert_eq!(reader.recv_with(|_| ()), 0);
    });
}

/// One writer demotes the reader while the other sends.
#[test]
fn two_writers_and_a_reader() {
    check(3, |order| {
        let exchange = Exchange::with_ring(2);
        let (mut first, mut second) = (exchange.writer(), exchange.writer());
        let mut reader = exchange.reader();
        let demoting = body(move || {
            send(&mut first, 0, 0..3);
            None
        });
        let sending = body(move || {
            send(&mut second, 1, 0..1);
            None
        });
        let receiving = body(move || {
            let sum = receive(&mut reader, 2, 1);
            Some((reader, sum))
        });
        let results = order.run(vec![demoting, sending, receiving]);
        let (mut reader, sum) = results.into_iter().flatten().next().unwrap();
        let mut rest = 0;
        reader.recv(&mut rest);
        assert_eq!(sum + rest, 0x1_0111);
    });
}

/// Two laggards share the log, and one of them comes back, or a reader keeps up beside a laggard.
#[test]
fn a_laggard_beside_another_reader() {
    check(2, |order| {
        let exchange = Exchange::with_ring(2);
        let mut writer = exchange.writer();
        let (mut reader, mut laggard) = (exchange.reader(), exchange.reader());
        send(&mut writer, 0, 0..1);
        let sending = body(move || {
            send(&mut writer, 0, 1..4);
            None
        });
        let receiving = body(move || {
            let sum = receive(&mut reader, 1, 1);
            Some((reader, sum))
        });
        let results = order.run(vec![sending, receiving]);
        let (mut reader, sum) = results.into_iter().flatten().next().unwrap();
        let mut rest = 0;
        reader.recv(&mut rest);
        assert_eq!(sum + rest, 0x1111);
        assert_eq!(receive(&mut laggard, 1, 1), 0x1111);
        assert!(exchange.stats().nodes <= 2);
    });
}

/// A fold that panicked has left the reader within a receive; the writer goes on and the reader comes back.
#[test]
fn a_receive_that_stalled_goes_on_where_it_was() {
    check(2, |order| {
        let exchange = Exchange::with_ring(2);
        let (mut writer, mut reader) = (exchange.writer(), exchange.reader());
        send(&mut writer, 0, 0..2);
        reader.stall();
        let sending = body(move || {
            send(&mut writer, 0, 2..4);
            None
        });
        let receiving = body(move || {
            let sum = receive(&mut reader, 1, 1);
            Some((reader, sum))
        });
        let results = order.run(vec![sending, receiving]);
        let (mut reader, sum) = results.into_iter().flatten().next().unwrap();
        assert!(prefix(sum, 0) >= 2);
        let mut rest = 0;
        reader.recv(&mut rest);
        assert_eq!(sum + rest, 0x1111);
    });
}

/// Who registers while batches are sent gets the rest of them, and all of those that come later.
#[test]
fn a_late_reader_gets_a_suffix() {
    check(2, |order| {
        let exchange = Exchange::with_ring(2);
        let mut writer = exchange.writer();
        let registering = {
            let exchange = exchange.clone();
            body(move || (Some(exchange.reader()), None))
        };
        let sending = body(move || {
            send(&mut writer, 0, 0..3);
            (None, Some(writer))
        });
        let results = order.run(vec![registering, sending]);
        let (mut reader, mut writer) = (None, None);
        for (one, other) in results {
            reader = reader.or(one);
            writer = writer.or(other);
        }
        send(&mut writer.unwrap(), 0, 3..4);
        let mut sum = 0;
        reader.unwrap().recv(&mut sum);
        assert!([0x1111, 0x1110, 0x1100, 0x1000].contains(&sum), "{sum:x}");
    });
}

/// A laggard is dropped while the writer feeds it: the log goes.
#[test]
fn a_dropped_reader_takes_its_share_of_the_log_along() {
    check(2, |order| {
        let exchange = Exchange::with_ring(2);
        let mut writer = exchange.writer();
        let (mut reader, laggard) = (exchange.reader(), exchange.reader());
        let sending = body(move || send(&mut writer, 0, 0..4));
        let laggard = Shared::new(Mutex::new(Some(laggard)));
        let dropping = laggard.body(|laggard| drop(laggard.lock().unwrap().take()));
        order.run(vec![sending, dropping]);
        assert_eq!(receive(&mut reader, 1, 1), 0x1111);
        let stats = exchange.stats();
        assert_eq!((stats.laggards, stats.nodes), (0, 1));
    });
}

/// A lane is made, and its first batch sent, while the reader looks.
#[test]
fn a_new_writer_is_heard() {
    check(2, |order| {
        let exchange = Exchange::with_ring(2);
        let mut reader = exchange.reader();
        let writing = {
            let exchange = exchange.clone();
            body(move || {
                send(&mut exchange.writer(), 0, 0..3);
                None
            })
        };
        let receiving = body(move || {
            let sum = receive(&mut reader, 1, 2);
            Some((reader, sum))
        });
        let results = order.run(vec![writing, receiving]);
        let (mut reader, sum) = results.into_iter().flatten().next().unwrap();
        let mut rest = 0;
        reader.recv(&mut rest);
        assert_eq!(sum + rest, 0x111);
    });
}

/// The ring is replaced, since another reader stalled in it, while this one, which had read the lane to its end, looks at it.
#[test]
fn a_ring_is_replaced_under_a_reader_that_keeps_up() {
    check(2, |order| {
        let exchange = Exchange::with_ring(2);
        let mut writer = exchange.writer();
        let (mut reader, mut stalled) = (exchange.reader(), exchange.reader());
        send(&mut writer, 0, 0..2);
        let sum = receive(&mut reader, 1, 1);
        assert_eq!(sum, 0x11);
        stalled.stall();
        let sending = body(move || {
            send(&mut writer, 0, 2..4);
            None
        });
        let receiving = body(move || {
            let mut more = 0_u64;
            reader.recv_with(|piece| more += *piece);
            Some((reader, more))
        });
        let results = order.run(vec![sending, receiving]);
        let (mut reader, more) = results.into_iter().flatten().next().unwrap();
        prefix(sum + more, 0);
        let mut rest = 0;
        reader.recv(&mut rest);
        assert_eq!(sum + more + rest, 0x1111);
        assert_eq!(receive(&mut stalled, 1, 2), 0x1111);
    });
}

/// The ring is replaced because of one reader, and another has not read it to its end, without being far enough behind to be demoted for that.
#[test]
fn a_receive_that_stalled_beside_one_that_is_behind() {
    check(2, |order| {
        let exchange = Exchange::with_ring(2);
        let mut writer = exchange.writer();
        let (mut behind, mut stalled) = (exchange.reader(), exchange.reader());
        send(&mut writer, 0, 0..1);
        let sum = receive(&mut behind, 1, 1);
        send(&mut writer, 0, 1..2);
        stalled.stall();
        let sending = body(move || {
            send(&mut writer, 0, 2..4);
            None
        });
        let receiving = body(move || {
            let mut more = 0_u64;
            behind.recv_with(|piece| more += *piece);
            Some((behind, sum + more))
        });
        let results = order.run(vec![sending, receiving]);
        let (mut behind, sum) = results.into_iter().flatten().next().unwrap();
        prefix(sum, 0);
        let mut rest = 0;
        behind.recv(&mut rest);
        assert_eq!(sum + rest, 0x1111);
        assert_eq!(receive(&mut stalled, 1, 2), 0x1111);
    });
}
