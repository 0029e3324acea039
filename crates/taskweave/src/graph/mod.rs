//! Static graphs: built once, checked, frozen, and run as often as you like without allocating (what
//! that leaves out is said at [`Graph::run`]).
//!
//! ```
//! use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
//! use taskweave::{Pool, graph::GraphBuilder};
//!
//! let pool = Pool::builder().worker_threads(2).build()?;
//! let (left, right, both) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
//!
//! let mut builder = GraphBuilder::new();
//! let a = builder.task("left", || left.store(1, Relaxed));
//! let b = builder.task("right", || right.store(2, Relaxed));
//! let c = builder.task("both", || both.store(left.load(Relaxed) + right.load(Relaxed), Relaxed));
//! builder.edge(a, c)?;
//! builder.edge(b, c)?;
//! let mut graph = builder.build()?;
//!
//! for _ in 0..1000 {
//!     graph.run(&pool)?;
//! }
//! drop(graph);
//! assert_eq!(both.into_inner(), 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A body returns nothing, a [`Next`], or a `Result` of either. After a [`Next::Stop`], an error or a panic the vertices that haven't
//! begun are skipped, each once; the pass always ends, and the next one is clean.
//!
//! | file | what it holds |
//! |---|---|
//! | `builder.rs` | [`GraphBuilder`]: tasks, edges, branches, checks |
//! | `parts.rs` | tasks that end elsewhere, and tasks that run graphs |
//! | `slots.rs`, `reach.rs` | data that tasks pass on, and the check of who uses it when |
//! | `settings.rs` | limits, costs, preferred workers, observers |
//! | `error.rs` | why a graph is refused |
//! | `cycle.rs` | finding a cycle's path |
//! | `outcome.rs` | what bodies return |
//! | `run.rs` | [`Graph`]: passes, in the foreground and in the background |
//! | `draw.rs` | graphs as text |
//!
//! The passes themselves are the kernel's (`taskweave_core::pass`), so that other front ends can be replayed on them.

mod builder;
mod cycle;
mod draw;
mod error;
mod outcome;
mod parts;
mod reach;
mod run;
mod settings;
mod slots;

pub use builder::{GraphBuilder, TaskId};
pub use error::{EdgeError, GraphError};
pub use outcome::{Next, Outcome};
pub use parts::Completion;
pub use run::{Graph, Pass, Passes, Running};
pub use settings::{Observer, TaskEnd};
pub use slots::{Access, Reads, Slot, SlotError, Writes, reads, writes};
pub use taskweave_core::pass::{AlreadyRunning, PassError, StaleCompletion};
