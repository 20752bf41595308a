//! The examples of a step, read from the data file into memory that is taken once.

use aipot_domain_runtime::batch_order::{Permutation, epoch_order};
use aipot_domain_runtime::order::network::{ValueShape, network};
use aipot_domain_runtime::order::{DataFormat, DataSpecification, OrderSpecification};
use aipot_kernels::row_span::RowSpan;

use aipot_kernels::canonical::canonical;

use super::EngineError;
use super::room::Room;

/// The examples of one step.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'engine> {
    /// Features, `[row, feature]`; of a text none.
    pub features: &'engine [f32],
    /// Tokens, `[row, position]`; of features none.
    pub tokens: &'engine [u32],
    /// Labels `[row]`, or what follows each token `[row, position]`.
    pub labels: &'engine [u32],
    /// Which batch of the run it is, from 0.
    pub number: u32,
}

impl Batch<'_> {
    /// The examples of a span of it, of which each has `positions` labels.
    pub(super) fn piece(self, span: RowSpan, positions: usize) -> Self {
        let examples = self.labels.len().checked_div(positions).unwrap_or(0);
        Self {
            features: some(self.features, examples, span),
            tokens: some(self.tokens, examples, span),
            labels: some(self.labels, examples, span),
            number: self.number,
        }
    }
}

/// What belongs to the examples of a span, of values that belong to `examples` alike.
fn some<T>(values: &[T], examples: usize, span: RowSpan) -> &[T] {
    let each = values.len().checked_div(examples).unwrap_or(0);
    &values[span.before * each..(span.before + span.count) * each]
}

/// All steps' examples.
#[derive(Debug)]
pub(crate) struct Batches<'input> {
    data: DataSpecification,
    bytes: &'input [u8],
    seed: u64,
    rows: u32,
    epoch: Option<(u64, Permutation)>,
    features: Vec<f32>,
    tokens: Vec<u32>,
    labels: Vec<u32>,
}

impl<'input> Batches<'input> {
    pub(crate) fn new(
        specification: &OrderSpecification,
        bytes: &'input [u8],
        room: &mut Room,
    ) -> Result<Self, EngineError> {
        let data = specification.data.clone();
        let overflow = |_| EngineError::Overflow { quantity: "the batch" };
        let rows = usize::try_from(specification.train.batch_size).map_err(overflow)?;
        let width = usize::try_from(data.feature_count).map_err(overflow)?;
        let values = rows.checked_mul(width);
        let values = values.ok_or(EngineError::Overflow { quantity: "the batch" })?;
        let misfit = |_| EngineError::Overflow { quantity: "the network" };
        let network = network(specification).map_err(misfit)?;
        let has_indices =
            network.is_some_and(|network| matches!(network.input, ValueShape::Indices { .. }));
        let (features, tokens, labels) = match data.format {
            DataFormat::Records { .. } if has_indices => (0, values, rows),
            DataFormat::Records { .. } | DataFormat::Floats => (values, 0, rows),
            DataFormat::Text | DataFormat::Tokens { .. } => (0, values, values),
        };
        Ok(Self {
            bytes,
            seed: specification.model.initial_seed,
            rows: specification.train.batch_size,
            epoch: None,
            features: room.floats(features),
            tokens: room.words(tokens),
            labels: room.words(labels),
            data,
        })
    }

    /// Reads the examples of step `number`.
    pub(crate) fn take(&mut self, number: u32) -> Batch<'_> {
        for row in 0..self.rows {
            let place = u64::from(number) * u64::from(self.rows) + u64::from(row);
            let example = self.example(place);
            if self.data.format.is_running() {
                self.text(row, example);
            } else {
                self.record(row, example);
            }
        }
        Batch { features: &self.features, tokens: &self.tokens, labels: &self.labels, number }
    }

    /// As `batch_order::example`, with the permutation of the epoch kept.
    fn example(&mut self, place: u64) -> usize {
        let count = u64::from(self.data.train_example_count).max(1);
        let (epoch, position) = (place / count, place % count);
        let order = match &self.epoch {
            Some((known, order)) if *known == epoch => order,
            _ => {
                let order = epoch_order(self.seed, epoch, self.data.train_example_count);
                &self.epoch.insert((epoch, order)).1
            }
        };
        // A remainder of a division by 32 bits has no more than these.
        let position = u32::try_from(position).unwrap_or(0);
        usize::try_from(order.at(position)).unwrap_or(usize::MAX)
    }

    fn value_bytes(&self) -> usize {
        usize::try_from(self.data.value_bytes()).unwrap_or(usize::MAX).max(1)
    }

    fn record(&mut self, row: u32, example: usize) {
        let row = usize::try_from(row).unwrap_or(usize::MAX);
        let width = self.value_bytes();
        let is_real = self.data.format == DataFormat::Floats;
        let features = usize::try_from(self.data.feature_count).unwrap_or(usize::MAX);
        let bytes = &self.bytes[example * (features + 1) * width..][..(features + 1) * width];
        self.labels[row] = value(&bytes[features * width..]);
        if self.features.is_empty() {
            let tokens = &mut self.tokens[row * features..][..features];
            tokens
                .iter_mut()
                .zip(bytes.chunks(width))
                .for_each(|(token, bytes)| *token = value(bytes));
            return;
        }
        let divisor = as_f32(self.data.feature_divisor);
        let target = &mut self.features[row * features..][..features];
        for (feature, bytes) in target.iter_mut().zip(bytes.chunks(width)) {
            let word = value(bytes);
            let value = if is_real { f32::from_bits(word) } else { as_f32(word) };
            *feature = canonical(value / divisor);
        }
    }

    fn text(&mut self, row: u32, example: usize) {
        let row = usize::try_from(row).unwrap_or(usize::MAX);
        let context = usize::try_from(self.data.feature_count).unwrap_or(usize::MAX);
        let width = self.value_bytes();
        let bytes = &self.bytes[example * context * width..][..(context + 1) * width];
        let tokens = self.tokens[row * context..][..context].iter_mut();
        tokens.zip(bytes.chunks(width)).for_each(|(token, bytes)| *token = value(bytes));
        let labels = self.labels[row * context..][..context].iter_mut();
        labels.zip(bytes[width..].chunks(width)).for_each(|(label, bytes)| *label = value(bytes));
    }
}

/// The little-endian value of up to four bytes.
fn value(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0_u32, |value, byte| value << 8 | u32::from(*byte))
}

#[expect(clippy::cast_precision_loss, reason = "the nearest f32 is what the program takes, too")]
fn as_f32(value: u32) -> f32 {
    value as f32
}
