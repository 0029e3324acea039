//! A future with a deadline.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::time::Duration;

use super::sleep::{Sleep, sleep};

/// Gives a future so much time. It's polled first, so one that is ready isn't late.
///
/// The future isn't dropped when its time is over, but with the returned value.
///
/// # Errors
/// The returned future says [`Elapsed`] if the time is over first.
///
/// ```
/// # use std::{future::pending, time::Duration};
/// use taskweave_core::{block_on, timeout};
///
/// let soon = timeout(Duration::from_secs(60), async { 1 });
/// assert_eq!(block_on(soon)?, 1);
/// let never = timeout(Duration::from_millis(1), pending::<()>());
/// assert!(block_on(never).is_err());
/// # Ok::<(), taskweave_core::Elapsed>(())
/// ```
pub fn timeout<F: Future>(duration: Duration, future: F) -> Timeout<F> {
    Timeout {
        future,
        sleep: sleep(duration),
    }
}

/// See [`timeout`].
#[derive(Debug)]
#[must_use = "nothing happens before it's awaited"]
pub struct Timeout<F> {
    future: F,
    sleep: Sleep,
}

/// The time was over first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time was over before the future was ready")
    }
}

impl std::error::Error for Elapsed {}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: both fields stay where they are; there is no drop that could move them.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: pinned with the whole.
        if let Poll::Ready(output) = unsafe { Pin::new_unchecked(&mut this.future) }.poll(context) {
            return Poll::Ready(Ok(output));
        }
        // SAFETY: as above.
        let sleep = unsafe { Pin::new_unchecked(&mut this.sleep) };
        sleep.poll(context).map(|()| Err(Elapsed))
    }
}
