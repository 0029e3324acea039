//! What belongs to a thread rather than to a worker slot: its parker, its place in a pool, and what
//! the code on its stack holds.

use core::cell::{Cell, RefCell};
use core::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use taskweave_sys::parker::Parker;

use crate::shared::Shared;
use crate::worker::Worker;

taskweave_sys::thread_local! {
    static CURRENT: Cell<*const Worker> = const { Cell::new(ptr::null()) };
}

taskweave_sys::thread_local! {
    /// How many holds, and the root outside of the first.
    static HOLDS: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

taskweave_sys::thread_local! {
    static PARKER: ParkerLease = ParkerLease::new();
}

/// The worker slot that this thread occupies, or null.
#[inline]
pub(crate) fn current() -> *const Worker {
    CURRENT.with(Cell::get)
}

/// Makes `worker` the current one and returns what was.
#[inline]
pub(crate) fn set_current(worker: *const Worker) -> *const Worker {
    CURRENT.with(|current| current.replace(worker))
}

taskweave_sys::thread_local! {
    static HOME: Cell<*const Shared> = const { Cell::new(ptr::null()) };
}

/// Makes this thread one that `shared` has started, until the returned value is dropped: before the thread lets go of the pool, as the
/// destructors of a user's thread-locals come after that.
#[must_use]
pub(crate) fn enter_home(shared: &Shared) -> Home {
    HOME.with(|home| home.set(shared));
    Home(())
}

/// See [`enter_home`].
pub(crate) struct Home(());

impl Drop for Home {
    fn drop(&mut self) {
        HOME.with(|home| home.set(ptr::null()));
    }
}

/// Whether `shared` has started this thread, and can't end while it waits.
pub(crate) fn is_home(shared: &Shared) -> bool {
    HOME.with(|home| ptr::eq(home.get(), shared))
}

/// Whether the code on this stack is something that `shared` can't end before: on a thread of its own, or on a guest.
pub(crate) fn is_inside(shared: &Shared) -> bool {
    // SAFETY: the current worker's slot is alive while this thread occupies it.
    let in_slot =
        unsafe { current().as_ref() }.is_some_and(|worker| ptr::eq(worker.shared(), shared));
    in_slot || is_home(shared) || ptr::eq(without_slot(), shared)
}

taskweave_sys::thread_local! {
    static WITHOUT_SLOT: Cell<*const Shared> = const { Cell::new(ptr::null()) };
}

/// The pool whose slot the code on this stack has given away, or null.
pub(crate) fn without_slot() -> *const Shared {
    WITHOUT_SLOT.with(Cell::get)
}

/// Sets what [`without_slot`] says, and returns what it said.
pub(crate) fn set_without_slot(shared: *const Shared) -> *const Shared {
    WITHOUT_SLOT.with(|cell| cell.replace(shared))
}

/// The pool that the code on this stack runs in, or null: with a slot, without one, or on a thread that may block.
pub(crate) fn pool() -> *const Shared {
    // SAFETY: the current worker's slot is alive while this thread occupies it.
    if let Some(worker) = unsafe { current().as_ref() } {
        return worker.shared();
    }
    let given_away = without_slot();
    if !given_away.is_null() {
        return given_away;
    }
    let home = HOME.with(Cell::get);
    if home.is_null() {
        VISITED.with(Cell::get)
    } else {
        home
    }
}

taskweave_sys::thread_local! {
    /// The pool that a thread from outside has entered without a slot.
    static VISITED: Cell<*const Shared> = const { Cell::new(ptr::null()) };
}

/// Makes `shared` the pool that this thread is in, if it's in none else, until the returned value is dropped. The caller keeps it alive for so long.
pub(crate) fn visit(shared: &Shared) -> Visit {
    Visit(VISITED.with(|cell| cell.replace(shared)))
}

/// See [`visit`].
pub(crate) struct Visit(*const Shared);

impl Drop for Visit {
    fn drop(&mut self) {
        VISITED.with(|cell| cell.set(self.0));
    }
}

taskweave_sys::thread_local! {
    /// While this thread sweeps: the pools that are to be swept when it's done.
    static SWEEPS: Cell<*const Sweeps> = const { Cell::new(ptr::null()) };
}

struct Sweeps {
    now: Cell<*const Shared>,
    later: RefCell<Vec<Arc<Shared>>>,
}

/// Calls `sweep` for a pool that has ended, and then for those that this was called for meanwhile, on this thread. Never nested: what is swept may
/// hand on to another pool, and so on.
pub(crate) fn sweep_in_turn(shared: &Shared, sweep: impl Fn(&Shared)) {
    // SAFETY: not null only while the frame below, of this thread, goes on.
    if let Some(sweeps) = unsafe { SWEEPS.with(Cell::get).as_ref() } {
        // The sweep under way goes on until its own pool's queues are empty.
        if !ptr::eq(sweeps.now.get(), shared) {
            sweeps.later.borrow_mut().extend(shared.this.upgrade());
        }
        return;
    }
    let sweeps = Sweeps {
        now: Cell::new(shared),
        later: RefCell::default(),
    };
    SWEEPS.with(|current| current.set(&raw const sweeps));
    sweep(shared);
    loop {
        let next = sweeps.later.borrow_mut().pop();
        let Some(next) = next else { break };
        sweeps.now.set(Arc::as_ptr(&next));
        sweep(&next);
    }
    SWEEPS.with(|sweeps| sweeps.set(ptr::null()));
}

/// A number that no other live thread has.
#[inline]
pub(crate) fn token() -> usize {
    CURRENT.with(|current| ptr::from_ref(current) as usize)
}

taskweave_sys::thread_local! {
    static ROOT: Cell<usize> = const { Cell::new(0) };
}

/// What the code on this stack is part of: something that others may wait for or that holds a resource, or 0.
///
/// A wait in the middle of a stack may only run what belongs to the same root. Anything else could wait for a root whose
/// frames lie below it on this very stack, and would never see it end. Where nothing is a root (the body of an `install` from outside,
/// and its parts) a wait may run anything.
#[inline]
pub(crate) fn root() -> usize {
    ROOT.with(Cell::get)
}

/// Makes the code on this stack part of `root` until the returned value is dropped.
#[inline]
pub(crate) fn enter_root(root: usize) -> Rooted {
    Rooted {
        outer: ROOT.with(|cell| cell.replace(root)),
    }
}

/// See [`enter_root`].
pub(crate) struct Rooted {
    outer: usize,
}

impl Drop for Rooted {
    #[inline]
    fn drop(&mut self) {
        ROOT.with(|cell| cell.set(self.outer));
    }
}

taskweave_sys::thread_local! {
    /// How many runs on the spot are nested on this stack, and where the outermost begins.
    static SPOT: Cell<(u32, usize)> = const { Cell::new((0, 0)) };
}

/// How much of a stack may be used by waits that run the awaited task, which waits for another one, and so on.
const SPOT_BYTES: usize = 512 << 10;
/// And how many of them there may be: under a sanitizer a local variable's address tells nothing of the stack.
const SPOT_DEPTH: u32 = 256;

/// Permission for a wait to run the awaited task on this stack, of which threads of the pool have `stack_size` bytes. `None`: too much of it is
/// taken by such runs already.
pub(crate) fn enter_spot(stack_size: Option<usize>) -> Option<Spot> {
    let here = 0_u8;
    let here = (&raw const here).addr();
    let budget = stack_size.map_or(SPOT_BYTES, |bytes| SPOT_BYTES.min(bytes / 4));
    let (depth, outermost) = SPOT.with(Cell::get);
    let outermost = if depth == 0 { here } else { outermost };
    if depth >= SPOT_DEPTH || outermost.abs_diff(here) > budget {
        return None;
    }
    SPOT.with(|spot| spot.set((depth + 1, outermost)));
    Some(Spot(()))
}

/// See [`enter_spot`].
pub(crate) struct Spot(());

impl Drop for Spot {
    fn drop(&mut self) {
        SPOT.with(|spot| {
            let (depth, outermost) = spot.get();
            spot.set((depth - 1, outermost));
        });
    }
}

/// Marks the code on this stack as holding an exclusive resource until it's dropped.
///
/// While a stack holds anything, its waits don't run tasks that are no part of what they wait for:
/// such a task could need the very resource that is held below it on the stack.
#[derive(Debug)]
pub struct Hold {
    /// Bound to its thread.
    _not_send: core::marker::PhantomData<*mut ()>,
}

impl Hold {
    /// Begins to hold. Costs a few thread-local accesses.
    pub fn enter() -> Hold {
        HOLDS.with(|holds| {
            let (count, outer) = holds.get();
            let outer = if count == 0 {
                // Odd, so that it's no address of a task, and this thread's alone.
                ROOT.with(|cell| cell.replace(token() << 8 | 1))
            } else {
                outer
            };
            holds.set((count + 1, outer));
        });
        Hold {
            _not_send: core::marker::PhantomData,
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        HOLDS.with(|holds| {
            let (count, outer) = holds.get();
            holds.set((count - 1, outer));
            if count == 1 {
                ROOT.with(|cell| cell.set(outer));
            }
        });
    }
}

/// The parker of this thread.
///
/// Parkers live for ever and are handed on when a thread ends, so that whoever settles a wait may
/// release the parker after the waiter has gone: the worst that a late release does is to wake the
/// parker's next owner once for nothing, and each wait looks again at what it waits for.
pub(crate) fn parker() -> &'static Parker {
    PARKER.try_with(|lease| lease.0).unwrap_or_else(|_| {
        // The thread is being torn down: a parker for the rest of its life.
        LAST_PARKER.with(|last| {
            let parker = last
                .get()
                .unwrap_or_else(|| Box::leak(Box::new(Parker::new())));
            last.set(Some(parker));
            parker
        })
    })
}

taskweave_sys::thread_local! {
    static LAST_PARKER: Cell<Option<&'static Parker>> = const { Cell::new(None) };
}

struct ParkerLease(&'static Parker);

static FREE: Mutex<Vec<&'static Parker>> = Mutex::new(Vec::new());

impl ParkerLease {
    fn new() -> Self {
        let recycled = if cfg!(any(taskweave_loom, taskweave_shuttle)) {
            // A model checker's primitives end with the execution that made them.
            None
        } else {
            FREE.lock().unwrap_or_else(PoisonError::into_inner).pop()
        };
        ParkerLease(recycled.unwrap_or_else(|| Box::leak(Box::new(Parker::new()))))
    }
}

impl Drop for ParkerLease {
    fn drop(&mut self) {
        if !cfg!(any(taskweave_loom, taskweave_shuttle)) {
            FREE.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(self.0);
        }
    }
}
