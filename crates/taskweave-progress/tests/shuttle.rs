//! Larger casts than loom can take, over random schedules: `cargo test --test shuttle` with `--cfg taskweave_shuttle`.
#![cfg(all(taskweave_shuttle, not(taskweave_loom)))]

use taskweave_progress::{Chain, Epochs, Exchange, Medium, Receiver, Sender};
use taskweave_sys::sync::thread;

const SCHEDULES: usize = 200;

/// Four writers and four readers, of which some lag.
fn eight<M>(medium: M)
where
    M: Medium<(i64, i64)>,
    M::Writer: Send + 'static,
    M::Reader: Send + 'static,
{
    let writers: Vec<_> = (0..4).map(|_| medium.writer()).collect();
    let readers: Vec<_> = (0..4).map(|_| medium.reader()).collect();
    let sending: Vec<_> = writers
        .into_iter()
        .map(|mut writer| {
            thread::spawn(move || {
                for _ in 0..10 {
                    writer.send(&mut (1, -1));
                }
            })
        })
        .collect();
    let receiving: Vec<_> = (0..)
        .zip(readers)
        .map(|(each, mut reader)| {
            thread::spawn(move || {
                let mut sum = (0_i64, 0_i64);
                for _ in 0..each * 3 {
                    reader.recv(&mut sum);
                    assert_eq!(sum.0, -sum.1, "a batch was split");
                    thread::yield_now();
                }
                (reader, sum)
            })
        })
        .collect();
    for thread in sending {
        thread.join().unwrap();
    }
    for thread in receiving {
        let (mut reader, mut sum) = thread.join().unwrap();
        reader.recv(&mut sum);
        assert_eq!(sum, (40, -40));
    }
    assert!(medium.length() <= 4 + 2);
}

#[test]
fn eight_threads_on_an_exchange() {
    shuttle::check_random(|| eight(Exchange::with_ring(2)), SCHEDULES);
}

#[test]
fn eight_threads_on_a_chain() {
    shuttle::check_random(|| eight(Chain::new()), SCHEDULES);
}

#[test]
fn eight_threads_and_an_epoch_each() {
    shuttle::check_random(
        || {
            let (epochs, mut input) = Epochs::new();
            let threads: Vec<_> = (0..8)
                .map(|epoch| {
                    input.advance_to(epoch).unwrap();
                    let (ticket, epochs) = (input.ticket(), epochs.clone());
                    thread::spawn(move || {
                        assert!(!epochs.is_closed(epoch));
                        drop(ticket);
                        epochs.wait(epoch);
                    })
                })
                .collect();
            drop(input);
            for thread in threads {
                thread.join().unwrap();
            }
        },
        SCHEDULES,
    );
}
