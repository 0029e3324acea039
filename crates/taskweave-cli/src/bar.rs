//! A progress bar on standard error, if that is a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar of `length` steps; `hidden` for none at all. Whoever has it clears it.
pub(crate) fn bar(length: u64, hidden: bool) -> ProgressBar {
    // Not a terminal: the target draws nothing.
    let target = if hidden {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    };
    let bar = ProgressBar::with_draw_target(Some(length), target);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {msg}") {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar
}
