//! The machine layer of Taskweave: what the kernel stands on.
//!
//! It knows threads, words of memory and processors, and nothing of tasks. Its parts are small
//! protocols between threads, each with an essay that says its states, steps and hazards and why it
//! holds, a model that is explored by loom, and faults seeded into its sources that the model has
//! to find.
//!
//! ```text
//!   taskweave-core   the kernel: tasks, gates, workers
//!  ─────────────────────────────────────────────────────────────────────────────
//!   taskweave-sys    deque        inbox         summary     countdown    machine
//!                    owner and    producers     waker       the last     topology,
//!                    thieves      and takers    parker      one tells    clock …
//!                      │            │           futex          │
//!                      └────────────┴──────┬──────┴────────────┘
//!                                        sync
//!                              std │ loom │ shuttle
//! ```
//!
//! | module | idea |
//! |---|---|
//! | [`sync`] | atomics, cells, threads and fences under one set of names, over `std` and two model checkers |
//! | [`futex`] | sleep while a word holds a value; the system's, or a table of mutexes |
//! | [`parker`] | announce, look again, sleep: permits and sleepers in one word, no wake lost and none paid for in vain |
//! | [`deque`] | a ring with a private end that needs no atomics, and a public end to steal from |
//! | [`inbox`] | an unbounded queue through links in its nodes: one exchange a push, one consumer at a time |
//! | [`ready_ring`] | a bounded queue of numbers for a driver that must stay on its own thread |
//! | [`countdown`] | the last one done learns that it was; a latch with one waiter |
//! | [`signal`] | a word of 64 signals; the first to set one tells others |
//! | [`waker`] | a worker's summary of such words, its permits and sleepers: every mark leaves a permit |
//! | [`summary`] | a tree over as many signal words as there are, parted among workers that come and go |
//! | [`machine`] | processors and their quotas, affinity, priority, clock |
//!
//! Queues hold addresses. They never dereference an element (an inbox only its link), never own one
//! and never drop one, so that the same element can lie on a stack, in a slab or in a graph.
//!
//! # Builds
//!
//! | cfg | |
//! |---|---|
//! | none | `std`; futexes on Linux |
//! | `taskweave_portable` | `std` alone, on Linux too |
//! | `taskweave_loom` | models: `cargo test --release --test 'loom_*'`, and `mutations.sh` |
//! | `taskweave_shuttle` | random schedules: `cargo test --release --test shuttle` |
//!
//! Linux is the supported system. Others use the portable backend, which passes the same tests on
//! Linux; nobody has tried them. Atomics of 64 bits are required.

#[cfg(not(target_has_atomic = "64"))]
compile_error!("taskweave-sys needs 64-bit atomics");

#[macro_use]
mod macros;
#[doc(hidden)]
pub use macros::is_seeded;

pub mod countdown;
pub mod deque;
pub mod futex;
pub mod inbox;
pub mod machine;
pub mod parker;
pub mod ready_ring;
pub mod signal;
pub mod summary;
pub mod sync;
pub mod waker;

#[doc(hidden)]
pub mod __private {
    #[cfg(taskweave_loom)]
    pub use loom;
    #[cfg(taskweave_shuttle)]
    pub use shuttle;
}
