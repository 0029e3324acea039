//! The allocation behind a spawned task.

use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use std::sync::Arc;

use taskweave_sys::parker::Parker;
use taskweave_sys::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use taskweave_sys::sync::cell::UnsafeCell;

use super::state::State;
use crate::cancel::CancelToken;
use crate::error::{Panic, TaskError, catch, discard};
use crate::future::Held;
use crate::limit::Limit;
use crate::shared::Shared;
use crate::task::{Class, Description, Header, TaskVTable};
use crate::thread;

/// Who waits for a task.
pub(crate) enum Waiter {
    Nobody,
    Thread(&'static Parker),
    Future(Held),
}

impl Waiter {
    fn wake(self) {
        match self {
            Waiter::Nobody => {}
            Waiter::Thread(parker) => {
                parker.release(1);
            }
            Waiter::Future(waker) => waker.wake(),
        }
    }
}

/// What a handle can do without knowing the closure, or the future.
pub(crate) struct CellVTable<T: 'static> {
    /// Runs the closure on this thread; the caller has claimed it. Never called for tasks that aren't [on the spot](Options::on_the_spot).
    pub(crate) run_claimed: unsafe fn(NonNull<Core>),
    /// Drops the closure and stores `error`; the caller has claimed it.
    pub(crate) settle_claimed: unsafe fn(NonNull<Core>, TaskError),
    /// What the handle does to cancel. True: the result is `Cancelled`.
    pub(crate) cancel: unsafe fn(NonNull<Core>) -> bool,
    /// Moves the result out; the caller is the handle and the task is done.
    pub(crate) take: unsafe fn(NonNull<Core>) -> Result<T, TaskError>,
    pub(crate) free: unsafe fn(NonNull<Core>),
}

/// The part of a task's memory whose shape depends neither on its body nor on its result. It stands first in the task's allocation, or in a future's slot.
#[repr(C)]
pub(crate) struct Core {
    pub(crate) header: Header,
    pub(crate) state: State,
    /// The thread that runs the body, by its token, for the detection of cycles of waits.
    pub(crate) runner: AtomicUsize,
    pub(crate) waiter: UnsafeCell<Waiter>,
    /// A `CellVTable<T>`, T being the handle's.
    pub(crate) vtable: *const (),
    /// Alive as long as the task, see `free`.
    pub(crate) shared: *const Shared,
    pub(crate) options: Options,
    /// The task has a unit of its limit.
    pub(crate) admitted: AtomicBool,
}

impl Core {
    pub(crate) fn shared(&self) -> &Shared {
        // SAFETY: kept alive by the task.
        unsafe { &*self.shared }
    }

    /// The pool, counted for as long as the task keeps it.
    pub(crate) fn pool(&self) -> ManuallyDrop<Arc<Shared>> {
        // SAFETY: it came from an `Arc`, of which the task keeps a share; this one is never given up.
        ManuallyDrop::new(unsafe { Arc::from_raw(self.shared) })
    }

    /// # Safety
    /// `T` is the type of the task's result.
    pub(crate) unsafe fn verbs<T: 'static>(&self) -> &'static CellVTable<T> {
        // SAFETY: made from a static table of this type.
        unsafe { &*self.vtable.cast() }
    }
}

/// What may be said of a task beside its closure.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) name: Option<Box<str>>,
    pub(crate) token: Option<CancelToken>,
    pub(crate) limit: Option<Limit>,
    /// For a thread that may block: not to be run by a worker that waits.
    pub(crate) blocking: bool,
}

impl Options {
    /// Whether a thread that waits for the task may run it.
    pub(crate) fn on_the_spot(&self) -> bool {
        self.limit.is_none() && !self.blocking
    }
}

#[repr(C)]
struct Cell<F, T: 'static> {
    core: Core,
    payload: UnsafeCell<Payload<F, T>>,
}

/// The closure, then the result, in the same memory: both begin at its address.
#[repr(C)]
union Payload<F, T: 'static> {
    body: ManuallyDrop<F>,
    result: ManuallyDrop<Result<T, TaskError>>,
}

impl<F, T> Cell<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    const HANDLE: CellVTable<T> = CellVTable {
        run_claimed: run_claimed::<F, T>,
        settle_claimed: settle_claimed::<F, T>,
        cancel: cancel::<F, T>,
        take: take::<F, T>,
        free: free::<F, T>,
    };
    const TASK: TaskVTable = TaskVTable {
        run: run::<F, T>,
        abandon: abandon::<F, T>,
        describe,
        forecast: None,
        tallies: false,
        root: None,
        class: Class::TopLevel,
        label: "spawn",
    };
}

/// A new task with both shares outstanding.
pub(crate) fn allocate<F, T>(shared: Arc<Shared>, options: Options, body: F) -> NonNull<Core>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let cell = Box::new(Cell::<F, T> {
        core: Core {
            header: Header::new(const { &Cell::<F, T>::TASK }),
            state: State::queued(),
            runner: AtomicUsize::new(0),
            waiter: UnsafeCell::new(Waiter::Nobody),
            vtable: core::ptr::from_ref(const { &Cell::<F, T>::HANDLE }).cast(),
            shared: Arc::into_raw(shared),
            options,
            admitted: AtomicBool::new(false),
        },
        payload: UnsafeCell::new(Payload {
            body: ManuallyDrop::new(body),
        }),
    });
    // SAFETY: a box is not null.
    unsafe { NonNull::new_unchecked(Box::into_raw(cell)) }.cast()
}

unsafe fn describe(task: NonNull<Header>) -> Description {
    let core: NonNull<Core> = task.cast();
    Description {
        kind: "spawn",
        // SAFETY: called before the task runs, so the cell is alive.
        name: unsafe { core.as_ref() }
            .options
            .name
            .as_deref()
            .map(str::to_owned),
    }
}

unsafe fn run<F, T>(task: NonNull<Header>)
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let core: NonNull<Core> = task.cast();
    // SAFETY: the queue's share keeps the cell alive until `leave_queue`.
    let this = unsafe { core.as_ref() };
    if let Some(limit) = &this.options.limit {
        // SAFETY: the queue has just given the header back.
        if !unsafe { limit.admit(task, &this.pool(), &this.admitted) } {
            return;
        }
    }
    if this.state.claim() {
        // SAFETY: claimed just now.
        unsafe { run_claimed::<F, T>(core) };
    }
    // SAFETY: the share is given up once, here.
    unsafe { leave_queue_and_limit::<T>(core) };
}

unsafe fn abandon<F, T>(task: NonNull<Header>)
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let core: NonNull<Core> = task.cast();
    // SAFETY: the queue's share keeps the cell alive until `leave_queue`.
    if unsafe { core.as_ref() }.state.claim() {
        // SAFETY: claimed just now.
        unsafe { settle_claimed::<F, T>(core, TaskError::Shutdown) };
    }
    // SAFETY: the share is given up once, here.
    unsafe { leave_queue_and_limit::<T>(core) };
}

/// # Safety
/// As for `leave_queue`.
unsafe fn leave_queue_and_limit<T: 'static>(core: NonNull<Core>) {
    // SAFETY: alive until the share is given up.
    let this = unsafe { core.as_ref() };
    // Relaxed: written by whoever had the header before, and handed over with it.
    let limit = match &this.options.limit {
        Some(limit) if this.admitted.load(Ordering::Relaxed) => Some(limit.clone()),
        _ => None,
    };
    // SAFETY: passed on.
    unsafe { leave_queue::<T>(core) };
    if let Some(limit) = limit {
        limit.release();
    }
}

/// # Safety
/// Gives up the queue's share. `T` is the type of the task's result.
pub(crate) unsafe fn leave_queue<T: 'static>(core: NonNull<Core>) {
    // SAFETY: alive until the share is given up.
    let this = unsafe { core.as_ref() };
    // SAFETY: by the caller's word.
    let vtable = unsafe { this.verbs::<T>() };
    // SAFETY: as above.
    if unsafe { core.as_ref() }.state.leave_queue() {
        // SAFETY: both shares are given up.
        unsafe { (vtable.free)(core) };
    }
}

unsafe fn run_claimed<F, T>(core: NonNull<Core>)
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let cell: NonNull<Cell<F, T>> = core.cast();
    // SAFETY: the claimer's share, or the handle's it works for, keeps the cell alive.
    let cell = unsafe { cell.as_ref() };
    // Relaxed: read under the lock of the list of blocked threads, after a look at the state.
    cell.core.runner.store(thread::token(), Ordering::Relaxed);
    // SAFETY: the claimer owns the closure, and takes it once.
    let body = cell
        .payload
        .with_mut(|payload| unsafe { payload.cast::<F>().read() });
    let cancelled = cell
        .core
        .options
        .token
        .as_ref()
        .is_some_and(CancelToken::is_cancelled);
    let result = if cancelled {
        discard(body);
        Err(TaskError::Cancelled)
    } else {
        let _rooted = thread::enter_root(core.as_ptr() as usize);
        catch(body).map_err(|payload| TaskError::Panicked(Panic::new(payload)))
    };
    // Relaxed: as above. What this thread does next, perhaps to wait, is no part of this task.
    cell.core.runner.store(0, Ordering::Relaxed);
    finish(cell, result);
}

unsafe fn cancel<F, T>(core: NonNull<Core>) -> bool
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    // SAFETY: the handle's share keeps the cell alive.
    let claimed = unsafe { core.as_ref() }.state.claim();
    if claimed {
        // SAFETY: claimed just now.
        unsafe { settle_claimed::<F, T>(core, TaskError::Cancelled) };
    }
    claimed
}

unsafe fn settle_claimed<F, T>(core: NonNull<Core>, error: TaskError)
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let cell: NonNull<Cell<F, T>> = core.cast();
    // SAFETY: the claimer's share, or the handle's it works for, keeps the cell alive.
    let cell = unsafe { cell.as_ref() };
    // SAFETY: the claimer owns the closure, and takes it once.
    let body = cell
        .payload
        .with_mut(|payload| unsafe { payload.cast::<F>().read() });
    discard(body);
    finish(cell, Err(error));
}

fn finish<F, T: 'static>(cell: &Cell<F, T>, result: Result<T, TaskError>) {
    cell.payload.with_mut(|payload| {
        // SAFETY: the closure is used up, and the memory is the claimer's until `DONE`.
        unsafe { payload.cast::<Result<T, TaskError>>().write(result) };
    });
    // SAFETY: the result is stored just now, and taken here only if no handle is left.
    finish_stored(&cell.core, || unsafe {
        take::<F, T>(NonNull::from(&cell.core))
    });
}

/// The result is stored: says so, and drops it with `take` if nobody is left to ask for it.
pub(crate) fn finish_stored<R>(core: &Core, take: impl FnOnce() -> R) {
    let finished = core.state.finish();
    if finished.drop_result {
        discard(take());
    }
    if finished.wake {
        let waiter = core
            .waiter
            // SAFETY: with DONE and WAITER set the field is the claimer's.
            .with_mut(|waiter| unsafe { core::mem::replace(&mut *waiter, Waiter::Nobody) });
        waiter.wake();
    }
}

unsafe fn take<F, T: 'static>(core: NonNull<Core>) -> Result<T, TaskError> {
    let cell: NonNull<Cell<F, T>> = core.cast();
    // SAFETY: the handle's share keeps the cell alive.
    let cell = unsafe { cell.as_ref() };
    cell.payload
        // SAFETY: done, and the handle takes the result once.
        .with_mut(|payload| unsafe { payload.cast::<Result<T, TaskError>>().read() })
}

unsafe fn free<F, T: 'static>(core: NonNull<Core>) {
    let cell: NonNull<Cell<F, T>> = core.cast();
    // SAFETY: it was boxed with this type, and both shares are given up. The payload is empty.
    let cell = unsafe { Box::from_raw(cell.as_ptr()) };
    // Nothing in ordinary builds: a model sees freeing as the last access to both.
    cell.payload.with_mut(|_| ());
    cell.core.waiter.with_mut(|_| ());
    // SAFETY: counted when the cell was made.
    let shared = unsafe { Arc::from_raw(cell.core.shared) };
    // A waker's drop is foreign code.
    discard(cell);
    drop(shared);
}
