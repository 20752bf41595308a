//! Computes any one word that a program writes, in integer arithmetic, from the words that it is made of.
//!
//! This is the definition of every operation of a [`Program`]; the kernels that train give the same bits.

mod data;
mod function;

use alloc::vec::Vec;

use crate::chacha8;
use crate::float::{Float, reduction, schedule};
use crate::order::RecipeSchedule;
use crate::program::{
    BLOCK_ELEMENTS, Operand, Operation, Operator, Program, RANK, ROW_ELEMENTS_MAX, RateCourse,
    Reduction, SlotIndex, View,
};

/// Names the streams of initial weights.
const WEIGHTS_DOMAIN: &str = "weights";
/// Names the streams of dropout.
const DROPOUT_DOMAIN: &str = "dropout";
/// Words of a digest.
const DIGEST_WORDS: u32 = 8;

/// What a program's operators read.
pub trait Memory {
    /// A word of a slot.
    ///
    /// # Errors
    /// [`Unread`] when it is not there.
    fn word(&mut self, slot: SlotIndex, element: u32) -> Result<u32, Unread>;

    /// Up to four bytes of a file as a little-endian integer.
    ///
    /// # Errors
    /// [`Unread`] when they are not there.
    fn bytes(&mut self, slot: SlotIndex, offset: u64, count: u8) -> Result<u32, Unread>;

    /// The root of a slot.
    ///
    /// # Errors
    /// [`Unread`] when it is not there.
    fn root(&mut self, slot: SlotIndex) -> Result<[u8; 32], Unread>;
}

/// A word that would have been needed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("slot {slot} is not opened at byte {offset}")]
pub struct Unread {
    /// Of which slot.
    pub slot: SlotIndex,
    /// Its first byte.
    pub offset: u64,
}

/// Why a word cannot be computed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RefereeError {
    /// Something that it is made of is missing.
    #[error(transparent)]
    Unread(#[from] Unread),
    /// The output has fewer words.
    #[error("element {element}, the output has {count}")]
    NoSuchElement {
        /// The element.
        element: u32,
        /// Elements of the output.
        count: u64,
    },
    /// An operator reads further than any program may.
    #[error("{what} of {found} elements, allowed at most {max}")]
    TooLong {
        /// What is too long.
        what: &'static str,
        /// Its length.
        found: u32,
        /// What is allowed.
        max: u32,
    },
    /// A function lacks an operand.
    #[error("operand {operand} is missing")]
    MissingOperand {
        /// Its place.
        operand: usize,
    },
    /// The operator writes a slot that the program has not.
    #[error("the program has no slot {slot}")]
    NoSuchSlot {
        /// The slot.
        slot: SlotIndex,
    },
}

/// A place in the output of an operator: one number for each side.
type Place = [u32; RANK];

/// Computes element `element` of what `operator` writes in step `number` (from 0) of the run.
///
/// # Errors
/// [`RefereeError`] when a word is missing from `memory` or the operator is not one of any program.
pub fn element(
    (program, operator): (&Program, &Operator),
    number: u32,
    element: u32,
    memory: &mut dyn Memory,
) -> Result<u32, RefereeError> {
    let place = place(operator, element)?;
    let mut read = Reader { memory, place };
    match &operator.operation {
        Operation::Map { function, operands } => {
            let words: Vec<u32> =
                operands.iter().map(|operand| read.operand(operand)).collect::<Result<_, _>>()?;
            function::apply(*function, &words)
        }
        Operation::Product { left, right, depth } => read.product(left, right, *depth),
        Operation::ChainSum { input, depth } => read.chain_sum(input, *depth),
        Operation::Reduce { reduction, input, length } => read.reduce(*reduction, input, *length),
        Operation::Gather { table, index, stride } => {
            let index = read.view(index)?;
            let slot = program.slots.get(usize::from(table.slot));
            let slot = slot.ok_or(RefereeError::NoSuchSlot { slot: table.slot })?;
            let element = u64::from(index)
                .saturating_mul(u64::from(*stride))
                .saturating_add(at(table, &place));
            match u32::try_from(element) {
                Ok(element) if element < slot.element_count => {
                    Ok(memory.word(table.slot, element)?)
                }
                Ok(_) | Err(_) => Ok(Float::NAN.0),
            }
        }
        Operation::AddWindow { added, origin, size, stride } => {
            let old = read.memory.word(operator.output, element)?;
            read.add_window(Float(old), added, (origin, size, *stride))
        }
        Operation::Feature { data, divisor } => data::feature(data, &place, number, read.memory)
            .map(|value| value.divide(Float::from_u32(*divisor)).0),
        Operation::Label { data } => data::label(data, &place, number, read.memory),
        Operation::Token { data, shift } => data::token(data, (&place, *shift), number, memory),
        Operation::IsPresent { batch, repeat } => {
            let row = element.checked_div(*repeat).unwrap_or(0);
            Ok(u32::from(data::pick(batch, number, row).is_some()))
        }
        Operation::Normal { seed, counter, deviation } => {
            Ok(normal(*seed, *counter, element).multiply(Float(*deviation)).0)
        }
        Operation::Kept { seed, node, threshold } => {
            Ok(u32::from(dropout_word(*seed, (*node, number), element) >= *threshold))
        }
        Operation::LearningRate { course } => Ok(learning_rate(course, number).0),
        Operation::IsCorrect { logits, class_count, label, is_present } => {
            read.is_correct(logits, *class_count, (label, is_present))
        }
        Operation::CountUp { input, length } => {
            let old = read.wide(operator.output)?;
            read.count_up(old, input, (*length, element))
        }
        Operation::Digest { key, slot } => {
            let digest = read.digest(operator.output, (key, *slot))?;
            let (words, _) = digest.as_chunks::<4>();
            let word = usize::try_from(element).ok().and_then(|index| words.get(index));
            let missing = RefereeError::NoSuchElement { element, count: u64::from(DIGEST_WORDS) };
            word.map(|word| u32::from_le_bytes(*word)).ok_or(missing)
        }
    }
}

/// A normal number for a weight: one of the stream that belongs to the seed of the order.
fn normal(seed: u64, counter: u64, element: u32) -> Float {
    let key = chacha8::derive_key(&seed_bytes(seed), WEIGHTS_DOMAIN, counter);
    chacha8::normal(&key, u64::from(element))
}

/// The word of an element in the stream of one layer and step.
fn dropout_word(seed: u64, (node, step): (u32, u32), element: u32) -> u32 {
    let counter = u64::from(node) << 32 | u64::from(step);
    let key = chacha8::derive_key(&seed_bytes(seed), DROPOUT_DOMAIN, counter);
    chacha8::word(&key, u64::from(element))
}

/// The seed of an order as keys are derived from it.
fn seed_bytes(seed: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    if let Some(low) = bytes.first_chunk_mut::<8>() {
        *low = seed.to_le_bytes();
    }
    bytes
}

/// The learning rate of step `number` of a run.
#[must_use]
pub fn learning_rate(course: &RateCourse, number: u32) -> Float {
    let peak = Float(course.peak);
    let (step, step_count) = (u64::from(number), u64::from(course.step_count));
    peak.multiply(match course.schedule {
        RecipeSchedule::Constant => Float::ONE,
        RecipeSchedule::Cosine { warmup_step_count } => {
            schedule::cosine_share(u64::from(warmup_step_count), step, step_count)
        }
        RecipeSchedule::OneCycle => schedule::one_cycle_share(step, step_count),
    })
}

/// The place of an element, the last side fastest.
fn place(operator: &Operator, element: u32) -> Result<Place, RefereeError> {
    let count =
        operator.shape.iter().fold(1_u64, |count, side| count.saturating_mul(u64::from(*side)));
    if u64::from(element) >= count {
        return Err(RefereeError::NoSuchElement { element, count });
    }
    let mut place = [0; RANK];
    let mut rest = element;
    for (number, side) in place.iter_mut().zip(&operator.shape).rev() {
        *number = rest.checked_rem(*side).unwrap_or(0);
        rest = rest.checked_div(*side).unwrap_or(0);
    }
    Ok(place)
}

/// The element of its slot that a view sees at a place.
fn at(view: &View, place: &Place) -> u64 {
    affine(view.offset, &view.strides, place)
}

fn affine(offset: u32, strides: &[u32; RANK], place: &Place) -> u64 {
    strides.iter().zip(place).fold(u64::from(offset), |sum, (stride, number)| {
        sum.saturating_add(u64::from(*stride).saturating_mul(u64::from(*number)))
    })
}

/// Reads for one element of an output.
struct Reader<'memory> {
    memory: &'memory mut dyn Memory,
    place: Place,
}

impl Reader<'_> {
    /// The digest in `output` with the root of a slot after it, under a key.
    fn digest(
        &mut self,
        output: SlotIndex,
        (key, slot): (&[u8; 32], SlotIndex),
    ) -> Result<[u8; 32], RefereeError> {
        let mut hasher = blake3::Hasher::new_keyed(key);
        for word in 0..DIGEST_WORDS {
            hasher.update(&self.memory.word(output, word)?.to_le_bytes());
        }
        hasher.update(&self.memory.root(slot)?);
        Ok(*hasher.finalize().as_bytes())
    }

    /// The word that a view sees here, `further` elements on.
    fn further(&mut self, view: &View, further: u32) -> Result<u32, RefereeError> {
        let element = at(view, &self.place).saturating_add(u64::from(further));
        let unread = Unread { slot: view.slot, offset: element.saturating_mul(4) };
        let element = u32::try_from(element).map_err(|_| unread)?;
        Ok(self.memory.word(view.slot, element)?)
    }

    fn view(&mut self, view: &View) -> Result<u32, RefereeError> {
        self.further(view, 0)
    }

    fn operand(&mut self, operand: &Operand) -> Result<u32, RefereeError> {
        match operand {
            Operand::Slot(view) => self.view(view),
            Operand::Index { offset, strides } => {
                Ok(u32::try_from(affine(*offset, strides, &self.place)).unwrap_or(u32::MAX))
            }
            Operand::Constant(word) => Ok(*word),
        }
    }

    fn product(&mut self, left: &View, right: &View, depth: u32) -> Result<u32, RefereeError> {
        check_length("a block", depth, BLOCK_ELEMENTS)?;
        let mut sum = Float::ZERO;
        for k in 0..depth {
            let (left, right) = (self.further(left, k)?, self.further(right, k)?);
            sum = Float(left).multiply_add(Float(right), sum);
        }
        Ok(sum.0)
    }

    fn chain_sum(&mut self, input: &View, depth: u32) -> Result<u32, RefereeError> {
        check_length("a block", depth, BLOCK_ELEMENTS)?;
        let mut sum = Float::ZERO;
        for k in 0..depth {
            sum = sum.add(Float(self.further(input, k)?));
        }
        Ok(sum.0)
    }

    fn row(&mut self, view: &View, length: u32) -> Result<Vec<u32>, RefereeError> {
        check_length("a row", length, ROW_ELEMENTS_MAX)?;
        (0..length).map(|element| self.further(view, element)).collect()
    }

    fn reduce(
        &mut self,
        reduction: Reduction,
        input: &View,
        length: u32,
    ) -> Result<u32, RefereeError> {
        let row: Vec<Float> = self.row(input, length)?.into_iter().map(Float).collect();
        let value = match reduction {
            Reduction::Sum => reduction::sum(&row),
            Reduction::Mean => reduction::mean(&row),
            Reduction::Maximum => reduction::max(&row),
        };
        Ok(value.0)
    }

    fn add_window(
        &mut self,
        old: Float,
        added: &View,
        (origin, size, stride): (&[u32; 2], &[u32; 2], u32),
    ) -> Result<u32, RefereeError> {
        let [first, second, row, column, fifth, sixth] = self.place;
        let ([top, left], [height, width]) = (origin, size);
        // Between the rows and columns of the window lies nothing of it.
        let within = |place: u32, origin: u32| {
            let steps = place.checked_sub(origin)?;
            let is_on = steps.checked_rem(stride)? == 0;
            steps.checked_div(stride).filter(|_| is_on)
        };
        let (Some(y), Some(x)) = (within(row, *top), within(column, *left)) else {
            return Ok(old.0);
        };
        if y >= *height || x >= *width {
            return Ok(old.0);
        }
        self.place = [first, second, y, x, fifth, sixth];
        Ok(old.add(Float(self.view(added)?)).0)
    }

    fn is_correct(
        &mut self,
        logits: &View,
        class_count: u32,
        (label, is_present): (&View, &View),
    ) -> Result<u32, RefereeError> {
        let row = self.row(logits, class_count)?;
        let mut best: Option<(u32, Float)> = None;
        for (class, logit) in (0_u32..).zip(row.into_iter().map(Float)) {
            let is_better = best.is_none_or(|(_, largest)| logit.is_greater(largest));
            if !logit.is_nan() && is_better {
                best = Some((class, logit));
            }
        }
        let answer = best.map_or(0, |(class, _)| class);
        let is_right = answer == self.view(label)? && self.view(is_present)? != 0;
        Ok(u32::from(is_right))
    }

    /// The two words of a counter.
    fn wide(&mut self, slot: SlotIndex) -> Result<u64, RefereeError> {
        let (low, high) = (self.memory.word(slot, 0)?, self.memory.word(slot, 1)?);
        Ok(u64::from(high) << 32 | u64::from(low))
    }

    /// Word `element` of the counter after the integers are added. The input is a row for the first word
    /// and for the second alike, so its view has no stride along the output.
    fn count_up(
        &mut self,
        old: u64,
        input: &View,
        (length, element): (u32, u32),
    ) -> Result<u32, RefereeError> {
        let row = self.row(input, length)?;
        let sum = row.into_iter().fold(old, |sum, value| sum.wrapping_add(u64::from(value)));
        let word = if element == 0 { sum & u64::from(u32::MAX) } else { sum >> 32 };
        // Masked or shifted to 32 bits.
        Ok(u32::try_from(word).unwrap_or(u32::MAX))
    }
}

fn check_length(what: &'static str, found: u32, max: u32) -> Result<(), RefereeError> {
    if found > max {
        return Err(RefereeError::TooLong { what, found, max });
    }
    Ok(())
}
