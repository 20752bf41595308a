//! Operators that read data files, random numbers, the schedule, or that count.

use aipot_domain_runtime::batch_order::{example, split_example};
use aipot_domain_runtime::order::RecipeSchedule;
use aipot_domain_runtime::program::{
    Batch, DataInput, Layout, Operation, Picker, RateCourse, SlotIndex, SlotKind, View,
};
use aipot_kernels::blake3_tree;
use aipot_kernels::canonical::{canonical, canonicalize};
use aipot_kernels::chacha8::ChaChaStream;
use aipot_kernels::dropout::dropout_stream;
use aipot_kernels::softmax::argmax;
use rayon::prelude::*;

use super::sides::wide;
use super::{MachineError, Scene};
use crate::batch_order::seed_bytes;
use crate::schedule::Schedule;

/// Names the streams of initial weights.
const WEIGHTS_DOMAIN: &str = "weights";

impl Scene<'_> {
    /// Operators that are no functions of views alone, or that write few words.
    pub(super) fn write_data(&self, output: &mut [u32]) -> Result<(), MachineError> {
        match &self.operator.operation {
            Operation::Feature { data, divisor } => self.features(data, *divisor, output),
            Operation::Label { data } => self.labels(data, output),
            Operation::Token { data, shift } => self.tokens(data, *shift, output),
            Operation::IsPresent { batch, repeat } => {
                self.presence(batch, wide(*repeat), output);
                Ok(())
            }
            Operation::Normal { seed, counter, deviation } => {
                normal((*seed, *counter), f32::from_bits(*deviation), output);
                Ok(())
            }
            Operation::Kept { seed, node, threshold } => {
                kept((*seed, *node, self.number), *threshold, output);
                Ok(())
            }
            Operation::LearningRate { course } => {
                output.fill(learning_rate(course, self.number).to_bits());
                Ok(())
            }
            Operation::IsCorrect { logits, class_count, label, is_present } => {
                self.correct((logits, *class_count), [label, is_present], output)
            }
            Operation::CountUp { input, length } => self.count_up(input, *length, output),
            Operation::Digest { key, slot } => self.digest(key, *slot, output),
            Operation::Map { .. }
            | Operation::Product { .. }
            | Operation::ChainSum { .. }
            | Operation::Reduce { .. }
            | Operation::Gather { .. }
            | Operation::AddWindow { .. } => Err(self.wrong_layout()),
        }
    }

    fn features(
        &self,
        data: &DataInput,
        divisor: u32,
        output: &mut [u32],
    ) -> Result<(), MachineError> {
        let records = self.records(data)?;
        let divisor = rounded(divisor);
        let read = if data.layout.is_real() { f32::from_bits } else { rounded };
        let rows = output.par_chunks_mut(self.width()).enumerate();
        rows.try_for_each(|(row, output)| {
            let Some(example) = pick(&data.batch, row, self.number) else { return Ok(()) };
            for (feature, output) in output.iter_mut().enumerate() {
                let value = records.value(example, feature).ok_or_else(|| self.too_short(data))?;
                *output = canonical(read(value) / divisor).to_bits();
            }
            Ok(())
        })
    }

    fn labels(&self, data: &DataInput, output: &mut [u32]) -> Result<(), MachineError> {
        let records = self.records(data)?;
        for (row, output) in output.iter_mut().enumerate() {
            let Some(example) = pick(&data.batch, row, self.number) else { continue };
            let label = records.value(example, records.feature_count);
            *output = label.ok_or_else(|| self.too_short(data))?;
        }
        Ok(())
    }

    fn tokens(&self, data: &DataInput, shift: u32, output: &mut [u32]) -> Result<(), MachineError> {
        let Layout::Text { context, token_bytes } = data.layout else {
            return self.token_features(data, shift, output);
        };
        let (bytes, token_bytes) = (self.data_bytes(data)?, usize::from(token_bytes).max(1));
        for (row, output) in output.chunks_mut(self.width()).enumerate() {
            let Some(example) = pick(&data.batch, row, self.number) else { continue };
            let begin = example.checked_mul(wide(context));
            let begin = begin.and_then(|at| at.checked_add(wide(shift))?.checked_mul(token_bytes));
            let length = output.len().checked_mul(token_bytes);
            let text = begin.and_then(|begin| bytes.get(begin..begin.checked_add(length?)?));
            let text = text.ok_or_else(|| self.too_short(data))?;
            for (output, token) in output.iter_mut().zip(text.chunks_exact(token_bytes)) {
                *output = little_endian(token);
            }
        }
        Ok(())
    }

    /// Features of records that are tokens.
    fn token_features(
        &self,
        data: &DataInput,
        shift: u32,
        output: &mut [u32],
    ) -> Result<(), MachineError> {
        let records = self.records(data)?;
        for (row, output) in output.chunks_mut(self.width()).enumerate() {
            let Some(example) = pick(&data.batch, row, self.number) else { continue };
            for (feature, output) in (wide(shift)..).zip(output) {
                let value = records.value(example, feature);
                *output = value.ok_or_else(|| self.too_short(data))?;
            }
        }
        Ok(())
    }

    fn presence(&self, batch: &Batch, repeat: usize, output: &mut [u32]) {
        for (row, output) in output.chunks_mut(repeat.max(1)).enumerate() {
            output.fill(u32::from(pick(batch, row, self.number).is_some()));
        }
    }

    fn correct(
        &self,
        (logits, class_count): (&View, u32),
        [label, is_present]: [&View; 2],
        output: &mut [u32],
    ) -> Result<(), MachineError> {
        let (logits, values) = self.view(logits, class_count)?;
        let (labels, label_words) = self.view(label, 1)?;
        let (presences, presence_words) = self.view(is_present, 1)?;
        let values: &[f32] = bytemuck::cast_slice(values);
        let mut answers = vec![0; output.len()];
        logits.each_position(0, &mut answers, |position| {
            let row = &values[position..position + wide(class_count)];
            let answer = argmax(row, row.len()).unwrap_or_default();
            answer.first().and_then(|class| u32::try_from(*class).ok()).unwrap_or(u32::MAX)
        });
        let mut wanted = vec![0; output.len()];
        labels.gather(label_words, 0, &mut wanted);
        presences.gather(presence_words, 0, output);
        for (output, (answer, label)) in output.iter_mut().zip(answers.iter().zip(wanted)) {
            *output = u32::from(*output != 0 && *answer == label);
        }
        Ok(())
    }

    fn count_up(&self, input: &View, length: u32, output: &mut [u32]) -> Result<(), MachineError> {
        let (_, words) = self.view(input, length)?;
        let words = &words[wide(input.offset)..][..wide(length)];
        let sum: u64 = words.iter().map(|word| u64::from(*word)).sum();
        let [low, high] = *self.slot_words(self.operator.output)? else {
            return Err(self.wrong_layout());
        };
        let sum = (u64::from(high) << 32 | u64::from(low)).wrapping_add(sum).to_le_bytes();
        let (words, _) = sum.as_chunks::<4>();
        output.iter_mut().zip(words).for_each(|(output, word)| *output = u32::from_le_bytes(*word));
        Ok(())
    }

    fn digest(
        &self,
        key: &[u8; 32],
        slot: SlotIndex,
        output: &mut [u32],
    ) -> Result<(), MachineError> {
        let old = self.slot_words(self.operator.output)?;
        let mut hasher = blake3::Hasher::new_keyed(key);
        for word in old {
            hasher.update(&word.to_le_bytes());
        }
        hasher.update(&blake3_tree::bits_digest(bytemuck::cast_slice(self.slot_words(slot)?)));
        let digest = hasher.finalize();
        let (words, _) = digest.as_bytes().as_chunks::<4>();
        output.iter_mut().zip(words).for_each(|(output, word)| *output = u32::from_le_bytes(*word));
        Ok(())
    }

    /// Values of a row of the output.
    fn width(&self) -> usize {
        self.operator.shape[1..].iter().map(|size| wide(*size)).product::<usize>().max(1)
    }

    /// The bytes of the file behind a data slot; examples are counted from the file's first byte.
    fn data_bytes(&self, data: &DataInput) -> Result<&[u8], MachineError> {
        match self.slot(data.slot)?.kind {
            SlotKind::File { file, .. } => Ok(self.files.get(file)),
            SlotKind::Persistent | SlotKind::Scratch => Err(self.wrong_layout()),
        }
    }

    fn records(&self, data: &DataInput) -> Result<Records<'_>, MachineError> {
        let record = data.layout.record();
        let (value_bytes, feature_count) = record.ok_or_else(|| self.wrong_layout())?;
        let bytes = self.data_bytes(data)?;
        let (value_bytes, feature_count) = (usize::from(value_bytes), wide(feature_count));
        if feature_count == 0 || !(1..=4).contains(&value_bytes) {
            return Err(self.wrong_layout());
        }
        Ok(Records { bytes, value_bytes, feature_count })
    }

    fn wrong_layout(&self) -> MachineError {
        MachineError::WrongLayout { operator: self.operator.name }
    }

    fn too_short(&self, data: &DataInput) -> MachineError {
        let slot = self.slot(data.slot).map_or("data", |slot| slot.name);
        let found = self.data_bytes(data).map_or(0, <[u8]>::len);
        MachineError::FileTooShort { slot, found: u64::try_from(found).unwrap_or(u64::MAX) }
    }
}

/// A data file of records.
struct Records<'bytes> {
    bytes: &'bytes [u8],
    value_bytes: usize,
    feature_count: usize,
}

impl Records<'_> {
    /// A feature of an example, or after the last one its label.
    fn value(&self, example: usize, feature: usize) -> Option<u32> {
        let place = example.checked_mul(self.feature_count + 1)?.checked_add(feature)?;
        let begin = place.checked_mul(self.value_bytes)?;
        let bytes = self.bytes.get(begin..begin.checked_add(self.value_bytes)?)?;
        Some(little_endian(bytes))
    }
}

/// The value of up to four bytes.
fn little_endian(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte))
}

/// The example in a row of a batch.
fn pick(batch: &Batch, row: usize, number: u32) -> Option<usize> {
    let row = u64::try_from(row).unwrap_or(u64::MAX);
    let place = u64::from(number).saturating_mul(u64::from(batch.rows)).saturating_add(row);
    let within = u32::try_from(place).ok().filter(|place| *place < batch.example_count);
    let found = match &batch.picker {
        Picker::Shuffled { seed } => example(*seed, batch.example_count, place),
        Picker::Sequence => within?,
        Picker::Split { beacon, file_example_count } => {
            split_example(beacon, *file_example_count, within?)
        }
    };
    Some(wide(found))
}

fn normal((seed, counter): (u64, u64), deviation: f32, output: &mut [u32]) {
    let values: &mut [f32] = bytemuck::cast_slice_mut(output);
    ChaChaStream::derive(&seed_bytes(seed), WEIGHTS_DOMAIN, counter).fill_normal(values);
    for value in values.iter_mut() {
        *value *= deviation;
    }
    canonicalize(values);
}

fn kept((seed, node, step): (u64, u32, u32), threshold: u32, output: &mut [u32]) {
    let mut stream = dropout_stream(&seed_bytes(seed), node, step);
    for word in output.iter_mut() {
        *word = u32::from(stream.next_u32() >= threshold);
    }
}

fn learning_rate(course: &RateCourse, number: u32) -> f32 {
    let schedule = match course.schedule {
        RecipeSchedule::Constant => Schedule::Constant,
        RecipeSchedule::Cosine { warmup_step_count } => {
            Schedule::Cosine { warmup_step_count: u64::from(warmup_step_count) }
        }
        RecipeSchedule::OneCycle => Schedule::OneCycle,
    };
    let share = schedule.share(u64::from(number), u64::from(course.step_count));
    canonical(f32::from_bits(course.peak) * share)
}

#[expect(clippy::cast_precision_loss, reason = "rounding to f32 is what is wanted")]
fn rounded(value: u32) -> f32 {
    value as f32
}
