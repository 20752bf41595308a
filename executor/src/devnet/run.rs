//! The run from top to bottom: start, order, watch and kill, check, report.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use aipot_domain_runtime::account::Account;
use aipot_domain_runtime::primitives::{Amount, BlockNumber, OrderId};
use aipot_domain_runtime::progress::{OrderRecord, Progress};
use aipot_domain_runtime::state::read_record;
use aipot_domain_runtime::window::{PHASES, Phase};
use tokio::sync::mpsc;

use super::child::{Report, Said};
use super::display::{Display, OrderProgress};
use super::kill_plan::KillPlan;
use super::launch::{Network, client_folder};
use super::report::{DevnetReport, OrderReport};
use super::scenario::{Part, PlannedOrder, Scenario};
use super::{DevnetError, DevnetOptions};
use crate::client;
use crate::node::NodeHandle;

/// Reports of children that wait to be read.
const REPORTS_MAX: usize = 1024;
/// Blocks after the last window of an order within which it must be settled.
const SPARE_BLOCKS: u32 = 40;
/// How long operators may take to come to the client's last block.
const AGREEMENT_TIME: Duration = Duration::from_mins(1);

/// Runs a development network to the end of its orders, and gives it back still running.
///
/// # Errors
/// [`DevnetError`] when something could not be started, ended by itself or took too long. An order that
/// nobody satisfied is not an error but stands in the report.
pub async fn run(
    options: &DevnetOptions,
    display: &mut Display,
) -> Result<(DevnetReport, Network), DevnetError> {
    let scenario = Scenario::new(options.seed, 2, 3)?;
    let (reports, mut reported) = mpsc::channel(REPORTS_MAX);
    display.say("starting the chain, two providers, three validators and a client");
    let mut network = Network::start(options, &scenario, reports).await?;
    network.wait_until_ready(&mut reported).await?;
    network.chain.release();
    let start = Instant::now();
    let planned = (0..options.order_count)
        .map(|index| scenario.order(index))
        .collect::<Result<Vec<PlannedOrder>, _>>()?;
    let orders = submit(&network.node, &client_folder(options), &planned).await?;
    let mut run = Run {
        scenario: &scenario,
        kill_plan: options.kill.then(|| KillPlan::new(options.seed)),
        kills: 0,
        told: BTreeMap::new(),
        deadline: None,
    };
    run.watch(&mut network, &mut reported, &orders, display).await?;
    let reports = check(&network.node, &orders, &planned).await?;
    let head = *network.node.heads().borrow();
    let agreeing_processes = network.agreeing_processes(head, AGREEMENT_TIME).await;
    let report = DevnetReport {
        orders: reports,
        state_root: head.root.to_string(),
        blocks: head.block.0,
        duration_ms: u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
        kills: run.kills,
        agreeing_processes,
        seed: options.seed,
    };
    display.finish();
    Ok((report, network))
}

async fn submit(
    node: &NodeHandle,
    folder: &Path,
    planned: &[PlannedOrder],
) -> Result<Vec<OrderId>, DevnetError> {
    let submissions = planned
        .iter()
        .map(|order| client::submit(node, folder, &order.draft, (&order.train, &order.test, None)));
    Ok(futures::future::try_join_all(submissions).await?)
}

async fn check(
    node: &NodeHandle,
    orders: &[OrderId],
    planned: &[PlannedOrder],
) -> Result<Vec<OrderReport>, DevnetError> {
    let mut reports = Vec::new();
    for (order, planned) in orders.iter().zip(planned) {
        let record = client::order_record(node, order)?;
        let record = record.ok_or(DevnetError::Stopped)?;
        let has_winner = record.outcome.as_ref().is_some_and(|outcome| outcome.winner().is_some());
        let receipt = if has_winner {
            Some(client::fetch_and_check(node, order, &planned.test).await?.0)
        } else {
            None
        };
        reports.push(OrderReport::new(order, &record, receipt));
    }
    Ok(reports)
}

struct Run<'a> {
    scenario: &'a Scenario,
    kill_plan: Option<KillPlan>,
    kills: u32,
    /// How many events of each order were told.
    told: BTreeMap<OrderId, usize>,
    deadline: Option<BlockNumber>,
}

impl Run<'_> {
    /// Follows the orders until all are settled.
    async fn watch(
        &mut self,
        network: &mut Network,
        reported: &mut mpsc::Receiver<Report>,
        orders: &[OrderId],
        display: &mut Display,
    ) -> Result<(), DevnetError> {
        let mut heads = network.node.heads();
        let mut expected_ends = BTreeSet::new();
        loop {
            tokio::select! {
                changed = heads.changed() => {
                    changed.map_err(|_| DevnetError::Stopped)?;
                    let block = heads.borrow_and_update().block;
                    if self.look(network, orders, block, display)? {
                        return Ok(());
                    }
                    self.kill(network, orders, block, &mut expected_ends).await?;
                }
                Some(report) = reported.recv() => {
                    self.hear(network, &report, &mut expected_ends, display)?;
                }
            }
        }
    }

    /// Shows what a new block brought; whether all orders are settled.
    fn look(
        &mut self,
        network: &Network,
        orders: &[OrderId],
        block: BlockNumber,
        display: &mut Display,
    ) -> Result<bool, DevnetError> {
        let mut settled = 0;
        for order in orders {
            self.tell(network, order, display)?;
            match running(&network.node, order, block)? {
                Some(progress) => {
                    let last = PHASES.last().copied().unwrap_or(Phase::Final);
                    let end = progress.windows.start(last, progress.submitted_at);
                    let length = progress.windows.length(last);
                    self.deadline = self.deadline.max(Some(end.after(length).after(SPARE_BLOCKS)));
                    display.order(&progress);
                }
                None => settled += 1,
            }
        }
        display.status(block, &balances(&network.node, self.scenario)?);
        if self.deadline.is_some_and(|deadline| block > deadline) {
            return Err(DevnetError::TooLong { block: block.0 });
        }
        Ok(settled == orders.len())
    }

    fn tell(
        &mut self,
        network: &Network,
        order: &OrderId,
        display: &Display,
    ) -> Result<(), DevnetError> {
        let events = network.node.events(order)?;
        let told = self.told.entry(*order).or_default();
        for (block, event) in events.iter().skip(*told) {
            display.event(*block, event, self.scenario);
        }
        *told = events.len();
        Ok(())
    }

    /// Kills and restarts this phase's victims.
    async fn kill(
        &mut self,
        network: &mut Network,
        orders: &[OrderId],
        block: BlockNumber,
        expected_ends: &mut BTreeSet<usize>,
    ) -> Result<(), DevnetError> {
        let Some(plan) = &mut self.kill_plan else { return Ok(()) };
        let Some(order) = orders.first() else { return Ok(()) };
        let Some(progress) = running(&network.node, order, block)? else { return Ok(()) };
        for victim in plan.victims(progress.phase, self.scenario) {
            expected_ends.insert(victim);
            network.kill_and_restart(victim).await?;
            self.kills += 1;
        }
        Ok(())
    }

    fn hear(
        &mut self,
        network: &Network,
        report: &Report,
        expected_ends: &mut BTreeSet<usize>,
        display: &mut Display,
    ) -> Result<(), DevnetError> {
        let Some(participant) = self.scenario.participants.get(report.participant) else {
            return Ok(());
        };
        match &report.said {
            Some(Said::Training { order, step, step_count, loss }) => {
                display.training(&participant.name(), order, (*step, *step_count), *loss);
            }
            Some(Said::Ready { rpc, .. }) => {
                network.note_ready(report.participant, rpc);
                display.say(&format!("{} is ready again", participant.name()));
            }
            None if expected_ends.remove(&report.participant) => {
                display.say(&format!("{} was killed and starts again", participant.name()));
            }
            None => return Err(network.ended(report.participant)),
        }
        Ok(())
    }
}

/// How far a running order is; `None` when it is settled.
fn running(
    node: &NodeHandle,
    order: &OrderId,
    at: BlockNumber,
) -> Result<Option<OrderProgress>, DevnetError> {
    let state = node.state();
    let Some(progress) = read_record::<Progress>(&*state, order)? else { return Ok(None) };
    let Some(record) = read_record::<OrderRecord>(&*state, order)? else { return Ok(None) };
    let windows = record.specification.windows;
    let submitted_at = progress.submitted_at;
    let phase = windows.phase(submitted_at, at);
    Ok(Some(OrderProgress { id: *order, submitted_at, windows, at, phase }))
}

fn balances(node: &NodeHandle, scenario: &Scenario) -> Result<Vec<(String, Amount)>, DevnetError> {
    let state = node.state();
    let mut balances = Vec::new();
    for participant in &scenario.participants {
        let account = read_record::<Account>(&*state, &participant.account())?.unwrap_or_default();
        let name = match participant.part {
            Part::Customer => continue,
            Part::Client => "client".to_owned(),
            Part::Provider => format!("p{}", participant.number),
            Part::Validator => format!("v{}", participant.number),
        };
        balances.push((name, account.free));
    }
    Ok(balances)
}
