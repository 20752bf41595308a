//! The networks that the engine trains, piece by piece of a batch.

use aipot_domain_runtime::order::network::network;
use aipot_domain_runtime::order::shape::convolution_stages;
use aipot_domain_runtime::order::{Architecture, OrderSpecification};
use aipot_kernels::reduction::mean;
use aipot_kernels::row_span::{RowSpan, RunningSums};

use super::EngineError;
use super::batch::Batch;
use super::convolutional::Convolutional;
use super::decoder::{Decoder, DecoderSides};
use super::graph::{Graph, Piece};
use super::perceptron::Perceptron;
use super::room::Room;
use crate::architecture::layout;
use crate::layer::Draw;

/// A network with the memory of some examples, which trains batches of any size.
///
/// A batch of more examples goes through in pieces. Its gradients go on from piece to piece, so their bits
/// are those of the whole batch at once.
#[derive(Debug)]
pub struct Network {
    layers: Layers,
    /// Examples of a piece.
    rows: usize,
    /// Labels of an example.
    positions: usize,
    /// How many rows of sums of gradients an example may be, whatever the tensor.
    sum_rows: Vec<usize>,
    /// For what is drawn at random.
    seed: u64,
    /// Of each label of the batch.
    losses: Vec<f32>,
    /// For each tensor the chains of an open block, if pieces cut one.
    open: Vec<Vec<f32>>,
}

/// What a network is made of.
#[derive(Debug)]
enum Layers {
    /// Linear layers.
    Perceptron(Perceptron),
    /// Convolutions before linear layers.
    Convolutional(Convolutional),
    /// A decoder over tokens.
    Decoder(Box<Decoder>),
    /// Declared layers.
    Graph(Box<Graph>),
}

impl Network {
    /// A network that takes at most `micro_rows` examples at a time; 0 counts as 1, and more than the
    /// order's batch as that.
    ///
    /// # Errors
    /// [`EngineError::Overflow`] when a size does not fit this machine.
    pub fn new(specification: &OrderSpecification, micro_rows: usize) -> Result<Self, EngineError> {
        Self::in_room(specification, micro_rows, &mut Room::taken())
    }

    /// As [`Self::new`], with the memory that `room` gives.
    pub(super) fn in_room(
        specification: &OrderSpecification,
        micro_rows: usize,
        room: &mut Room,
    ) -> Result<Self, EngineError> {
        let batch = size(specification.train.batch_size)?;
        let rows = micro_rows.clamp(1, batch.max(1));
        let is_running = specification.data.format.is_running();
        let positions = if is_running { size(specification.data.feature_count)? } else { 1 };
        let layers = Layers::new(specification, rows, room)?;
        let sum_rows = layers.sum_rows(positions);
        let is_cut = cuts_a_later_block(&sum_rows, batch, rows);
        let tensors = layout(specification)
            .map_err(|overflow| EngineError::Overflow { quantity: overflow.quantity })?;
        let open = tensors.iter().map(|tensor| if is_cut { tensor.value_count() } else { 0 });
        Ok(Self {
            layers,
            rows,
            positions,
            sum_rows,
            seed: specification.model.initial_seed,
            losses: room.floats(batch.saturating_mul(positions)),
            open: open.map(|count| room.floats(count)).collect(),
        })
    }

    /// Forward, loss, backward: writes the gradient of every tensor and gives the mean loss in nats.
    ///
    /// # Shapes
    /// `weights`, `gradients`: those of the order's layout; `batch`: any number of examples.
    ///
    /// # Errors
    /// [`EngineError::Kernel`] when the sizes do not fit each other.
    pub fn train(
        &mut self,
        weights: &[Vec<f32>],
        batch: Batch<'_>,
        gradients: &mut [Vec<f32>],
    ) -> Result<f32, EngineError> {
        let labels = batch.labels.len();
        let examples = labels / self.positions.max(1);
        self.losses.resize(labels, 0.0);
        if cuts_a_later_block(&self.sum_rows, examples, self.rows) {
            let tensors = self.open.iter_mut().zip(gradients.iter());
            tensors.for_each(|(open, gradient)| open.resize(gradient.len(), 0.0));
        }
        let sums = gradients.iter_mut().zip(&mut self.open);
        let mut sums: Vec<RunningSums<'_>> =
            sums.map(|(totals, open)| RunningSums { totals, open }).collect();
        for span in RowSpan::pieces(examples, self.rows) {
            let piece = batch.piece(span, self.positions);
            let losses = &mut self.losses[span.before * self.positions..];
            let losses = &mut losses[..span.count * self.positions];
            let draw = Draw { seed: self.seed, number: batch.number };
            self.layers.train((weights, piece), (span, draw), losses, &mut sums)?;
        }
        Ok(mean(&self.losses))
    }

    /// The logits of a batch.
    ///
    /// # Shapes
    /// `batch`: any number of examples; the result: `[example, class]`, of running text
    /// `[example, position, class]`.
    ///
    /// # Errors
    /// [`EngineError::Kernel`] when the sizes do not fit each other.
    pub fn logits(
        &mut self,
        weights: &[Vec<f32>],
        batch: Batch<'_>,
    ) -> Result<Vec<f32>, EngineError> {
        let examples = batch.labels.len() / self.positions.max(1);
        let mut logits = Vec::new();
        for span in RowSpan::pieces(examples, self.rows) {
            let piece = batch.piece(span, self.positions);
            logits.extend_from_slice(self.layers.logits(weights, piece, span)?);
        }
        Ok(logits)
    }

    /// Whether some of its tensors stay as they are and come from a base file.
    pub fn has_frozen(&self) -> bool {
        match &self.layers {
            Layers::Graph(graph) => graph.has_frozen(),
            Layers::Perceptron(_) | Layers::Convolutional(_) | Layers::Decoder(_) => false,
        }
    }

    /// Takes the tensors that stay as they are, in the order of the base file.
    ///
    /// # Errors
    /// [`EngineError::NoBase`] when the order's network has others.
    pub fn set_base(&mut self, base: Vec<Vec<f32>>) -> Result<(), EngineError> {
        match &mut self.layers {
            Layers::Graph(graph) => graph.set_base(base),
            Layers::Perceptron(_) | Layers::Convolutional(_) | Layers::Decoder(_) => {
                if base.is_empty() { Ok(()) } else { Err(EngineError::NoBase) }
            }
        }
    }

    /// Room for the chains of open blocks.
    #[cfg(test)]
    pub(super) fn open_capacity(&self) -> usize {
        self.open.iter().map(Vec::capacity).sum()
    }
}

impl Layers {
    fn new(
        specification: &OrderSpecification,
        rows: usize,
        room: &mut Room,
    ) -> Result<Self, EngineError> {
        let data = &specification.data;
        let (features, classes) = (size(data.feature_count)?, size(data.class_count)?);
        match &specification.model.architecture {
            Architecture::Mlp { hidden_widths } => {
                let widths = widths(features, hidden_widths, classes)?;
                Ok(Self::Perceptron(Perceptron::new(rows, &widths, room)))
            }
            Architecture::Cnn { image, convolutions, hidden_widths } => {
                let misfit = EngineError::Overflow { quantity: "an image" };
                let stages = convolution_stages(*image, convolutions).map_err(|_| misfit)?;
                let last = stages.last().map_or(*image, |stage| stage.pooled);
                let features = usize::try_from(last.value_count())
                    .map_err(|_| EngineError::Overflow { quantity: "an image" })?;
                let widths = widths(features, hidden_widths, classes)?;
                Ok(Self::Convolutional(Convolutional::new(rows, &stages, &widths, room)?))
            }
            Architecture::Gpt { width, layer_count, head_count, context } => {
                let sides = DecoderSides {
                    batch: rows,
                    context: size(*context)?,
                    width: size(*width)?,
                    heads: size(*head_count)?,
                    blocks: size(*layer_count)?,
                    vocabulary: classes,
                };
                Ok(Self::Decoder(Box::new(Decoder::new(sides, room))))
            }
            Architecture::Graph { .. }
            | Architecture::Resnet(_)
            | Architecture::Vit(_)
            | Architecture::Bert(_)
            | Architecture::Llama(_)
            | Architecture::Lora(_) => {
                let misfit = || EngineError::Overflow { quantity: "the network" };
                let network = network(specification).map_err(|_| misfit())?;
                Ok(Self::Graph(Box::new(Graph::new(network.ok_or_else(misfit)?, rows, room)?)))
            }
        }
    }

    /// How many rows of sums of gradients an example may be.
    fn sum_rows(&self, positions: usize) -> Vec<usize> {
        match self {
            Self::Perceptron(_) | Self::Convolutional(_) | Self::Decoder(_) => vec![positions],
            Self::Graph(graph) => graph.sum_rows(),
        }
    }

    /// The logits of one piece.
    fn logits(
        &mut self,
        weights: &[Vec<f32>],
        piece: Batch<'_>,
        span: RowSpan,
    ) -> Result<&[f32], EngineError> {
        match self {
            Self::Graph(graph) => graph.forward(weights, Piece { batch: piece, span, draw: None }),
            Self::Perceptron(network) => {
                network.forward(weights, span.count, piece.features)?;
                Ok(network.logits(span.count))
            }
            Self::Convolutional(network) => {
                network.forward(weights, span.count, piece.features)?;
                Ok(network.logits(span.count))
            }
            Self::Decoder(network) => {
                network.forward(weights, piece.tokens)?;
                Ok(network.logits(piece.tokens.len()))
            }
        }
    }

    /// One piece: forward, the losses of its labels, and on with the gradients.
    fn train(
        &mut self,
        (weights, piece): (&[Vec<f32>], Batch<'_>),
        (span, draw): (RowSpan, Draw),
        losses: &mut [f32],
        sums: &mut [RunningSums<'_>],
    ) -> Result<(), EngineError> {
        let Batch { features, tokens, labels, .. } = piece;
        match self {
            Self::Graph(graph) => {
                let piece = Piece { batch: piece, span, draw: Some(draw) };
                graph.forward(weights, piece)?;
                graph.loss(piece, losses)?;
                graph.backward(weights, piece, sums)
            }
            Self::Perceptron(network) => {
                network.forward(weights, span.count, features)?;
                network.loss(span, labels, losses)?;
                network.backward((weights, features), span, sums, None)
            }
            Self::Convolutional(network) => {
                network.forward(weights, span.count, features)?;
                network.loss(span, labels, losses)?;
                network.backward((weights, features), span, sums)
            }
            Self::Decoder(network) => {
                network.forward(weights, tokens)?;
                network.loss(span, labels, losses)?;
                network.backward((weights, tokens), span, sums)
            }
        }
    }
}

/// Whether pieces of `rows` examples cut a block of any sum, behind its first.
fn cuts_a_later_block(sum_rows: &[usize], batch: usize, rows: usize) -> bool {
    sum_rows.iter().any(|factor| {
        RowSpan::cuts_a_later_block(batch.saturating_mul(*factor), rows.saturating_mul(*factor))
    })
}

fn widths(features: usize, hidden: &[u32], classes: usize) -> Result<Vec<usize>, EngineError> {
    let hidden = hidden.iter().map(|width| size(*width));
    std::iter::once(Ok(features)).chain(hidden).chain(std::iter::once(Ok(classes))).collect()
}

fn size(value: u32) -> Result<usize, EngineError> {
    usize::try_from(value).map_err(|_| EngineError::Overflow { quantity: "a layer" })
}
