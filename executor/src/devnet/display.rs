//! What a person sees while a development network runs: phase, block, loss, score and balances, live.

use std::collections::BTreeMap;

use aipot_domain_runtime::event::Event;
use aipot_domain_runtime::primitives::{Amount, BlockNumber, OrderId};
use aipot_domain_runtime::window::{PHASES, Phase, Windows};
use aipot_trainer::specification::format_tokens;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::scenario::Scenario;
use crate::command::Output;
use crate::narrative::sentence;

/// Characters of an order id that tell the orders of one run apart.
const ID_DIGITS: usize = 8;

/// How far an order is.
#[derive(Clone, Copy, Debug)]
pub struct OrderProgress {
    /// Which order.
    pub id: OrderId,
    /// Block that included it.
    pub submitted_at: BlockNumber,
    /// Its windows.
    pub windows: Windows,
    /// The last block.
    pub at: BlockNumber,
    /// Its phase.
    pub phase: Phase,
}

/// Draws progress for a person, and collects the losses for the curve at the end.
#[derive(Debug)]
pub struct Display {
    output: Output,
    bars: MultiProgress,
    status: ProgressBar,
    orders: BTreeMap<OrderId, ProgressBar>,
    trainings: BTreeMap<(String, String), ProgressBar>,
    losses: BTreeMap<String, Vec<f32>>,
}

impl Display {
    /// A display for a terminal, for lines of text, or for nobody when a machine reads.
    pub fn new(output: Output) -> Self {
        let target = if output.is_live() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bars = MultiProgress::with_draw_target(target);
        let status = bars.add(ProgressBar::new_spinner());
        Self {
            output,
            bars,
            status,
            orders: BTreeMap::new(),
            trainings: BTreeMap::new(),
            losses: BTreeMap::new(),
        }
    }

    /// Says something once, above what moves.
    pub fn say(&self, text: &str) {
        if self.output.is_live() {
            // Only a closed terminal makes this fail; the run goes on without it.
            drop(self.bars.println(text));
        } else {
            self.output.note(text);
        }
    }

    /// Shows where the network is.
    pub fn status(&self, block: BlockNumber, balances: &[(String, Amount)]) {
        let balances: Vec<String> =
            balances.iter().map(|(name, amount)| format!("{name} {}", rounded(*amount))).collect();
        self.status.set_message(format!("block {block}   {}", balances.join("  ")));
        self.status.tick();
    }

    /// Shows where an order is.
    pub fn order(&mut self, progress: &OrderProgress) {
        let end = PHASES.last().map_or(progress.submitted_at, |last| {
            progress.windows.start(*last, progress.submitted_at)
        });
        let length = u64::from(end.0.saturating_sub(progress.submitted_at.0));
        let position = u64::from(progress.at.0.saturating_sub(progress.submitted_at.0));
        let line = self.orders.entry(progress.id).or_insert_with(|| {
            let line = self.bars.add(ProgressBar::new(length));
            styled(line, "{prefix} {bar:32} {pos:>3}/{len} blocks  {msg}, {eta} left")
        });
        line.set_prefix(format!("order {}", short_id(&progress.id.to_string())));
        line.set_message(format!("{:?}", progress.phase));
        line.set_position(position.min(length));
    }

    /// Shows how a training goes.
    pub fn training(&mut self, who: &str, order: &str, (step, step_count): (u64, u64), loss: f32) {
        let curve = format!("{who}, order {}", short_id(order));
        self.losses.entry(curve).or_default().push(loss);
        let bars = &self.bars;
        let key = (who.to_owned(), order.to_owned());
        let line = self.trainings.entry(key).or_insert_with(|| {
            let line = bars.add(ProgressBar::new(step_count));
            styled(line, "  {prefix} {bar:24} step {pos}/{len}  {msg}, {eta} left")
        });
        line.set_prefix(format!("{who} trains {}", short_id(order)));
        line.set_message(format!("loss {loss:.4}"));
        line.set_position(step);
        if step >= step_count {
            line.finish_and_clear();
        }
    }

    /// Tells what happened to an order.
    pub fn event(&self, block: BlockNumber, event: &Event, scenario: &Scenario) {
        let names = |account: &_| match scenario.participant(account) {
            Some(participant) => participant.name(),
            None => crate::narrative::short_name(account),
        };
        let id = event.order().map(|id| short_id(&id.to_string())).unwrap_or_default();
        self.say(&format!("{block:>5}  {id}  {}", sentence(event, &names)));
    }

    /// Clears what moves.
    pub fn finish(&self) {
        for line in self.orders.values().chain(self.trainings.values()) {
            line.finish_and_clear();
        }
        self.status.finish_and_clear();
    }

    /// The losses of each training, by who trained what.
    pub fn losses(&self) -> &BTreeMap<String, Vec<f32>> {
        &self.losses
    }
}

/// The first digits of an order id.
pub fn short_id(id: &str) -> String {
    id.chars().take(ID_DIGITS).collect()
}

fn styled(line: ProgressBar, template: &str) -> ProgressBar {
    match ProgressStyle::with_template(template) {
        Ok(style) => line.with_style(style),
        Err(_) => line,
    }
}

/// Whole tokens and two decimals.
fn rounded(amount: Amount) -> String {
    let text = format_tokens(amount);
    match text.split_once('.') {
        Some((whole, rest)) => {
            format!("{whole}.{}", rest.chars().take(2).collect::<String>())
        }
        None => text,
    }
}
