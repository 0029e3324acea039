//! Who has got how far: between threads that each know a part of it.
//!
//! ```text
//!   Epochs        "when all of epoch e is in, do this once"
//!     │
//!   Progress      frontiers and capabilities, over timely's timestamps
//!
//!   Exchange      batches of changes to every reader; a laggard gets what they came to
//!     ├─ lanes    a ring for each writer, which readers follow
//!     └─ log ──── Chain: the log alone, one lock      Mesh, Ledger, Cells: to compare with
//! ```
//!
//! Two things are here, which can be used without each other.
//!
//! **Frontiers.** A [`Capability`] is held by whoever may still bring something about at its time. When none is held at or before a time, the frontier of [`Progress`] has passed it, and who waits for that is told: a
//! thread ([`wait_until_passed`](Progress::wait_until_passed)), a future ([`on_passed`](Progress::on_passed)), a closure ([`when_passed`](Progress::when_passed)). [`Epochs`] are the
//! same with numbered epochs and tickets, and are what most programs want.
//!
//! **Mergeable logs.** Several writers tell several readers about changes that add up: counts, sums, timely's `ChangeBatch`. A reader that comes late gets the net change, so that its backlog is as large as what is alive
//! and not as what was sent. [`Exchange`] is the one to use. [`Chain`] is its simple form. [`Mesh`], [`Ledger`] and [`Cells`] are other points of the same spectrum, kept to be measured beside it. All are a [`Medium`] and keep its contract.
//!
//! | where | what |
//! |---|---|
//! | `chainable.rs`, `medium.rs` | what can be merged; the contract of all media |
//! | `log.rs` | nodes between marks: merged batches and where their readers stand |
//! | [`chain`] | the log behind one lock |
//! | [`exchange`] | rings for those who keep up, the log for those who don't: `lane.rs` words and slots, `control.rs` what is done under the lock, `ends.rs` writers and readers |
//! | `mesh.rs`, `ledger.rs`, `cells.rs` | for comparison |
//! | [`frontier`] | `Progress`, capabilities, who waits |
//! | `epochs.rs` | epochs and tickets |
//!
//! A frontier as a *gate* of the kernel's, which a task waits behind without a thread, a closure or a future of its own, comes when the kernel has gates; until then `when_passed` can spawn the task.
//!
//! Times, antichains and change batches are those of the crate [`timely`], which is re-exported.

mod cells;
pub mod chain;
mod chainable;
mod epochs;
pub mod exchange;
pub mod frontier;
mod ledger;
mod log;
mod medium;
mod mesh;
#[cfg(all(test, taskweave_loom))]
#[path = "../../taskweave-sys/tests/model/mod.rs"]
mod model;

pub use cells::{Cells, CellsReader};
pub use chain::{Chain, ChainReader};
pub use chainable::{Chainable, Subtract};
pub use epochs::{EpochClosed, EpochInput, Epochs, Ticket};
pub use exchange::Exchange;
pub use frontier::{Capability, NotLater, Passed, Progress};
pub use ledger::{Ledger, LedgerReader};
pub use medium::{Atom, Medium, Receiver, Sender};
pub use mesh::{Mesh, MeshReader, MeshWriter};
pub use timely;

/// The page of the guide, whose examples run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/progress.md")]
pub mod guide {}
