//! What honesty earns: simulated orders against the bounds of the specification's section "Money".
//!
//! Three questions, each a table: whether forging a part of a training run pays, whether a validator earns
//! more by guessing, and what a forger gets back by challenging itself. Every row compares the mean of
//! simulated profits, divided by the runtime's own rules, with a formula; the program fails when one is
//! more than three standard errors away. The same seed gives the same tables and the same plot.
//!
//! `cargo run --release -p aipot-benches --example incentives [PLOT.svg]`

#![expect(clippy::print_stdout, reason = "the tables are what this program is for")]

mod estimate;
mod money;
mod panel;
mod plot;
mod provider;
mod self_challenge;
mod validator;

use std::path::PathBuf;
use std::process::ExitCode;

use estimate::{Row, STANDARD_ERRORS_MAX};

/// Orders simulated for each row.
const ORDER_COUNT: u32 = 20_000;

/// Where the documentation looks for the plot.
const PLOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/incentives.svg");

/// Everything that is simulated.
struct Study {
    provider: Vec<provider::Case>,
    validator: Vec<validator::Case>,
    self_challenge: Vec<self_challenge::Case>,
}

impl Study {
    fn new(order_count: u32) -> Self {
        Self {
            provider: provider::simulate(order_count),
            validator: validator::simulate(order_count),
            self_challenge: self_challenge::simulate(order_count),
        }
    }

    /// The tables with their titles.
    fn tables(&self) -> [(&'static str, Vec<Row>); 3] {
        [
            (
                "Forging a part of the training, gain over honesty in percent of the cost of training",
                self.provider.iter().map(provider::Case::row).collect(),
            ),
            (
                "Guessing instead of evaluating, gain over honesty in percent of the cost of evaluating",
                self.validator.iter().map(validator::Case::row).collect(),
            ),
            (
                "Forging half and challenging oneself, gain over honesty in percent of the cost of training",
                self.self_challenge.iter().map(self_challenge::Case::row).collect(),
            ),
        ]
    }
}

fn main() -> std::io::Result<ExitCode> {
    let study = Study::new(ORDER_COUNT);
    let mut far_count = 0;
    for (title, rows) in study.tables() {
        println!("\n{title}; {ORDER_COUNT} orders a row");
        println!("{}", estimate::header());
        for row in &rows {
            println!("{row}");
        }
        far_count += rows.iter().filter(|row| !row.estimate.agrees()).count();
    }
    let path = std::env::args_os().nth(1).map_or_else(|| PathBuf::from(PLOT), PathBuf::from);
    let plot = plot::draw(&study).map_err(std::io::Error::other)?;
    std::fs::write(&path, plot)?;
    println!(
        "\n{far_count} rows more than {STANDARD_ERRORS_MAX} standard errors from their formula"
    );
    println!("plot: {}", path.display());
    Ok(if far_count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests;
