//! Epochs: "when all of epoch e is in, do this once".

use std::fmt;
use std::time::Duration;

use crate::frontier::{Capability, NotLater, Passed, Progress};

/// Which epochs may still get something, and who waits for the others. A handle; clones are the same.
///
/// An input is one of those who say what comes in which epoch. It hands out *tickets*; an epoch is closed when every input has advanced beyond it and all of its tickets are dropped, on whatever threads, in tasks or in futures.
///
/// ```
/// use taskweave_progress::Epochs;
///
/// let (epochs, mut input) = Epochs::new();
/// let (sender, closed) = std::sync::mpsc::channel();
/// epochs.when_closed(0, move || sender.send("all of epoch 0 is in").unwrap());
///
/// let parts: Vec<_> = (0..3).map(|_| input.ticket()).collect();
/// input.advance_to(1)?;
/// let workers: Vec<_> = parts
///     .into_iter()
///     .map(|ticket| std::thread::Builder::new().spawn(move || drop(ticket)))
///     .collect::<Result<_, _>>()?;
/// epochs.wait(0);
/// for worker in workers {
///     worker.join().unwrap();
/// }
/// assert_eq!(closed.recv(), Ok("all of epoch 0 is in"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Epochs {
    progress: Progress<u64>,
}

/// One of those who say what comes in which epoch. A clone is another one.
#[derive(Clone)]
#[must_use = "without inputs all epochs are closed"]
pub struct EpochInput {
    capability: Capability<u64>,
}

/// A part of an epoch that isn't in yet. Dropped when it is; a clone is another part.
#[derive(Clone)]
#[must_use = "a ticket that is dropped says that the part is in"]
pub struct Ticket {
    capability: Capability<u64>,
}

/// The epoch may be closed: who asked has left it behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochClosed {
    /// The epoch that was asked for.
    pub asked: u64,
    /// The one that the input or ticket is at.
    pub at: u64,
}

impl fmt::Display for EpochClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "epoch {} has been left for epoch {}; ask for {} or a later one",
            self.asked, self.at, self.at
        )
    }
}

impl std::error::Error for EpochClosed {}

impl From<NotLater<u64>> for EpochClosed {
    fn from(error: NotLater<u64>) -> Self {
        Self {
            asked: error.asked,
            at: error.held,
        }
    }
}

impl Epochs {
    /// With the first input, at epoch 0.
    pub fn new() -> (Self, EpochInput) {
        let (progress, capability) = Progress::new();
        (Self { progress }, EpochInput { capability })
    }

    /// The first epoch that isn't closed; none if all are.
    pub fn current(&self) -> Option<u64> {
        self.progress.frontier().first().copied()
    }

    /// Whether everything of this epoch and those before is in.
    pub fn is_closed(&self, epoch: u64) -> bool {
        self.progress.has_passed(&epoch)
    }

    /// Blocks until the epoch is closed; see [`Progress::wait_until_passed`] on who mustn't.
    pub fn wait(&self, epoch: u64) {
        self.progress.wait_until_passed(&epoch);
    }

    /// As [`wait`](Self::wait), for `timeout` at most; says whether the epoch is closed.
    pub fn wait_timeout(&self, epoch: u64, timeout: Duration) -> bool {
        self.progress.wait_timeout(&epoch, timeout)
    }

    /// Ready when the epoch is closed.
    pub fn closed(&self, epoch: u64) -> Passed<u64> {
        self.progress.on_passed(epoch)
    }

    /// Calls `act` once when the epoch is closed, on the thread that closes it, or now. See [`Progress::when_passed`].
    pub fn when_closed(&self, epoch: u64, act: impl FnOnce() + Send + 'static) {
        self.progress.when_passed(epoch, act);
    }
}

impl EpochInput {
    /// Where it is.
    pub fn epoch(&self) -> u64 {
        *self.capability.time()
    }

    /// A part of its epoch.
    pub fn ticket(&self) -> Ticket {
        Ticket {
            capability: self.capability.clone(),
        }
    }

    /// A part of a later epoch, or of its own.
    ///
    /// # Errors
    /// [`EpochClosed`] if the input has advanced beyond it.
    pub fn ticket_for(&self, epoch: u64) -> Result<Ticket, EpochClosed> {
        let capability = self.capability.mint(epoch)?;
        Ok(Ticket { capability })
    }

    /// Says that nothing comes from here for epochs before this one. Dropping the input says it for all.
    ///
    /// # Errors
    /// [`EpochClosed`] if the input has advanced beyond it.
    pub fn advance_to(&mut self, epoch: u64) -> Result<(), EpochClosed> {
        Ok(self.capability.downgrade(epoch)?)
    }
}

impl Ticket {
    /// What it is a part of.
    pub fn epoch(&self) -> u64 {
        *self.capability.time()
    }

    /// Makes it a part of a later epoch, or of its own.
    ///
    /// # Errors
    /// [`EpochClosed`] if `epoch` is earlier; the ticket is left as it was.
    pub fn move_to(&mut self, epoch: u64) -> Result<(), EpochClosed> {
        Ok(self.capability.downgrade(epoch)?)
    }
}

impl fmt::Debug for Epochs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Epochs")
            .field("current", &self.current())
            .finish()
    }
}

impl fmt::Debug for EpochInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EpochInput").field(&self.epoch()).finish()
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ticket").field(&self.epoch()).finish()
    }
}
