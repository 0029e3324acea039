//! The promises of static graphs, tested from outside.
#![cfg(all(feature = "graph", not(any(taskweave_loom, taskweave_shuttle))))]

mod shapes;
mod tracked;

mod borrows;
mod branches;
mod build;
mod cancel;
mod completions;
mod dot;
mod everything;
mod failures;
mod nested;
mod oracle;
mod order;
mod parts;
mod peer;
mod pools;
mod slots;
mod started;
mod stop;
mod storms;
