//! The examples say what their pages claim.
#![cfg(all(feature = "graph", not(any(taskweave_loom, taskweave_shuttle))))]

#[path = "../examples/newton.rs"]
mod newton;

#[path = "../examples/echo.rs"]
mod echo;

#[test]
fn echo_answers_everybody() {
    let expected = "\
9: 19
97: 118
100000: 350
nine: a number up to a million, please
";
    let said = echo::report(&[&["9", "97"], &["100000", "nine"]]).unwrap();
    assert_eq!(said, expected);
}

#[test]
fn newton_says_how_good_the_roots_are() {
    let expected = "\
ask -> guess
guess -> improve
improve -> check
  newton
check -> ?0 good, ?1 poor
good
poor

the root of 2 is 1.414214
the root of 9 is 3.000000
without success: 1
";
    assert_eq!(newton::report(&[2.0, 9.0, 1e12], 12).unwrap(), expected);
}
