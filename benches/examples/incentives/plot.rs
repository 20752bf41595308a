//! The plot of a study: lines are formulas, dots are simulations with bars of three standard errors.

use std::fmt::Write;

use crate::Study;
use crate::money::units;
use crate::panel::{Axis, Panel, Series};
use crate::provider::{self, AUDITS, Audit, FORGED, STAKES, STEP_COUNT, chance_caught, gain};
use crate::{estimate::Estimate, validator};

/// What every text and line looks like unless it says otherwise.
const STYLE: &str = "text{font:12px sans-serif;text-anchor:middle;fill:#222}\
.title{font-weight:bold;font-size:13px}.mark{text-anchor:end}.name{text-anchor:start;font-size:11px}\
.grid{stroke:#ddd}.zero{stroke:#222}.bound{stroke-dasharray:5 4}polyline{fill:none;stroke-width:1.5}";

/// The one audit of the first diagram: a single step of every order.
const ONE_STEP: Audit = AUDITS[0];

/// The stake of the second diagram, with which stake and prize are 1.1 times the cost.
const STAKE_ABOVE_BOUND: usize = 2;

/// The whole plot as a file of SVG.
///
/// # Errors
/// Writing into a string never fails; its errors are handed on all the same.
pub(crate) fn draw(study: &Study) -> Result<String, std::fmt::Error> {
    let panels = [by_stake(study), by_audit(study), of_validators(study)];
    let (width, height) = Panel::SIZE;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {height}\">\n<style>{STYLE}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        width * 3.0
    );
    let mut left = 0.0;
    for panel in panels {
        let elements = panel.draw()?;
        writeln!(text, "<g transform=\"translate({left} 0)\">\n{elements}</g>")?;
        left += width;
    }
    text += "</svg>\n";
    Ok(text)
}

/// Gain of forging against what is at risk, when a single step is replayed.
fn by_stake(study: &Study) -> Panel {
    let series = FORGED.map(|forged| {
        let cases = study.provider.iter();
        let cases = cases.filter(|case| case.forged == forged && case.audit == ONE_STEP);
        let expected = |at_risk: f64| {
            let lost = chance_caught(forged, ONE_STEP) * at_risk * units(provider::COST);
            (at_risk, gain(forged, lost))
        };
        Series {
            name: share_name(forged),
            line: [0.5, 2.2].map(expected).to_vec(),
            dots: cases.map(|case| dot(case.at_risk(), case.estimate)).collect(),
            bound: (forged == STEP_COUNT).then_some(1.0),
        }
    });
    Panel {
        title: "One replayed step makes forging lose above 1",
        legend: "forged",
        horizontal: Axis {
            label: "(stake + prize) / cost of training",
            from: 0.5,
            to: 2.2,
            marks: &[0.5, 1.0, 1.5, 2.0],
            is_logarithmic: false,
        },
        vertical: GAIN_OF_FORGING,
        series: series.into(),
    }
}

/// Gain of forging against the number of replayed steps, a little above the bound.
fn by_audit(study: &Study) -> Panel {
    let stake = STAKES[STAKE_ABOVE_BOUND];
    let at_risk = crate::money::prize() + units(stake);
    let series = FORGED.map(|forged| {
        let cases = study.provider.iter().filter(|case| {
            case.forged == forged && case.stake == stake && case.audit.order_percent == 100
        });
        let expected = |step_count| {
            let chance = chance_caught(forged, Audit { step_count, order_percent: 100 });
            (f64::from(step_count), gain(forged, chance * at_risk))
        };
        Series {
            name: share_name(forged),
            line: (1..=100).map(expected).collect(),
            dots: cases.map(|case| dot(f64::from(case.audit.step_count), case.estimate)).collect(),
            bound: None,
        }
    });
    Panel {
        title: "At 1.1 every forgery loses, however small",
        legend: "forged",
        horizontal: Axis {
            label: "replayed steps of 1000",
            from: 1.0,
            to: 100.0,
            marks: &[1.0, 10.0, 100.0],
            is_logarithmic: true,
        },
        vertical: GAIN_OF_FORGING,
        series: series.into(),
    }
}

/// Gain of guessing against the audit rate.
fn of_validators(study: &Study) -> Panel {
    let series = validator::STAKES.map(|stake| {
        let cases = study.validator.iter().filter(|case| case.stake == stake);
        let expected = |percent: f64| (percent, validator::expected_gain(percent / 100.0, stake));
        let rewards = units(stake) / crate::money::validator_reward(crate::money::VALIDATOR_COUNT);
        Series {
            name: rewards.to_string(),
            line: [0.0, 15.0].map(expected).to_vec(),
            dots: cases.map(|case| dot(f64::from(case.audit_percent), case.estimate)).collect(),
            bound: Some(validator::bound_percent(stake)),
        }
    });
    Panel {
        title: "Guessing loses above cost / (reward + stake)",
        legend: "stake in rewards",
        horizontal: Axis {
            label: "entries evaluated again, percent",
            from: 0.0,
            to: 15.5,
            marks: &[0.0, 2.0, 5.0, 10.0, 15.0],
            is_logarithmic: false,
        },
        vertical: Axis {
            label: "gain of guessing, percent of the cost",
            from: -700.0,
            to: 150.0,
            marks: &[-600.0, -400.0, -200.0, 0.0, 100.0],
            is_logarithmic: false,
        },
        series: series.into(),
    }
}

/// The vertical axis of the diagrams of providers.
const GAIN_OF_FORGING: Axis = Axis {
    label: "gain of forging, percent of the cost",
    from: -130.0,
    to: 60.0,
    marks: &[-120.0, -80.0, -40.0, 0.0, 40.0],
    is_logarithmic: false,
};

fn share_name(forged: u16) -> String {
    format!("{} %", 100.0 * f64::from(forged) / f64::from(STEP_COUNT))
}

fn dot(place: f64, estimate: Estimate) -> (f64, f64, f64) {
    (place, estimate.simulated, estimate.standard_error)
}
