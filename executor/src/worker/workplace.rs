//! Where trainings are done: on threads of this process, in processes that may die, or on other machines.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::primitives::OrderId;

use super::performer::{Errand, Outcome, Performer};
use super::process::ProcessPool;
use super::protocol::{CheckpointPlace, Job, Limits, Purpose};
use super::remote::RemoteProvider;
use super::training::{TrainingData, TrainingError};
use super::{Control, Worker, read_calibration};
use crate::scheduler;

/// How long one go at a job may take: an order's windows are much shorter.
const TIME_LIMIT_S: u32 = 7 * 24 * 60 * 60;

/// Where trainings are done. Their results have the same bits everywhere.
#[derive(Debug, Default)]
pub enum Workplace {
    /// On threads of this process.
    #[default]
    Here,
    /// In processes of this machine.
    Processes(Arc<ProcessPool>),
    /// On other machines, through a NATS server.
    Remote(Arc<RemoteProvider>),
}

impl Worker {
    /// Whether trainings are done in this very process.
    pub(super) fn is_workplace(&self) -> bool {
        matches!(self.shared.workplace, Workplace::Here)
    }

    /// An errand for an order.
    pub(super) fn errand(
        &self,
        specification: &OrderSpecification,
        purpose: Purpose,
        data: Arc<dyn TrainingData>,
    ) -> Errand {
        let configuration = self.configuration();
        let limits = Limits {
            threads: u16::try_from(configuration.threads).unwrap_or(u16::MAX),
            memory_bytes: configuration.memory_bytes,
            time_limit_s: TIME_LIMIT_S,
            time_left_ms: None,
            checkpoint_steps: configuration.checkpoint_steps,
            checkpoint_ms: u64::try_from(configuration.checkpoint_time.as_millis())
                .unwrap_or(u64::MAX),
        };
        let checkpoints = CheckpointPlace::Folder;
        let specification = specification.clone();
        let job = Job { purpose, specification, data: Vec::new(), limits, checkpoints };
        let progress = self.shared.progress.clone();
        let is_urgent = Arc::new(AtomicBool::new(false));
        Errand { job, data, is_urgent, progress, since: Instant::now() }
    }

    /// Has a job done where trainings are done.
    pub(super) async fn send(
        &self,
        place: scheduler::Job,
        mut errand: Errand,
    ) -> Result<Outcome, TrainingError> {
        let time_left = self.clock().time_until(place.deadline_block, Instant::now());
        errand.job.limits.time_left_ms =
            time_left.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
        let performer = match &self.shared.workplace {
            Workplace::Here => Performer::Here(self.configuration().folder.clone()),
            Workplace::Processes(pool) => Performer::Processes(Arc::clone(pool)),
            // It takes no room on this machine, and its future would take much in every one around it.
            Workplace::Remote(provider) => {
                return Ok(Box::pin(provider.perform(&errand)).await?);
            }
        };
        let done = self.run(place, move |control: &Control| performer.perform(&errand, control));
        let done = done.await?;
        self.learn();
        done
    }

    /// Takes over what processes have measured, so that the next job is given what it really needs.
    fn learn(&self) {
        let measured = read_calibration(&self.configuration().folder);
        let mut calibration =
            self.shared.calibration.lock().unwrap_or_else(PoisonError::into_inner);
        *calibration = measured;
    }

    /// Forgets what is kept of an order for other machines.
    pub(super) fn forget_elsewhere(&self, order: &OrderId) {
        if let Workplace::Remote(provider) = &self.shared.workplace {
            provider.forget(*order);
        }
    }
}
