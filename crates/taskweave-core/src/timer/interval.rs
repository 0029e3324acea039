//! The same again and again.

use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::sleep::{Sleep, sleep_until};

/// The clock of the wheels.
const LEAST: Duration = Duration::from_millis(1);

/// Ticks now, and then once a `period`, of at least a millisecond. One allocation, none a tick.
///
/// Each tick is a period after the one before, whenever that was seen: there's no drift. Ticks that were missed come at once, one after the other.
///
/// ```
/// # use std::time::Duration;
/// let mut interval = taskweave_core::interval(Duration::from_millis(2));
/// taskweave_core::block_on(async {
///     let first = interval.tick().await;
///     let third = { interval.tick().await; interval.tick().await };
///     assert_eq!(third - first, Duration::from_millis(4));
/// });
/// ```
pub fn interval(period: Duration) -> Interval {
    Interval {
        sleep: Box::pin(sleep_until(Instant::now())),
        period: period.max(LEAST),
        first: true,
    }
}

/// See [`interval`].
pub struct Interval {
    sleep: Pin<Box<Sleep>>,
    period: Duration,
    first: bool,
}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interval")
            .field("period", &self.period)
            .field("next", &self.sleep.deadline())
            .finish()
    }
}

impl Interval {
    /// The next tick: when it was due. Dropped before it's ready, it loses none.
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|context| self.poll_tick(context)).await
    }

    /// As [`tick`](Self::tick), for those who write polls.
    pub fn poll_tick(&mut self, context: &mut Context<'_>) -> Poll<Instant> {
        let due = self.sleep.deadline();
        // The first is due at once, and not when the wheel gets there.
        if !core::mem::take(&mut self.first) && self.sleep.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        let next = due.checked_add(self.period).unwrap_or(due);
        self.sleep.as_mut().reset(next);
        Poll::Ready(due)
    }

    /// The time between two ticks.
    pub fn period(&self) -> Duration {
        self.period
    }
}
