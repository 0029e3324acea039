//! The typed side of a slot: a future, then its result.

use core::future::Future;
use core::mem::ManuallyDrop;
use core::pin::Pin;
use core::ptr::NonNull;
use core::task::{Context, Poll};

use super::leaf::{SlotRef, WORDS};
use super::run;
use crate::error::{Panic, TaskError, catch, contain};
use crate::spawn::cell::{CellVTable, Core, finish_stored, leave_queue};

/// What a run can do without knowing the future.
pub(super) struct FutureVerbs {
    /// True: the result is stored, and the future is gone. The caller has claimed it.
    pub(super) poll: unsafe fn(SlotRef, &mut Context<'_>) -> bool,
    /// Drops the future and stores the error. The caller has claimed it.
    pub(super) settle: unsafe fn(SlotRef, TaskError),
    /// Says that the result is stored, and gives up the queue's share. The slot may be somebody else's afterwards.
    pub(super) end: unsafe fn(SlotRef),
}

/// The verbs of handles first: that's what `Core::vtable` points to.
#[repr(C)]
struct VTable<T: 'static> {
    handle: CellVTable<T>,
    future: FutureVerbs,
}

impl FutureVerbs {
    /// # Safety
    /// The slot's future is claimed by the caller.
    pub(super) unsafe fn of(slot: SlotRef) -> &'static FutureVerbs {
        // SAFETY: by the caller's word.
        let vtable = unsafe { slot.core() }.vtable.cast::<VTable<()>>();
        // SAFETY: made from a static table, whose layout doesn't depend on its type: all of the handle's verbs are function pointers.
        unsafe { &(*vtable).future }
    }
}

/// Both begin at its address.
#[repr(C)]
union Payload<F, T: 'static> {
    future: ManuallyDrop<F>,
    /// Written and read by its address: it makes room.
    #[allow(dead_code)]
    result: ManuallyDrop<Result<T, TaskError>>,
}

pub(super) struct Typed<F, T>(core::marker::PhantomData<(F, T)>);

impl<F, T> Typed<F, T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    const VTABLE: VTable<T> = VTable {
        handle: CellVTable {
            run_claimed: never_on_the_spot,
            settle_claimed,
            cancel,
            take: take::<F, T>,
            free: free::<F, T>,
        },
        future: FutureVerbs {
            poll: poll::<F, T>,
            settle: settle::<F, T>,
            end: end::<F, T>,
        },
    };

    pub(super) fn vtable() -> *const () {
        core::ptr::from_ref(const { &Self::VTABLE }).cast()
    }

    /// Puts the future into an empty slot. One allocation if it doesn't fit.
    pub(super) fn place(slot: SlotRef, future: F) {
        let payload = Payload::<F, T> {
            future: ManuallyDrop::new(future),
        };
        slot.payload().with_mut(|place| {
            if const { fits::<F, T>() } {
                // SAFETY: the slot is the caller's, and large enough.
                unsafe { place.cast::<Payload<F, T>>().write(payload) };
            } else {
                let boxed = Box::into_raw(Box::new(payload));
                // SAFETY: as above.
                unsafe { place.cast::<*mut Payload<F, T>>().write(boxed) };
            }
        });
    }
}

const fn fits<F, T: 'static>() -> bool {
    size_of::<Payload<F, T>>() <= WORDS * 8 && align_of::<Payload<F, T>>() <= align_of::<u64>()
}

/// Calls `act` with where the future, or the result, is.
fn at<F, T: 'static, R>(slot: SlotRef, act: impl FnOnce(*mut Payload<F, T>) -> R) -> R {
    slot.payload().with_mut(|place| {
        act(if const { fits::<F, T>() } {
            place.cast()
        } else {
            // SAFETY: written by `place`, and the payload is the caller's to look at.
            unsafe { place.cast::<*mut Payload<F, T>>().read() }
        })
    })
}

unsafe fn poll<F, T>(slot: SlotRef, context: &mut Context<'_>) -> bool
where
    F: Future<Output = T>,
    T: 'static,
{
    let polled = at::<F, T, _>(slot, |place| {
        let future = place.cast::<F>();
        catch(|| {
            // SAFETY: the claimer has the future, and it isn't moved before it's dropped.
            let future = unsafe { &mut *future };
            // SAFETY: as above.
            unsafe { Pin::new_unchecked(future) }.poll(context)
        })
    });
    let result = match polled {
        Ok(Poll::Pending) => return false,
        Ok(Poll::Ready(value)) => Ok(value),
        Err(payload) => Err(TaskError::Panicked(Panic::new(payload))),
    };
    // SAFETY: claimed.
    unsafe { replace::<F, T>(slot, result) };
    true
}

/// Drops the future and puts the result in its place.
///
/// # Safety
/// The future is claimed, and there still.
unsafe fn replace<F, T: 'static>(slot: SlotRef, result: Result<T, TaskError>) {
    at::<F, T, _>(slot, |place| {
        // SAFETY: the claimer has the future.
        contain(|| unsafe { place.cast::<F>().drop_in_place() });
        // SAFETY: nothing is there any more.
        unsafe { place.cast::<Result<T, TaskError>>().write(result) };
    });
}

unsafe fn settle<F, T: 'static>(slot: SlotRef, error: TaskError) {
    // SAFETY: passed on.
    unsafe { replace::<F, T>(slot, Err(error)) };
}

unsafe fn end<F, T: 'static>(slot: SlotRef) {
    let core = slot.core_ptr();
    // SAFETY: the queue's share is the caller's.
    let this = unsafe { core.as_ref() };
    // SAFETY: stored by `poll` or `settle`; taken here only if no handle is left.
    finish_stored(this, || unsafe { take::<F, T>(core) });
    // SAFETY: the share is given up once, here.
    unsafe { leave_queue::<T>(core) };
}

unsafe fn take<F, T: 'static>(core: NonNull<Core>) -> Result<T, TaskError> {
    // SAFETY: done, and taken once.
    at::<F, T, _>(SlotRef(core.cast()), |place| unsafe {
        place.cast::<Result<T, TaskError>>().read()
    })
}

unsafe fn free<F, T: 'static>(core: NonNull<Core>) {
    let slot = SlotRef(core.cast());
    if const { !fits::<F, T>() } {
        // SAFETY: boxed by `place`; what was in it has left, and a union drops nothing.
        at::<F, T, _>(slot, |place| drop(unsafe { Box::from_raw(place) }));
    }
    // SAFETY: both shares are given up.
    unsafe { slot.empty() };
}

unsafe fn cancel(core: NonNull<Core>) -> bool {
    // SAFETY: the handle's share.
    unsafe { run::cancel(SlotRef(core.cast())) }
}

unsafe fn settle_claimed(core: NonNull<Core>, error: TaskError) {
    // SAFETY: claimed.
    unsafe { run::settle(SlotRef(core.cast()), error) };
}

unsafe fn never_on_the_spot(_: NonNull<Core>) {
    unreachable!("a handle's wait doesn't poll the future");
}
