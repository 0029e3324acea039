use std::time::Duration;

use super::{
    Pair, Side, Stopwatch,
    pair::{repetitions, scaled, summarise},
    quiet::{others_running, settle, state},
    stats::{median, quantile, spread},
};
use crate::error::BenchError;

#[test]
fn the_median_is_in_the_middle() {
    assert_eq!(median(&[]), 0.0);
    assert_eq!(median(&[7.0]), 7.0);
    assert_eq!(median(&[9.0, 1.0, 5.0]), 5.0);
    assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
}

#[test]
fn quantiles_lie_between_neighbours() {
    let values = [40.0, 0.0, 30.0, 10.0, 20.0];
    assert_eq!(quantile(&values, 0.0), Some(0.0));
    assert_eq!(quantile(&values, 0.25), Some(10.0));
    assert_eq!(quantile(&values, 0.1), Some(4.0));
    assert_eq!(quantile(&values, 1.0), Some(40.0));
    assert_eq!(quantile(&values, 2.0), Some(40.0));
    assert_eq!(quantile(&[], 0.5), None);
    assert_eq!(spread(&values), [4.0, 36.0]);
}

fn watch(ops: u64, wall: u64, cpu: u64) -> Stopwatch {
    let mut watch = Stopwatch::default();
    watch.add(ops, Duration::from_nanos(wall), Duration::from_nanos(cpu));
    watch
}

#[test]
fn the_ratio_is_the_median_of_the_pairs_ratios() {
    // The machine was ten times slower during the second pair, which the ratio does not see.
    let pairs = [
        (watch(10, 100, 200), watch(20, 400, 400)),
        (watch(10, 1000, 2000), watch(20, 4000, 4000)),
        (watch(10, 150, 300), watch(20, 300, 300)),
    ];
    let comparison = summarise(&pairs);
    assert_eq!(comparison.ratio, 0.5);
    assert_eq!((comparison.ours_ns, comparison.peer_ns), (15.0, 20.0));
    assert_eq!(
        (comparison.ours_cpu_ns, comparison.peer_cpu_ns),
        (30.0, 20.0)
    );
    assert_eq!(comparison.spread[0], 0.5);
    assert!((comparison.spread[1] - 0.9).abs() < 1e-12);
}

#[test]
fn a_stopwatch_adds_stretches_up() {
    let mut watch = watch(1, 10, 20);
    watch.add(3, Duration::from_nanos(30), Duration::from_nanos(60));
    assert_eq!((watch.wall_ns(), watch.cpu_ns()), (10.0, 20.0));
    assert_eq!(watch.time(0, || 5), 5);
    assert!(watch.wall() >= Duration::from_nanos(40));
    assert_eq!(Stopwatch::default().wall_ns(), 0.0);
}

/// A side whose repetition takes `wall` by its own account.
fn of_length(wall: Duration) -> Side {
    Side::new("made up", move |repetitions, watch| {
        let wall = wall * u32::try_from(repetitions).unwrap();
        watch.add(repetitions, wall, wall);
        Ok(())
    })
}

#[test]
fn calibration_fills_a_sample() {
    for (wall, expected) in [(7, 1_142_857), (1_000, 8_000), (300_000, 27)] {
        let found = repetitions(&mut of_length(Duration::from_nanos(wall))).unwrap();
        assert!(found.abs_diff(expected) <= 1, "{wall} ns: {found}");
    }
    // Longer than a sample: once.
    assert_eq!(
        repetitions(&mut of_length(Duration::from_millis(300))).unwrap(),
        1
    );
    assert_eq!(
        repetitions(&mut of_length(Duration::from_nanos(1)).single()).unwrap(),
        1
    );
}

#[test]
fn scaling_rounds_and_never_reaches_zero() {
    assert_eq!(scaled(4, Duration::from_millis(2)), 16);
    assert_eq!(scaled(1, Duration::from_secs(5)), 1);
}

#[test]
fn a_side_without_work_is_found() {
    let mut idle = Side::new("idle", |_, _| Ok(()));
    assert!(matches!(
        repetitions(&mut idle),
        Err(BenchError::NothingTimed { side: "idle" })
    ));
}

#[test]
fn a_wrong_result_ends_the_comparison() {
    let mut calls = 0;
    let mut pair = Pair {
        ours: of_length(Duration::from_millis(3)),
        // Right at first, so that it is found among the samples.
        peer: Side::checked("liar", 1, 1, move || {
            calls += 1;
            u64::from(calls < 3)
        })
        .single(),
    };
    let mut steps = 0;
    let outcome = pair.compare(5, || steps += 1);
    assert!(matches!(
        outcome,
        Err(BenchError::Wrong { side: "liar", .. })
    ));
    assert_eq!(steps, 1);
}

#[test]
fn samples_are_taken_in_turns() {
    use std::{cell::RefCell, rc::Rc};

    let log = Rc::new(RefCell::new(String::new()));
    let side = |name: &'static str| {
        let log = Rc::clone(&log);
        Side::new(name, move |repetitions, watch| {
            log.borrow_mut().push_str(name);
            let wall = Duration::from_millis(1);
            watch.add(repetitions, wall, wall);
            Ok(())
        })
        .single()
    };
    let mut pair = Pair {
        ours: side("A"),
        peer: side("B"),
    };
    let comparison = pair.compare(3, || {}).unwrap();
    assert_eq!(*log.borrow(), "ABABABAB");
    assert_eq!(comparison.ratio, 1.0);
}

#[test]
fn the_state_of_a_thread_follows_its_name() {
    assert_eq!(state("17 (a thread) S 1 17"), Some('S'));
    assert_eq!(state("17 (R) Z (x)) R 1 17"), Some('R'));
    assert_eq!(state(""), None);
}

#[test]
fn a_spinning_thread_is_seen() {
    use taskweave_sys::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        hint, thread,
    };

    let stop = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&stop);
    let spinner = thread::spawn(move || {
        while !heard.load(Ordering::Relaxed) {
            hint::spin_loop();
        }
    });
    while others_running().unwrap() == 0 {
        thread::yield_now();
    }
    assert!(!settle());
    stop.store(true, Ordering::Relaxed);
    spinner.join().unwrap();
}
