//! What a forger gets back when a friend of its own challenges it before an auditor does.
//!
//! The friend gets the challenger's part of the slashed stake; the rest is gone.

use aipot_domain_runtime::payment::SLASH_CHALLENGER_PERCENT;
use aipot_domain_runtime::primitives::Amount;

use crate::estimate::{Estimate, Row};
use crate::money::{happens, prize, random, units};
use crate::provider::{Audit, COST, STEP_COUNT, chance_caught, gain, is_caught};

/// Forged steps of every case.
const FORGED: u16 = STEP_COUNT / 2;

/// The audit of every case.
const AUDIT: Audit = Audit { step_count: 1, order_percent: 100 };

/// Stakes with which stake and prize are 1.1 and 1.3 times the cost of training.
const STAKES: [Amount; 2] = [Amount(400_000), Amount(600_000)];

/// How often the friend comes before the auditor, in percent.
const FASTER_PERCENTS: [u8; 3] = [0, 50, 100];

/// One choice of stake and speed, and what came of it.
pub(crate) struct Case {
    pub(crate) faster_percent: u8,
    pub(crate) stake: Amount,
    /// Gain over honesty in percent of the cost.
    pub(crate) estimate: Estimate,
}

impl Case {
    /// What a lost game takes on average, in costs of training. Above 1, forging loses.
    pub(crate) fn at_risk(&self) -> f64 {
        let faster = f64::from(self.faster_percent) / 100.0;
        (prize() + units(self.stake) - faster * returned(self.stake)) / units(COST)
    }

    /// The case as a line of the table.
    pub(crate) fn row(&self) -> Row {
        let label = format!(
            "forged {FORGED}/{STEP_COUNT}, friend first in {:>3} %, really at risk {:.2}",
            self.faster_percent,
            self.at_risk()
        );
        Row { label, estimate: self.estimate }
    }
}

/// Simulates all cases. Cases that differ in the stake alone share their orders.
pub(crate) fn simulate(order_count: u32) -> Vec<Case> {
    let mut cases = Vec::new();
    for (index, faster_percent) in (0..).zip(FASTER_PERCENTS) {
        let mut stream = random("incentives self-challenge", index);
        // Nothing, or a challenge: whether it is the friend's.
        let challenges: Vec<Option<bool>> = (0..order_count)
            .map(|_| {
                let is_caught = is_caught(&mut stream, FORGED, AUDIT);
                is_caught.then(|| happens(&mut stream, faster_percent))
            })
            .collect();
        cases.extend(STAKES.map(|stake| case(faster_percent, stake, &challenges)));
    }
    cases
}

fn case(faster_percent: u8, stake: Amount, challenges: &[Option<bool>]) -> Case {
    let lost = |is_friend| prize() + units(stake) - if is_friend { returned(stake) } else { 0.0 };
    let gains: Vec<f64> =
        challenges.iter().map(|challenge| gain(FORGED, challenge.map_or(0.0, lost))).collect();
    let (chance, faster) = (chance_caught(FORGED, AUDIT), f64::from(faster_percent) / 100.0);
    let expected = [
        (1.0 - chance, gain(FORGED, 0.0)),
        (chance * (1.0 - faster), gain(FORGED, lost(false))),
        (chance * faster, gain(FORGED, lost(true))),
    ];
    Case { faster_percent, stake, estimate: Estimate::new(&gains, &expected) }
}

/// The challenger's part of a slashed stake.
fn returned(stake: Amount) -> f64 {
    units(stake.percent(SLASH_CHALLENGER_PERCENT))
}
