//! Order in, trained model out; evaluation; checkpoints.
//!
//! [`specification`] reads an order, [`dataset`] its data, [`run`] trains, [`strategy`] looks for
//! the best way to train, [`model_file`] writes the
//! model, [`evaluation`] scores it, [`checkpoint`] lets a run go on later, [`memory`] says beforehand
//! what it will take, [`comparison`] lays the canonical product beside candle's. Functions from values
//! to values: nothing here reads a clock, a disk or the network, and the number of threads changes no
//! bit.

pub mod architecture;
pub mod base_file;
pub mod batch_order;
pub mod checkpoint;
pub mod comparison;
pub mod dataset;
pub mod engine;
pub mod evaluation;
pub mod import;
mod layer;
pub mod memory;
pub mod model_file;
pub mod optimizer;
pub mod parameters;
pub mod recipe_run;
pub mod run;
pub mod sampling;
pub mod schedule;
pub mod specification;
pub mod strategy;
pub mod tokenizer;
pub mod trace;

#[cfg(test)]
mod fixtures;
