//! Does guessing pay? A validator publishes a guess instead of evaluating.
//!
//! Saved: the cost of evaluating. Risked: reward and stake, when its entry is evaluated again; a guessed
//! digest never survives that.

use aipot_domain_runtime::primitives::Amount;

use crate::estimate::{Estimate, Row};
use crate::money::{VALIDATOR_COUNT, happens, random, units, validator_reward};

/// The cost of evaluating: a tenth of the reward.
pub(crate) const COST: Amount = Amount(3_000);

/// Percent of entries that somebody evaluates again.
pub(crate) const AUDIT_PERCENTS: [u8; 5] = [1, 3, 7, 11, 15];

/// Stakes: none, one reward, four rewards. They make the bound 10, 5 and 2 percent.
pub(crate) const STAKES: [Amount; 3] = [Amount(0), Amount(30_000), Amount(120_000)];

/// One choice of audit rate and stake, and what came of it.
pub(crate) struct Case {
    pub(crate) audit_percent: u8,
    pub(crate) stake: Amount,
    /// Gain over honesty in percent of the cost.
    pub(crate) estimate: Estimate,
}

impl Case {
    /// The case as a line of the table.
    pub(crate) fn row(&self) -> Row {
        let label = format!(
            "audited {:>2} % of entries, stake {:>3} rewards, bound {:>4.1} %",
            self.audit_percent,
            units(self.stake) / validator_reward(VALIDATOR_COUNT),
            bound_percent(self.stake)
        );
        Row { label, estimate: self.estimate }
    }
}

/// The audit rate above which guessing loses: cost / (reward + stake).
pub(crate) fn bound_percent(stake: Amount) -> f64 {
    100.0 * units(COST) / (validator_reward(VALIDATOR_COUNT) + units(stake))
}

/// Simulates all cases. Cases that differ in the stake alone share their orders.
pub(crate) fn simulate(order_count: u32) -> Vec<Case> {
    let mut cases = Vec::new();
    for (index, audit_percent) in (0..).zip(AUDIT_PERCENTS) {
        let mut stream = random("incentives validator", index);
        let caught: Vec<bool> =
            (0..order_count).map(|_| happens(&mut stream, audit_percent)).collect();
        cases.extend(STAKES.map(|stake| case(audit_percent, stake, &caught)));
    }
    cases
}

fn case(audit_percent: u8, stake: Amount, caught: &[bool]) -> Case {
    let at_risk = validator_reward(VALIDATOR_COUNT) + units(stake);
    let gains: Vec<f64> =
        caught.iter().map(|is_caught| gain(if *is_caught { at_risk } else { 0.0 })).collect();
    let rate = f64::from(audit_percent) / 100.0;
    let expected = [(rate, gain(at_risk)), (1.0 - rate, gain(0.0))];
    Case { audit_percent, stake, estimate: Estimate::new(&gains, &expected) }
}

/// cost - rate (reward + stake), in percent of the cost.
pub(crate) fn expected_gain(audit_rate: f64, stake: Amount) -> f64 {
    gain(audit_rate * (validator_reward(VALIDATOR_COUNT) + units(stake)))
}

/// The saved cost less what is lost, in percent of the cost.
fn gain(lost: f64) -> f64 {
    100.0 * (units(COST) - lost) / units(COST)
}
