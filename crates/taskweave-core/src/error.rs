//! The errors that every front end shares.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Why a task has no result.
#[derive(Debug)]
#[non_exhaustive]
pub enum TaskError {
    /// The body panicked. The payload can be resumed.
    Panicked(Panic),
    /// The body returned an error.
    Failed(Arc<dyn Error + Send + Sync>),
    /// It was cancelled before it began.
    Cancelled,
    /// What it was to come after has failed, so it never began.
    Poisoned {
        /// The first cause: what a task, a pass or a completion ended with, at the beginning of the line.
        root: Arc<TaskError>,
    },
    /// Waiting for it could never end: it needs, directly or through others, the very stack that
    /// would wait. The task goes on without its handle.
    Deadlock,
    /// The handle gave the result away before, through `try_wait` or as a future.
    Taken,
    /// Its pool was shut down before it began.
    Shutdown,
    /// A wait inside a worker would have needed one more spare thread than the pool may have.
    TooManyBlocked {
        /// The bound, set with `PoolBuilder::max_blocked`.
        limit: usize,
    },
    /// The system refused to start a thread that the task, or the wait for it, needs.
    NoThread,
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TaskError::Panicked(panic) => write!(f, "the task panicked: {}", panic.message()),
            TaskError::Failed(error) => write!(f, "the task failed: {error}"),
            TaskError::Cancelled => f.write_str("the task was cancelled before it began"),
            TaskError::Poisoned { root } => {
                write!(f, "what the task comes after has failed: {root}")
            }
            TaskError::Deadlock => f.write_str(
                "waiting here could never end: the awaited task needs the stack that waits",
            ),
            TaskError::Taken => f.write_str("the result was taken from this handle before"),
            TaskError::Shutdown => f.write_str("the pool was shut down before the task began"),
            TaskError::TooManyBlocked { limit } => write!(
                f,
                "{limit} threads of the pool are blocked in waits already; raise \
                 `PoolBuilder::max_blocked` or wait from outside the pool"
            ),
            TaskError::NoThread => f.write_str(
                "the system refused to start a thread; raise the limit on threads of this process or user, or have fewer \
                 bodies that block",
            ),
        }
    }
}

impl TaskError {
    /// As the cause of others' failures: its own first cause, if it has one.
    pub(crate) fn into_root(self) -> Arc<TaskError> {
        match self {
            TaskError::Poisoned { root } => root,
            error => Arc::new(error),
        }
    }
}

impl Error for TaskError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            TaskError::Failed(error) => Some(&**error),
            TaskError::Poisoned { root } => Some(&**root),
            _ => None,
        }
    }
}

/// A caught panic: its message, and the payload to resume it with.
pub struct Panic {
    message: String,
    payload: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Panic {
    pub(crate) fn new(payload: Box<dyn Any + Send>) -> Self {
        let message = payload
            .downcast_ref::<&'static str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a payload that is not a string".to_owned());
        Panic {
            message,
            payload: Mutex::new(Some(payload)),
        }
    }

    /// What the panic said.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Continues the panic on this thread.
    pub fn resume(self) -> ! {
        let payload = self
            .payload
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        match payload {
            Some(payload) => std::panic::resume_unwind(payload),
            None => panic!("{}", self.message),
        }
    }
}

/// What `Debug` shows of a panic's message, in bytes. An `unwrap` of a task's error quotes the message in its own, with each backslash doubled; a line of tasks that
/// fail like this, one because of the other, would end with more than the memory holds.
const QUOTED: usize = 400;

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut end = self.message.len().min(QUOTED);
        while !self.message.is_char_boundary(end) {
            end -= 1;
        }
        let quoted = &self.message[..end];
        let mut tuple = f.debug_tuple("Panic");
        tuple.field(&quoted);
        if quoted.len() < self.message.len() {
            let left = self.message.len() - quoted.len();
            tuple.field(&format_args!("and {left} bytes more"));
        }
        tuple.finish()
    }
}

/// Runs `f`, turning a panic into a value. A payload whose own drop panics is leaked by callers
/// that have no use for it, see [`discard`].
#[inline]
pub(crate) fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(f))
}

/// Drops a value whose drop may panic, without unwinding.
pub(crate) fn discard<T>(value: T) {
    let mut left = catch(move || drop(value)).err();
    // The payload of that panic may panic when it's dropped, and so on. What goes on like this is leaked.
    for _ in 0..4 {
        let Some(payload) = left else { return };
        left = catch(move || drop(payload)).err();
    }
    std::mem::forget(left);
}

/// Ends the process if it's dropped. While others may still use a frame of this stack, nothing may unwind through it; only a fault of
/// the kernel's own could.
pub(crate) struct Stuck;

impl Drop for Stuck {
    fn drop(&mut self) {
        std::process::abort();
    }
}

/// Runs foreign code whose panic concerns nobody.
pub(crate) fn contain(f: impl FnOnce()) {
    if let Err(payload) = catch(f) {
        discard(payload);
    }
}
