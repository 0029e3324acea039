#![doc = include_str!("README.md")]

mod waiters;

use std::fmt;
use std::sync::PoisonError;
use std::time::Duration;

use taskweave_sys::mutated;
use taskweave_sys::parker::Parker;
use taskweave_sys::sync::atomic::{AtomicU64, Ordering};
use taskweave_sys::sync::{Arc, Mutex, MutexGuard, hint, thread};
use timely::progress::frontier::{Antichain, MutableAntichain};

pub use timely::progress::Timestamp;
pub use waiters::Passed;
use waiters::{Call, Waiters, call_all};

/// Which times are still held, and who waits for them to be passed. A handle; clones are the same. See the [module](self).
///
/// ```
/// use taskweave_progress::Progress;
///
/// let (progress, mut root) = Progress::<u64>::new();
/// let message = root.mint(3)?;
/// root.downgrade(5)?;
/// assert!(progress.has_passed(&2) && !progress.has_passed(&3));
/// drop(message);
/// assert_eq!(progress.frontier().elements(), &[5]);
/// progress.wait_until_passed(&4);
/// drop(root);
/// assert!(progress.has_passed(&u64::MAX), "nothing can come any more");
/// # Ok::<(), taskweave_progress::NotLater<u64>>(())
/// ```
pub struct Progress<T: Timestamp> {
    shared: Arc<Shared<T>>,
}

/// The right to bring something about at a time or later. Its time isn't passed while it is held. `Send`: it goes along with what it is for.
#[must_use = "a capability that is dropped holds nothing"]
pub struct Capability<T: Timestamp> {
    shared: Arc<Shared<T>>,
    time: T,
}

/// A time was asked for that a capability doesn't reach: it isn't at or after the capability's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotLater<T> {
    /// What was asked for.
    pub asked: T,
    /// What the capability holds.
    pub held: T,
}

impl<T: fmt::Debug> fmt::Display for NotLater<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a capability at {:?} can't reach {:?}: ask for its own time or a later one, or use a capability that is held earlier",
            self.held, self.asked
        )
    }
}

impl<T: fmt::Debug> std::error::Error for NotLater<T> {}

struct Shared<T: Timestamp> {
    state: Mutex<State<T>>,
    /// How often the frontier has moved.
    moves: AtomicU64,
}

struct State<T: Timestamp> {
    held: MutableAntichain<T>,
    waiters: Waiters<T>,
}

/// How often a wait looks whether the frontier has moved before it sleeps, and after how many of these it offers its processor to others between them. Two threads that share a processor and
/// sleep by turns are never seen to need another one; two that yield are.
const LOOKS: (usize, usize) = if cfg!(any(taskweave_loom, taskweave_shuttle)) {
    (0, 0)
} else {
    (96, 64)
};

impl<T: Timestamp> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters all changes as one, and wakes whom the new frontier has passed.
    fn update(&self, changes: impl IntoIterator<Item = (T, i64)>) {
        let mut state = self.lock();
        if state.held.update_iter(changes).count() == 0 {
            return;
        }
        // Release: pairs with the Acquire in `moves`. Under the lock.
        self.moves.fetch_add(1, Ordering::Release);
        let State { held, waiters } = &mut *state;
        let passed = waiters.take_passed(|time| !held.less_equal(time));
        drop(state);
        call_all(passed);
    }
}

impl<T: Timestamp> State<T> {
    fn has_passed(&self, time: &T) -> bool {
        !self.held.less_equal(time)
    }
}

impl<T: Timestamp> Progress<T> {
    /// With the first capability, at the least time. All others come from it.
    pub fn new() -> (Self, Capability<T>) {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                held: MutableAntichain::from_elem(T::minimum()),
                waiters: Waiters::new(),
            }),
            moves: AtomicU64::new(0),
        });
        let root = Capability {
            shared: Arc::clone(&shared),
            time: T::minimum(),
        };
        (Self { shared }, root)
    }

    /// The least times that are held; none if nothing is. One lock and a copy.
    pub fn frontier(&self) -> Antichain<T> {
        self.shared.lock().held.frontier().to_owned()
    }

    /// Whether nothing at or before `time` is held, so that nothing can come for it any more. One lock.
    pub fn has_passed(&self, time: &T) -> bool {
        self.shared.lock().has_passed(time)
    }

    /// How often the frontier has moved. A load: who has looked at the frontier needn't look again until this has changed.
    pub fn moves(&self) -> u64 {
        // Acquire: pairs with the Release in `update`.
        self.shared.moves.load(Ordering::Acquire)
    }

    /// Blocks this thread until the frontier has passed `time`: awake for about a hundred looks, some tens of microseconds at most if nobody else wants the processor, then asleep.
    ///
    /// Who holds a capability at or before `time` and waits here waits for ever, and so does a pool whose workers all wait here for tasks that none of them runs: there, await [`on_passed`](Self::on_passed).
    pub fn wait_until_passed(&self, time: &T) {
        if let Some((parker, _)) = self.prepare_wait(time) {
            parker.prepare().commit();
        }
    }

    /// As [`wait_until_passed`](Self::wait_until_passed), for `timeout` at most; says whether the frontier has passed.
    pub fn wait_timeout(&self, time: &T, timeout: Duration) -> bool {
        let Some((parker, name)) = self.prepare_wait(time) else {
            return true;
        };
        if parker.prepare().commit_timeout(timeout) {
            return true;
        }
        // Not in the list any more: passed in the last moment.
        self.shared.lock().waiters.remove(name).is_none()
    }

    /// Enters the list, unless the time is passed already or soon.
    fn prepare_wait(&self, time: &T) -> Option<(Arc<Parker>, u64)> {
        let mut seen = self.moves();
        if self.has_passed(time) {
            return None;
        }
        let (looks, patient) = LOOKS;
        for look in 0..looks {
            if look < patient {
                hint::spin_loop();
            } else {
                thread::yield_now();
            }
            let moves = self.moves();
            if moves != seen {
                seen = moves;
                if self.has_passed(time) {
                    return None;
                }
            }
        }
        let parker = Arc::new(Parker::new());
        let mut state = self.shared.lock();
        if !mutated!("wait-enters-without-a-look") && state.has_passed(time) {
            return None;
        }
        let call = Call::Thread(Arc::clone(&parker));
        let name = state.waiters.add(time.clone(), call);
        Some((parker, name))
    }

    /// A future that is ready when the frontier has passed `time`. It needs no executor of any kind in particular; dropping it gives the wait up.
    pub fn on_passed(&self, time: T) -> Passed<T> {
        Passed::new(Arc::clone(&self.shared), time)
    }

    /// Calls `act` once, when the frontier has passed `time`: now, if it has, else on the thread whose drop or downgrade moves it. What one move passes is called in the order of times; what a closure passes by a move of its own is called after it has returned, and after those that wait on this thread already. Keep it short, or spawn.
    ///
    /// A panic of `act` goes on in that thread, after all others have been called, unless it is unwinding already.
    pub fn when_passed(&self, time: T, act: impl FnOnce() + Send + 'static) {
        let mut state = self.shared.lock();
        if state.has_passed(&time) {
            drop(state);
            act();
        } else {
            state.waiters.add(time, Call::Act(Box::new(act)));
        }
    }
}

impl<T: Timestamp> Capability<T> {
    /// What it holds.
    pub fn time(&self) -> &T {
        &self.time
    }

    /// Another one, at `time`.
    ///
    /// # Errors
    /// [`NotLater`] if `time` isn't at or after this one's.
    pub fn mint(&self, time: T) -> Result<Self, NotLater<T>> {
        self.reach(&time)?;
        self.shared.update([(time.clone(), 1)]);
        Ok(Self {
            shared: Arc::clone(&self.shared),
            time,
        })
    }

    /// Gives up what is before `time`.
    ///
    /// # Errors
    /// [`NotLater`] if `time` isn't at or after this one's; it is left as it was.
    pub fn downgrade(&mut self, time: T) -> Result<(), NotLater<T>> {
        self.reach(&time)?;
        let before = std::mem::replace(&mut self.time, time.clone());
        if mutated!("downgrade-in-two-steps") {
            self.shared.update([(before, -1)]);
            self.shared.update([(time, 1)]);
        } else {
            self.shared.update([(time, 1), (before, -1)]);
        }
        Ok(())
    }

    fn reach(&self, time: &T) -> Result<(), NotLater<T>> {
        if self.time.less_equal(time) {
            Ok(())
        } else {
            Err(NotLater {
                asked: time.clone(),
                held: self.time.clone(),
            })
        }
    }

    /// What it is a capability of.
    pub fn progress(&self) -> Progress<T> {
        Progress {
            shared: Arc::clone(&self.shared),
        }
    }
}

/// Another one at the same time.
impl<T: Timestamp> Clone for Capability<T> {
    fn clone(&self) -> Self {
        self.shared.update([(self.time.clone(), 1)]);
        Self {
            shared: Arc::clone(&self.shared),
            time: self.time.clone(),
        }
    }
}

impl<T: Timestamp> Drop for Capability<T> {
    fn drop(&mut self) {
        self.shared.update([(self.time.clone(), -1)]);
    }
}

impl<T: Timestamp> Clone for Progress<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T: Timestamp> fmt::Debug for Progress<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress")
            .field("frontier", &self.frontier().elements())
            .finish()
    }
}

impl<T: Timestamp> fmt::Debug for Capability<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Capability").field(&self.time).finish()
    }
}

#[cfg(all(test, taskweave_loom))]
mod models;
