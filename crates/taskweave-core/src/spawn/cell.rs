//! The allocation behind a spawned task.

use core::mem::ManuallyDrop;
use core::ptr::NonNull;
use core::task::Waker;

use std::sync::Arc;

use taskweave_sys::parker::Parker;
use taskweave_sys::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use taskweave_sys::sync::cell::UnsafeCell;

use super::state::State;
use crate::cancel::CancelToken;
use crate::error::{Panic, TaskError, catch, discard};
use crate::limit::Limit;
use crate::shared::Shared;
use crate::task::{Class, Description, Header, TaskVTable};
use crate::thread;

/// Who waits for a task.
pub(crate) enum Waiter {
    Nobody,
    Thread(&'static Parker),
    Future(Waker),
}

impl Waiter {
    fn wake(self) {
        match self {
            Waiter::Nobody => {}
            Waiter::Thread(parker) => {
                parker.release(1);
            }
            // A foreign waker may do anything, panic included.
            Waiter::Future(waker) => {
                if let Err(payload) = catch(|| waker.wake()) {
                    discard(payload);
                }
            }
        }
    }
}

/// What a handle can do without knowing the closure.
pub(crate) struct CellVTable<T: 'static> {
    /// Runs the closure on this thread; the caller has claimed it.
    pub(crate) run_claimed: unsafe fn(NonNull<Core<T>>),
    /// Drops the closure and stores `error`; the caller has claimed it.
    pub(crate) settle_claimed: unsafe fn(NonNull<Core<T>>, TaskError),
    /// Moves the result out; the caller is the handle and the task is done.
    pub(crate) take: unsafe fn(NonNull<Core<T>>) -> Result<T, TaskError>,
    pub(crate) free: unsafe fn(NonNull<Core<T>>),
}

/// The part of a task's memory whose shape doesn't depend on the closure.
#[repr(C)]
pub(crate) struct Core<T: 'static> {
    header: Header,
    pub(crate) state: State,
    /// The thread that runs the body, by its token, for the detection of cycles of waits.
    pub(crate) runner: AtomicUsize,
    pub(crate) waiter: UnsafeCell<Waiter>,
    pub(crate) vtable: &'static CellVTable<T>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) options: Options,
    /// The task has a unit of its limit.
    admitted: AtomicBool,
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
    core: Core<T>,
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
        take: take::<F, T>,
        free: free::<F, T>,
    };
    const TASK: TaskVTable = TaskVTable {
        run: run::<F, T>,
        abandon: abandon::<F, T>,
        describe: describe::<T>,
        forecast: None,
        tallies: false,
        root: None,
        class: Class::TopLevel,
        label: "spawn",
    };
}

/// A new task with both shares outstanding.
pub(crate) fn allocate<F, T>(shared: Arc<Shared>, options: Options, body: F) -> NonNull<Core<T>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let cell = Box::new(Cell {
        core: Core {
            header: Header::new(const { &Cell::<F, T>::TASK }),
            state: State::queued(),
            runner: AtomicUsize::new(0),
            waiter: UnsafeCell::new(Waiter::Nobody),
            vtable: const { &Cell::<F, T>::HANDLE },
            shared,
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

unsafe fn describe<T: 'static>(task: NonNull<Header>) -> Description {
    let core: NonNull<Core<T>> = task.cast();
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
    let core: NonNull<Core<T>> = task.cast();
    // SAFETY: the queue's share keeps the cell alive until `leave_queue`.
    let this = unsafe { core.as_ref() };
    if let Some(limit) = &this.options.limit {
        // SAFETY: the queue has just given the header back.
        if !unsafe { limit.admit(task, &this.shared, &this.admitted) } {
            return;
        }
    }
    if this.state.claim() {
        // SAFETY: claimed just now.
        unsafe { run_claimed::<F, T>(core) };
    }
    // SAFETY: the share is given up once, here.
    unsafe { leave_queue_and_limit(core) };
}

unsafe fn abandon<F, T>(task: NonNull<Header>)
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let core: NonNull<Core<T>> = task.cast();
    // SAFETY: the queue's share keeps the cell alive until `leave_queue`.
    if unsafe { core.as_ref() }.state.claim() {
        // SAFETY: claimed just now.
        unsafe { settle_claimed::<F, T>(core, TaskError::Shutdown) };
    }
    // SAFETY: the share is given up once, here.
    unsafe { leave_queue_and_limit(core) };
}

/// # Safety
/// Gives up the queue's share.
unsafe fn leave_queue_and_limit<T: 'static>(core: NonNull<Core<T>>) {
    // SAFETY: alive until the share is given up.
    let this = unsafe { core.as_ref() };
    // Relaxed: written by whoever had the header before, and handed over with it.
    let limit = match &this.options.limit {
        Some(limit) if this.admitted.load(Ordering::Relaxed) => Some(limit.clone()),
        _ => None,
    };
    // SAFETY: passed on.
    unsafe { leave_queue(core) };
    if let Some(limit) = limit {
        limit.release();
    }
}

/// # Safety
/// Gives up the queue's share.
pub(crate) unsafe fn leave_queue<T: 'static>(core: NonNull<Core<T>>) {
    // SAFETY: alive until the share is given up.
    let vtable = unsafe { core.as_ref() }.vtable;
    // SAFETY: as above.
    if unsafe { core.as_ref() }.state.leave_queue() {
        // SAFETY: both shares are given up.
        unsafe { (vtable.free)(core) };
    }
}

unsafe fn run_claimed<F, T>(core: NonNull<Core<T>>)
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

unsafe fn settle_claimed<F, T>(core: NonNull<Core<T>>, error: TaskError)
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
    let finished = cell.core.state.finish();
    if finished.drop_result {
        let result = cell
            .payload
            // SAFETY: no handle is left, so the result is the claimer's.
            .with_mut(|payload| unsafe { payload.cast::<Result<T, TaskError>>().read() });
        discard(result);
    }
    if finished.wake {
        let waiter = cell
            .core
            .waiter
            // SAFETY: with DONE and WAITER set the field is the claimer's.
            .with_mut(|waiter| unsafe { core::mem::replace(&mut *waiter, Waiter::Nobody) });
        waiter.wake();
    }
}

unsafe fn take<F, T: 'static>(core: NonNull<Core<T>>) -> Result<T, TaskError> {
    let cell: NonNull<Cell<F, T>> = core.cast();
    // SAFETY: the handle's share keeps the cell alive.
    let cell = unsafe { cell.as_ref() };
    cell.payload
        // SAFETY: done, and the handle takes the result once.
        .with_mut(|payload| unsafe { payload.cast::<Result<T, TaskError>>().read() })
}

unsafe fn free<F, T: 'static>(core: NonNull<Core<T>>) {
    let cell: NonNull<Cell<F, T>> = core.cast();
    // SAFETY: it was boxed with this type, and both shares are given up. The payload is empty.
    let cell = unsafe { Box::from_raw(cell.as_ptr()) };
    // Nothing in ordinary builds: a model sees freeing as the last access to both.
    cell.payload.with_mut(|_| ());
    cell.core.waiter.with_mut(|_| ());
    // A waker's drop is foreign code.
    discard(cell);
}
