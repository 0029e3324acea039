//! Bold text, where a person looks and hasn't asked for none.

use std::env;
use std::io::{self, IsTerminal};

/// Whether standard output gets more than letters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint(bool);

impl Paint {
    /// On a terminal, unless it is a plain one or `NO_COLOR` is set to anything.
    pub(crate) fn for_stdout() -> Self {
        let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let plain = env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self(io::stdout().is_terminal() && !refused && !plain)
    }

    /// `text`, bold if it may be.
    pub(crate) fn bold(self, text: &str) -> String {
        if self.0 {
            format!("\x1b[1m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}
