//! What fits before a deadline.

use super::*;

#[test]
fn a_run_that_ends_at_its_deadline_fits() {
    assert_eq!(check(10, Duration::from_millis(5), Duration::from_millis(50)), Ok(()));
}

#[test]
fn a_run_that_is_one_step_too_long_is_told_what_would_fit() {
    let slow = check(10, Duration::from_millis(5), Duration::from_millis(49)).unwrap_err();
    assert_eq!(slow.steps_possible, 9);
    assert_eq!(
        slow.to_string(),
        "10 steps are left at 5000 us each, and 49 ms before the deadline; 9 steps would fit"
    );
}

#[test]
fn steps_that_take_no_time_always_fit() {
    assert_eq!(check(u64::MAX, Duration::ZERO, Duration::ZERO), Ok(()));
}
