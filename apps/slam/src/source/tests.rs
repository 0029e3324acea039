use std::fs;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::Path;

use super::{PIECE, read};
use crate::error::ParseCause;
use crate::problem::Problem;

/// What reading `content` from a pipe gives, whose length nobody knows before its end.
fn through_a_pipe(content: Vec<u8>, most: u64) -> Result<String, (Option<usize>, ParseCause)> {
    let (reader, mut writer) = std::io::pipe().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // Who refuses doesn't read to the end.
            let _ = writer.write_all(&content);
        });
        let text = read(Path::new(&format!("/dev/fd/{}", reader.as_raw_fd())), most);
        drop(reader);
        text
    })
}

#[test]
fn at_the_limit_all_is_read_and_above_it_nothing() {
    for length in [0, 1, 99, 100, 101, 300] {
        let content = "x".repeat(length);
        let found = through_a_pipe(content.clone().into_bytes(), 100);
        if length <= 100 {
            assert_eq!(found.unwrap(), content);
        } else {
            assert!(matches!(found, Err((None, ParseCause::TooLong { most: 100 }))), "{length}: {found:?}");
        }
    }
    let long = "x\n".repeat(PIECE as usize);
    assert_eq!(through_a_pipe(long.clone().into_bytes(), 1 << 30).unwrap(), long);
}

#[test]
fn what_is_no_text_is_refused_with_its_line() {
    let nul = through_a_pipe(b"one\ntwo\nth\0ree".to_vec(), 100);
    assert!(matches!(nul, Err((Some(3), ParseCause::NulByte))), "{nul:?}");
    let latin = through_a_pipe(b"one\nzw\xf6lf".to_vec(), 100);
    assert!(matches!(latin, Err((Some(2), ParseCause::NotUtf8))), "{latin:?}");
    let first = through_a_pipe(b"one\n\xff\n\0".to_vec(), 100);
    assert!(matches!(first, Err((Some(2), ParseCause::NotUtf8))), "the first fault counts: {first:?}");
    // A letter that the border between two pieces cuts is none the worse for it.
    let cut = "x".repeat(PIECE as usize - 1) + "é";
    assert_eq!(through_a_pipe(cut.clone().into_bytes(), 1 << 30).unwrap(), cut);
}

#[test]
fn an_endless_file_is_refused_after_its_first_piece() {
    let endless = read(Path::new("/dev/zero"), 1 << 30);
    assert!(matches!(endless, Err((Some(1), ParseCause::NulByte))), "{endless:?}");
}

#[test]
fn a_file_above_the_limit_is_refused_unread() {
    let path = std::env::temp_dir().join(format!("taskweave-slam-long-{}", std::process::id()));
    // It has no blocks: reading all of it would still take a gibibyte of memory.
    fs::File::create(&path).unwrap().set_len(Problem::MOST_BYTES + 1).unwrap();
    let error = Problem::read(&path).unwrap_err().to_string();
    fs::remove_file(&path).unwrap();
    let expected =
        "is longer than 1073741824 bytes, the most that are read; is this a pose graph? If so, leave out measurements";
    assert_eq!(error, format!("{}: {expected}", path.display()));
}
