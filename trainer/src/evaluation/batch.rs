//! The batches of an evaluation through the engine, with the bits of its program.

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::order::tensors::base_tensors;
use aipot_domain_runtime::program::{Computation, Operation, SlotIndex, base_header, model_header};
use aipot_kernels::canonical::canonicalize;
use aipot_kernels::softmax::{argmax, negative_log_likelihood};

use super::EvaluateError;
use crate::architecture::layout;
use crate::engine::{Batch, Network};
use crate::trace::machine::{Files, Machine, q16};
use crate::trace::state::slot_root;

/// What one batch adds to an evaluation.
pub(super) struct Answers {
    pub(super) correct_count: u64,
    pub(super) loss_sum_q16: u64,
    pub(super) logits_root: [u8; 32],
}

/// The engine with the model of an evaluation, and the operators that read its data.
pub(super) struct Batches<'input> {
    /// Runs the operators that read data, and nothing else.
    machine: Machine<'input>,
    network: Network,
    weights: Vec<Vec<f32>>,
    classes: usize,
    inputs: Slots,
    features: Vec<f32>,
}

/// Where the operators that read data write.
#[derive(Clone, Copy)]
struct Slots {
    features: Option<SlotIndex>,
    tokens: Option<SlotIndex>,
    labels: SlotIndex,
    is_present: SlotIndex,
}

/// The part of an evaluation that reads data: its other operators are the engine's work.
pub(super) fn reading(computation: &Computation) -> Computation {
    let mut reading = computation.clone();
    reading.step.operators.retain(|operator| {
        matches!(
            operator.operation,
            Operation::Feature { .. }
                | Operation::Label { .. }
                | Operation::Token { .. }
                | Operation::IsPresent { .. }
        )
    });
    reading
}

impl Slots {
    fn of(reading: &Computation) -> Option<Self> {
        let operators = &reading.step.operators;
        let output = |is_wanted: &dyn Fn(&Operation) -> bool| {
            let found = operators.iter().find(|operator| is_wanted(&operator.operation));
            found.map(|operator| operator.output)
        };
        let following = |operation: &Operation| {
            matches!(operation, Operation::Label { .. } | Operation::Token { shift: 1, .. })
        };
        Some(Self {
            features: output(&|operation| matches!(operation, Operation::Feature { .. })),
            tokens: output(&|operation| matches!(operation, Operation::Token { shift: 0, .. })),
            labels: output(&following)?,
            is_present: output(&|operation| matches!(operation, Operation::IsPresent { .. }))?,
        })
    }
}

impl<'input> Batches<'input> {
    /// `None` when the engine lacks a layer of the network, or the files are not of the order's lengths.
    pub(super) fn new(
        specification: &OrderSpecification,
        reading: &'input Computation,
        files: Files<'input>,
    ) -> Option<Self> {
        let inputs = Slots::of(reading)?;
        let layouts = layout(specification).ok()?;
        let counts = layouts.iter().map(crate::architecture::TensorLayout::value_count);
        let header = model_header(specification).ok()?;
        let weights = values(files.model.get(header.len()..)?, counts)?;
        let rows = evaluated_rows(reading)?;
        let mut order = specification.clone();
        order.train.batch_size = u32::try_from(rows).ok()?;
        let mut network = Network::new(&order, rows).ok()?;
        if network.has_frozen() {
            let header = base_header(specification).ok()?;
            let tensors = base_tensors(specification).ok()?;
            let counts = tensors
                .iter()
                .map(|tensor| tensor.value_count().and_then(|count| usize::try_from(count).ok()));
            let counts = counts.collect::<Option<Vec<_>>>()?;
            let base = values(files.base.get(header.len()..)?, counts.into_iter())?;
            network.set_base(base).ok()?;
        }
        let classes = usize::try_from(specification.data.class_count).ok()?;
        let machine = Machine::new(reading, files);
        Some(Self { machine, network, weights, classes, inputs, features: Vec::new() })
    }

    /// The answers to the batch of a step; `None` when the engine refuses what the program computes.
    ///
    /// # Errors
    /// [`EvaluateError::Machine`] when the data ends too early.
    pub(super) fn answer(&mut self, step: u32) -> Result<Option<Answers>, EvaluateError> {
        self.machine.step(step)?;
        let slots = self.machine.slots();
        let words = |slot: Option<SlotIndex>| -> &[u32] {
            slot.and_then(|slot| slots.get(usize::from(slot))).map_or(&[], Vec::as_slice)
        };
        self.features.clear();
        self.features.extend(words(self.inputs.features).iter().copied().map(f32::from_bits));
        let (tokens, labels) = (words(self.inputs.tokens), words(Some(self.inputs.labels)));
        let is_present = words(Some(self.inputs.is_present));
        let batch = Batch { features: &self.features, tokens, labels, number: 0 };
        let Ok(mut logits) = self.network.logits(&self.weights, batch) else { return Ok(None) };
        // What is hashed are the words of the program, in which every NaN is the same.
        canonicalize(&mut logits);
        Ok(self.count(&logits, labels, is_present))
    }

    fn count(&self, logits: &[f32], labels: &[u32], is_present: &[u32]) -> Option<Answers> {
        let answers = argmax(logits, self.classes).ok()?;
        // Of a label that no class has the program makes something, too, which is left to the machine.
        let losses = negative_log_likelihood(logits, self.classes, labels).ok()?;
        let (mut correct_count, mut loss_sum_q16) = (0, 0);
        let rows = answers.iter().zip(losses).zip(labels.iter().zip(is_present));
        for ((answer, loss), (label, is_present)) in rows {
            if *is_present == 0 {
                continue;
            }
            correct_count += u64::from(u32::try_from(*answer) == Ok(*label));
            loss_sum_q16 += u64::from(q16(loss));
        }
        let words: Vec<u32> = logits.iter().map(|value| value.to_bits()).collect();
        Some(Answers { correct_count, loss_sum_q16, logits_root: slot_root(&words) })
    }
}

/// Examples of a batch.
fn evaluated_rows(reading: &Computation) -> Option<usize> {
    reading.step.operators.iter().find_map(|operator| match operator.operation {
        Operation::IsPresent { batch, .. } => usize::try_from(batch.rows).ok(),
        _ => None,
    })
}

/// Tensors one after the other; `None` when the bytes are not just theirs.
fn values(bytes: &[u8], counts: impl Iterator<Item = usize>) -> Option<Vec<Vec<f32>>> {
    let (words, rest) = bytes.as_chunks::<4>();
    let mut words = words.iter();
    let mut tensors = Vec::new();
    for count in counts {
        if words.len() < count {
            return None;
        }
        let tensor = words.by_ref().take(count);
        tensors.push(tensor.map(|word| f32::from_le_bytes(*word)).collect());
    }
    (words.len() == 0 && rest.is_empty()).then_some(tensors)
}
