//! The batches of a run: which examples a step sees, a function of seed and step alone.
//!
//! The order itself is the chain's ([`aipot_domain_runtime::batch_order`]); nothing is carried from step
//! to step, so the step number is the whole cursor of a checkpoint.

use aipot_domain_runtime::batch_order::{Permutation, epoch_order};

/// The batches of a training run; each is full, and they run on from one epoch into the next.
#[derive(Clone, Debug)]
pub struct BatchOrder {
    seed: u64,
    example_count: u32,
    batch_size: u32,
    epoch: Option<(u64, Permutation)>,
    examples: Vec<usize>,
}

impl BatchOrder {
    /// Batches over `example_count` examples; sizes of zero count as one.
    pub fn new(seed: u64, example_count: u32, batch_size: u32) -> Self {
        let (example_count, batch_size) = (example_count.max(1), batch_size.max(1));
        Self { seed, example_count, batch_size, epoch: None, examples: Vec::new() }
    }

    /// The examples of a step.
    pub fn batch(&mut self, step: u64) -> &[usize] {
        let batch_size = u64::from(self.batch_size);
        let first = step.saturating_mul(batch_size);
        self.examples.clear();
        for place in first..first.saturating_add(batch_size) {
            let example = self.example(place);
            self.examples.push(usize::try_from(example).unwrap_or(usize::MAX));
        }
        &self.examples
    }

    /// The example at a place; the keys of its epoch are kept for the next ones.
    fn example(&mut self, place: u64) -> u32 {
        let count = u64::from(self.example_count);
        let (epoch, position) = (place / count, place % count);
        // A remainder of a division by 32 bits has no more than these.
        let position = u32::try_from(position).unwrap_or(0);
        if let Some((kept, order)) = &self.epoch
            && *kept == epoch
        {
            return order.at(position);
        }
        let order = epoch_order(self.seed, epoch, self.example_count);
        let example = order.at(position);
        self.epoch = Some((epoch, order));
        example
    }
}

/// Steps in which each example is seen `epochs` times, the last one perhaps a few times more.
pub fn step_count(example_count: u32, batch_size: u32, epochs: u32) -> u64 {
    let places = u64::from(example_count).saturating_mul(u64::from(epochs));
    places.div_ceil(u64::from(batch_size.max(1))).max(1)
}

/// A seed as a key: eight little-endian bytes, then zeros.
pub(crate) fn seed_bytes(seed: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests;
