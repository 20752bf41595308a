//! Whether a run can end before its deadline, by the time that its steps take.

use std::time::Duration;

/// A run that cannot keep its deadline.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "{steps_left} steps are left at {} us each, and {} ms before the deadline; {steps_possible} steps would fit",
    step_time.as_micros(),
    time_left.as_millis()
)]
pub struct TooSlow {
    /// Steps that the run still has to do.
    pub steps_left: u64,
    /// Steps that can still be done.
    pub steps_possible: u64,
    /// Time of one step.
    pub step_time: Duration,
    /// Time until the deadline.
    pub time_left: Duration,
}

/// Whether `steps_left` steps of `step_time` fit into `time_left`.
///
/// # Errors
/// [`TooSlow`] with the number of steps that fit: a free recipe goes on with so many, a fixed one ends.
pub fn check(steps_left: u64, step_time: Duration, time_left: Duration) -> Result<(), TooSlow> {
    let steps_possible = match step_time.as_nanos() {
        0 => u64::MAX,
        nanos => u64::try_from(time_left.as_nanos() / nanos).unwrap_or(u64::MAX),
    };
    if steps_left <= steps_possible {
        return Ok(());
    }
    Err(TooSlow { steps_left, steps_possible, step_time, time_left })
}

#[cfg(test)]
mod tests;
