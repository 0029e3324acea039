//! Data that tasks pass on: what one writes, others read later, with no capture that they share.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::builder::{GraphBuilder, TaskId};
use super::error::GraphError;
use super::outcome::Outcome;
use super::reach::Reach;

/// A value that belongs to a graph and is handed to the tasks that name it, see [`GraphBuilder::slot`]. Clones are the same slot.
pub struct Slot<T> {
    builder: u64,
    index: u32,
    /// Never contended during a pass: who may use it when is checked as the graph is built.
    value: Arc<RwLock<T>>,
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Slot {
            value: Arc::clone(&self.value),
            ..*self
        }
    }
}

impl<T> fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

impl<T> Slot<T> {
    /// A copy of the value. Between passes it's what the last one left; during a pass it waits for a task that is writing.
    pub fn get(&self) -> T
    where
        T: Clone,
    {
        self.read().clone()
    }

    /// Replaces the value, and returns what it was. As [`get`](Self::get), for use between passes.
    pub fn replace(&self, value: T) -> T {
        std::mem::replace(&mut *self.write(), value)
    }

    // A body that panicked leaves the value as it is; the next writer goes on with it.
    fn read(&self) -> RwLockReadGuard<'_, T> {
        self.value.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.value.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says that a task reads a slot: its body gets a `&T`.
pub fn reads<T: Send + Sync + 'static>(slot: &Slot<T>) -> Reads<T> {
    Reads(slot.clone())
}

/// Says that a task writes a slot, and perhaps reads it, too: its body gets a `&mut T`.
pub fn writes<T: Send + Sync + 'static>(slot: &Slot<T>) -> Writes<T> {
    Writes(slot.clone())
}

/// See [`reads`].
#[derive(Clone, Debug)]
pub struct Reads<T>(Slot<T>);

/// See [`writes`].
#[derive(Clone, Debug)]
pub struct Writes<T>(Slot<T>);

/// What a task does with a slot.
#[doc(hidden)]
#[expect(unnameable_types, reason = "nobody else implements `Access`")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    builder: u64,
    slot: u32,
    writes: bool,
}

/// What a task may be given: [`Reads`], [`Writes`], arrays and tuples of up to six of these.
pub trait Access: Send + 'static {
    #[doc(hidden)]
    type Guard<'g>;
    /// What the body gets.
    type Held<'a>;
    #[doc(hidden)]
    fn uses(&self, into: &mut Vec<Use>);
    #[doc(hidden)]
    fn lock(&self) -> Self::Guard<'_>;
    #[doc(hidden)]
    fn held<'a>(guard: &'a mut Self::Guard<'_>) -> Self::Held<'a>;
}

impl<T: Send + Sync + 'static> Access for Reads<T> {
    type Guard<'g> = RwLockReadGuard<'g, T>;
    type Held<'a> = &'a T;

    fn uses(&self, into: &mut Vec<Use>) {
        into.push(Use {
            builder: self.0.builder,
            slot: self.0.index,
            writes: false,
        });
    }

    fn lock(&self) -> Self::Guard<'_> {
        self.0.read()
    }

    fn held<'a>(guard: &'a mut Self::Guard<'_>) -> &'a T {
        guard
    }
}

impl<T: Send + Sync + 'static> Access for Writes<T> {
    type Guard<'g> = RwLockWriteGuard<'g, T>;
    type Held<'a> = &'a mut T;

    fn uses(&self, into: &mut Vec<Use>) {
        into.push(Use {
            builder: self.0.builder,
            slot: self.0.index,
            writes: true,
        });
    }

    fn lock(&self) -> Self::Guard<'_> {
        self.0.write()
    }

    fn held<'a>(guard: &'a mut Self::Guard<'_>) -> &'a mut T {
        guard
    }
}

impl<A: Access, const N: usize> Access for [A; N] {
    type Guard<'g> = [A::Guard<'g>; N];
    type Held<'a> = [A::Held<'a>; N];

    fn uses(&self, into: &mut Vec<Use>) {
        self.iter().for_each(|one| one.uses(into));
    }

    fn lock(&self) -> Self::Guard<'_> {
        self.each_ref().map(A::lock)
    }

    fn held<'a>(guard: &'a mut Self::Guard<'_>) -> Self::Held<'a> {
        guard.each_mut().map(A::held)
    }
}

macro_rules! tuples {
    ($($($name:ident $place:tt),+;)+) => {$(
        impl<$($name: Access),+> Access for ($($name,)+) {
            type Guard<'g> = ($($name::Guard<'g>,)+);
            type Held<'a> = ($($name::Held<'a>,)+);

            fn uses(&self, into: &mut Vec<Use>) {
                $(self.$place.uses(into);)+
            }

            fn lock(&self) -> Self::Guard<'_> {
                ($(self.$place.lock(),)+)
            }

            fn held<'a>(guard: &'a mut Self::Guard<'_>) -> Self::Held<'a> {
                ($($name::held(&mut guard.$place),)+)
            }
        }
    )+};
}

tuples! {
    A 0;
    A 0, B 1;
    A 0, B 1, C 2;
    A 0, B 1, C 2, D 3;
    A 0, B 1, C 2, D 3, E 4;
    A 0, B 1, C 2, D 3, E 4, F 5;
}

/// Why a task that names slots was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SlotError {
    /// The slot is another builder's.
    Foreign {
        /// The task that names it.
        task: String,
    },
    /// A task names a slot twice.
    Twice {
        /// The task.
        task: String,
        /// The slot.
        slot: String,
    },
}

impl fmt::Display for SlotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SlotError::Foreign { task } => write!(
                f,
                "task {task:?} names a slot of another builder; use those that this one's `slot` returned"
            ),
            SlotError::Twice { task, slot } => write!(
                f,
                "task {task:?} names the slot {slot:?} twice; `writes` alone lets it read, too"
            ),
        }
    }
}

impl Error for SlotError {}

/// The slots of a builder, and who uses them.
#[derive(Default)]
pub(super) struct Slots {
    names: Vec<Cow<'static, str>>,
    /// Task, slot, whether it writes.
    uses: Vec<(u32, u32, bool)>,
}

impl<'env> GraphBuilder<'env> {
    /// A value for tasks to pass on. It keeps what the last writer left from pass to pass. For a value that is given away, use an [`Option`] and take it.
    ///
    /// [`build`](Self::build) checks that edges put every two tasks in an order of which one writes it and the other reads or writes it, too; so a reader gets what the last writer before it
    /// has left, or `initial` if there is none. If that writer was skipped, it gets what was there before.
    ///
    /// ```
    /// use taskweave::{Pool, graph::{GraphBuilder, reads, writes}};
    ///
    /// let pool = Pool::builder().worker_threads(2).build()?;
    /// let mut builder = GraphBuilder::new();
    /// let numbers = builder.slot("numbers", Vec::new());
    /// let sum = builder.slot("sum", 0);
    /// let fill = builder.task_with("fill", writes(&numbers), |numbers| numbers.extend(1..=10))?;
    /// let add = builder.task_with("add", (reads(&numbers), writes(&sum)), |(numbers, sum)| {
    ///     *sum = numbers.iter().sum();
    /// })?;
    /// builder.edge(fill, add)?;
    /// builder.build()?.run(&pool)?;
    /// assert_eq!(sum.get(), 55);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// With 2³² slots.
    pub fn slot<T>(&mut self, name: impl Into<Cow<'static, str>>, initial: T) -> Slot<T>
    where
        T: Send + Sync + 'static,
    {
        let index = u32::try_from(self.slots.names.len()).expect("fewer than 2^32 slots");
        self.slots.names.push(name.into());
        Slot {
            builder: self.id(),
            index,
            value: Arc::new(RwLock::new(initial)),
        }
    }

    /// As [`task`](Self::task), with a body that is given what `access` names: one [`reads`] or [`writes`], or an array or tuple of them. It costs one uncontended lock for each.
    ///
    /// # Errors
    /// See [`SlotError`]; the task isn't added.
    ///
    /// # Panics
    /// With 2³² tasks.
    pub fn task_with<A, O, F>(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        access: A,
        mut body: F,
    ) -> Result<TaskId, SlotError>
    where
        A: Access,
        O: Outcome,
        F: for<'a> FnMut(A::Held<'a>) -> O + Send + 'env,
    {
        let name = name.into();
        let mut uses = Vec::new();
        access.uses(&mut uses);
        for (place, one) in uses.iter().enumerate() {
            if one.builder != self.id() {
                return Err(SlotError::Foreign { task: name.into() });
            }
            if uses[..place].iter().any(|other| other.slot == one.slot) {
                let slot = self.slots.names[one.slot as usize].to_string();
                return Err(SlotError::Twice {
                    task: name.into(),
                    slot,
                });
            }
        }
        let task = self.task(name, move || {
            let mut guard = access.lock();
            body(A::held(&mut guard))
        });
        let uses = uses.iter();
        self.slots
            .uses
            .extend(uses.map(|one| (task.index() as u32, one.slot, one.writes)));
        Ok(task)
    }

    /// Checks that no two tasks use a slot in no order, unless both read.
    pub(super) fn check_slots(&self, successors: &[Vec<u32>]) -> Result<(), GraphError> {
        let mut uses = self.slots.uses.clone();
        if uses.iter().all(|&(_, _, writes)| !writes) {
            return Ok(());
        }
        let mut reach = Reach::new(successors);
        uses.sort_by_key(|&(task, slot, _)| (slot, reach.position(task)));
        for of_slot in uses.chunk_by(|a, b| a.1 == b.1) {
            let mut writer = None;
            let mut readers: Vec<u32> = Vec::new();
            for &(task, slot, writes) in of_slot {
                let before: Vec<u32> = if writes {
                    readers.drain(..).chain(writer).collect()
                } else {
                    writer.into_iter().collect()
                };
                if let Some(&other) = before.iter().find(|&&other| !reach.leads(other, task)) {
                    return Err(GraphError::Unordered {
                        slot: self.slots.names[slot as usize].to_string(),
                        one: self.plan.name(other).to_owned(),
                        other: self.plan.name(task).to_owned(),
                    });
                }
                if writes {
                    writer = Some(task);
                } else {
                    readers.push(task);
                }
            }
        }
        Ok(())
    }
}
