//! Networks of declared layers, forward and backward.

mod backward;
mod forward;
mod image;
mod token;

use alloc::vec::Vec;

use crate::order::network::{Network, Node, TensorPlace, ValueShape};
use crate::program::SlotIndex;
use crate::program::builder::{Builder, of};
use crate::program::error::ProgramError;
use crate::program::layers::attention::{Attended, Attention};
use crate::program::layers::embedding::{PositionTable, TokenTable};
use crate::program::layers::group_norm::GroupNormed;
use crate::program::layers::linear::Linear;
use crate::program::layers::norm::{Norm, Normed};
use crate::program::layers::rms::RmsNormed;
use crate::program::layers::rotation::Rotated;
use crate::program::layers::tokens::Averaged;
use crate::program::layers::{Gradients, Parameter};
use crate::program::{Function, Operand};

/// What a layer leaves for its way back, beside what it reads and makes.
#[derive(Clone, Copy)]
enum Kept {
    Nothing,
    Norm(Normed),
    Root(RmsNormed),
    Attention(Attended),
    Rotation(Rotated),
    Mean(Averaged),
    /// What dropout keeps, 1 or 0 for every element.
    Dropout(SlotIndex),
    GroupNorm(GroupNormed),
}

/// A network with a batch that went through it.
pub(super) struct Graph {
    network: Network,
    batch: u32,
    /// Draws what dropout leaves out; none where nothing is trained.
    seed: Option<u64>,
    /// Slots of the trained tensors and of those that stay, by their places.
    trained: Vec<SlotIndex>,
    base: Vec<SlotIndex>,
    /// For every value, the data first.
    values: Vec<SlotIndex>,
    kept: Vec<Kept>,
}

/// A layer over a batch, with everything that its operators need.
struct Site<'graph> {
    node: &'graph Node,
    /// Its place among the nodes.
    number: u32,
    batch: u32,
    seed: Option<u64>,
    /// Bias (where it has one), then weight.
    parameters: Vec<Parameter>,
    is_trained: bool,
    /// Slots and forms of what it reads.
    inputs: Vec<(SlotIndex, ValueShape)>,
}

impl Graph {
    /// Sends a batch through the layers; dropout draws from the `seed` where the network is trained.
    ///
    /// # Shapes
    /// `input`: the batch, in the form of the network's input.
    pub(super) fn forward(
        builder: &mut Builder,
        network: Network,
        (trained, base): (&[SlotIndex], Vec<SlotIndex>),
        (input, batch, seed): (SlotIndex, u32, Option<u64>),
    ) -> Result<Self, ProgramError> {
        let mut graph = Self {
            network,
            batch,
            seed,
            trained: trained.to_vec(),
            base,
            values: [input].into(),
            kept: Vec::new(),
        };
        for layer in 0..graph.network.nodes.len() {
            builder.enter(u16::try_from(layer).unwrap_or(u16::MAX));
            let (made, kept) = graph.site(layer)?.forward(builder)?;
            graph.values.push(made);
            graph.kept.push(kept);
        }
        Ok(graph)
    }

    /// What the last layer made.
    pub(super) fn logits(&self) -> Result<SlotIndex, ProgramError> {
        self.values.last().copied().ok_or(ProgramError::SlotCount)
    }

    fn site(&self, layer: usize) -> Result<Site<'_>, ProgramError> {
        let node = self.network.nodes.get(layer).ok_or(ProgramError::SlotCount)?;
        let input = |value: &usize| {
            let slot = self.values.get(*value).copied();
            Some((slot?, self.network.shape(*value)?))
        };
        let inputs = node.inputs.iter().map(input).collect::<Option<Vec<_>>>();
        let parameter = |place: &TensorPlace| match *place {
            TensorPlace::Trained(place) => {
                Some(Parameter { slot: self.trained.get(place).copied()?, place })
            }
            TensorPlace::Base(place) => {
                Some(Parameter { slot: self.base.get(place).copied()?, place })
            }
        };
        let parameters = node.tensors.iter().map(parameter).collect::<Option<Vec<_>>>();
        let is_trained = node.tensors.iter().any(|place| matches!(place, TensorPlace::Trained(_)));
        Ok(Site {
            node,
            number: u32::try_from(layer).unwrap_or(u32::MAX),
            batch: self.batch,
            seed: self.seed,
            parameters: parameters.ok_or(ProgramError::NoBase)?,
            is_trained,
            inputs: inputs.ok_or(ProgramError::SlotCount)?,
        })
    }

    /// The gradients of all tensors that are trained.
    ///
    /// A value that several layers read gets the sum of their gradients, the last layer's first.
    pub(super) fn backward(
        &self,
        builder: &mut Builder,
        logits_gradient: SlotIndex,
        gradients: &mut Gradients,
    ) -> Result<(), ProgramError> {
        let needed = self.network.needed_gradients();
        let mut behind: Vec<Option<SlotIndex>> = self.values.iter().map(|_| None).collect();
        if let Some(last) = behind.last_mut() {
            *last = Some(logits_gradient);
        }
        for (layer, node) in self.network.nodes.iter().enumerate().rev() {
            let value = layer.saturating_add(1);
            let gradient = behind.get_mut(value).and_then(Option::take);
            let Some(gradient) = gradient else { continue };
            builder.enter(u16::try_from(layer).unwrap_or(u16::MAX));
            let is_needed = |value: &usize| needed.get(*value).copied().unwrap_or(false);
            let wanted: Vec<bool> = node.inputs.iter().map(is_needed).collect();
            let site = self.site(layer)?;
            let kept = self.kept.get(layer).copied().unwrap_or(Kept::Nothing);
            let made = self.values.get(value).copied().ok_or(ProgramError::SlotCount)?;
            let before = site.backward(builder, (kept, made, gradient), &wanted, gradients)?;
            for (value, gradient) in node.inputs.iter().zip(before) {
                self.hand_on(builder, (*value, gradient), &mut behind)?;
            }
        }
        Ok(())
    }

    /// A gradient of a value, to those that are there.
    fn hand_on(
        &self,
        builder: &mut Builder,
        (value, gradient): (usize, Option<SlotIndex>),
        behind: &mut [Option<SlotIndex>],
    ) -> Result<(), ProgramError> {
        if let (Some(gradient), Some(place)) = (gradient, behind.get_mut(value)) {
            *place = Some(self.sum(builder, value, *place, gradient)?);
        }
        Ok(())
    }

    /// Adds a gradient to the one that is there.
    fn sum(
        &self,
        builder: &mut Builder,
        value: usize,
        sum: Option<SlotIndex>,
        gradient: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        let Some(sum) = sum else { return Ok(gradient) };
        let shape = self.network.shape(value).ok_or(ProgramError::SlotCount)?;
        let sides = [elements(shape, self.batch)];
        let operands = [of(sum, &[1]), of(gradient, &[1])];
        builder.update("sum of gradients", (sum, &sides), Function::Add, &operands)?;
        builder.release(gradient);
        Ok(sum)
    }
}

/// Elements of a value over a batch.
fn elements(shape: ValueShape, batch: u32) -> u32 {
    let count = shape.value_count().saturating_mul(u64::from(batch));
    // A slot of so many elements is refused.
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl Site<'_> {
    /// The first value that it reads.
    fn input(&self) -> Result<(SlotIndex, ValueShape), ProgramError> {
        self.inputs.first().copied().ok_or(ProgramError::SlotCount)
    }

    /// Rows of the batch and numbers of a row, of the first value.
    fn rows(&self) -> Result<(u32, u32), ProgramError> {
        let (rows, width) = self.input()?.1.rows();
        Ok((rows.saturating_mul(self.batch), width))
    }

    /// Elements of what it makes.
    fn elements(&self) -> u32 {
        elements(self.node.shape, self.batch)
    }

    fn no_operators<T>(&self) -> Result<T, ProgramError> {
        Err(ProgramError::NoOperators { name: self.node.layer.name() })
    }

    /// Its weight, and its bias where it has one.
    fn weight(&self) -> Result<(Parameter, Option<Parameter>), ProgramError> {
        match self.parameters.as_slice() {
            [weight] => Ok((*weight, None)),
            [bias, weight] => Ok((*weight, Some(*bias))),
            _ => Err(ProgramError::SlotCount),
        }
    }

    fn linear(&self, outputs: u32) -> Result<Linear, ProgramError> {
        let ((weight, bias), (rows, inputs)) = (self.weight()?, self.rows()?);
        Ok(Linear { weight, bias, rows, inputs, outputs })
    }

    fn norm(&self, epsilon: u32) -> Result<Norm, ProgramError> {
        let (rows, width) = self.rows()?;
        match self.weight()? {
            (weight, Some(bias)) => {
                let pair = crate::program::layers::Pair { bias, weight };
                Ok(Norm { pair, rows, width, epsilon })
            }
            (_, None) => Err(ProgramError::SlotCount),
        }
    }

    fn attention(&self, heads: u32) -> Attention {
        let (context, width) = self.node.shape.rows();
        let head_width = width.checked_div(heads).unwrap_or(0);
        Attention { batch: self.batch, context, heads, head_width }
    }

    fn token_table(&self, vocabulary: u32) -> Result<TokenTable, ProgramError> {
        let ((weight, _), (count, width)) = (self.weight()?, self.node.shape.rows());
        let rows = count.saturating_mul(self.batch);
        Ok(TokenTable { weight, rows, width, vocabulary })
    }

    fn position_table(&self, positions: u32) -> Result<PositionTable, ProgramError> {
        let ((weight, _), (context, width)) = (self.weight()?, self.node.shape.rows());
        Ok(PositionTable { weight, batch: self.batch, context, width, positions })
    }

    /// A function of every element of one or two slots, in a slot of its own.
    fn map(
        &self,
        builder: &mut Builder,
        (name, function): (&'static str, Function),
        slots: &[SlotIndex],
    ) -> Result<SlotIndex, ProgramError> {
        let operands: Vec<Operand> = slots.iter().map(|slot| of(*slot, &[1])).collect();
        builder.map(name, &[self.elements()], function, &operands)
    }
}
