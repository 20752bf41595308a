//! Asks for the plans at every new block, does what they say, and notes what was learnt.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use aipot_domain_runtime::primitives::{BlockNumber, OrderId};
use aipot_domain_runtime::progress::OrderRecord;
use aipot_domain_runtime::state::{Fault, ReadState, read_record};
use aipot_domain_runtime::window::Phase;
use tokio::task::{Id, JoinSet};

use super::action::Action;
use super::call_ledger::CallLedger;
use super::order_book::{BookError, OrderBook};
use super::perform::{Hands, Learned, PerformError, Task};
use super::settled::{needed, prunable};
use super::situation::{Knowledge, Situation, model_key};
use super::view::{Member, OrderView};
use super::{RolesConfiguration, client, notes, plan};
use crate::node::{CallOutcome, NodeHandle, RoleStarter};
use crate::store::artefacts::ContentHash;
use crate::worker::Worker;

/// Actions under way at once; what is above waits for the next block.
const TASKS_MAX: usize = 256;

/// Which action of which order.
type Name = (OrderId, String);

/// The roles as a node starts them.
pub fn starter(worker: Worker, configuration: RolesConfiguration) -> RoleStarter {
    Box::new(move |handle| Box::pin(run(handle, worker, configuration)))
}

/// Acts in the roles of `configuration` until the node stops.
pub async fn run(handle: NodeHandle, worker: Worker, configuration: RolesConfiguration) {
    let (mut heads, stopping) = (handle.heads(), handle.clone());
    let configuration = Arc::new(configuration);
    let mut runner = Runner {
        hands: Hands { handle, worker, configuration },
        book: OrderBook::default(),
        orders: BTreeMap::new(),
        calls: CallLedger::default(),
        begun: BTreeMap::new(),
        tasks: JoinSet::new(),
        names: HashMap::new(),
    };
    loop {
        let head = heads.borrow_and_update().block;
        runner.hands.worker.clock().observe(head, Instant::now());
        if let Err(error) = runner.act(head).await {
            tracing::error!(%error, "the state cannot be read; trying again at the next block");
        }
        tokio::select! {
            // Whatever is under way is dropped with the runner, and goes on at the next start.
            reason = stopping.stopped() => {
                tracing::info!(%reason, "the roles end");
                return;
            }
            changed = heads.changed() => if changed.is_err() { return },
            Some(ended) = runner.tasks.join_next_with_id() => runner.learn(ended, head),
        }
    }
}

/// An order that this node follows.
#[derive(Default)]
struct Followed {
    knowledge: Knowledge,
    is_urgent: Arc<AtomicBool>,
}

struct Runner {
    hands: Hands,
    book: OrderBook,
    orders: BTreeMap<OrderId, Followed>,
    calls: CallLedger,
    /// The last block at which each action was begun: none is begun twice at one block.
    begun: BTreeMap<Name, BlockNumber>,
    tasks: JoinSet<Result<Learned, PerformError>>,
    names: HashMap<Id, Name>,
}

impl Runner {
    /// Begins everything that is due.
    async fn act(&mut self, head: BlockNumber) -> Result<(), BookError> {
        let handle = self.hands.handle.clone();
        let state = handle.state();
        self.book.refresh(handle.ledger().index(), state.as_ref())?;
        let running = self.book.running().clone();
        let me = Member::read(state.as_ref(), handle.account(), handle.genesis())?;
        let settled: Vec<OrderId> =
            self.orders.keys().filter(|order| !running.contains(order)).copied().collect();
        for order in settled {
            self.forget(state.as_ref(), &order)?;
        }
        for order in running {
            let view = match OrderView::read(state.as_ref(), &order, head) {
                Ok(Some(view)) => view,
                Ok(None) => continue,
                Err(error) => {
                    // A block that settles the order may have been applied between two reads.
                    tracing::warn!(%order, %error, "the order cannot be read; trying again");
                    continue;
                }
            };
            if !self.orders.contains_key(&order) {
                self.follow(&order).await;
            }
            self.act_on(&view, &me);
        }
        Ok(())
    }

    /// Takes up an order, with what an earlier process knew of it.
    async fn follow(&mut self, order: &OrderId) {
        let folder = &self.hands.configuration.folder;
        let secret = client::recall(folder, order).unwrap_or_else(|error| {
            tracing::error!(%order, %error, "the test file cannot be revealed");
            None
        });
        let knowledge = Knowledge {
            model: notes::read_model(folder, order),
            earlier_models: notes::read_earlier_models(folder, order),
            can_improve: self.hands.worker.can_improve(order),
            audit: notes::read_audit(folder, order),
            sealed: notes::read_evaluation(folder, order),
            secret,
            ..Knowledge::default()
        };
        let model = knowledge.model.map(|model| ContentHash(model.root.0));
        self.orders.insert(*order, Followed { knowledge, ..Followed::default() });
        if let Some(model) = model.filter(|model| self.hands.handle.artefacts().has(*model)) {
            self.hands.announce(model).await;
        }
    }

    fn act_on(&mut self, view: &OrderView, me: &Member) {
        let Some(followed) = self.orders.get_mut(&view.id()) else { return };
        followed.knowledge.observe(view);
        let situation = Situation {
            view,
            me,
            knowledge: &followed.knowledge,
            files: self.hands.handle.artefacts(),
            secrets: &self.hands.handle,
            inclusion_blocks: self.hands.configuration.inclusion_blocks,
        };
        let actions = plan(&situation, self.hands.configuration.roles);
        if actions.contains(&Action::FinishTraining) {
            followed.is_urgent.store(true, Ordering::Relaxed);
        }
        let actions = actions.into_iter().filter(|action| *action != Action::FinishTraining);
        actions.for_each(|action| self.begin(view, action));
    }

    fn begin(&mut self, view: &OrderView, action: Action) {
        let (order, head) = (view.id(), view.head);
        let name: Name = (order, action.name());
        let is_under_way = self.names.values().any(|under_way| *under_way == name);
        let is_begun = self.begun.get(&name) == Some(&head);
        let Some(number) = self.calls.due(&order, &name.1, head) else { return };
        if is_under_way || is_begun || self.tasks.len() >= TASKS_MAX {
            return;
        }
        let Some(followed) = self.orders.get(&order) else { return };
        let progress = &view.running.progress;
        let task = Task {
            order,
            specification: Arc::new(view.specification().clone()),
            test: progress.test_source.zip(progress.evaluation_beacon),
            secret: followed.knowledge.secret,
            deadline_block: deadline(view),
            is_urgent: Arc::clone(&followed.is_urgent),
            intent: format!("{}/{order}/{number}", name.1),
            action,
        };
        self.begun.insert(name.clone(), head);
        let hands = self.hands.clone();
        let spawned = self.tasks.spawn(async move { hands.perform(task).await });
        self.names.insert(spawned.id(), name);
    }

    /// Notes what an action taught.
    fn learn(
        &mut self,
        ended: Result<(Id, Result<Learned, PerformError>), tokio::task::JoinError>,
        head: BlockNumber,
    ) {
        let (id, result) = match ended {
            Ok((id, result)) => (id, result),
            Err(error) => (error.id(), Err(error.into())),
        };
        let Some((order, name)) = self.names.remove(&id) else { return };
        let Some(followed) = self.orders.get_mut(&order) else { return };
        let knowledge = &mut followed.knowledge;
        match result {
            Ok(Learned::Nothing) => tracing::debug!(%order, name, "done"),
            Ok(Learned::Model { model, can_improve }) => {
                knowledge.learn_model(model);
                knowledge.can_improve = can_improve;
            }
            Ok(Learned::Audit(audit)) => knowledge.audit = Some(audit),
            Ok(Learned::CannotTrain) => knowledge.has_given_up = true,
            Ok(Learned::Assessment { model, assessment }) => {
                knowledge.assessments.insert(model_key(&model), assessment);
            }
            Ok(Learned::CannotAssess { model }) => {
                *knowledge.failures.entry(model_key(&model)).or_default() += 1;
            }
            Ok(Learned::Sealed(entries)) => knowledge.sealed = Some(entries),
            Ok(Learned::Call(outcome)) => {
                log_outcome(&order, &name, &outcome);
                self.calls.ended(&order, &name, &outcome, head);
            }
            Err(error) => tracing::warn!(%order, name, %error, "not done; trying again"),
        }
    }

    /// Stops what is done for a settled order, and removes what nobody needs any more.
    fn forget(&mut self, state: &dyn ReadState, order: &OrderId) -> Result<(), Fault> {
        let record = read_record::<OrderRecord>(state, order)?;
        let Some(followed) = self.orders.remove(order) else { return Ok(()) };
        followed.is_urgent.store(true, Ordering::Relaxed);
        self.calls.forget(order);
        self.begun.retain(|(of, _), _| of != order);
        self.hands.worker.remove_checkpoint(order);
        self.hands.worker.remove_trace(order);
        notes::remove(&self.hands.configuration.folder, order);
        let Some(record) = record else { return Ok(()) };
        let mut files = prunable(&record, &followed.knowledge, &self.hands.handle.account());
        for (other, followed) in &self.orders {
            if let Some(record) = read_record::<OrderRecord>(state, other)? {
                let needed: BTreeSet<_> = needed(&record.specification, &followed.knowledge);
                files.retain(|file| !needed.contains(file));
            }
        }
        tracing::info!(%order, removed_files = files.len(), "the order is settled");
        for file in files {
            if let Err(error) = self.hands.handle.artefacts().remove(file) {
                tracing::warn!(%order, %file, %error, "a file stays behind");
            }
        }
        Ok(())
    }
}

/// The block from which what is done in this phase is of no use.
fn deadline(view: &OrderView) -> BlockNumber {
    let end = match view.phase {
        Phase::Train | Phase::Open => Phase::Reveal,
        Phase::Reveal => Phase::Availability,
        Phase::Challenge | Phase::ChallengeExtension | Phase::Final => Phase::Final,
        Phase::Availability
        | Phase::TestReveal
        | Phase::TestAvailability
        | Phase::EvaluationCommit
        | Phase::EvaluationReveal => Phase::EvaluationReveal,
    };
    view.start(end)
}

fn log_outcome(order: &OrderId, name: &str, outcome: &CallOutcome) {
    match outcome {
        CallOutcome::Accepted { block } => tracing::info!(%order, name, %block, "accepted"),
        CallOutcome::Refused { block, reason } => {
            tracing::warn!(%order, name, %block, reason, "refused");
        }
        CallOutcome::Dropped { reason } => tracing::warn!(%order, name, reason, "dropped"),
    }
}
