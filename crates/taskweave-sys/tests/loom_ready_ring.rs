//! Models of the ready ring.
#![cfg(taskweave_loom)]

mod model;

use model::{Body, body, check};
use taskweave_sys::ready_ring::{PushError, ReadyRing, Taker};
use taskweave_sys::sync::Arc;
use taskweave_sys::sync::cell::UnsafeCell;

/// What pushers write before they push, and the taker reads after it has taken.
struct Notes([UnsafeCell<usize>; 4]);

// SAFETY: who may touch them is what the model checks.
unsafe impl Send for Notes {}
// SAFETY: as above.
unsafe impl Sync for Notes {}

fn notes() -> Arc<Notes> {
    Arc::new(Notes([0, 0, 0, 0].map(UnsafeCell::new)))
}

/// Pushes these values; returns those that there was room for.
fn pusher(ring: &ReadyRing, notes: &Arc<Notes>, values: &'static [usize]) -> Body<Vec<usize>> {
    let (ring, notes) = (ring.clone(), Arc::clone(notes));
    body(move || {
        let mut pushed = Vec::new();
        for &value in values {
            // SAFETY: before the push nobody else looks at it.
            notes.0[value].with_mut(|note| unsafe { *note = value + 10 });
            match ring.push(value) {
                Ok(()) => pushed.push(value),
                Err(PushError::Full { value: back, .. }) => assert_eq!(back, value),
                Err(other) => panic!("{other}"),
            }
        }
        pushed
    })
}

fn take(taker: &mut Taker, notes: &Notes) -> Option<usize> {
    let value = taker.take()?;
    // SAFETY: the pusher has let go of it.
    let note = notes.0[value].with(|note| unsafe { *note });
    assert_eq!(note, value + 10);
    Some(value)
}

/// Some threads push, one takes meanwhile, and the rest is taken afterwards: what was pushed, each once, those of one pusher in its order.
fn run(pushers: &'static [&'static [usize]], takes: usize) {
    check(pushers.len() + 1, move |order| {
        let (ring, taker) = ReadyRing::with_capacity(2);
        let notes = notes();
        let taker = std::sync::Arc::new(std::sync::Mutex::new(taker));
        let mut bodies: Vec<Body<Vec<usize>>> = pushers
            .iter()
            .map(|values| pusher(&ring, &notes, values))
            .collect();
        let (for_notes, for_taker) = (Arc::clone(&notes), std::sync::Arc::clone(&taker));
        bodies.push(body(move || {
            let mut taker = for_taker.lock().unwrap();
            (0..takes)
                .filter_map(|_| take(&mut taker, &for_notes))
                .collect()
        }));
        let mut results = order.run(bodies);
        let mut taken = results.pop().unwrap();
        let mut taker = taker.lock().unwrap();
        while let Some(value) = take(&mut taker, &notes) {
            taken.push(value);
        }
        for pushed in &results {
            let mut own = taken.iter().filter(|value| pushed.contains(value));
            assert!(own.by_ref().eq(pushed), "{taken:?} of {pushed:?}");
        }
        let pushed = results.iter().map(Vec::len).sum::<usize>();
        assert_eq!(taken.len(), pushed);
        let offered = pushers.iter().map(|values| values.len()).sum::<usize>();
        assert!(pushed == offered || offered > 2, "refused, and never full");
    });
}

#[test]
fn two_pushers_and_a_taker() {
    run(&[&[0], &[1]], 2);
}

#[test]
fn cells_are_used_again() {
    run(&[&[0, 1, 2]], 2);
}

#[test]
fn a_full_ring_refuses_and_loses_nothing() {
    run(&[&[0, 1], &[2]], 1);
}
