//! Blocks against time, and steps against the time that is left.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aipot_domain_runtime::primitives::BlockNumber;

use super::Control;
use crate::scheduler::time_limit::{TooSlow, check};

/// Blocks that the clock remembers: enough to see a slow one among them.
const BLOCKS_REMEMBERED: usize = 16;

/// The clock says nothing before this time: a node that starts reads old blocks much faster than new ones
/// come.
const TIME_OBSERVED_MIN: Duration = Duration::from_mins(1);

/// Steps after which a run is judged: the first ones are slow, as caches are empty.
const STEPS_OBSERVED_MIN: u32 = 8;

/// Blocks against time: told of every block, it knows how long the next ones will take at most.
#[derive(Debug, Default)]
pub struct BlockClock(Mutex<Observed>);

#[derive(Debug, Default)]
struct Observed {
    begun: Option<Instant>,
    blocks: VecDeque<(BlockNumber, Instant)>,
}

impl BlockClock {
    /// Notes that a block is the newest one now.
    pub fn observe(&self, block: BlockNumber, now: Instant) {
        let mut observed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        observed.begun.get_or_insert(now);
        if observed.blocks.back().is_some_and(|(last, _)| *last >= block) {
            return;
        }
        observed.blocks.push_back((block, now));
        if observed.blocks.len() > BLOCKS_REMEMBERED {
            observed.blocks.pop_front();
        }
    }

    /// The most time that may be left before a block, as slow as the slowest of the last blocks; `None` before
    /// enough of them were seen.
    pub fn time_until(&self, block: BlockNumber, now: Instant) -> Option<Duration> {
        let observed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(observed.begun?) < TIME_OBSERVED_MIN {
            return None;
        }
        let pairs = observed.blocks.iter().zip(observed.blocks.iter().skip(1));
        let pace = pairs.map(|(one, next)| {
            next.1.saturating_duration_since(one.1) / next.0.0.saturating_sub(one.0.0).max(1)
        });
        let (last, seen) = observed.blocks.back()?;
        let left = pace.max()?.saturating_mul(block.0.saturating_sub(last.0));
        Some(left.saturating_sub(now.saturating_duration_since(*seen)))
    }
}

/// The pace of one go at a run.
#[derive(Debug)]
pub(super) struct Pace<'job> {
    control: &'job Control,
    deadline_block: BlockNumber,
    begun: Instant,
    step_count: u32,
    fastest: Duration,
}

impl<'job> Pace<'job> {
    /// Before the first step.
    pub(super) fn new(control: &'job Control, deadline_block: BlockNumber) -> Self {
        let begun = Instant::now();
        Self { control, deadline_block, begun, step_count: 0, fastest: Duration::MAX }
    }

    /// Notes the end of a step after which so many are left. Time that was spent between two steps is part of
    /// the later one.
    ///
    /// # Errors
    /// [`TooSlow`] when the run misses its deadline even if every step is as fast as the fastest so far.
    pub(super) fn after_step(&mut self, steps_left: u64) -> Result<(), TooSlow> {
        let now = Instant::now();
        self.fastest = self.fastest.min(now.saturating_duration_since(self.begun));
        self.begun = now;
        self.step_count = self.step_count.saturating_add(1);
        let Some(owner) = self.control.owner() else { return Ok(()) };
        if self.step_count < STEPS_OBSERVED_MIN {
            return Ok(());
        }
        match owner.shared.clock.time_until(self.deadline_block, now) {
            Some(time_left) => check(steps_left, self.fastest, time_left),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn time_until_a_block_is_that_of_the_slowest_of_the_last_blocks() {
        let (clock, start) = (BlockClock::default(), Instant::now());
        // Old blocks come at once; then one comes every ten seconds, and once after twelve.
        for block in 0..100 {
            clock.observe(BlockNumber(block), start);
        }
        assert_eq!(clock.time_until(BlockNumber(200), start + SECOND), None);
        let later = |blocks: u32| start + SECOND * 10 * blocks;
        for block in 1..=19 {
            clock.observe(BlockNumber(99 + block), later(block));
        }
        clock.observe(BlockNumber(119), later(19) + SECOND * 12);
        let now = later(19) + SECOND * 15;
        assert_eq!(clock.time_until(BlockNumber(129), now), Some(SECOND * 117));
        assert_eq!(clock.time_until(BlockNumber(100), now), Some(Duration::ZERO));
    }

    #[test]
    fn a_clock_that_saw_no_block_knows_nothing() {
        assert_eq!(BlockClock::default().time_until(BlockNumber(1), Instant::now()), None);
    }
}
