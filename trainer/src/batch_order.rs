//! In which order examples are seen: a fresh shuffle for every pass, a function of seed and step.
//!
//! Nothing is carried from step to step, so the step number is the whole cursor of a checkpoint.

use aipot_kernels::chacha8::ChaChaStream;

/// Names the streams of shuffles; the counter is the pass.
const SHUFFLE_DOMAIN: &str = "shuffle";

/// The batches of a training run.
#[derive(Clone, Debug)]
pub struct BatchOrder {
    seed: u64,
    example_count: usize,
    batch_size: usize,
    epoch: Option<u64>,
    examples: Vec<usize>,
}

impl BatchOrder {
    /// Batches over `example_count` examples; sizes of zero count as one.
    pub fn new(seed: u64, example_count: usize, batch_size: usize) -> Self {
        let (example_count, batch_size) = (example_count.max(1), batch_size.max(1));
        Self { seed, example_count, batch_size, epoch: None, examples: Vec::new() }
    }

    /// Steps of one pass over the data; the last one may see fewer examples.
    pub fn steps_per_epoch(&self) -> u64 {
        steps_per_epoch(self.example_count, self.batch_size)
    }

    /// The examples of a step.
    pub fn batch(&mut self, step: u64) -> &[usize] {
        let (epoch, index) = (step / self.steps_per_epoch(), step % self.steps_per_epoch());
        if self.epoch != Some(epoch) {
            self.examples = (0..self.example_count).collect();
            ChaChaStream::derive(&seed_bytes(self.seed), SHUFFLE_DOMAIN, epoch)
                .shuffle(&mut self.examples);
            self.epoch = Some(epoch);
        }
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        self.examples.chunks(self.batch_size).nth(index).unwrap_or_default()
    }
}

/// Steps of one pass over the data.
pub fn steps_per_epoch(example_count: usize, batch_size: usize) -> u64 {
    let steps = example_count.div_ceil(batch_size.max(1)).max(1);
    u64::try_from(steps).unwrap_or(u64::MAX)
}

/// A seed as a key: eight little-endian bytes, then zeros.
pub(crate) fn seed_bytes(seed: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests;
