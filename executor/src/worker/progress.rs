//! How far a training is: reported to whoever listens, and to the log.

use std::time::{Duration, Instant};

use aipot_domain_runtime::primitives::OrderId;
use aipot_trainer::run::StepReport;
use tokio::sync::broadcast;

/// Time between two reports of one training: often enough for a display, rare enough for a log.
const REPORT_INTERVAL: Duration = Duration::from_millis(250);

/// How far a training is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TrainingProgress {
    /// The order.
    pub order: OrderId,
    /// Steps done.
    pub step: u64,
    /// Steps in all.
    pub step_count: u64,
    /// Mean loss of the last batch, in nats.
    pub loss_nats: f32,
    /// Time until the last step, at the speed since the start or the last resumption.
    pub remaining: Duration,
}

/// Turns steps into reports.
pub(super) struct Reporter<'channel> {
    order: OrderId,
    channel: &'channel broadcast::Sender<TrainingProgress>,
    started: Instant,
    first_step: Option<u64>,
    reported: Option<Instant>,
}

impl<'channel> Reporter<'channel> {
    pub(super) fn new(
        order: OrderId,
        channel: &'channel broadcast::Sender<TrainingProgress>,
    ) -> Self {
        Self { order, channel, started: Instant::now(), first_step: None, reported: None }
    }

    /// Reports a step: the first, the last, and one in every interval.
    pub(super) fn step(&mut self, report: &StepReport) {
        let first_step = *self.first_step.get_or_insert(report.step);
        let step = report.step.saturating_add(1);
        let is_due = self.reported.is_none_or(|reported| reported.elapsed() >= REPORT_INTERVAL);
        if !is_due && step < report.step_count {
            return;
        }
        self.reported = Some(Instant::now());
        let progress = TrainingProgress {
            order: self.order,
            step,
            step_count: report.step_count,
            loss_nats: report.loss_nats,
            remaining: remaining(self.started.elapsed(), step - first_step, report, step),
        };
        // Nobody may be listening; the log always is.
        if self.channel.send(progress).is_err() {
            tracing::trace!("nobody listens to the progress of training");
        }
        let remaining_ms = progress.remaining.as_millis();
        tracing::info!(
            order = %self.order, step, step_count = report.step_count, loss = report.loss_nats,
            remaining_ms, "training"
        );
    }
}

fn remaining(elapsed: Duration, done: u64, report: &StepReport, step: u64) -> Duration {
    let left = u128::from(report.step_count.saturating_sub(step));
    let millis = elapsed.as_millis().saturating_mul(left) / u128::from(done.max(1));
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}
