//! A simulated mean beside the value that a formula gives for it.

use std::fmt;

/// Standard errors between a simulated mean and its formula that still count as agreement.
pub(crate) const STANDARD_ERRORS_MAX: f64 = 3.0;

/// What rounding in sums of f64 may add to a deviation, in percent.
const ROUNDING: f64 = 1e-9;

/// A simulated mean, what it should be, and how far chance takes it from there.
#[derive(Clone, Copy)]
pub(crate) struct Estimate {
    /// The mean of the simulated values.
    pub(crate) simulated: f64,
    /// The expectation.
    pub(crate) formula: f64,
    /// The standard deviation that the formula gives, divided by the square root of the count.
    pub(crate) standard_error: f64,
}

impl Estimate {
    /// The mean of `values` beside what a formula expects: chances, which add up to 1, of values.
    pub(crate) fn new(values: &[f64], expected: &[(f64, f64)]) -> Self {
        let count = values.iter().fold(0.0, |count, _| count + 1.0);
        let simulated = values.iter().sum::<f64>() / count;
        let formula: f64 = expected.iter().map(|(chance, value)| chance * value).sum();
        let squares = expected.iter().map(|(chance, value)| chance * (value - formula).powi(2));
        // Not the deviation of the values themselves: what never happened in them may still be possible.
        let standard_error = (squares.sum::<f64>() / count).sqrt();
        Self { simulated, formula, standard_error }
    }

    /// How far the simulated mean is from its formula, in standard errors; 0 where nothing is random.
    pub(crate) fn deviation(&self) -> f64 {
        let difference = self.simulated - self.formula;
        if difference.abs() <= ROUNDING { 0.0 } else { difference / self.standard_error }
    }

    /// Whether chance explains the difference.
    pub(crate) fn agrees(&self) -> bool {
        self.deviation().abs() <= STANDARD_ERRORS_MAX
    }
}

/// A line of a table.
pub(crate) struct Row {
    /// What was simulated.
    pub(crate) label: String,
    /// The gain from cheating, over honesty.
    pub(crate) estimate: Estimate,
}

/// The line above the first row.
pub(crate) fn header() -> String {
    format!(
        "{:>60} {:>10} {:>10} {:>15} {:>10} {:>9} {:>7}",
        "case", "simulated", "formula", "standard error", "deviation", "cheating", "agrees"
    )
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { label, estimate } = self;
        let Estimate { simulated, formula, standard_error } = estimate;
        let verdict = match *formula {
            gain if gain.abs() <= ROUNDING => "is even",
            gain if gain < 0.0 => "loses",
            _ => "pays",
        };
        let agreement = if estimate.agrees() { "yes" } else { "NO" };
        write!(formatter, "{label:>60} {simulated:>10.3} {formula:>10.3} {standard_error:>15.3}")?;
        write!(formatter, " {:>10.2} {verdict:>9} {agreement:>7}", estimate.deviation())
    }
}
