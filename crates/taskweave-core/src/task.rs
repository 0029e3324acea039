//! The header that every unit of work carries, and the three verbs the kernel knows.

use core::fmt;
use core::ptr::{NonNull, addr_of_mut};

use taskweave_sys::inbox::Linked;
use taskweave_sys::sync::atomic::AtomicPtr;

/// The intrusive header of a task: two words, embedded by the owner as the **first** field of a
/// `#[repr(C)]` type, so that a pointer to the header is a pointer to the owner.
///
/// The kernel stores no task of its own: submitting links this header into a queue and allocates
/// nothing.
#[repr(C)]
pub struct Header {
    vtable: &'static TaskVTable,
    link: AtomicPtr<Header>,
}

impl Header {
    /// A header that dispatches through `vtable` and is in no queue.
    #[inline]
    pub fn new(vtable: &'static TaskVTable) -> Self {
        Header {
            vtable,
            link: AtomicPtr::new(core::ptr::null_mut()),
        }
    }

    /// The verbs of this task.
    #[inline]
    pub fn vtable(&self) -> &'static TaskVTable {
        self.vtable
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header")
            .field("vtable", self.vtable)
            .finish()
    }
}

// SAFETY: the link is reached by a projection that creates no reference to the whole header, and
// it's used by the queue alone while the header is queued.
unsafe impl Linked for Header {
    #[inline]
    fn link(this: NonNull<Self>) -> NonNull<AtomicPtr<Self>> {
        // SAFETY: `this` points to a live header while it is queued, so the field is in bounds.
        let link = unsafe { addr_of_mut!((*this.as_ptr()).link) };
        // SAFETY: a field of a live object has an address.
        unsafe { NonNull::new_unchecked(link) }
    }
}

/// In which order a worker takes the tasks that wait on it, and what a shutdown that drops its
/// queue does with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Independent work: oldest first. Abandoned by a shutdown that doesn't drain.
    TopLevel,
    /// Part of a body that waits for it (`join`, `scope`, a graph pass): newest first. It always
    /// runs, since what it belongs to is running.
    Child,
}

/// What the kernel may do with a task. Exactly one of `run` and `abandon` is called for each
/// submission, once; it hands the header back to its owner and the kernel never touches the header
/// afterwards, so that a body may free or resubmit it as its last act.
pub struct TaskVTable {
    /// Runs the task. Must not unwind. A body may have given its worker slot away by the time it
    /// ends: ask for the current worker after it, never before.
    pub run: unsafe fn(task: NonNull<Header>),
    /// Settles the task without running it (its pool was shut down). Must not unwind.
    pub abandon: unsafe fn(task: NonNull<Header>),
    /// Names the task for dumps and traces. Called before `run`, never after.
    pub describe: unsafe fn(task: NonNull<Header>) -> Description,
    /// What is expected of a task. `None`: these verbs' own address is the kind, and nothing comes behind.
    pub forecast: Option<unsafe fn(task: NonNull<Header>) -> Forecast>,
    /// Whether the kernel's tallies are counted by this kind of task (`false` for front ends outside of this crate). Ends towards a tally are entered in batches, and a
    /// worker enters what it has before it turns to anything else; the kernel does that for tasks that
    /// don't.
    pub tallies: bool,
    /// For a child: what it is part of, so that waits within the same whole may run it (see `thread::root`).
    /// `None`: part of nothing that anybody waits for, or a whole of its own.
    pub root: Option<unsafe fn(task: NonNull<Header>) -> usize>,
    /// Queueing order.
    pub class: Class,
    /// The front end's word for its tasks, for dumps.
    pub label: &'static str,
}

impl fmt::Debug for TaskVTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskVTable")
            .field("class", &self.class)
            .finish_non_exhaustive()
    }
}

/// What is expected of a task before it runs: guesses wrong cost time, nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// Identifies bodies that are expected to take about the same time; the kernel measures per
    /// kind whether it pays to wake somebody. The address of the body's code is a good kind.
    pub kind: usize,
    /// The longest way from here to the end of what this is part of, in bodies, this one included.
    pub way: u32,
}

/// What a task says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The front end's word for it: `"spawn"`, `"join"`, `"vertex"`, …
    pub kind: &'static str,
    /// The name the user gave, if any.
    pub name: Option<String>,
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} {name:?}", self.kind),
            None => f.write_str(self.kind),
        }
    }
}

impl TaskVTable {
    /// The kind of a task with these verbs.
    ///
    /// # Safety
    /// `task` is live, has these verbs, and none of them was called.
    #[inline]
    pub(crate) unsafe fn forecast_of(&'static self, task: NonNull<Header>) -> Forecast {
        match self.forecast {
            // SAFETY: passed on.
            Some(forecast) => unsafe { forecast(task) },
            None => Forecast {
                kind: core::ptr::from_ref(self) as usize,
                way: 1,
            },
        }
    }
}

/// A pointer to a queued task. `Send`: the submission transferred it to the kernel.
pub(crate) type Task = NonNull<Header>;

/// # Safety
/// `task` points to a live header.
#[inline]
pub(crate) unsafe fn vtable(task: Task) -> &'static TaskVTable {
    // SAFETY: live by the caller's word; the field is never written after construction.
    unsafe { (*task.as_ptr()).vtable }
}
