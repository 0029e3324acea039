//! The machine that the tests run on.
#![cfg(not(any(taskweave_loom, taskweave_shuttle)))]

use std::{error::Error, io};

use taskweave_sys::{
    machine::{
        affinity, clock,
        priority::{self, Priority},
        topology::{self, Order},
    },
    sync::thread,
};

#[test]
#[cfg(target_os = "linux")]
fn a_thread_runs_where_it_is_pinned() {
    let before = affinity::current().unwrap();
    // In a thread of its own, which takes its affinity with it when it ends.
    let pinned = thread::spawn({
        let last = before[before.len() - 1];
        move || {
            affinity::pin_current_thread(&[last, last]).unwrap();
            assert_eq!(topology::available_cpus(), 1);
            (last, affinity::current().unwrap())
        }
    });
    let (last, pinned) = pinned.join().unwrap();
    assert_eq!(pinned, [last]);
    assert_eq!(affinity::current().unwrap(), before);
    assert!(topology::available_cpus() <= before.len());
    let mut arranged = Order::Spread.arrange(&topology::processors());
    arranged.sort_unstable();
    assert_eq!(arranged, before);
}

#[test]
#[cfg(target_os = "linux")]
fn impossible_places_are_refused_with_a_reason() {
    let before = affinity::current().unwrap();
    for (cpus, reason) in [
        (&[][..], "at least one"),
        (&[1 << 20][..], "1048576"),
        (&[usize::MAX][..], "beyond"),
    ] {
        let error = affinity::pin_current_thread(cpus).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains(reason), "{error}");
    }
    assert_eq!(affinity::current().unwrap(), before);
}

#[test]
#[cfg(target_os = "linux")]
fn a_thread_lowers_its_own_priority() {
    let nice = thread::spawn(|| {
        priority::set_current(Priority::Nice(7)).unwrap();
        // Field 19 of its status line; the name before may contain anything, and ends with the last
        // parenthesis.
        let status = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let fields = status.rsplit_once(')').unwrap().1;
        fields
            .split_whitespace()
            .nth(16)
            .unwrap()
            .parse::<i32>()
            .unwrap()
    });
    assert_eq!(nice.join().unwrap(), 7);
}

#[test]
fn impossible_priorities_are_refused_with_the_range() {
    for (priority, range) in [
        (Priority::Nice(20), "-20 to 19"),
        (Priority::Nice(-21), "-20 to 19"),
        (Priority::Realtime(0), "1 to 99"),
        (Priority::Realtime(100), "1 to 99"),
    ] {
        let error = priority::set_current(priority).unwrap_err();
        assert_eq!(
            (error.priority, error.source.kind()),
            (priority, io::ErrorKind::InvalidInput)
        );
        assert!(error.to_string().contains(range), "{error}");
        assert!(Error::source(&error).is_some());
    }
}

#[test]
fn a_missing_permission_is_named() {
    let outcome = thread::spawn(|| priority::set_current(Priority::Realtime(1)))
        .join()
        .unwrap();
    if let Err(error) = outcome {
        let message = error.to_string();
        assert!(message.contains("Realtime(1)"), "{message}");
        if error.source.kind() == io::ErrorKind::PermissionDenied {
            assert!(
                message.contains("CAP_SYS_NICE") && message.contains("ulimit -r"),
                "{message}"
            );
        }
    }
}

#[test]
fn the_clock_has_a_rate() {
    let rate = clock::ticks_per_us();
    assert!(rate >= 1);
    assert_eq!(clock::ticks_per_us(), rate, "measured once");
    let _ = clock::ticks();
}
