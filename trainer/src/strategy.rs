//! How a provider of a contest looks for a good model: successive halving.
//!
//! Many ways to train are drawn from a seed; all are trained a little, the worse half is dropped, the rest is
//! trained on, and so forth until the budget is spent. What is better shows on examples held out of the
//! training file. Budgets count examples, never time: whoever calls has a clock and measures what an
//! example takes.
//!
//! # Source
//! Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", 2016,
//! figure 3.

mod candidates;
mod division;
mod judge;
mod plan;
mod saved;

pub use division::{Division, Part};
pub use plan::{Plan, Rung};
pub use saved::SavedSearchError;

use parity_scale_codec::{Decode, Encode};
use thiserror::Error;

use self::judge::Judge;
use crate::checkpoint::Checkpoint;
use crate::dataset::DatasetError;
use crate::parameters::Parameters;
use crate::run::{StepReport, TrainError, Trainer, TrainingFile, TrainingOptions};

/// Most candidates of a search.
pub const CANDIDATES_MAX: u32 = 64;

/// What a search depends on, beside the order and its training file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct SearchOptions {
    /// Seed of the candidates.
    pub seed: u64,
    /// Ways to train that are tried, fewer where the budget is small.
    pub candidate_count: u32,
    /// Examples that may be trained on or judged by in all, repetitions counted.
    pub budget_examples: u64,
}

/// Why there is no search, or why it does not go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SearchError {
    /// No candidate, or too many.
    #[error("{found} candidates, allowed 1 to {CANDIDATES_MAX}")]
    CandidateCount {
        /// Candidates wanted.
        found: u32,
    },
    /// Not even one candidate can be trained for a step and judged.
    #[error("a budget of {found} examples, needed at least {needed}")]
    Budget {
        /// Examples allowed.
        found: u64,
        /// Examples of one step and one judgment.
        needed: u64,
    },
    /// The training file is too small to hold examples out, or not the order's.
    #[error("the training file has {example_count} examples; 2 are needed to hold one out")]
    TooFewExamples {
        /// Its examples.
        example_count: u32,
    },
    /// A part of the training file is not what it must be.
    #[error(transparent)]
    Data(#[from] DatasetError),
    /// A candidate cannot be trained, for another reason than its own choices.
    #[error(transparent)]
    Train(#[from] TrainError),
}

/// What one move of a search did.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum SearchEvent {
    /// A candidate did a step.
    Step {
        /// Which candidate.
        candidate: usize,
        /// What the step did.
        report: StepReport,
    },
    /// A candidate's loss became no number; it is out.
    Diverged {
        /// Which candidate.
        candidate: usize,
    },
    /// A candidate was judged.
    Judged {
        /// Which candidate.
        candidate: usize,
        /// Mean loss of the examples held out, in nats.
        loss_nats: f64,
        /// Whether its model is the best so far: something to claim.
        is_best: bool,
    },
}

/// The best model so far.
#[derive(Clone, PartialEq, Debug)]
pub struct Best {
    /// Which candidate made it.
    pub candidate: usize,
    /// Steps that it took.
    pub step: u64,
    /// Its mean loss on the examples held out, in nats.
    pub loss_nats: f64,
    /// Its weights.
    pub parameters: Parameters,
}

/// One way to train.
#[derive(Clone, PartialEq, Debug)]
struct Candidate {
    options: TrainingOptions,
    /// Where its last rung left it.
    checkpoint: Option<Checkpoint>,
    /// Infinite before it is judged and after it diverged.
    loss_nats: f64,
}

/// A search between two moves.
#[derive(Debug)]
pub struct Search<'data> {
    division: &'data Division,
    file: TrainingFile<'data>,
    judge: Judge<'data>,
    options: SearchOptions,
    plan: Plan,
    candidates: Vec<Candidate>,
    /// Who is still in the race.
    survivors: Vec<usize>,
    rung: usize,
    /// Whose turn it is among the survivors.
    place: usize,
    trainer: Option<Trainer<'data>>,
    best: Option<Best>,
    spent_examples: u64,
    /// Examples that go through the network at once.
    micro_rows: u32,
}

impl<'data> Search<'data> {
    /// A search of which nothing is done yet.
    ///
    /// # Errors
    /// [`SearchError`] when options and training file make no search.
    pub fn new(division: &'data Division, options: SearchOptions) -> Result<Self, SearchError> {
        let found = options.candidate_count;
        if found == 0 || found > CANDIDATES_MAX {
            return Err(SearchError::CandidateCount { found });
        }
        let specification = &division.train.specification;
        let judge = Judge::new(division, u32::MAX)?;
        let mut drawn = candidates::draw(specification, options);
        let step_examples = drawn.iter().map(examples_of_step).max().unwrap_or(1);
        let plan = Plan::new(options, judge.example_count(), step_examples)?;
        drawn.truncate(plan.candidate_count());
        let total = plan.total_examples_each();
        let candidates: Vec<Candidate> = drawn
            .into_iter()
            .map(|options| candidates::stretched(options, total / examples_of_step(&options)))
            .map(|options| Candidate { options, checkpoint: None, loss_nats: f64::INFINITY })
            .collect();
        Ok(Self {
            file: TrainingFile::new(&division.train.bytes, specification)?,
            survivors: (0..candidates.len()).collect(),
            division,
            judge,
            options,
            plan,
            candidates,
            rung: 0,
            place: 0,
            trainer: None,
            best: None,
            spent_examples: 0,
            micro_rows: u32::MAX,
        })
    }

    /// Lets at most so many examples of a batch go through a network at once: less memory, the same bits.
    ///
    /// # Errors
    /// [`SearchError::Train`] when the network does not fit this machine.
    pub fn set_micro_rows(&mut self, micro_rows: u32) -> Result<(), SearchError> {
        self.micro_rows = micro_rows;
        self.judge = Judge::new(self.division, micro_rows)?;
        Ok(())
    }

    /// The ways to train, in the order of their numbers.
    pub fn candidates(&self) -> impl Iterator<Item = &TrainingOptions> {
        self.candidates.iter().map(|candidate| &candidate.options)
    }

    /// The candidates that are still in the race, the best of the last rung first.
    pub fn survivors(&self) -> &[usize] {
        &self.survivors
    }

    /// The number of the round, from 0.
    pub fn rung_index(&self) -> usize {
        self.rung
    }

    /// How the budget is spent.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Examples trained on or judged by so far.
    pub fn spent_examples(&self) -> u64 {
        self.spent_examples
    }

    /// Examples that may be trained on or judged by in all.
    pub fn budget_examples(&self) -> u64 {
        self.options.budget_examples
    }

    /// The best model, or what the first candidate is so far; `None` when nothing is trained.
    ///
    /// # Errors
    /// [`TrainError::Parameters`] when the weights are none of the order's model.
    pub fn model(&self) -> Result<Option<Parameters>, TrainError> {
        match &self.best {
            Some(best) => Ok(Some(best.parameters.clone())),
            None => match &self.trainer {
                Some(trainer) => trainer.parameters().map(Some),
                None => Ok(self.begun()),
            },
        }
    }

    /// What a candidate was before the search was taken up again.
    fn begun(&self) -> Option<Parameters> {
        let candidate = self.candidates.get(*self.survivors.get(self.place)?)?;
        let checkpoint = candidate.checkpoint.as_ref()?;
        Some(checkpoint.averages.as_ref().unwrap_or(&checkpoint.parameters).clone())
    }

    /// The best model so far; there is none before the first candidate is judged.
    pub fn best(&self) -> Option<&Best> {
        self.best.as_ref()
    }

    /// Whether the budget is spent or no candidate is left.
    pub fn is_finished(&self) -> bool {
        self.rung >= self.plan.rungs().len() || self.survivors.is_empty()
    }

    /// Makes one move: a step of a candidate, or a judgment. `None` when the search is finished.
    ///
    /// # Errors
    /// [`SearchError::Train`] when training fails for another reason than divergence.
    pub fn advance(&mut self) -> Result<Option<SearchEvent>, SearchError> {
        let turn = self.survivors.get(self.place).copied();
        let Some(candidate) = turn.filter(|_| !self.is_finished()) else { return Ok(None) };
        let options = self.candidates[candidate].options;
        let target = self.plan.examples_each_after(self.rung) / examples_of_step(&options);
        let mut trainer = match self.trainer.take() {
            Some(trainer) => trainer,
            None => self.take_up(candidate)?,
        };
        if trainer.step_index() >= target || trainer.is_finished() {
            return self.judge(candidate, trainer).map(Some);
        }
        self.spent_examples = self.spent_examples.saturating_add(examples_of_step(&options));
        match trainer.step() {
            Ok(report) => {
                self.trainer = Some(trainer);
                Ok(Some(SearchEvent::Step { candidate, report }))
            }
            Err(TrainError::Diverged { .. }) => {
                self.candidates[candidate].loss_nats = f64::INFINITY;
                self.next_turn();
                Ok(Some(SearchEvent::Diverged { candidate }))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The run of a candidate, from where its last rung left it.
    fn take_up(&mut self, candidate: usize) -> Result<Trainer<'data>, TrainError> {
        let specification = &self.division.train.specification;
        let Candidate { options, checkpoint, .. } = &mut self.candidates[candidate];
        match checkpoint.take() {
            Some(checkpoint) => {
                Trainer::resume_in_pieces(specification, self.file, checkpoint, self.micro_rows)
            }
            None => Trainer::new_in_pieces(specification, self.file, *options, self.micro_rows),
        }
    }

    fn judge(
        &mut self,
        candidate: usize,
        mut trainer: Trainer<'data>,
    ) -> Result<SearchEvent, SearchError> {
        let step = trainer.step_index();
        let loss_nats = self.judge.loss(trainer.model());
        let loss_nats = loss_nats.map_err(|source| TrainError::Engine { step, source })?;
        self.spent_examples = self.spent_examples.saturating_add(self.judge.example_count());
        let loss_nats = if loss_nats.is_finite() { loss_nats } else { f64::INFINITY };
        let best = self.best.as_ref().map_or(f64::INFINITY, |best| best.loss_nats);
        let is_best = loss_nats < best;
        if is_best {
            let parameters = trainer.parameters()?;
            self.best = Some(Best { candidate, step, loss_nats, parameters });
        }
        let is_last = self.rung.saturating_add(1) >= self.plan.rungs().len();
        let checkpoint = if is_last { None } else { Some(trainer.checkpoint()?) };
        let judged = &mut self.candidates[candidate];
        (judged.checkpoint, judged.loss_nats) = (checkpoint, loss_nats);
        self.next_turn();
        Ok(SearchEvent::Judged { candidate, loss_nats, is_best })
    }

    /// Gives the turn to the next survivor; behind the last, the worse half is dropped.
    fn next_turn(&mut self) {
        self.place = self.place.saturating_add(1);
        if self.place < self.survivors.len() {
            return;
        }
        (self.place, self.rung) = (0, self.rung.saturating_add(1));
        let losses = |candidate: &usize| self.candidates[*candidate].loss_nats;
        self.survivors.retain(|candidate| losses(candidate).is_finite());
        // Sorting is stable, so of equal losses the earlier candidate stays.
        self.survivors.sort_by(|one, two| losses(one).total_cmp(&losses(two)));
        let places = self.plan.rungs().get(self.rung).map_or(1, |rung| rung.candidate_count);
        for dropped in self.survivors.split_off(places.min(self.survivors.len())) {
            self.candidates[dropped].checkpoint = None;
        }
    }
}

/// Examples that one step of a run takes.
fn examples_of_step(options: &TrainingOptions) -> u64 {
    u64::from(options.batch_size).saturating_mul(u64::from(options.accumulation)).max(1)
}

#[cfg(test)]
mod tests;
