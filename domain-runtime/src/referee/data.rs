//! Words that come from data files: which example stands in a row, and where it stands in the file.

use super::{Memory, Place, RefereeError};
use crate::batch_order;
use crate::float::Float;
use crate::program::{Batch, DataInput, Layout, Picker};

/// The example in row `row` of step `number`; `None` beyond the last.
pub(super) fn pick(batch: &Batch, number: u32, row: u32) -> Option<u32> {
    let place =
        u64::from(number).saturating_mul(u64::from(batch.rows)).saturating_add(u64::from(row));
    let within = || u32::try_from(place).ok().filter(|place| *place < batch.example_count);
    match batch.picker {
        Picker::Shuffled { seed } => Some(batch_order::example(seed, batch.example_count, place)),
        Picker::Sequence => within(),
        Picker::Split { beacon, file_example_count } => {
            within().map(|place| batch_order::split_example(&beacon, file_example_count, place))
        }
    }
}

/// The feature of a row as it stands in the file; 0 in a row without an example.
pub(super) fn feature(
    data: &DataInput,
    place: &Place,
    number: u32,
    memory: &mut dyn Memory,
) -> Result<Float, RefereeError> {
    let [row, feature, ..] = *place;
    let value = record_value(data, (row, feature), number, memory)?;
    Ok(if data.layout.is_real() { Float(value) } else { Float::from_u32(value) })
}

/// The label of a row; 0 in a row without an example.
pub(super) fn label(
    data: &DataInput,
    place: &Place,
    number: u32,
    memory: &mut dyn Memory,
) -> Result<u32, RefereeError> {
    let [row, ..] = *place;
    match data.layout.record() {
        Some((_, feature_count)) => record_value(data, (row, feature_count), number, memory),
        None => Ok(0),
    }
}

fn record_value(
    data: &DataInput,
    (row, value): (u32, u32),
    number: u32,
    memory: &mut dyn Memory,
) -> Result<u32, RefereeError> {
    let Some((value_bytes, feature_count)) = data.layout.record() else { return Ok(0) };
    let Some(example) = pick(&data.batch, number, row) else { return Ok(0) };
    let values = u64::from(feature_count).saturating_add(1);
    let before = u64::from(example).saturating_mul(values).saturating_add(u64::from(value));
    let offset = before.saturating_mul(u64::from(value_bytes));
    Ok(memory.bytes(data.slot, offset, value_bytes)?)
}

/// A token of the text of a row, `shift` tokens on, or a feature that is one; 0 in a row without an example.
pub(super) fn token(
    data: &DataInput,
    (place, shift): (&Place, u32),
    number: u32,
    memory: &mut dyn Memory,
) -> Result<u32, RefereeError> {
    let [row, position, ..] = *place;
    let position = position.saturating_add(shift);
    let Layout::Text { context, token_bytes } = data.layout else {
        return record_value(data, (row, position), number, memory);
    };
    let Some(example) = pick(&data.batch, number, row) else { return Ok(0) };
    let offset = u64::from(example)
        .saturating_mul(u64::from(context))
        .saturating_add(u64::from(position))
        .saturating_mul(u64::from(token_bytes));
    Ok(memory.bytes(data.slot, offset, token_bytes)?)
}
