//! The deque's models.
#![cfg(taskweave_loom)]

mod model;

use std::ptr::NonNull;

use model::{Order, body, check};
use taskweave_sys::{
    deque::{self, Owner, Steal, Stealer},
    sync::cell::UnsafeCell,
};

/// An element; loom reports a race if reading it isn't ordered after writing it.
struct Item(UnsafeCell<u64>);

fn item(value: u64) -> NonNull<Item> {
    NonNull::from(Box::leak(Box::new(Item(UnsafeCell::new(value)))))
}

fn consume(item: NonNull<Item>) -> u64 {
    // SAFETY: the element was made by `item` and taken from the deque, which is for one thread
    // alone.
    let item = unsafe { Box::from_raw(item.as_ptr()) };
    // SAFETY: as above.
    item.0.with_mut(|value| unsafe { *value })
}

/// Pushes the next value unless the deque is full.
fn push(owner: &Owner<Item>, pushed: &mut u64) {
    match owner.push(item(*pushed + 1)) {
        Ok(()) => *pushed += 1,
        Err(refused) => drop(consume(refused.0)),
    }
}

fn pop(owner: &Owner<Item>) -> Option<u64> {
    owner.pop().map(consume)
}

fn steal_one(stealer: &Stealer<Item>) -> Vec<u64> {
    match stealer.steal_one() {
        Steal::Taken { first, .. } => vec![consume(first)],
        Steal::Empty | Steal::Busy => Vec::new(),
    }
}

/// A deque with `private + public` elements, from 1.
fn filled(capacity: usize, public: usize, private: usize) -> (Owner<Item>, Stealer<Item>, u64) {
    let (owner, stealer) = deque::new(capacity).unwrap();
    let mut pushed = 0;
    for _ in 0..public + private {
        push(&owner, &mut pushed);
    }
    owner.publish(public);
    (owner, stealer, pushed)
}

/// Empties the deque; returns what was seen, and how much was pushed in all.
fn drain(owner: &Owner<Item>, mut seen: Vec<u64>, pushed: u64) -> (Vec<u64>, u64) {
    while let Some(value) = pop(owner) {
        seen.push(value);
    }
    (seen, pushed)
}

/// The owner's part drains its deque at the end. If the thieves came too early or lost, all is with
/// the owner; anyway each element is seen once.
fn assert_all_seen_once(results: Vec<(Vec<u64>, u64)>) {
    let pushed: u64 = results.iter().map(|(_, pushed)| pushed).sum();
    let mut seen: Vec<u64> = results.into_iter().flat_map(|(seen, _)| seen).collect();
    seen.sort_unstable();
    assert_eq!(seen, (1..=pushed).collect::<Vec<_>>());
}

#[test]
fn what_a_thief_gets_it_sees() {
    check(2, |order: Order| {
        let (owner, stealer, mut pushed) = filled(4, 0, 0);
        let thief = body(move || (steal_one(&stealer), 0));
        let owner = body(move || {
            push(&owner, &mut pushed);
            owner.publish_all();
            push(&owner, &mut pushed);
            let seen = [pop(&owner), pop(&owner)].into_iter().flatten().collect();
            drain(&owner, seen, pushed)
        });
        assert_all_seen_once(order.run(vec![owner, thief]));
    });
}

/// A ring of two slots, so that the owner writes again to what the thief has just read.
#[test]
fn a_slot_is_written_again_only_after_it_was_read() {
    check(2, |order: Order| {
        let (owner, stealer, mut pushed) = filled(2, 2, 0);
        let thief = body(move || (steal_one(&stealer), 0));
        let owner = body(move || {
            push(&owner, &mut pushed);
            push(&owner, &mut pushed);
            let seen = pop(&owner).into_iter().collect();
            drain(&owner, seen, pushed)
        });
        assert_all_seen_once(order.run(vec![owner, thief]));
    });
}

#[test]
fn two_thieves_and_the_owner_share_without_doubles() {
    check(3, |order: Order| {
        let (owner, stealer, pushed) = filled(4, 2, 1);
        let thieves = [stealer.clone(), stealer];
        let [one, two] = thieves.map(|stealer| body(move || (steal_one(&stealer), 0)));
        let owner = body(move || {
            let seen = [pop(&owner), pop(&owner)].into_iter().flatten().collect();
            drain(&owner, seen, pushed)
        });
        assert_all_seen_once(order.run(vec![owner, one, two]));
    });
}

/// While one thief is copying, a second must not come near its slots, nor free them, however often
/// it tries.
#[test]
fn a_second_thief_leaves_the_first_alone() {
    check(3, |order: Order| {
        let (owner, stealer, mut pushed) = filled(2, 2, 0);
        let thieves = [stealer.clone(), stealer];
        let [one, two] = thieves
            .map(|stealer| body(move || ([steal_one(&stealer), steal_one(&stealer)].concat(), 0)));
        let owner = body(move || {
            push(&owner, &mut pushed);
            drain(&owner, Vec::new(), pushed)
        });
        assert_all_seen_once(order.run(vec![owner, one, two]));
    });
}

#[test]
fn a_batch_lands_in_order_while_the_owner_takes_from_both_ends() {
    check(2, |order: Order| {
        let (owner, stealer, pushed) = filled(4, 4, 0);
        let thief = body(move || {
            let (dest, _) = deque::new(4).unwrap();
            let mut seen = Vec::new();
            if let Steal::Taken { first, more } = stealer.steal_into(&dest, 4) {
                seen.push(consume(first));
                assert_eq!((dest.public_len(), dest.private_len()), (more, 0));
                while let Some(element) = dest.pop_oldest() {
                    seen.push(consume(element));
                }
                assert_eq!(seen.len(), more + 1);
                assert!(seen.is_sorted());
            }
            (seen, 0)
        });
        let owner = body(move || {
            let both = [pop(&owner), owner.pop_oldest().map(consume)];
            drain(&owner, both.into_iter().flatten().collect(), pushed)
        });
        assert_all_seen_once(order.run(vec![owner, thief]));
    });
}

/// The owner spills past a thief that is still copying, and then writes to all the slots it is
/// allowed to.
#[test]
fn spilling_goes_on_while_a_thief_copies() {
    check(2, |order: Order| {
        let (owner, stealer, mut pushed) = filled(4, 2, 1);
        let thief = body(move || (steal_one(&stealer), 0));
        let owner = body(move || {
            let mut seen = Vec::new();
            owner.spill(2, |element| seen.push(consume(element)));
            assert!(seen.is_sorted());
            for _ in 0..4 {
                push(&owner, &mut pushed);
            }
            drain(&owner, seen, pushed)
        });
        assert_all_seen_once(order.run(vec![owner, thief]));
    });
}

/// The owner takes the last public element, and then private ones from the front, from under a
/// thief's eyes.
#[test]
fn the_owner_takes_the_oldest_in_order() {
    check(2, |order: Order| {
        let (owner, stealer, mut pushed) = filled(4, 1, 2);
        let thief = body(move || (steal_one(&stealer), 0));
        let owner = body(move || {
            let oldest: Vec<u64> = [owner.pop_oldest(), owner.pop_oldest()]
                .into_iter()
                .flatten()
                .map(consume)
                .collect();
            assert!(oldest.is_sorted());
            for _ in 0..3 {
                push(&owner, &mut pushed);
            }
            drain(&owner, oldest, pushed)
        });
        assert_all_seen_once(order.run(vec![owner, thief]));
    });
}

/// The owner removes private elements without a word to anyone while a thief copies, publishes what came after them, and
/// writes to all the slots it is allowed to.
#[test]
fn a_late_publication_leaves_the_thief_alone_and_shows_what_it_publishes() {
    check(2, |order: Order| {
        let (owner, stealer, mut pushed) = filled(4, 1, 1);
        let thief = body(move || ([steal_one(&stealer), steal_one(&stealer)].concat(), 0));
        let owner = body(move || {
            let seen: Vec<u64> = owner.pop_oldest().into_iter().map(consume).collect();
            push(&owner, &mut pushed);
            owner.publish_all();
            push(&owner, &mut pushed);
            push(&owner, &mut pushed);
            drain(&owner, seen, pushed)
        });
        assert_all_seen_once(order.run(vec![owner, thief]));
    });
}

/// One moves elements out of the deque into which another moves some at that moment.
#[test]
fn a_thief_is_robbed_while_it_steals() {
    check(3, |order: Order| {
        let (victim, from_victim, pushed) = filled(4, 3, 0);
        let (thief, from_thief) = deque::new(2).unwrap();
        let robber = body(move || (steal_one(&from_thief), 0));
        let thief = body(move || {
            let mut seen = Vec::new();
            if let Steal::Taken { first, .. } = from_victim.steal_into(&thief, 2) {
                seen.push(consume(first));
            }
            drain(&thief, seen, 0)
        });
        let victim = body(move || drain(&victim, Vec::new(), pushed));
        assert_all_seen_once(order.run(vec![victim, thief, robber]));
    });
}

/// Elements from below the mark stay, whatever thieves do to those above.
#[test]
fn popping_above_a_mark_stays_above_it() {
    check(2, |order: Order| {
        let (owner, stealer, mut pushed) = filled(4, 1, 0);
        let thief = body(move || ([steal_one(&stealer), steal_one(&stealer)].concat(), 0));
        let owner = body(move || {
            let mark = owner.position();
            push(&owner, &mut pushed);
            push(&owner, &mut pushed);
            owner.publish_all();
            let mut seen = Vec::new();
            while let Some(element) = owner.pop_above(mark) {
                seen.push(consume(element));
            }
            assert!(seen.iter().all(|&value| value > 1), "took {seen:?}");
            drain(&owner, seen, pushed)
        });
        assert_all_seen_once(order.run(vec![owner, thief]));
    });
}
