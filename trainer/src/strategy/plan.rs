//! How a budget is spread over rungs: each rung has the same share, and half as many candidates.

use super::{SearchError, SearchOptions};

/// One candidate in so many survives a rung.
const REDUCTION: usize = 2;

/// One round of a search.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rung {
    /// Candidates in the race.
    pub candidate_count: usize,
    /// Examples that each is trained on in this rung.
    pub examples_each: u64,
}

/// All rounds of a search.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    rungs: Vec<Rung>,
}

impl Plan {
    /// The rounds of a search whose judgments take `judged_examples` each and whose steps take at most
    /// `step_examples`; with fewer candidates than wanted where the first round would be too short.
    ///
    /// # Errors
    /// [`SearchError::Budget`] when one candidate cannot be trained for a step and judged.
    pub fn new(
        options: SearchOptions,
        judged_examples: u64,
        step_examples: u64,
    ) -> Result<Self, SearchError> {
        let budget = options.budget_examples;
        let needed = judged_examples.saturating_add(step_examples);
        let mut candidate_count = usize::try_from(options.candidate_count).unwrap_or(usize::MAX);
        loop {
            let plan = Self::of(candidate_count.max(1), budget, judged_examples);
            let shortest = plan.rungs.iter().map(|rung| rung.examples_each).min().unwrap_or(0);
            if shortest >= step_examples {
                return Ok(plan);
            }
            if candidate_count <= 1 {
                return Err(SearchError::Budget { found: budget, needed });
            }
            candidate_count /= REDUCTION;
        }
    }

    fn of(candidate_count: usize, budget: u64, judged_examples: u64) -> Self {
        let counts = std::iter::successors(Some(candidate_count), |count| {
            Some(count / REDUCTION).filter(|count| *count > 0)
        });
        let counts: Vec<usize> = counts.collect();
        let share = budget / u64::try_from(counts.len()).unwrap_or(u64::MAX).max(1);
        let rung = |candidate_count: usize| {
            let each = share / u64::try_from(candidate_count).unwrap_or(u64::MAX).max(1);
            Rung { candidate_count, examples_each: each.saturating_sub(judged_examples) }
        };
        Self { rungs: counts.into_iter().map(rung).collect() }
    }

    /// The rounds.
    pub fn rungs(&self) -> &[Rung] {
        &self.rungs
    }

    /// Candidates at the start.
    pub fn candidate_count(&self) -> usize {
        self.rungs.first().map_or(0, |rung| rung.candidate_count)
    }

    /// Examples that a candidate has been trained on when a rung ends.
    pub fn examples_each_after(&self, rung: usize) -> u64 {
        let rungs = self.rungs.iter().take(rung.saturating_add(1));
        rungs.map(|rung| rung.examples_each).fold(0, u64::saturating_add)
    }

    /// Examples that the last survivor is trained on.
    pub fn total_examples_each(&self) -> u64 {
        self.examples_each_after(self.rungs.len())
    }
}
