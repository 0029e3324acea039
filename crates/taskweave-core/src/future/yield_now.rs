//! Letting others go first.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

/// Lets everything that is ready on this worker go first, once. Costs two exchanges and no wake.
///
/// ```
/// # use taskweave_core::{Pool, yield_now};
/// # let pool = Pool::builder().worker_threads(1).build()?;
/// let sum = pool.spawn_future(async {
///     let mut sum = 0;
///     for i in 0..10 {
///         sum += i;
///         yield_now().await;
///     }
///     sum
/// });
/// assert_eq!(sum.wait()?, 45);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn yield_now() -> YieldNow {
    YieldNow(false)
}

/// See [`yield_now`].
#[derive(Debug)]
#[must_use = "nothing happens before it's awaited"]
pub struct YieldNow(bool);

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
