//! What the parker, the futex and the latch say, seen by one thread or two.
#![cfg(not(any(taskweave_loom, taskweave_shuttle)))]

use std::time::Duration;

use taskweave_sys::{
    countdown::{Biased, Countdown, Latch},
    futex,
    parker::Parker,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
        thread,
    },
};

#[test]
fn permits_are_capped_whatever_is_released() {
    let parker = Parker::with_cap(3);
    assert_eq!(parker.release(2), 0);
    assert_eq!(parker.permits(), 2);
    assert_eq!(parker.release(u32::MAX), 0);
    for _ in 0..1000 {
        parker.release(7);
    }
    assert_eq!(parker.permits(), 3);
    assert!((0..3).all(|_| parker.try_acquire()));
    assert!(!parker.try_acquire());
    assert_eq!(parker.release(0), 0);
    assert_eq!(parker.permits(), 0);

    let parker = Parker::new();
    parker.release(u32::MAX);
    assert_eq!(parker.permits(), Parker::DEFAULT_CAP);
}

#[test]
fn a_cap_of_zero_keeps_nothing_and_the_largest_keeps_all() {
    let parker = Parker::with_cap(0);
    assert_eq!(parker.release(5), 0);
    assert_eq!(parker.permits(), 0);
    let parker = Parker::with_cap(u32::MAX);
    parker.release(u32::MAX - 1);
    parker.release(5);
    assert_eq!((parker.permits(), parker.sleepers()), (u32::MAX, 0));
}

#[test]
fn announced_sleepers_make_room_for_permits_while_they_stay() {
    let parker = Parker::with_cap(1);
    let tickets = [parker.prepare(), parker.prepare(), parker.prepare()];
    assert_eq!(parker.sleepers(), 3);
    assert_eq!(parker.release(2), 2);
    assert_eq!(parker.release(9), 1, "two of three have been woken already");
    assert_eq!(parker.release(9), 0);
    assert_eq!(parker.permits(), 3);
    let [one, two, three] = tickets;
    one.cancel();
    drop(two);
    assert_eq!((parker.permits(), parker.sleepers()), (1, 1));
    three.commit();
    assert_eq!((parker.permits(), parker.sleepers()), (0, 0));
}

#[test]
fn a_timeout_takes_what_is_there_and_nothing_else() {
    let parker = Parker::new();
    assert!(!parker.prepare().commit_timeout(Duration::ZERO));
    assert!(!parker.prepare().commit_timeout(Duration::from_millis(1)));
    assert_eq!((parker.permits(), parker.sleepers()), (0, 0));
    parker.release(2);
    assert!(parker.prepare().commit_timeout(Duration::ZERO));
    assert!(
        parker.prepare().commit_timeout(Duration::MAX),
        "a time that no clock can express"
    );
    assert_eq!((parker.permits(), parker.sleepers()), (0, 0));
}

#[test]
fn a_sleeper_for_a_very_long_time_is_woken() {
    let parker = Arc::new(Parker::new());
    let sleeper = thread::spawn({
        let parker = Arc::clone(&parker);
        move || {
            parker
                .prepare()
                .commit_timeout(Duration::from_secs(u64::from(u32::MAX)))
        }
    });
    while parker.sleepers() == 0 {
        thread::yield_now();
    }
    assert_eq!(parker.release(1), 1);
    assert!(sleeper.join().unwrap());
}

#[test]
fn parkers_and_tickets_show_themselves() {
    let parker = Parker::default();
    let ticket = parker.prepare();
    let shown = format!("{ticket:?}");
    assert!(
        shown.contains("sleepers: 1") && shown.contains("cap: 64"),
        "{shown}"
    );
}

#[test]
fn a_futex_waits_only_for_what_it_was_told() {
    let word = AtomicU32::new(5);
    assert!(futex::wait(&word, 4, None), "the word holds something else");
    assert!(!futex::wait(&word, 5, Some(Duration::from_millis(1))));
    assert!(!futex::wait(&word, 5, Some(Duration::ZERO)));
    assert_eq!(futex::wake(&word, u32::MAX), 0);
}

#[test]
fn a_futex_wake_counts_those_it_woke() {
    let words = Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
    let sleepers = [0, 0, 0, 1].map(|index| {
        let words = Arc::clone(&words);
        thread::spawn(move || {
            while words[index].load(Ordering::Acquire) == 0 {
                futex::wait(&words[index], 0, None);
            }
        })
    });
    // None of them can leave, so that each is found asleep once, if need be after a spurious
    // return.
    let mut woken = 0;
    while woken < 3 {
        woken += futex::wake(&words[0], 1);
        thread::yield_now();
    }
    for word in words.iter() {
        word.store(1, Ordering::Release);
        assert!(futex::wake(word, u32::MAX) <= 3);
    }
    for sleeper in sleepers {
        sleeper.join().unwrap();
    }
}

#[test]
fn countdowns_count() {
    let countdown = Countdown::new(2);
    countdown.add(3);
    assert!(!countdown.done(4));
    assert_eq!(countdown.outstanding(), 1);
    assert!(countdown.done(1));
    countdown.reset(1);
    assert!(countdown.done(1));
}

#[test]
fn a_biased_countdown_ends_with_its_owner_or_after() {
    let count = Biased::new();
    assert!(count.owner_settle(0), "nothing was added");
    count.reset();
    assert!(!count.done(2), "not settled, so that nothing is the last");
    assert!(count.owner_settle(2));
    count.reset();
    count.remote_add(1);
    assert!(!count.done(1));
    assert!(!count.owner_settle(2));
    assert!(!count.done(1));
    assert!(count.done(1));
}

#[test]
fn a_latch_says_whether_someone_waits() {
    let latch = Latch::new();
    assert!(!latch.probe());
    assert!(latch.prepare_wait());
    assert!(latch.cancel_wait());
    assert!(latch.prepare_wait());
    assert!(latch.prepare_wait(), "still waiting");
    assert!(latch.set());
    assert!(latch.probe() && !latch.prepare_wait() && !latch.cancel_wait());
    assert!(!latch.set(), "nobody waits for the second time");
    latch.reset();
    assert!(!latch.set() && latch.probe());
}
