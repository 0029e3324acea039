//! Reading a file that may be anything: too long, endless, or no text.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::error::ParseCause;

#[cfg(test)]
mod tests;

/// So many bytes are looked at before more are read.
const PIECE: u64 = 1 << 20;

/// A cause, and the line it stands in.
type Fault = (Option<usize>, ParseCause);

/// The text of a file of at most `most` bytes. What is no text is refused when its first piece has been read, not after the last, which may never come.
pub(crate) fn read(path: &Path, most: u64) -> Result<String, Fault> {
    let unreadable = |error: io::Error| match path.is_dir() {
        true => (None, ParseCause::Directory),
        false => (None, ParseCause::Unreadable(error)),
    };
    let mut file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    if length > most {
        return Err((None, ParseCause::TooLong { most }));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    loop {
        let before = bytes.len();
        let left = most - before as u64;
        // One byte more than is allowed tells that there is more.
        let read = file.by_ref().take(PIECE.min(left + 1)).read_to_end(&mut bytes).map_err(unreadable)?;
        if let Some(nul) = bytes[before..].iter().position(|&byte| byte == 0) {
            bytes.truncate(before + nul);
            let line = line_of(&bytes);
            return Err(text(bytes).err().unwrap_or((Some(line), ParseCause::NulByte)));
        }
        if bytes.len() as u64 > most {
            return Err((None, ParseCause::TooLong { most }));
        }
        if read == 0 {
            break;
        }
    }
    text(bytes)
}

fn text(bytes: Vec<u8>) -> Result<String, Fault> {
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        (Some(line_of(valid)), ParseCause::NotUtf8)
    })
}

/// The line that follows these bytes.
fn line_of(before: &[u8]) -> usize {
    1 + before.iter().filter(|&&byte| byte == b'\n').count()
}
