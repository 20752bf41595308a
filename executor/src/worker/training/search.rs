//! Training of a contest by a search: many ways are tried within the time that the owner of the node gives.
//!
//! The search itself is pure; here it gets its clock, its disk, and the word that time is up. It is saved like
//! any run and goes on where it was.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use aipot_domain_runtime::primitives::OrderId;
use aipot_trainer::model_file::write_model;
use aipot_trainer::parameters::Parameter;
use aipot_trainer::run::{StepReport, TrainError, Trainer, TrainingFile, TrainingOptions};
use aipot_trainer::strategy::{Division, Search, SearchError, SearchEvent, SearchOptions};

use super::{CHECKPOINTS, Session, TrainingError};
use crate::configuration::StrategySettings;
use crate::worker::{JobEnd, durable};

/// Ending of the file of a search, beside the checkpoint of its order.
const SEARCH_ENDING: &str = "search";

/// How long the speed of the order's own recipe is measured.
const MEASURE_TIME: Duration = Duration::from_millis(500);

/// Most steps of the measurement.
const MEASURE_STEPS_MAX: u64 = 64;

impl Session<'_> {
    /// Searches for the best way to train; `None` where the order is too small or the time too short for a
    /// search, or where nothing that it tried gave a model, so that the order is trained without one.
    pub(super) fn search(
        &mut self,
        settings: StrategySettings,
        bytes: &[u8],
    ) -> Result<Option<JobEnd<Vec<u8>>>, TrainingError> {
        let order = self.job.specification.id();
        match self.search_within(settings, bytes) {
            Ok(end) => Ok(end),
            Err(SearchError::Train(error)) => Err(error.into()),
            Err(error) => {
                tracing::warn!(%order, %error, "no search is possible; the order is trained as it is");
                Ok(None)
            }
        }
    }

    fn search_within(
        &mut self,
        settings: StrategySettings,
        bytes: &[u8],
    ) -> Result<Option<JobEnd<Vec<u8>>>, SearchError> {
        let division = Division::new(&self.job.specification, bytes, self.job.seed)?;
        let path = search_path(&self.configuration.folder, &self.job.specification.id());
        let mut search = match kept_search(&path, &division) {
            Some(search) => search,
            None => self.fresh_search(settings, &division)?,
        };
        let batch_size = self.job.specification.train.batch_size;
        search.set_micro_rows(self.control.micro_rows(batch_size))?;
        let mut saved_at = Instant::now();
        let known_loss = search.best().map(|best| best.loss_nats.to_bits());
        let rung = search.rung_index();
        while !search.is_finished() && !self.job.is_urgent.load(Ordering::Relaxed) {
            if self.control.is_stopped() {
                save(&path, &mut search)?;
                return Ok(Some(JobEnd::Stopped));
            }
            let event = search.advance()?;
            self.report(event, &search);
            let best = search.best().filter(|_| search.rung_index() > rung);
            let is_better = best.is_some_and(|best| Some(best.loss_nats.to_bits()) != known_loss);
            if settings.claims_improvements && is_better && !search.is_finished() {
                save(&path, &mut search)?;
                return Ok(finished(&search)?);
            }
            if saved_at.elapsed() >= self.configuration.checkpoint_time {
                save(&path, &mut search)?;
                saved_at = Instant::now();
            }
        }
        super::remove_checkpoint(&path);
        Ok(finished(&search)?)
    }

    /// A search whose budget is what this machine does in the time that is given.
    fn fresh_search<'data>(
        &self,
        settings: StrategySettings,
        division: &'data Division,
    ) -> Result<Search<'data>, SearchError> {
        let specification = &division.train.specification;
        let file = TrainingFile::new(&division.train.bytes, specification)?;
        let options = TrainingOptions::recipe(specification, self.job.seed);
        let micro_rows = self.control.micro_rows(options.batch_size);
        let mut trainer = Trainer::new_in_pieces(specification, file, options, micro_rows)?;
        let start = Instant::now();
        while start.elapsed() < MEASURE_TIME && trainer.step_index() < MEASURE_STEPS_MAX {
            match trainer.step() {
                // The speed is known all the same.
                Err(TrainError::Diverged { .. }) => break,
                stepped => stepped?,
            };
        }
        let steps = trainer.step_index().max(1);
        let examples = u128::from(steps).saturating_mul(u128::from(options.batch_size));
        let elapsed_ms = start.elapsed().as_millis().max(1);
        let budget = examples.saturating_mul(self.time_given(settings).as_millis()) / elapsed_ms;
        let budget_examples = u64::try_from(budget).unwrap_or(u64::MAX);
        let order = self.job.specification.id();
        tracing::info!(%order, budget_examples, candidates = settings.candidates, "a search begins");
        let (seed, candidate_count) = (self.job.seed, settings.candidates);
        Search::new(division, SearchOptions { seed, candidate_count, budget_examples })
    }

    /// What the owner gives, or less where claims close before: a quarter of the time is left for the rest.
    fn time_given(&self, settings: StrategySettings) -> Duration {
        let given = Duration::from_secs(settings.seconds);
        let clock = self.control.owner().map(|owner| &owner.shared.clock);
        let left =
            clock.and_then(|clock| clock.time_until(self.job.deadline_block, Instant::now()));
        left.map_or(given, |left| given.min(left * 3 / 4))
    }

    /// Steps are reported as the share of the budget that is spent.
    fn report(&mut self, event: Option<SearchEvent>, search: &Search<'_>) {
        let order = self.job.specification.id();
        match event {
            Some(SearchEvent::Step { report, .. }) => {
                let (step, step_count) = (search.spent_examples(), search.budget_examples());
                self.reporter.step(&StepReport { step, step_count, ..report });
            }
            Some(SearchEvent::Judged { candidate, loss_nats, is_best: true }) => {
                tracing::info!(%order, candidate, loss_nats, "a better model is found");
            }
            Some(SearchEvent::Judged { candidate, loss_nats, .. }) => {
                tracing::debug!(%order, candidate, loss_nats, "a candidate is judged");
            }
            Some(SearchEvent::Diverged { candidate }) => {
                tracing::debug!(%order, candidate, "a candidate diverged");
            }
            None => {}
        }
    }
}

/// The best model of a search, if its values are numbers.
fn finished(search: &Search<'_>) -> Result<Option<JobEnd<Vec<u8>>>, TrainError> {
    let model = search.model()?.filter(|model| {
        let mut values = model.tensors().iter().flat_map(Parameter::values);
        values.all(|value| value.is_finite())
    });
    Ok(model.map(|model| JobEnd::Finished(write_model(&model))))
}

/// Whether a search of the order was left before its end.
pub(super) fn is_unfinished(folder: &Path, order: &OrderId) -> bool {
    search_path(folder, order).exists()
}

fn search_path(folder: &Path, order: &OrderId) -> PathBuf {
    folder.join(CHECKPOINTS).join(order.to_string()).with_added_extension(SEARCH_ENDING)
}

/// Forgets the search of an order.
pub(super) fn remove_search(folder: &Path, order: &OrderId) {
    super::remove_checkpoint(&search_path(folder, order));
}

/// The search in a file, if there is one that can go on.
fn kept_search<'data>(path: &Path, division: &'data Division) -> Option<Search<'data>> {
    let bytes = durable::read(path).unwrap_or_else(|error| {
        tracing::warn!(%error, "the search cannot be read; it begins again");
        None
    })?;
    match Search::from_bytes(&bytes, division) {
        Ok(search) => Some(search),
        Err(error) => {
            tracing::warn!(%error, "the search cannot be used; it begins again");
            None
        }
    }
}

/// Writes the search. A disk that refuses costs nothing but the steps since the last time.
fn save(path: &Path, search: &mut Search<'_>) -> Result<(), TrainError> {
    if let Err(error) = durable::write(path, &search.to_bytes()?) {
        let is_disk_full = error.is_disk_full();
        tracing::warn!(is_disk_full, %error, "a search was not written; it goes on and tries again");
    }
    Ok(())
}
