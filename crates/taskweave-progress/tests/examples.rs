//! The examples say what their pages claim.
#![cfg(not(any(taskweave_loom, taskweave_shuttle)))]

#[allow(dead_code, reason = "its main function isn't called")]
#[path = "../examples/windows.rs"]
mod windows;

#[test]
fn windows_are_reported_in_order_when_they_are_complete() {
    let values: Vec<(u64, u64)> = (0..40).map(|at| (at, at)).collect();
    let expected = "0..10: 45\n10..20: 145\n20..30: 245\n30..40: 345\n";
    assert_eq!(windows::report(&values).unwrap(), expected);
    assert!(windows::report(&[(30, 1), (2, 1)]).is_err());
}
