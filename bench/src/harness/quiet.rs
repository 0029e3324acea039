//! Waiting until the pools have gone to sleep.
//!
//! Both sides of a pair keep their pools from sample to sample, since starting threads is not what is measured. A pool that still spins
//! for work while the other side is sampled would take a processor away from it, and its time would be billed to the other. So no sample
//! starts before every other thread of the process sleeps; and as Linux brings the account of a running thread up to date at its next
//! tick only, which may be milliseconds away, the CPU clock is read when they sleep as well.

use std::{
    fs, io,
    time::{Duration, Instant},
};

use rustix::thread::gettid;
use taskweave_sys::sync::thread;

/// So many looks in a row must find nobody running: between two tasks a thread may sleep for a moment.
const LOOKS: usize = 3;
/// The time between looks.
const PAUSE: Duration = Duration::from_micros(100);
/// A pool that hasn't gone to sleep by now isn't going to.
const PATIENCE: Duration = Duration::from_millis(100);

/// Waits until all other threads of this process sleep; returns whether that came about within a tenth of a second.
pub(crate) fn settle() -> bool {
    let started = Instant::now();
    let mut asleep = 0;
    while asleep < LOOKS {
        if started.elapsed() > PATIENCE {
            return false;
        }
        thread::sleep(PAUSE);
        match others_running() {
            Ok(0) => asleep += 1,
            Ok(_) => asleep = 0,
            // Without `/proc` nothing is known.
            Err(_) => return false,
        }
    }
    true
}

/// How many threads of this process but the calling one are running or want to.
pub(super) fn others_running() -> io::Result<usize> {
    let own = gettid().as_raw_nonzero().get().to_string();
    let mut running = 0;
    for task in fs::read_dir("/proc/self/task")? {
        let task = task?;
        if task.file_name().to_str() == Some(&own) {
            continue;
        }
        // A thread that has ended meanwhile doesn't run.
        if let Ok(stat) = fs::read_to_string(task.path().join("stat")) {
            running += usize::from(state(&stat) == Some('R'));
        }
    }
    Ok(running)
}

/// The letter after the name, which is in parentheses and may itself hold any.
pub(super) fn state(stat: &str) -> Option<char> {
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}
