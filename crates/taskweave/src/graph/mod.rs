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
//! | `builder.rs` | [`GraphBuilder`]: tasks, edges, checks |
//! | `cycle.rs` | finding a cycle's path |
//! | `outcome.rs` | what bodies return |
//! | `run.rs` | [`Graph`]: passes |
//!
//! The passes themselves are the kernel's (`taskweave_core::pass`), so that other front ends can be replayed on them.

mod builder;
mod cycle;
mod outcome;
mod run;

pub use builder::{EdgeError, GraphBuilder, GraphError, TaskId};
pub use outcome::{Next, Outcome};
pub use run::{Graph, Pass};
pub use taskweave_core::pass::PassError;
