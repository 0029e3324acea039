//! Epochs: once, when all is in, whoever brings the last of it.
#![cfg(not(any(taskweave_loom, taskweave_shuttle)))]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use taskweave_progress::{EpochClosed, Epochs};
use taskweave_sys::sync::atomic::{AtomicUsize, Ordering};
use taskweave_sys::sync::thread;

#[test]
fn an_epoch_closes_once_when_inputs_and_tickets_have_left_it() {
    let (epochs, mut first) = Epochs::new();
    let second = first.clone();
    let closed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&closed);
    epochs.when_closed(0, move || {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let (ticket, copy) = (first.ticket(), first.ticket().clone());
    first.advance_to(2).unwrap();
    drop(second);
    drop(ticket);
    assert_eq!(
        (epochs.current(), closed.load(Ordering::SeqCst)),
        (Some(0), 0)
    );
    drop(copy);
    assert_eq!(
        (epochs.current(), closed.load(Ordering::SeqCst)),
        (Some(2), 1)
    );
    assert!(epochs.is_closed(1) && !epochs.is_closed(2));
    drop(first);
    assert_eq!((epochs.current(), closed.load(Ordering::SeqCst)), (None, 1));
}

#[test]
fn a_closed_epoch_is_refused_with_the_facts() {
    let (epochs, mut input) = Epochs::new();
    input.advance_to(3).unwrap();
    let refused = EpochClosed { asked: 2, at: 3 };
    assert_eq!(input.ticket_for(2).unwrap_err(), refused);
    assert_eq!(input.advance_to(2), Err(refused));
    assert_eq!(input.epoch(), 3);
    let mut ticket = input.ticket_for(7).unwrap();
    assert_eq!(ticket.move_to(6), Err(EpochClosed { asked: 6, at: 7 }));
    ticket.move_to(8).unwrap();
    assert_eq!(ticket.epoch(), 8);
    drop(input);
    assert_eq!(epochs.current(), Some(8));
    assert_eq!(
        refused.to_string(),
        "epoch 2 has been left for epoch 3; ask for 3 or a later one"
    );
    ticket.move_to(u64::MAX).unwrap();
    assert!(!epochs.is_closed(u64::MAX));
}

/// Tickets for later epochs come back before those of earlier ones, from threads and from a future.
#[test]
fn across_workers_threads_and_futures() {
    const EPOCHS: u64 = 100;
    let (epochs, mut input) = Epochs::new();
    let closings: Arc<Vec<AtomicUsize>> =
        Arc::new((0..EPOCHS).map(|_| AtomicUsize::new(0)).collect());
    for epoch in 0..EPOCHS {
        let closings = Arc::clone(&closings);
        epochs.when_closed(epoch, move || {
            closings[epoch as usize].fetch_add(1, Ordering::SeqCst);
        });
    }
    let mut tickets: Vec<_> = (0..EPOCHS)
        .flat_map(|epoch| {
            input.advance_to(epoch).unwrap();
            [input.ticket(), input.ticket(), input.ticket()]
        })
        .collect();
    drop(input);
    tickets.reverse();
    let mut last = epochs.closed(EPOCHS - 1);
    let mut context = Context::from_waker(Waker::noop());
    assert_eq!(Pin::new(&mut last).poll(&mut context), Poll::Pending);
    let half = tickets.split_off(tickets.len() / 2);
    let threads = [tickets, half].map(|tickets| {
        thread::spawn(move || {
            for ticket in tickets {
                drop(ticket);
            }
        })
    });
    epochs.wait(EPOCHS - 1);
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(Pin::new(&mut last).poll(&mut context), Poll::Ready(()));
    assert!(
        closings
            .iter()
            .all(|count| count.load(Ordering::SeqCst) == 1)
    );
    assert!(epochs.wait_timeout(u64::MAX, Duration::ZERO));
}
