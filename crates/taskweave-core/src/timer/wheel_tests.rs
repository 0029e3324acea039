//! The wheel against a sorted map.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::task::{Wake, Waker};

use taskweave_sys::sync::atomic::Ordering;

use super::wheel::{Batch, FIRED, LOST, NEVER, Node, WAITS, Wheel};

struct Named(u64, Arc<Mutex<Vec<u64>>>);

impl Wake for Named {
    fn wake(self: Arc<Self>) {
        self.1.lock().unwrap().push(self.0);
    }
}

/// xorshift64 (Marsaglia, 2003).
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn state(node: &Node) -> u8 {
    node.state.load(Ordering::Relaxed)
}

fn advance(wheel: &mut Wheel, now: u64, log: &Mutex<Vec<u64>>) -> Vec<u64> {
    let mut batch = Batch::default();
    loop {
        wheel.advance(now, &mut batch);
        let full = batch.is_full();
        batch.drain().for_each(Waker::wake);
        if !full {
            return std::mem::take(&mut *log.lock().unwrap());
        }
    }
}

/// Random timers near and far are set, taken back, and fire in the order of their times, each at the first step at which it's due.
#[test]
fn it_fires_what_a_sorted_map_would() {
    for seed in 1..40_u64 {
        let mut dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut wheel = Wheel::new();
        let mut now = random(&mut dice) >> (20 + random(&mut dice) % 44);
        assert!(advance(&mut wheel, now, &log).is_empty());
        let mut nodes: BTreeMap<u64, (u64, Box<Node>)> = BTreeMap::new();
        for name in 0..600 {
            match random(&mut dice) % 4 {
                0 | 1 => {
                    let when = now + (random(&mut dice) >> (20 + random(&mut dice) % 43));
                    let mut node = Box::new(Node::new());
                    let waker = Waker::from(Arc::new(Named(name, Arc::clone(&log))));
                    node.set(when, waker);
                    // SAFETY: boxed, and removed before it's dropped.
                    match unsafe { wheel.insert(&raw mut *node) } {
                        Some(due) => {
                            assert!(due <= when && due > now.saturating_sub(1));
                            nodes.insert(name, (when, node));
                        }
                        None => assert!(when <= now),
                    }
                }
                2 => {
                    let Some((&name, _)) = nodes.iter().nth(random(&mut dice) as usize % 16) else {
                        continue;
                    };
                    let (_, mut node) = nodes.remove(&name).unwrap();
                    // SAFETY: linked here.
                    unsafe { wheel.remove(&raw mut *node) };
                    assert!(node.take_waker().is_some());
                    assert_eq!(state(&node), WAITS);
                }
                _ => {
                    let first = nodes.values().map(|(when, _)| *when).min();
                    assert!(wheel.next_due() <= first.unwrap_or(NEVER), "never too late");
                    now += random(&mut dice) >> (24 + random(&mut dice) % 40);
                    let mut due: Vec<(u64, u64)> = nodes
                        .iter()
                        .filter(|(_, (when, _))| *when <= now)
                        .map(|(name, (when, _))| (*when, *name))
                        .collect();
                    due.sort_unstable();
                    let fired = advance(&mut wheel, now, &log);
                    let times: Vec<u64> = fired.iter().map(|name| nodes[name].0).collect();
                    assert!(times.is_sorted(), "in the order of their times");
                    let mut fired = fired;
                    fired.sort_unstable();
                    let mut expected: Vec<u64> = due.iter().map(|(_, name)| *name).collect();
                    expected.sort_unstable();
                    assert_eq!(fired, expected);
                    for name in fired {
                        assert_eq!(state(&nodes.remove(&name).unwrap().1), FIRED);
                    }
                }
            }
        }
        let mut batch = Batch::default();
        loop {
            wheel.close(&mut batch);
            let full = batch.is_full();
            batch.drain().for_each(Waker::wake);
            if !full {
                break;
            }
        }
        assert_eq!(log.lock().unwrap().len(), nodes.len());
        assert!(nodes.values().all(|(_, node)| state(node) == LOST));
        assert_eq!(wheel.next_due(), NEVER);
    }
}

/// The places that a timer goes through on its way down are few, so an idle pool wakes for it a few times in years.
#[test]
fn a_timer_moves_at_most_six_times() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let mut wheel = Wheel::new();
    let mut node = Box::new(Node::new());
    let years = 5 * 365 * 86_400_000_u64 + 12_345;
    node.set(years, Waker::from(Arc::new(Named(1, Arc::clone(&log)))));
    // SAFETY: boxed, and it fires before it's dropped.
    assert!(unsafe { wheel.insert(&raw mut *node) }.is_some());
    let mut moves = 0;
    loop {
        let due = wheel.next_due();
        assert!(due <= years);
        if !advance(&mut wheel, due, &log).is_empty() {
            assert_eq!(due, years);
            break;
        }
        moves += 1;
    }
    assert!(moves <= 6, "{moves}");
}
