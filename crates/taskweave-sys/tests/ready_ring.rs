//! The ready ring against its promises.
#![cfg(not(any(taskweave_loom, taskweave_shuttle)))]

use std::collections::VecDeque;

use taskweave_sys::ready_ring::{PushError, ReadyRing};
use taskweave_sys::sync::thread;

#[test]
fn capacities_are_powers_of_two_and_at_least_two() {
    for (asked, given) in [(0, 2), (1, 2), (2, 2), (3, 4), (4, 4), (1000, 1024)] {
        assert_eq!(ReadyRing::with_capacity(asked).0.capacity(), given);
    }
}

#[test]
fn the_sentinel_is_refused_and_everything_else_is_taken() {
    let (ring, mut taker) = ReadyRing::with_capacity(2);
    assert_eq!(ring.push(ReadyRing::SENTINEL), Err(PushError::Sentinel));
    for value in [0, 1, usize::MAX - 1] {
        ring.push(value).unwrap();
        assert_eq!(taker.take(), Some(value));
    }
    assert_eq!(taker.take(), None);
    assert!(
        PushError::Sentinel
            .to_string()
            .contains("stands for nothing")
    );
}

/// Pushes and takes in many mixtures, against a queue with a bound.
#[test]
fn one_thread_against_a_queue() {
    let (ring, mut taker) = ReadyRing::with_capacity(8);
    let mut queue = VecDeque::new();
    let mut state = 1_u64;
    for value in 0..100_000 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        match state >> 61 {
            0..4 if queue.len() < 8 => {
                ring.push(value).unwrap();
                queue.push_back(value);
            }
            0..4 => assert_eq!(
                ring.push(value),
                Err(PushError::Full { value, capacity: 8 })
            ),
            4..7 => assert_eq!(taker.take(), queue.pop_front()),
            _ if value % 50 == 0 => {
                assert_eq!(taker.reset(), queue.len());
                queue.clear();
            }
            _ => {}
        }
    }
}

#[test]
fn four_pushers_lose_and_double_nothing() {
    const EACH: usize = 20_000;
    let (ring, mut taker) = ReadyRing::with_capacity(64);
    let pushers: Vec<_> = (0..4)
        .map(|pusher| {
            let ring = ring.clone();
            thread::spawn(move || {
                for i in 0..EACH {
                    while ring.push(pusher * EACH + i).is_err() {
                        thread::yield_now();
                    }
                }
            })
        })
        .collect();
    let mut next = [0; 4];
    for _ in 0..4 * EACH {
        let value = loop {
            match taker.take() {
                Some(value) => break value,
                None => thread::yield_now(),
            }
        };
        // Of one pusher in its order.
        assert_eq!(value % EACH, next[value / EACH]);
        next[value / EACH] += 1;
    }
    assert_eq!(taker.take(), None);
    for pusher in pushers {
        pusher.join().unwrap();
    }
}
