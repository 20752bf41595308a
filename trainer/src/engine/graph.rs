//! Networks of declared layers.

use std::collections::BTreeSet;

use aipot_domain_runtime::order::network::{self, TensorPlace, ValueShape};
use aipot_domain_runtime::order::tensors::Tensor;
use aipot_kernels::canonical::canonical;
use aipot_kernels::cross_entropy::cross_entropy_rows;
use aipot_kernels::row_span::{RowSpan, RunningSums};

use super::EngineError;
use super::batch::Batch;
use super::room::Room;
use crate::layer::{Behind, Draw, INPUTS, Layer, Seen, Site, size};

/// The layers with the memory of a piece of a batch.
#[derive(Debug)]
pub(super) struct Graph {
    network: network::Network,
    layers: Vec<Box<dyn Layer>>,
    /// Numbers of one example in each value, the data first.
    counts: Vec<usize>,
    /// What each layer made, `[example, ...]`.
    made: Vec<Vec<f32>>,
    /// The gradient of each.
    gradients: Vec<Vec<f32>>,
    /// Whether the gradient of a value is needed; the data first.
    needed: Vec<bool>,
    /// Where a gradient is written that is added to another.
    spare: Vec<f32>,
    /// Tensors that stay as they are, in the order of the base file.
    base: Vec<Vec<f32>>,
    has_base: bool,
    classes: usize,
    /// Rows of logits of one example.
    positions: usize,
}

/// A piece of a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'batch> {
    pub(super) batch: Batch<'batch>,
    pub(super) span: RowSpan,
    pub(super) draw: Option<Draw>,
}

impl Graph {
    /// The network for pieces of at most `rows` examples.
    pub(super) fn new(
        network: network::Network,
        rows: usize,
        room: &mut Room,
    ) -> Result<Self, EngineError> {
        let shapes = network.nodes.iter().map(|node| node.shape);
        let count = |shape: ValueShape| {
            let count = usize::try_from(shape.value_count());
            count.map_err(|_| EngineError::Overflow { quantity: "a layer" })
        };
        let counts = std::iter::once(network.input).chain(shapes).map(count);
        let counts = counts.collect::<Result<Vec<_>, _>>()?;
        let mut layers = Vec::with_capacity(network.nodes.len());
        for number in 0..network.nodes.len() {
            layers.push(Site::new(&network, number, rows)?.layer(room)?);
        }
        let needed = network.needed_gradients();
        let largest = counts.iter().copied().max().unwrap_or(0).saturating_mul(rows);
        let reads: usize = network.nodes.iter().map(|node| node.inputs.len()).sum();
        // With one reader for each value nothing is added to anything.
        let spare = if reads >= counts.len() { largest.saturating_mul(INPUTS) } else { 0 };
        let mut buffers = |is_needed: &dyn Fn(usize) -> bool| {
            let values = (1..).zip(counts.iter().skip(1));
            let length = |(value, count): (usize, &usize)| {
                count.saturating_mul(rows).saturating_mul(usize::from(is_needed(value)))
            };
            values.map(|value| room.floats(length(value))).collect::<Vec<_>>()
        };
        let made = buffers(&|_| true);
        let gradients = buffers(&|value| needed[value]);
        let last = network.shape(network.nodes.len()).map_or((1, 1), ValueShape::rows);
        Ok(Self {
            made,
            gradients,
            spare: room.floats(spare),
            base: network.base.iter().map(|tensor| base_room(tensor, room)).collect(),
            has_base: network.base.is_empty(),
            positions: size(last.0)?,
            classes: size(last.1)?,
            network,
            layers,
            counts,
            needed,
        })
    }

    /// Takes the tensors that stay as they are.
    pub(super) fn set_base(&mut self, base: Vec<Vec<f32>>) -> Result<(), EngineError> {
        let lengths = base.iter().map(|tensor| u64::try_from(tensor.len()).ok());
        if !lengths.eq(self.network.base.iter().map(Tensor::value_count)) {
            return Err(EngineError::NoBase);
        }
        self.base = base;
        self.has_base = true;
        Ok(())
    }

    /// How many rows of sums of gradients an example may be: one, or the rows of a value.
    pub(super) fn sum_rows(&self) -> Vec<usize> {
        let shapes = self.network.nodes.iter().map(|node| node.shape.rows().0);
        let rows: BTreeSet<u32> = shapes.chain([1]).collect();
        rows.into_iter().map(|rows| usize::try_from(rows).unwrap_or(usize::MAX)).collect()
    }

    /// Whether tensors stay as they are.
    pub(super) fn has_frozen(&self) -> bool {
        !self.network.base.is_empty()
    }

    /// What a layer reads.
    fn seen<'seen>(
        &self,
        number: usize,
        before: &'seen [Vec<f32>],
        piece: Piece<'seen>,
    ) -> Seen<'seen> {
        let value = |value: &usize| match value.checked_sub(1) {
            None => piece.batch.features,
            Some(node) => &before[node][..self.counts[*value] * piece.span.count],
        };
        let mut values: [&[f32]; INPUTS] = [&[]; INPUTS];
        let inputs = self.network.nodes[number].inputs.iter();
        values.iter_mut().zip(inputs).for_each(|(place, input)| *place = value(input));
        Seen { values, tokens: piece.batch.tokens, span: piece.span, draw: piece.draw }
    }

    fn tensors<'tensors>(
        &'tensors self,
        number: usize,
        trained: &'tensors [Vec<f32>],
    ) -> Result<Vec<&'tensors [f32]>, EngineError> {
        let tensor = |place: &TensorPlace| match *place {
            TensorPlace::Trained(place) => trained.get(place),
            TensorPlace::Base(place) => self.base.get(place).filter(|_| self.has_base),
        };
        let tensors = self.network.nodes[number].tensors.iter();
        let tensors = tensors.map(|place| tensor(place).map(Vec::as_slice));
        tensors.collect::<Option<_>>().ok_or(EngineError::NoBase)
    }

    /// Computes the logits of a piece.
    pub(super) fn forward(
        &mut self,
        trained: &[Vec<f32>],
        piece: Piece<'_>,
    ) -> Result<&[f32], EngineError> {
        let mut made = std::mem::take(&mut self.made);
        let mut layers = std::mem::take(&mut self.layers);
        let mut outcome = Ok(());
        for (number, layer) in layers.iter_mut().enumerate() {
            let (before, from_here) = made.split_at_mut(number);
            let output = &mut from_here[0][..self.counts[number + 1] * piece.span.count];
            let seen = self.seen(number, before, piece);
            outcome = self
                .tensors(number, trained)
                .and_then(|tensors| layer.forward(&tensors, seen, output));
            if outcome.is_err() {
                break;
            }
        }
        (self.made, self.layers) = (made, layers);
        outcome.map(|()| self.logits(piece.span))
    }

    fn logits(&self, span: RowSpan) -> &[f32] {
        let count = span.count * self.positions * self.classes;
        self.made.last().map_or(&[], |logits| &logits[..count])
    }

    /// Writes the losses of the labels in nats, and leaves the gradient behind the last layer.
    ///
    /// # Shapes
    /// `losses`: as the labels of the piece.
    pub(super) fn loss(&mut self, piece: Piece<'_>, losses: &mut [f32]) -> Result<(), EngineError> {
        let span = piece.span.times(self.positions);
        let values = span.count * self.classes;
        let (Some(logits), Some(gradient)) = (self.made.last(), self.gradients.last_mut()) else {
            return Ok(());
        };
        let room = (losses, &mut gradient[..values]);
        cross_entropy_rows((&logits[..values], self.classes), piece.batch.labels, span.total, room)
            .map_err(EngineError::kernel)
    }

    /// Goes on with the gradients of all tensors that are trained.
    pub(super) fn backward(
        &mut self,
        trained: &[Vec<f32>],
        piece: Piece<'_>,
        sums: &mut [RunningSums<'_>],
    ) -> Result<(), EngineError> {
        let mut gradients = std::mem::take(&mut self.gradients);
        let mut layers = std::mem::take(&mut self.layers);
        let mut spare = std::mem::take(&mut self.spare);
        let mut is_there = vec![false; self.counts.len()];
        if let Some(last) = is_there.last_mut() {
            *last = true;
        }
        let mut outcome = Ok(());
        for number in (0..layers.len()).rev() {
            if !is_there[number + 1] || !self.needed[number + 1] {
                continue;
            }
            let layer = layers[number].as_mut();
            let room = (&mut gradients[..], &mut spare[..], &mut is_there[..]);
            outcome = self.step_back((number, layer), (trained, piece), room, sums);
            if outcome.is_err() {
                break;
            }
        }
        (self.gradients, self.layers, self.spare) = (gradients, layers, spare);
        outcome
    }

    /// One layer on the way back. A value that several layers read gets the sum of their gradients, the
    /// last layer's first.
    fn step_back(
        &self,
        (number, layer): (usize, &mut dyn Layer),
        (trained, piece): (&[Vec<f32>], Piece<'_>),
        (gradients, spare, is_there): (&mut [Vec<f32>], &mut [f32], &mut [bool]),
        sums: &mut [RunningSums<'_>],
    ) -> Result<(), EngineError> {
        let node = &self.network.nodes[number];
        let length = |value: usize| self.counts[value] * piece.span.count;
        let (before, from_here) = gradients.split_at_mut(number);
        let gradient = &from_here[0][..length(number + 1)];
        let made = &self.made[number][..length(number + 1)];
        let (tensors, seen) =
            (self.tensors(number, trained)?, self.seen(number, &self.made, piece));
        // A layer writes where nothing is yet; what is added to something goes by way of the spare room.
        let mut is_direct = [false; INPUTS];
        let mut is_wanted = [false; INPUTS];
        for (index, value) in node.inputs.iter().enumerate() {
            is_wanted[index] = self.needed[*value];
            is_direct[index] = is_wanted[index] && !is_there[*value];
            is_there[*value] |= is_wanted[index];
        }
        let (mut of_values, mut rest) = ([const { None }; INPUTS], &mut spare[..]);
        for (index, value) in node.inputs.iter().enumerate() {
            if is_wanted[index] && !is_direct[index] {
                let (here, further) = rest.split_at_mut(length(*value));
                (of_values[index], rest) = (Some(here), further);
            }
        }
        for (value, buffer) in (1..).zip(before.iter_mut()) {
            let inputs = node.inputs.iter().zip(is_direct);
            let index = inputs.into_iter().position(|(input, direct)| direct && *input == value);
            if let Some(index) = index {
                of_values[index] = Some(&mut buffer[..length(value)]);
            }
        }
        let places = node.tensors.as_slice();
        layer.backward(&tensors, (seen, made), Behind { gradient, of_values, sums, places })?;
        let mut rest = &spare[..];
        for (index, value) in node.inputs.iter().enumerate() {
            if is_wanted[index] && !is_direct[index] {
                let (added, further) = rest.split_at(length(*value));
                add(&mut before[*value - 1], added);
                rest = further;
            }
        }
        Ok(())
    }
}

/// Room for a tensor of the base.
fn base_room(tensor: &Tensor, room: &mut Room) -> Vec<f32> {
    let count = tensor.value_count().and_then(|count| usize::try_from(count).ok());
    room.floats(count.unwrap_or(usize::MAX))
}

/// Adds in place.
fn add(sum: &mut [f32], added: &[f32]) {
    sum.iter_mut().zip(added).for_each(|(sum, added)| *sum = canonical(*sum + added));
}
