//! The evaluation of a model: batches of examples through the network, and counters of what came out.

use alloc::vec::Vec;

use super::builder::{Builder, of};
use super::error::ProgramError;
use super::header::model_header;
use super::model::{file_tensors, forward, layout};
use super::{
    Batch, Computation, DataInput, ELEMENTS_MAX, File, Function, Layout, Operand, Operation,
    Picker, Program, ROW_ELEMENTS_MAX, SlotIndex, View,
};
use crate::order::network::{Layer, Network, network};
use crate::order::shape::ShapeError;
use crate::order::tensors::tensors;
use crate::order::{DataFile, OrderSpecification};
use crate::progress::TestSource;

/// Examples of records that go through the model at a time.
const BATCH_RECORDS: u32 = 64;
/// Texts that go through the model at a time, as long as their tokens fit one row of the counters.
const BATCH_TEXTS: u32 = 8;
/// Words of a counter.
const COUNTER_WORDS: u32 = 2;
/// Words of a digest.
const DIGEST_WORDS: u32 = 8;

/// What is counted; these slots survive a step, in this order.
struct Counters {
    /// Right answers.
    correct: SlotIndex,
    /// Sum of the losses in Q16.16.
    loss: SlotIndex,
    /// Keyed digest of all logits.
    digest: SlotIndex,
}

impl Counters {
    fn new(builder: &mut Builder) -> Result<Self, ProgramError> {
        Ok(Self {
            correct: builder.persistent("correct answers", COUNTER_WORDS)?,
            loss: builder.persistent("sum of losses", COUNTER_WORDS)?,
            digest: builder.persistent("digest of logits", DIGEST_WORDS)?,
        })
    }
}

/// Examples of a batch of the evaluation.
///
/// # Errors
/// [`ProgramError`] when the model does not fit the data, or a text is longer than a row of the counters.
pub fn evaluation_batch_rows(specification: &OrderSpecification) -> Result<u32, ProgramError> {
    let most = most_rows(specification)?;
    let largest = network(specification).map_err(ShapeError::from)?;
    let largest = largest.as_ref().map_or(0, largest_value);
    // Halved until every slot fits.
    let halves = core::iter::successors(Some(most), |rows| rows.checked_div(2));
    let mut halves = halves.take_while(|rows| *rows > 0);
    let is_fitting = |rows: u32| largest.saturating_mul(u64::from(rows)) <= u64::from(ELEMENTS_MAX);
    // Where not even one example fits, the builder says what is too large.
    Ok(halves.find(|rows| is_fitting(*rows)).unwrap_or(1))
}

/// The most numbers that a layer makes of one example, the scores of attentions included.
fn largest_value(network: &Network) -> u64 {
    let numbers = network.nodes.iter().map(|node| {
        let (tokens, _) = node.shape.rows();
        let pairs = u64::from(tokens).saturating_mul(u64::from(tokens));
        let scores = if let Layer::Attention { heads, .. } = node.layer {
            pairs.saturating_mul(u64::from(heads))
        } else {
            0
        };
        node.shape.value_count().max(scores)
    });
    numbers.max().unwrap_or(0)
}

/// Examples of a batch where the network sets no other bound.
fn most_rows(specification: &OrderSpecification) -> Result<u32, ProgramError> {
    match layout(specification)? {
        Layout::Records { .. } | Layout::Floats { .. } => Ok(BATCH_RECORDS),
        Layout::Text { context, .. } => {
            let fitting = ROW_ELEMENTS_MAX.checked_div(context).filter(|texts| *texts > 0);
            let missing = ProgramError::RowLength { name: "tokens of a text", length: context };
            fitting.map(|texts| texts.min(BATCH_TEXTS)).ok_or(missing)
        }
    }
}

/// Every operator of the evaluation of a model of an order.
///
/// Persistent slots: right answers and the sum of the losses in Q16.16, two words each, and the digest of
/// the logits under `key`, eight words. `data` is the file that `source` draws from.
///
/// # Errors
/// [`ProgramError`] when the file is too short for its examples, or the evaluation is beyond what a game
/// can referee.
pub fn evaluation(
    specification: &OrderSpecification,
    data: &DataFile,
    source: &TestSource,
    key: [u8; 32],
) -> Result<Computation, ProgramError> {
    let drawn = Drawn::new(specification, source)?;
    let least = *specification.data.file_bytes(drawn.file_example_count).start();
    if data.byte_count < least {
        return Err(ProgramError::DataLength { needed: least, found: data.byte_count });
    }
    Ok(Computation {
        initial: initial()?,
        step: step(specification, &drawn, key)?,
        step_count: drawn.batch.example_count.div_ceil(drawn.batch.rows),
    })
}

/// What an evaluation reads.
struct Drawn {
    file: File,
    file_example_count: u32,
    batch: Batch,
}

impl Drawn {
    fn new(specification: &OrderSpecification, source: &TestSource) -> Result<Self, ProgramError> {
        let rows = evaluation_batch_rows(specification)?;
        let (train, test) =
            (specification.data.train_example_count, specification.data.test_example_count);
        Ok(match *source {
            TestSource::Revealed(_) => {
                let batch = Batch { picker: Picker::Sequence, rows, example_count: test };
                Self { file: File::Test, file_example_count: test, batch }
            }
            TestSource::BeaconSplit(beacon) => {
                let picker = Picker::Split { beacon, file_example_count: train };
                let batch = Batch { picker, rows, example_count: test.min(train) };
                Self { file: File::Train, file_example_count: train, batch }
            }
        })
    }
}

/// All counters at zero.
fn initial() -> Result<Program, ProgramError> {
    let mut builder = Builder::default();
    let Counters { correct, loss, digest } = Counters::new(&mut builder)?;
    let counters = [(correct, COUNTER_WORDS), (loss, COUNTER_WORDS), (digest, DIGEST_WORDS)];
    for (slot, words) in counters {
        let zero = [Operand::Constant(0)];
        builder.update("counter", (slot, &[words]), Function::Copy, &zero)?;
    }
    builder.finish()
}

fn step(
    specification: &OrderSpecification,
    drawn: &Drawn,
    key: [u8; 32],
) -> Result<Program, ProgramError> {
    let layout = layout(specification)?;
    let mut builder = Builder::default();
    let counters = Counters::new(&mut builder)?;
    let slot = builder.file("evaluated data", drawn.file, (0, 0))?;
    let weights = weights(&mut builder, specification)?;
    let data = DataInput { slot, layout, batch: drawn.batch };
    let answers = forward(&mut builder, specification, data, &weights)?.answers;
    let rows = answers.rows;
    let repeat = rows.checked_div(drawn.batch.rows).unwrap_or(1);
    let is_present = Operation::IsPresent { batch: drawn.batch, repeat };
    let is_present = builder.compute("rows with an example", &[rows], is_present)?;
    let is_correct = builder.compute(
        "right answers",
        &[rows],
        Operation::IsCorrect {
            logits: View::new(answers.logits, &[answers.classes]),
            class_count: answers.classes,
            label: View::new(answers.labels, &[1]),
            is_present: View::new(is_present, &[1]),
        },
    )?;
    let (losses, _) = answers.losses(&mut builder)?;
    let operands = [of(losses, &[1]), of(is_present, &[1])];
    let losses = builder.map("losses in Q16.16", &[rows], Function::LossQ16, &operands)?;
    for (counter, input) in [(counters.correct, is_correct), (counters.loss, losses)] {
        let count = Operation::CountUp { input: View::new(input, &[]), length: rows };
        builder.write("counter", (counter, &[COUNTER_WORDS]), count)?;
    }
    let digest = Operation::Digest { key, slot: answers.logits };
    builder.write("digest of logits", (counters.digest, &[DIGEST_WORDS]), digest)?;
    builder.finish()
}

/// The tensors of the model where they stand in its canonical file.
fn weights(
    builder: &mut Builder,
    specification: &OrderSpecification,
) -> Result<Vec<SlotIndex>, ProgramError> {
    let (header, tensors) = (model_header(specification)?, tensors(specification)?);
    file_tensors(builder, File::Model, (&header, &tensors))
}
