//! Counts every text in a task of its own, and closes windows by their frontier.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use taskweave::{JoinHandle, Pool, WorkerLocal};
use taskweave_progress::exchange::{Reader, Stats, Writer};
use taskweave_progress::timely::progress::ChangeBatch;
use taskweave_progress::{Epochs, Exchange, Receiver, Sender, Ticket};
use taskweave_sys::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::failure::Failure;
use crate::windows::count::Count;
use crate::windows::input::Input;

/// Where somebody reads: a text and a line of it.
type Position = (usize, u64);
type Changes = ChangeBatch<Position>;

/// A worker listens to the others after so many lines.
const LISTEN: u64 = 16;
/// So many windows are begun backwards, to have something out of order.
const BLOCK: usize = 4;

/// One window as reported.
#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) count: Count,
    /// How many lines had been told of when it was closed, in all.
    pub(crate) sent: u64,
    /// What was kept for those who don't listen then, in entries.
    pub(crate) kept: usize,
}

/// A finished job.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) windows: Vec<Window>,
    pub(crate) workers: usize,
    pub(crate) lag: Option<usize>,
    pub(crate) sequential: Duration,
    pub(crate) parallel: Duration,
    /// What the exchange consisted of before the last ones listened.
    pub(crate) stats: Stats,
    /// How many entries the one that lagged got at the end.
    pub(crate) caught_up: usize,
}

/// What a worker has: its way to tell the others, and what it knows of them.
struct Member {
    writer: Writer<Changes>,
    reader: Reader<Changes>,
    /// Where everybody reads, as far as this worker knows.
    view: Changes,
    lags: bool,
    lines: u64,
}

impl Member {
    /// From one line to the next, as one.
    fn step(&mut self, text: usize, line: u64) {
        let mut change = Changes::new();
        change.update((text, line), -1);
        change.update((text, line + 1), 1);
        self.writer.send(&mut change);
        self.lines += 1;
        if !self.lags && self.lines.is_multiple_of(LISTEN) {
            self.listen();
        }
    }

    fn listen(&mut self) -> usize {
        let mut entries = 0;
        self.reader.recv_with(|piece| {
            entries += taskweave_progress::Chainable::entries(&*piece);
            piece.fold_into(&mut self.view);
        });
        entries
    }
}

struct Shared {
    texts: Vec<String>,
    windows: Vec<Mutex<Count>>,
    members: WorkerLocal<Member>,
    /// Lines told of.
    sent: AtomicU64,
}

/// Counts all windows, first on this thread and then on the pool, and compares.
pub(crate) fn run(pool: &Pool, input: &Input, lag: Option<usize>) -> Result<Outcome, Failure> {
    let start = Instant::now();
    let expected: Vec<Count> = input.windows().map(sequential).collect();
    let sequential = start.elapsed();

    let start = Instant::now();
    let exchange = Exchange::new();
    let shared = Arc::new(Shared {
        texts: input.texts.clone(),
        windows: expected.iter().map(|_| Mutex::default()).collect(),
        members: members(pool, &exchange, lag),
        sent: AtomicU64::new(0),
    });
    let (epochs, source) = Epochs::new();
    let mut tasks = Vec::new();
    for (text, window) in out_of_order(input.texts.len(), input.files) {
        let ticket = source
            .ticket_for(window as u64)
            .map_err(|error| failed(input, error.to_string()))?;
        tasks.push(spawn(pool, &shared, text, window, ticket));
    }
    drop(source);

    let mut windows = Vec::new();
    for (number, expected) in expected.iter().enumerate() {
        epochs.wait(number as u64);
        let count = std::mem::take(&mut *lock(&shared.windows[number]));
        if count != *expected {
            let why = format!(
                "window {} has {} words in {} files, and {} in {} when counted by one thread",
                number + 1,
                count.words,
                count.files,
                expected.words,
                expected.files
            );
            return Err(failed(input, why));
        }
        windows.push(Window {
            count,
            // Relaxed: a number to show.
            sent: shared.sent.load(Ordering::Relaxed),
            kept: exchange.stats().entries,
        });
    }
    for task in tasks {
        task.wait()
            .map_err(|error| failed(input, error.to_string()))?;
    }
    let parallel = start.elapsed();

    let stats = exchange.stats();
    let Some(shared) = Arc::into_inner(shared) else {
        unreachable!("every task has ended and dropped its share");
    };
    let mut caught_up = 0;
    for mut member in shared.members.into_values() {
        let entries = member.listen();
        if member.lags {
            caught_up = entries;
        }
        if !member.view.is_empty() {
            return Err(failed(
                input,
                "a worker doesn't know that all are done".to_owned(),
            ));
        }
    }
    Ok(Outcome {
        windows,
        workers: pool.worker_threads(),
        lag,
        sequential,
        parallel,
        stats,
        caught_up,
    })
}

fn sequential(texts: &[String]) -> Count {
    let mut count = Count::default();
    for text in texts {
        count.add(Count::text(text, || ()));
    }
    count
}

/// A member for each worker, of whom number `lag` doesn't listen. All exist before the first send.
fn members(pool: &Pool, exchange: &Exchange<Changes>, lag: Option<usize>) -> WorkerLocal<Member> {
    let exchange = exchange.clone();
    let made = AtomicUsize::new(0);
    WorkerLocal::new(pool, move || Member {
        // Readers first; whoever is made later, for a thread that stands in for a worker, misses the beginning and doesn't listen.
        reader: exchange.reader(),
        writer: exchange.writer(),
        view: Changes::new(),
        // Relaxed: a number; members of workers are made in order, by one thread.
        lags: Some(made.fetch_add(1, Ordering::Relaxed) + 1) == lag,
        lines: 0,
    })
}

/// The texts and their windows, in blocks of windows each of which is backwards.
fn out_of_order(texts: usize, files: usize) -> impl Iterator<Item = (usize, usize)> {
    let block = BLOCK.saturating_mul(files).min(texts);
    (0..texts).step_by(block).flat_map(move |from| {
        let to = (from + block).min(texts);
        (from..to).rev().map(move |text| (text, text / files))
    })
}

fn spawn(
    pool: &Pool,
    shared: &Arc<Shared>,
    text: usize,
    window: usize,
    ticket: Ticket,
) -> JoinHandle<()> {
    let shared = Arc::clone(shared);
    pool.spawn(move || {
        let count = shared.members.with(|member| {
            let mut change = Changes::new();
            change.update((text, 0), 1);
            member.writer.send(&mut change);
            let mut line = 0;
            let count = Count::text(&shared.texts[text], || {
                member.step(text, line);
                line += 1;
            });
            change.update((text, line), -1);
            member.writer.send(&mut change);
            // Relaxed: a number to show.
            shared.sent.fetch_add(line + 2, Ordering::Relaxed);
            count
        });
        lock(&shared.windows[window]).add(count);
        // The last of a window closes it.
        drop(ticket);
    })
}

fn lock(window: &Mutex<Count>) -> std::sync::MutexGuard<'_, Count> {
    window.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(input: &Input, why: String) -> Failure {
    Failure::Windows {
        folder: input.folder.clone(),
        why,
    }
}
