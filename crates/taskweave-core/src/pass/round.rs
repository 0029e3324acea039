//! What is fixed for one pass.

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
}

impl Default for Round {
    fn default() -> Self {
        Round {
            pass: 0,
            shared: core::ptr::null(),
            root: 0,
            token: None,
        }
    }
}
