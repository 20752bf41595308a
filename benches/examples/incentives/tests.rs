//! A small study, the bounds as signs, and the committed plot.

use super::*;
use crate::estimate::Estimate;

/// Enough for errors of a percent, and quick without optimization.
const FEW_ORDERS: u32 = 4_000;

#[test]
fn a_small_study_agrees_with_every_formula() {
    for (title, rows) in Study::new(FEW_ORDERS).tables() {
        for row in rows {
            assert!(row.estimate.agrees(), "{title}: {row}");
        }
    }
}

#[test]
fn above_the_bound_every_forgery_loses_when_every_order_is_audited() {
    let cases = provider::simulate(2);
    let audited = cases.iter().filter(|case| case.audit.order_percent == 100);
    let (above, below): (Vec<_>, Vec<_>) = audited.partition(|case| case.at_risk() > 1.0);
    assert!(above.iter().all(|case| case.estimate.formula < 0.0));
    assert!(below.iter().any(|case| case.estimate.formula > 0.0));
}

#[test]
fn guessing_loses_exactly_above_its_bound() {
    for case in validator::simulate(2) {
        let is_above = f64::from(case.audit_percent) > validator::bound_percent(case.stake);
        assert_eq!(case.estimate.formula < 0.0, is_above, "{}", case.row());
    }
}

#[test]
fn a_wrong_formula_is_seen() {
    let values: Vec<f64> = (0..10_000).map(|index| f64::from(index % 2)).collect();
    assert!(Estimate::new(&values, &[(0.5, 1.0), (0.5, 0.0)]).agrees());
    assert!(!Estimate::new(&values, &[(0.52, 1.0), (0.48, 0.0)]).agrees());
    assert!(!Estimate::new(&[1.0, 1.0], &[(1.0, 1.001)]).agrees());
}

#[test]
fn the_formulas_are_those_of_the_specification() {
    for case in provider::simulate(2).iter().filter(|case| case.audit.step_count == 1) {
        let share = f64::from(case.forged) / f64::from(provider::STEP_COUNT);
        let audited = f64::from(case.audit.order_percent) / 100.0;
        let expected = 100.0 * share * (1.0 - audited * case.at_risk());
        assert!((case.estimate.formula - expected).abs() < 1e-9, "{}", case.row());
    }
    for case in validator::simulate(2) {
        let rate = f64::from(case.audit_percent) / validator::bound_percent(case.stake);
        let expected = 100.0 * (1.0 - rate);
        assert!((case.estimate.formula - expected).abs() < 1e-9, "{}", case.row());
    }
}

#[test]
fn the_plot_of_the_documentation_is_what_the_program_draws() {
    let committed = std::fs::read_to_string(PLOT).unwrap();
    assert_eq!(plot::draw(&Study::new(ORDER_COUNT)).unwrap(), committed);
}
