//! Sums by window over data that comes out of order, on several threads: a window is reported once, when nothing more can come for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use taskweave_progress::{EpochClosed, Epochs};
use taskweave_sys::sync::thread;

/// Adds up `values` by window (what their first part is divided by ten), on two threads, in as bad an order as possible.
pub(crate) fn report(values: &[(u64, u64)]) -> Result<String, EpochClosed> {
    let (epochs, mut input) = Epochs::new();
    let sums = Arc::new(Mutex::new(BTreeMap::<u64, u64>::new()));
    let lines = Arc::new(Mutex::new(String::new()));
    let last = values.iter().map(|(at, _)| at / 10).max().unwrap_or(0);
    for window in 0..=last {
        let (sums, lines) = (Arc::clone(&sums), Arc::clone(&lines));
        epochs.when_closed(window, move || {
            let sum = sums.lock().unwrap().remove(&window).unwrap_or(0);
            let line = format!("{}..{}: {sum}\n", 10 * window, 10 * window + 10);
            lines.lock().unwrap().push_str(&line);
        });
    }

    // A ticket for each value; what comes for a window that the input has left would be an error.
    let mut parts = Vec::new();
    for &(at, value) in values {
        input.advance_to(at / 10)?;
        parts.push((input.ticket(), value));
    }
    drop(input);
    let late = parts.split_off(parts.len() / 2);
    for part in [late, parts] {
        let sums = Arc::clone(&sums);
        let adding = thread::spawn(move || {
            for (ticket, value) in part.into_iter().rev() {
                *sums.lock().unwrap().entry(ticket.epoch()).or_default() += value;
            }
        });
        // One after the other, so that all windows of the second half are complete before the first of them may be reported.
        let _ = adding.join();
    }
    epochs.wait(last);
    let lines = lines.lock().unwrap();
    Ok(lines.clone())
}

fn main() -> Result<(), EpochClosed> {
    let values: Vec<(u64, u64)> = (0..40).map(|at| (at, at)).collect();
    print!("{}", report(&values)?);
    Ok(())
}
