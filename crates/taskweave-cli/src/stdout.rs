//! Standard output, whose reader may have left.

use std::io::{self, Write};

use crate::failure::Failure;

/// Prints `text`. A reader who has closed the pipe has read enough: that is no error.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Stdout(error)),
        _ => Ok(()),
    }
}
