use std::time::Duration;

use super::{Progress, is_found};
use crate::error::SlamError;
use crate::plan::engine::Totals;

/// The iteration at which it is given up, if it is.
fn given_up(course: &[f64]) -> Option<usize> {
    let mut progress = Progress::default();
    course.iter().find_map(|&chi_squared| {
        match progress.note(Totals { chi_squared, expected_decrease: 1.0 }, Duration::ZERO) {
            Ok(report) => {
                assert_eq!(report.chi_squared, chi_squared);
                None
            }
            Err(SlamError::Diverged { iteration, initial, .. }) => {
                assert!(initial.to_bits() == course[0].to_bits());
                Some(iteration)
            }
            Err(other) => panic!("{other}"),
        }
    })
}

#[test]
fn what_grows_or_is_no_number_is_given_up() {
    assert_eq!(given_up(&[10.0, 20.0, 30.0, 40.0, 50.0, 60.0]), Some(5));
    assert_eq!(given_up(&[10.0, 20.0, 30.0, 40.0, 39.0, 50.0, 60.0, 70.0, 1.0]), None);
    assert_eq!(given_up(&[10.0, 5.0, 1.1e7]), Some(3));
    assert_eq!(given_up(&[10.0, 5.0, f64::NAN]), Some(3));
    assert_eq!(given_up(&[f64::INFINITY]), Some(1));
}

#[test]
fn rounding_at_the_solution_is_no_rise() {
    let course: Vec<f64> = (0..100).map(|n| 289.734 + 1e-12 * f64::from(n)).collect();
    assert_eq!(given_up(&course), None);
    assert_eq!(given_up(&[0.0, 1e-28, 2e-28, 4e-28, 8e-28, 16e-28]), None);
}

#[test]
fn the_last_step_is_known_by_what_it_was_to_gain() {
    let mut progress = Progress::default();
    let mut found = |chi_squared, expected_decrease| {
        is_found(&progress.note(Totals { chi_squared, expected_decrease }, Duration::ZERO).unwrap(), 1e-7)
    };
    assert!(!found(100.0, 1e-4));
    assert!(found(100.0, 0.9e-5));
    assert!(found(1e-20, 1e-13), "where measurements agree there is nothing to gain");
    assert!(found(0.0, 0.0));
}
