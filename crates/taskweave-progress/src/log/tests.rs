use std::collections::VecDeque;

use super::Log;
use crate::Chainable;

fn add(log: &mut Log<u64>, value: u64) {
    log.open().merge(&value);
}

fn values(out: &VecDeque<taskweave_sys::sync::Arc<u64>>) -> Vec<u64> {
    out.iter().map(|value| **value).collect()
}

#[test]
fn additions_merge_until_a_mark_stands_behind_them() {
    let mut log = Log::new();
    let first = log.mark();
    add(&mut log, 1);
    add(&mut log, 2);
    assert_eq!(log.length(), 2);
    let second = log.mark();
    add(&mut log, 4);
    assert_eq!(log.length(), 3);
    let mut out = VecDeque::new();
    log.take_last(second, &mut out);
    assert_eq!(values(&out), [4]);
    out.clear();
    log.take_last(first, &mut out);
    assert_eq!(values(&out), [3, 4]);
    assert_eq!(log.length(), 1);
}

#[test]
fn a_mark_that_leaves_lets_its_neighbours_merge() {
    let mut log = Log::new();
    let mut marks = Vec::new();
    for value in 0..5 {
        marks.push(log.mark());
        add(&mut log, 1 << value);
    }
    assert_eq!(log.length(), 6);
    for mark in marks.drain(1..) {
        log.unmark(mark);
    }
    // The base, the sum, and the newest.
    assert_eq!(log.length(), 3);
    let mut out = VecDeque::new();
    log.take_last(marks.remove(0), &mut out);
    assert_eq!(out.iter().map(|value| **value).sum::<u64>(), 31);
}

/// Absorbing across what a reader looks at would hand it batches that it gets again.
#[test]
fn a_pinned_node_is_neither_added_to_nor_absorbed() {
    let mut log = Log::new();
    let oldest = log.mark();
    add(&mut log, 1);
    let mut reader = log.mark();
    add(&mut log, 2);
    let mut held = VecDeque::new();
    log.take(&mut reader, &mut held);
    assert_eq!(values(&held), [2]);
    add(&mut log, 4);
    add(&mut log, 8);
    log.compact();
    assert_eq!(values(&held), [2], "what is looked at stays as it is");
    assert_eq!(log.length(), 4);
    held.clear();
    log.compact();
    assert_eq!(
        log.length(),
        3,
        "and is absorbed when nobody looks any more"
    );
    log.unmark(reader);
    log.take_last(oldest, &mut held);
    assert_eq!(held.iter().map(|value| **value).sum::<u64>(), 15);
}

#[test]
fn the_last_holder_of_what_the_log_has_given_up_owns_it() {
    let mut log = Log::new();
    let mut mark = log.mark();
    add(&mut log, 7);
    let mut out = VecDeque::new();
    log.take(&mut mark, &mut out);
    assert_eq!(out.pop_front().map(super::sole), Some(Ok(7)));
    log.unmark(mark);
    assert!(!log.is_read());
}
