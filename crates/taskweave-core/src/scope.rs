//! Scopes: any number of closures that may borrow, all of them ended when the scope is.

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;
use std::any::Any;
use std::sync::{Mutex, PoisonError};

use crate::error::catch;
use crate::latch::Tally;
use crate::pool::ambient;
use crate::recycle::Local;
use crate::shared::Shared;
use crate::task::{Class, Description, Header, TaskVTable};
use crate::thread;
use crate::wait::enter;
use crate::worker::Worker;

/// Where closures are spawned that may borrow what outlives `'env`. Made by [`scope`].
pub struct Scope<'scope, 'env: 'scope> {
    core: Core,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// The part that its tasks point to.
struct Core {
    shared: *const Shared,
    tally: Tally,
    /// Identifies the thread that may count in the tally's plain cell.
    owner: usize,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    root: usize,
}

// SAFETY: `shared` outlives the scope and is Sync; the rest is Sync by itself.
unsafe impl Sync for Core {}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}

#[repr(C)]
struct Spawned<F> {
    header: Header,
    core: NonNull<Core>,
    body: F,
}

/// Runs `body`, then waits until everything that was spawned in the scope, or by it, has ended. Runs on the
/// current worker; outside of a pool, on [`Pool::global`](crate::Pool::global).
///
/// A panic of `body` or of a spawned closure continues here, once all have ended; of several, the first.
///
/// # Cost
/// A spawn takes a block that an earlier one has left behind, without a lock but for one in 128, which goes to the pool's depot; as long as there is
/// none, and for closures above 232 bytes, it allocates. What the wait costs is said at [`join`](crate::join).
///
/// ```
/// let mut squares = vec![0; 100];
/// taskweave_core::scope(|s| {
///     for (i, square) in squares.iter_mut().enumerate() {
///         s.spawn(move || *square = i * i);
///     }
/// });
/// assert_eq!(squares[9], 81);
/// ```
pub fn scope<'env, R, F>(body: F) -> R
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R + Send,
    R: Send,
{
    // SAFETY: the current worker's slot is alive while this thread occupies it.
    match unsafe { thread::current().as_ref() } {
        Some(worker) => scope_on(worker.shared(), Some(worker), body),
        None => ambient(|shared| scope_in(shared, body)),
    }
}

/// As [`scope`], on a worker of the given pool.
pub(crate) fn scope_in<'env, R, F>(shared: &Shared, body: F) -> R
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R + Send,
    R: Send,
{
    enter(shared, |worker| scope_on(shared, worker, body))
}

fn scope_on<'env, R, F>(shared: &Shared, worker: Option<&Worker>, body: F) -> R
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R,
{
    let scope = Scope {
        core: Core {
            shared,
            tally: Tally::new(),
            owner: thread::token(),
            panic: Mutex::new(None),
            root: thread::root(),
        },
        scope: PhantomData,
        env: PhantomData,
    };
    let mark = worker.map(|worker| worker.owner.position());
    let result = catch(|| body(&scope));
    let tally = &scope.core.tally;
    // SAFETY: once, by the thread that created it. The latch keeps the scope here until the end.
    unsafe { tally.settle() };
    match (worker, mark) {
        (Some(worker), Some(mark)) if worker.is_current() => worker.wait(&tally.latch, mark),
        (Some(_), _) => shared.wait_without_slot(&tally.latch),
        (None, _) => shared.wait_without_worker(&tally.latch),
    }
    let panic = scope
        .core
        .panic
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    match (result, panic) {
        (Ok(result), None) => result,
        (Ok(result), Some(payload)) => {
            crate::error::discard(result);
            std::panic::resume_unwind(payload)
        }
        (Err(payload), other) => {
            crate::error::discard(other);
            std::panic::resume_unwind(payload)
        }
    }
}

impl<'scope, 'env> Scope<'scope, 'env> {
    /// Runs `body` on some worker before the scope ends. May be called from anywhere within the scope, also
    /// from other spawned closures.
    #[inline]
    pub fn spawn<F>(&'scope self, body: F)
    where
        F: FnOnce() + Send + 'scope,
    {
        self.core.spawn(body);
    }
}

impl Core {
    #[inline]
    fn spawn<F: FnOnce() + Send>(&self, body: F) {
        // SAFETY: the scope's pool outlives the scope.
        let shared = unsafe { &*self.shared };
        if self.owner == thread::token() {
            // SAFETY: this is the thread that created it.
            unsafe { self.tally.add_local() };
        } else {
            self.tally.add_remote();
        }
        let spawned = Spawned {
            header: Header::new(const { &verbs::<F>() }),
            core: NonNull::from(self),
            body,
        };
        // SAFETY: the current worker's slot is alive while this thread occupies it.
        let worker = unsafe { thread::current().as_ref() };
        match worker {
            Some(worker) if core::ptr::eq(worker.shared(), shared) => {
                let block = worker.blocks.take::<Spawned<F>>(&shared.depot);
                // SAFETY: fresh memory for this type.
                unsafe { block.write(spawned) };
                // SAFETY: live until it runs; counted, so the scope waits for it.
                unsafe { worker.submit_child(block.cast()) };
            }
            _ => {
                let block = Local::take_unowned::<Spawned<F>>();
                // SAFETY: fresh memory for this type.
                unsafe { block.write(spawned) };
                // SAFETY: live until it runs; counted, so the scope waits for it.
                unsafe { shared.inject(block.cast()) };
            }
        }
    }

    #[cold]
    fn record(&self, payload: Box<dyn Any + Send>) {
        let mut first = self.panic.lock().unwrap_or_else(PoisonError::into_inner);
        if first.is_none() {
            *first = Some(payload);
        } else {
            drop(first);
            crate::error::discard(payload);
        }
    }
}

const fn verbs<F: FnOnce() + Send>() -> TaskVTable {
    TaskVTable {
        run: run::<F>,
        // The scope's body borrows for it, so it always runs.
        abandon: run::<F>,
        describe: |_| Description {
            kind: "scope",
            name: None,
        },
        forecast: None,
        tallies: true,
        root: Some(root::<F>),
        class: Class::Child,
        label: "scope",
    }
}

unsafe fn root<F>(task: NonNull<Header>) -> usize {
    let spawned: NonNull<Spawned<F>> = task.cast();
    // SAFETY: called before it runs, so the block is live.
    let core = unsafe { spawned.as_ref() }.core;
    // SAFETY: the scope waits for its tasks.
    unsafe { core.as_ref() }.root
}

unsafe fn run<F: FnOnce() + Send>(task: NonNull<Header>) {
    let block: NonNull<Spawned<F>> = task.cast();
    // SAFETY: the one taker moves the value out; the block is then free memory.
    let Spawned { core, body, .. } = unsafe { block.read() };
    // SAFETY: the scope waits for this task's end, which is entered below.
    let core_ref = unsafe { core.as_ref() };
    // SAFETY: the scope's pool outlives the scope.
    let shared = unsafe { &*core_ref.shared };
    // SAFETY: the current worker's slot is alive while this thread occupies it.
    match unsafe { thread::current().as_ref() } {
        Some(worker) => {
            worker.turn_to(&core_ref.tally);
            // SAFETY: the block's value is moved out.
            unsafe { worker.blocks.give(&shared.depot, block) };
        }
        // SAFETY: as above.
        None => unsafe { Local::give_unowned(block) },
    }
    let rooted = thread::enter_root(core_ref.root);
    let result = catch(body);
    drop(rooted);
    if let Err(payload) = result {
        core_ref.record(payload);
    }
    // SAFETY: as above; the body may have given the slot away meanwhile.
    match unsafe { thread::current().as_ref() } {
        Some(worker) if core::ptr::eq(worker.shared(), shared) => {
            // SAFETY: the tally lives until this end is entered.
            unsafe { worker.end_later(&raw const core_ref.tally) }
        }
        _ => core_ref.tally.done(1),
    }
}
