//! The examples of a step, read from the data file into memory that is taken once.

use aipot_domain_runtime::batch_order::{Permutation, epoch_order};
use aipot_domain_runtime::order::network::{ValueShape, network};
use aipot_domain_runtime::order::{DataFormat, DataSpecification, ImageShape, OrderSpecification};
use aipot_kernels::row_span::RowSpan;

use aipot_kernels::canonical::canonical;

use super::EngineError;
use super::room::Room;
use crate::dataset::augment::Augmentation;
use crate::dataset::import::Seekable;
use crate::dataset::stream::{BatchPlan, BatchStream};

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
    source: Source<'input>,
    rows: Rows,
}

/// Where the examples are.
#[derive(Debug)]
enum Source<'input> {
    Memory(&'input [u8]),
    Disk(Box<BatchStream>),
}

/// The rows of one step and the order in which they are filled.
#[derive(Debug)]
struct Rows {
    data: DataSpecification,
    seed: u64,
    row_count: u32,
    epoch: Option<(u64, Permutation)>,
    features: Vec<f32>,
    tokens: Vec<u32>,
    labels: Vec<u32>,
    /// The images and how they are changed.
    changed: Option<(ImageShape, Augmentation)>,
}

impl<'input> Batches<'input> {
    pub(crate) fn new(
        specification: &OrderSpecification,
        bytes: &'input [u8],
        room: &mut Room,
    ) -> Result<Self, EngineError> {
        Ok(Self { source: Source::Memory(bytes), rows: Rows::new(specification, room)? })
    }

    /// The same batches, bit for bit, out of a file that stays on the disk.
    pub(crate) fn on_disk(
        specification: &OrderSpecification,
        file: Box<dyn Seekable>,
        room: &mut Room,
    ) -> Result<Self, EngineError> {
        let rows = Rows::new(specification, room)?;
        let plan = BatchPlan { seed: rows.seed, batch_size: rows.row_count };
        let stream = BatchStream::new(&specification.data, plan, file)?;
        Ok(Self { source: Source::Disk(Box::new(stream)), rows })
    }

    /// Changes the images of every batch from now on.
    pub(crate) fn set_changed(&mut self, changed: Option<(ImageShape, Augmentation)>) {
        self.rows.changed = changed;
    }

    /// Reads the examples of step `number`.
    ///
    /// # Errors
    /// [`EngineError::Stream`] when the disk fails or an example is not what the order says.
    pub(crate) fn take(&mut self, number: u32) -> Result<Batch<'_>, EngineError> {
        let Self { source, rows } = self;
        match source {
            Source::Memory(bytes) => rows.fill_from(bytes, number),
            Source::Disk(stream) => rows.fill(stream.take(number.into())?),
        }
        rows.change(number);
        let Rows { features, tokens, labels, .. } = rows;
        Ok(Batch { features, tokens, labels, number })
    }
}

impl Rows {
    fn new(specification: &OrderSpecification, room: &mut Room) -> Result<Self, EngineError> {
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
            seed: specification.model.initial_seed,
            row_count: specification.train.batch_size,
            epoch: None,
            features: room.floats(features),
            tokens: room.words(tokens),
            labels: room.words(labels),
            changed: None,
            data,
        })
    }

    /// Changes the images that were taken; each draw has a number of its own in the run.
    fn change(&mut self, number: u32) {
        let Some((image, augmentation)) = self.changed else { return };
        let width = self.features.len().checked_div(self.labels.len()).unwrap_or(0).max(1);
        let first = u64::from(number).saturating_mul(self.row_count.into());
        for (draw, features) in (first..).zip(self.features.chunks_mut(width)) {
            augmentation.apply(image, self.seed, draw, features);
        }
    }

    /// Takes the examples of step `number` out of the whole file.
    fn fill_from(&mut self, bytes: &[u8], number: u32) {
        let stride = usize::try_from(self.data.example_stride()).unwrap_or(usize::MAX);
        let length = self.example_bytes();
        for row in 0..self.row_count {
            let place = u64::from(number) * u64::from(self.row_count) + u64::from(row);
            let start = self.example(place) * stride;
            let row = usize::try_from(row).unwrap_or(usize::MAX);
            self.row(row, &bytes[start..start + length]);
        }
    }

    /// Takes the examples of a step that lie one behind the other.
    fn fill(&mut self, batch: &[u8]) {
        for (row, example) in batch.chunks_exact(self.example_bytes()).enumerate() {
            self.row(row, example);
        }
    }

    fn row(&mut self, row: usize, example: &[u8]) {
        if self.data.format.is_running() {
            self.text(row, example);
        } else {
            self.record(row, example);
        }
    }

    fn example_bytes(&self) -> usize {
        usize::try_from(self.data.example_bytes()).unwrap_or(usize::MAX).max(1)
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

    fn record(&mut self, row: usize, bytes: &[u8]) {
        let width = self.value_bytes();
        let is_real = self.data.format == DataFormat::Floats;
        let features = usize::try_from(self.data.feature_count).unwrap_or(usize::MAX);
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

    fn text(&mut self, row: usize, bytes: &[u8]) {
        let context = usize::try_from(self.data.feature_count).unwrap_or(usize::MAX);
        let width = self.value_bytes();
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
