//! Does forging pay? A provider trains some steps honestly and makes up the others.
//!
//! Saved: the forged share of the cost. Risked: prize and stake, when one of the steps that an auditor
//! replays, drawn without replacement, is a forged one; the game then proves it for certain.

use aipot_domain_runtime::primitives::Amount;
use aipot_kernels::chacha8::ChaChaStream;

use crate::estimate::{Estimate, Row};
use crate::money::{below, happens, prize, random, units};

/// Steps of a training run.
pub(crate) const STEP_COUNT: u16 = 1000;

/// The cost of training.
pub(crate) const COST: Amount = Amount(1_000_000);

/// Forged steps of a run.
pub(crate) const FORGED: [u16; 5] = [10, 100, 250, 500, 1000];

/// How much is audited: replayed steps of an audited order, and percent of orders that are audited.
pub(crate) const AUDITS: [Audit; 5] = [
    Audit { step_count: 1, order_percent: 100 },
    Audit { step_count: 10, order_percent: 100 },
    Audit { step_count: 100, order_percent: 100 },
    Audit { step_count: 1, order_percent: 50 },
    Audit { step_count: 1, order_percent: 10 },
];

/// Stakes with which stake and prize are 0.75, 0.9, 1.1 and 2 times the cost.
pub(crate) const STAKES: [Amount; 4] =
    [Amount(50_000), Amount(200_000), Amount(400_000), Amount(1_300_000)];

/// How much is audited.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Audit {
    /// Steps replayed of an audited order.
    pub(crate) step_count: u16,
    /// Percent of orders that are audited.
    pub(crate) order_percent: u8,
}

/// One choice of forged steps, audit and stake, and what came of it.
pub(crate) struct Case {
    pub(crate) forged: u16,
    pub(crate) audit: Audit,
    pub(crate) stake: Amount,
    /// Gain over honesty in percent of the cost.
    pub(crate) estimate: Estimate,
}

impl Case {
    /// Stake and prize together, in costs of training. The bound says: above 1.
    pub(crate) fn at_risk(&self) -> f64 {
        (units(self.stake) + prize()) / units(COST)
    }

    /// The case as a line of the table.
    pub(crate) fn row(&self) -> Row {
        let Self { forged, audit, .. } = self;
        let Audit { step_count, order_percent } = audit;
        let label = format!(
            "forged {forged:>4}/{STEP_COUNT}, replayed {step_count:>3} in {order_percent:>3} % of orders, risk {:.2}",
            self.at_risk()
        );
        Row { label, estimate: self.estimate }
    }
}

/// Simulates all cases. Cases that differ in the stake alone share their orders.
pub(crate) fn simulate(order_count: u32) -> Vec<Case> {
    let mut cases = Vec::new();
    for (index, forged) in (0_u64..).zip(FORGED) {
        for (place, audit) in (0_u64..).zip(AUDITS) {
            let mut stream = random("incentives provider", index << 32 | place);
            let caught: Vec<bool> =
                (0..order_count).map(|_| is_caught(&mut stream, forged, audit)).collect();
            cases.extend(STAKES.map(|stake| case(forged, audit, stake, &caught)));
        }
    }
    cases
}

fn case(forged: u16, audit: Audit, stake: Amount, caught: &[bool]) -> Case {
    let gains: Vec<f64> =
        caught.iter().map(|is_caught| gain(forged, lost_if(*is_caught, stake))).collect();
    let chance = chance_caught(forged, audit);
    let expected = [
        (chance, gain(forged, lost_if(true, stake))),
        (1.0 - chance, gain(forged, lost_if(false, stake))),
    ];
    Case { forged, audit, stake, estimate: Estimate::new(&gains, &expected) }
}

/// What being caught costs: the prize is not paid, the stake is slashed.
fn lost_if(is_caught: bool, stake: Amount) -> f64 {
    if is_caught { prize() + units(stake) } else { 0.0 }
}

/// Saved work less what is lost, in percent of the cost.
pub(crate) fn gain(forged: u16, lost: f64) -> f64 {
    let saved = units(COST) * f64::from(forged) / f64::from(STEP_COUNT);
    100.0 * (saved - lost) / units(COST)
}

/// The chance that an audit meets a forged step: 1 - prod over i of (honest - i) / (all - i).
pub(crate) fn chance_caught(forged: u16, audit: Audit) -> f64 {
    let honest = STEP_COUNT - forged;
    let missed: f64 = (0..audit.step_count)
        .map(|drawn| f64::from(honest.saturating_sub(drawn)) / f64::from(STEP_COUNT - drawn))
        .product();
    f64::from(audit.order_percent) / 100.0 * (1.0 - missed)
}

/// Simulates one order: a run of forged steps somewhere, and an auditor who knows nothing of it.
pub(crate) fn is_caught(stream: &mut ChaChaStream, forged: u16, audit: Audit) -> bool {
    let all = u64::from(STEP_COUNT);
    let first_forged = below(stream, all);
    if !happens(stream, audit.order_percent) {
        return false;
    }
    let replayed = draw_steps(stream, audit.step_count);
    // The run goes on at step 0 when it passes the last one.
    replayed.iter().any(|step| (step + all - first_forged) % all < u64::from(forged))
}

/// Draws different steps, each choice of them equally likely.
fn draw_steps(stream: &mut ChaChaStream, step_count: u16) -> Vec<u64> {
    let mut steps: Vec<u64> = (0..u64::from(STEP_COUNT)).collect();
    for place in 0..usize::from(step_count) {
        let others = usize::from(STEP_COUNT) - place;
        let chosen = below(stream, u64::try_from(others).unwrap_or(0));
        steps.swap(place, place + usize::try_from(chosen).unwrap_or(0));
    }
    steps.truncate(usize::from(step_count));
    steps
}
