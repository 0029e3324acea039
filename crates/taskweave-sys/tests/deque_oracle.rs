//! The deque, used by one thread, against two queues: the public part and the private one.
#![cfg(not(any(taskweave_loom, taskweave_shuttle)))]

use std::{
    collections::VecDeque,
    ptr::{self, NonNull},
};

use proptest::prelude::*;
use taskweave_sys::deque::{self, CapacityError, MAX_CAPACITY, Owner, Position, Steal, Stealer};

/// An element that is only an address.
fn element(number: usize) -> NonNull<u8> {
    NonNull::new(ptr::without_provenance_mut(number)).unwrap()
}

fn number(element: NonNull<u8>) -> usize {
    element.addr().get()
}

#[derive(Clone, Debug)]
enum Step {
    Push,
    Pop,
    PopOldest,
    Mark,
    PopAbove,
    Publish(usize),
    Spill(usize),
    StealOne,
    StealInto(usize),
    /// As the thief, steal from this deque into itself.
    StealBack(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Push),
        3 => Just(Step::Pop),
        1 => Just(Step::PopOldest),
        1 => Just(Step::Mark),
        2 => Just(Step::PopAbove),
        2 => (0..9_usize).prop_map(Step::Publish),
        1 => (0..40_usize).prop_map(Step::Spill),
        2 => Just(Step::StealOne),
        2 => (0..9_usize).prop_map(Step::StealInto),
        1 => (0..9_usize).prop_map(Step::StealBack),
    ]
}

/// What the deque is supposed to be.
#[derive(Default)]
struct Oracle {
    public: VecDeque<usize>,
    private: VecDeque<usize>,
    bottom: usize,
    mark: usize,
}

impl Oracle {
    fn len(&self) -> usize {
        self.public.len() + self.private.len()
    }

    fn push(&mut self, number: usize) {
        self.private.push_back(number);
        self.bottom += 1;
    }

    fn pop(&mut self) -> Option<usize> {
        if self.private.is_empty() {
            self.private.extend(self.public.pop_back());
        }
        let popped = self.private.pop_back()?;
        self.bottom -= 1;
        Some(popped)
    }

    fn pop_above(&mut self) -> Option<usize> {
        self.bottom
            .checked_sub(self.mark)
            .filter(|&above| above > 0)
            .and_then(|_| self.pop())
    }

    fn pop_oldest(&mut self) -> Option<usize> {
        self.public.pop_front().or_else(|| self.private.pop_front())
    }

    fn publish(&mut self, count: usize) {
        let count = count.min(self.private.len());
        self.public.extend(self.private.drain(..count));
    }

    fn steal(&mut self, max: usize) -> Vec<usize> {
        self.public
            .drain(..self.public.len().div_ceil(2).min(max))
            .collect()
    }
}

struct Pair {
    owner: Owner<u8>,
    stealer: Stealer<u8>,
    thief: Owner<u8>,
    oracle: Oracle,
    mark: Position,
    pushed: usize,
}

impl Pair {
    /// A deque whose indices have already gone `start` slots.
    fn new(capacity: usize, thief: usize, start: usize) -> Self {
        let (owner, stealer) = deque::new(capacity).unwrap();
        for _ in 0..start {
            owner.push(element(1)).unwrap();
            owner.pop_oldest().unwrap();
        }
        let mark = owner.position();
        Self {
            owner,
            stealer,
            thief: deque::new(thief).unwrap().0,
            oracle: Oracle::default(),
            mark,
            pushed: 0,
        }
    }

    fn run(&mut self, step: &Step) {
        let Self {
            owner,
            stealer,
            thief,
            oracle,
            ..
        } = self;
        match *step {
            Step::Push => {
                let next = self.pushed + 1;
                match owner.push(element(next)) {
                    Ok(()) => {
                        assert!(oracle.len() < owner.capacity());
                        oracle.push(next);
                        self.pushed = next;
                    }
                    Err(full) => {
                        assert_eq!((oracle.len(), number(full.0)), (owner.capacity(), next));
                    }
                }
            }
            Step::Pop => assert_eq!(owner.pop().map(number), oracle.pop()),
            Step::PopOldest => assert_eq!(owner.pop_oldest().map(number), oracle.pop_oldest()),
            Step::Mark => {
                self.mark = owner.position();
                oracle.mark = oracle.bottom;
            }
            Step::PopAbove => {
                assert_eq!(owner.pop_above(self.mark).map(number), oracle.pop_above())
            }
            Step::Publish(count) => {
                let before = oracle.public.len();
                oracle.publish(count);
                assert_eq!(owner.publish(count), oracle.public.len() - before);
            }
            Step::Spill(max) => {
                let mut spilled = Vec::new();
                let count = owner.spill(max, |element| spilled.push(number(element)));
                let expected: Vec<_> = (0..max).map_while(|_| oracle.pop_oldest()).collect();
                assert_eq!((count, spilled), (expected.len(), expected));
            }
            Step::StealOne => match stealer.steal_one() {
                Steal::Taken { first, more: 0 } => assert_eq!(vec![number(first)], oracle.steal(1)),
                Steal::Empty => assert!(oracle.public.is_empty()),
                other => panic!("{other:?}"),
            },
            Step::StealInto(max) => {
                // What the thief had is made public along with what it gets.
                let own = element(usize::MAX);
                let had = thief.push(own).is_ok();
                let expected = oracle.steal(max.min(thief.room() + 1));
                match stealer.steal_into(thief, max) {
                    Steal::Taken { first, more } => {
                        let mut stolen = vec![number(first)];
                        assert_eq!(
                            thief.public_len(),
                            if more > 0 { more + usize::from(had) } else { 0 }
                        );
                        while let Some(element) =
                            thief.pop_oldest().filter(|&element| element != own)
                        {
                            stolen.push(number(element));
                        }
                        while let Some(element) = thief.pop_oldest() {
                            stolen.push(number(element));
                        }
                        assert_eq!((stolen, more + 1), (expected.clone(), expected.len()));
                    }
                    Steal::Empty => assert!(expected.is_empty()),
                    Steal::Busy => panic!("busy without another thief"),
                }
                thief.spill(usize::MAX, |left| assert_eq!(left, own));
            }
            Step::StealBack(max) => {
                let expected = oracle.steal(max.min(owner.room() + 1));
                match stealer.steal_into(owner, max) {
                    Steal::Taken { first, more } => {
                        assert_eq!((number(first), more + 1), (expected[0], expected.len()));
                        for &again in &expected[1..] {
                            oracle.push(again);
                        }
                        if more > 0 {
                            oracle.publish(usize::MAX);
                        }
                    }
                    Steal::Empty => assert!(expected.is_empty()),
                    Steal::Busy => panic!("busy without another thief"),
                }
            }
        }
        self.compare();
    }

    fn compare(&self) {
        let Self {
            owner,
            stealer,
            oracle,
            ..
        } = self;
        assert_eq!(
            (owner.public_len(), owner.private_len()),
            (oracle.public.len(), oracle.private.len())
        );
        assert_eq!(
            owner.is_empty(),
            oracle.public.is_empty() && oracle.private.is_empty()
        );
        assert_eq!(
            (owner.len(), owner.is_empty()),
            (oracle.len(), oracle.len() == 0)
        );
        assert_eq!(
            (stealer.public_len(), stealer.is_empty()),
            (oracle.public.len(), oracle.public.is_empty())
        );
        assert_eq!(owner.room(), owner.capacity() - oracle.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_deque_does_what_two_queues_do(
        steps in proptest::collection::vec(step(), 0..200),
        bits in 1..6_u32,
        thief in 1..4_u32,
        // Close to where 16 bits are exhausted, and to half of that.
        start in prop_oneof![Just(0_usize), 65_500..65_536_usize, 32_700..32_768_usize],
    ) {
        let mut pair = Pair::new(1 << bits, 1 << thief, start);
        for step in &steps {
            pair.run(step);
        }
    }
}

#[test]
fn a_full_ring_of_the_largest_size_goes_round_and_round() {
    let (owner, stealer) = deque::new::<u8>(MAX_CAPACITY).unwrap();
    let (thief, _) = deque::new::<u8>(MAX_CAPACITY).unwrap();
    let mut next = 1;
    let mut oldest = 1;
    let mut step = MAX_CAPACITY;
    for _ in 0..12 {
        while owner.push(element(next)).is_ok() {
            next += 1;
        }
        assert_eq!(
            (owner.len(), owner.room(), next - oldest),
            (MAX_CAPACITY, 0, MAX_CAPACITY)
        );
        owner.publish_all();
        assert_eq!((owner.public_len(), owner.private_len()), (MAX_CAPACITY, 0));
        // Stolen, the first half of it …
        let Steal::Taken { first, more } = stealer.steal_into(&thief, usize::MAX) else {
            panic!("nothing stolen")
        };
        assert_eq!((number(first), more), (oldest, MAX_CAPACITY / 2 - 1));
        oldest += 1;
        while let Some(element) = thief.pop_oldest() {
            assert_eq!(number(element), oldest);
            oldest += 1;
        }
        // … and part of the rest spilled, a different one each time, so that the indices meet their
        // ends everywhere.
        step = step * 5 / 7;
        owner.spill(step, |element| {
            assert_eq!(number(element), oldest);
            oldest += 1;
        });
    }
    assert!(next > 3 * 65_536);
    assert_eq!(owner.len(), next - oldest);
}

#[test]
fn marks_outlive_a_turn_of_the_indices() {
    let (owner, stealer) = deque::new::<u8>(2).unwrap();
    let mark = owner.position();
    owner.push(element(1)).unwrap();
    for round in 2..=70_000 {
        owner.push(element(round)).unwrap();
        owner.publish(1);
        assert!(
            matches!(stealer.steal_one(), Steal::Taken { first, more: 0 } if number(first) == round - 1)
        );
    }
    assert!(owner.position() > mark);
    assert_eq!(owner.pop_above(mark).map(number), Some(70_000));
    assert_eq!(owner.pop_above(mark), None);
    assert!(owner.is_empty());
}

#[test]
fn a_receiver_may_use_the_deque_it_is_spilled_from() {
    let (owner, _stealer) = deque::new::<u8>(64).unwrap();
    for number in 1..=64 {
        owner.push(element(number)).unwrap();
    }
    let mut order = Vec::new();
    let spilled = owner.spill(100, |element| {
        order.push(number(element));
        if number(element) % 2 == 1 {
            owner.push(self::element(number(element) + 1000)).unwrap();
        }
    });
    assert_eq!((spilled, order.len()), (100, 100));
    assert_eq!(order[..64], (1..=64).collect::<Vec<_>>());
    assert!(order[64..].iter().all(|&number| number > 1000));
}

#[test]
fn only_powers_of_two_in_range_are_capacities() {
    for capacity in [
        0,
        1,
        3,
        6,
        100,
        MAX_CAPACITY + 1,
        MAX_CAPACITY * 2,
        usize::MAX,
    ] {
        assert_eq!(
            deque::new::<u8>(capacity).err(),
            Some(CapacityError { capacity })
        );
    }
    let message = CapacityError { capacity: 3 }.to_string();
    assert!(
        message.contains('3') && message.contains("power of two"),
        "{message}"
    );
    for bits in 1..=15 {
        assert_eq!(deque::new::<u8>(1 << bits).unwrap().0.capacity(), 1 << bits);
    }
}
