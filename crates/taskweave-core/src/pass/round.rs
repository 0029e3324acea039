//! What is fixed for one pass, and who is told of its end.

use core::ptr::NonNull;
use std::sync::Arc;

use super::start::Ticket;
use super::state::{Core, SharedCore};
use crate::cancel::CancelToken;
use crate::shared::Shared;

/// Set when a pass begins.
pub(super) struct Round {
    /// Passes that have ended: the number of the present one.
    pub(super) pass: u64,
    pub(super) shared: *const Shared,
    /// What the bodies are part of, see `thread::root`.
    pub(super) root: usize,
    pub(super) token: Option<CancelToken>,
    pub(super) end: End,
}

/// Who is told that a pass has ended.
pub(super) enum End {
    /// A stack that waits for the tally.
    Latch,
    /// A handle, and whoever else looks at the ticket. The share keeps the graph alive until then, and the ticket the pool.
    Ticket {
        ticket: Arc<Ticket>,
        share: SharedCore<'static>,
    },
    /// A vertex of another graph, whose pass goes on at least until this vertex has ended.
    Vertex {
        outer: NonNull<Core<'static>>,
        vertex: usize,
    },
}

impl Default for Round {
    fn default() -> Self {
        Round {
            pass: 0,
            shared: core::ptr::null(),
            root: 0,
            token: None,
            end: End::Latch,
        }
    }
}
