//! The training file in two: what candidates are trained on, and what is held out to judge them.

use aipot_domain_runtime::batch_order::epoch_order;
use aipot_domain_runtime::order::OrderSpecification;

use super::SearchError;
use crate::dataset::data_file;

/// One example in so many is held out.
const HELD_OUT_SHARE: u32 = 10;

/// Most examples held out: enough to tell losses apart by a few hundredths of a nat.
const HELD_OUT_MAX: u32 = 4096;

/// A part of the training file, and the order as if it were the whole.
#[derive(Clone, PartialEq, Debug)]
pub struct Part {
    /// The order over this part.
    pub specification: OrderSpecification,
    /// The bytes of the part.
    pub bytes: Vec<u8>,
}

/// The two parts of a training file.
#[derive(Clone, PartialEq, Debug)]
pub struct Division {
    /// What candidates are trained on.
    pub train: Part,
    /// What judges them.
    pub held_out: Part,
}

impl Division {
    /// Divides the training file of an order: running text at its end, other examples as the seed draws.
    ///
    /// # Errors
    /// [`SearchError::TooFewExamples`] for a file of one example, or of other bytes than the order says.
    pub fn new(
        specification: &OrderSpecification,
        bytes: &[u8],
        seed: u64,
    ) -> Result<Self, SearchError> {
        let data = &specification.data;
        let example_count = data.train_example_count;
        let refused = SearchError::TooFewExamples { example_count };
        let is_known = u64::try_from(bytes.len()) == Ok(data.train.byte_count);
        if example_count < 2 || !is_known {
            return Err(refused);
        }
        let held_out_count = (example_count / HELD_OUT_SHARE).clamp(1, HELD_OUT_MAX);
        let kept_count = example_count.saturating_sub(held_out_count);
        let example = |index: u32| {
            let range = data.example_range(index);
            let [start, end] = [range.start, range.end].map(usize::try_from);
            bytes.get(start.ok()?..end.ok()?)
        };
        let parts = if data.format.is_running() {
            // The last token of a part is the first of the next: it is only a target before.
            let end = usize::try_from(data.example_range(kept_count.saturating_sub(1)).end);
            let start = usize::try_from(data.example_range(kept_count).start);
            let parts = end.ok().zip(start.ok());
            parts.and_then(|(end, start)| {
                Some((bytes.get(..end)?.to_vec(), bytes.get(start..)?.to_vec()))
            })
        } else {
            let order = epoch_order(seed, 0, example_count);
            let mut drawn: Vec<u32> = (0..held_out_count).map(|index| order.at(index)).collect();
            drawn.sort_unstable();
            let is_drawn = |index: &u32| drawn.binary_search(index).is_ok();
            let chosen = |is_held_out: bool| -> Option<Vec<u8>> {
                let indexes = (0..example_count).filter(|index| is_drawn(index) == is_held_out);
                indexes.map(example).collect::<Option<Vec<&[u8]>>>().map(|parts| parts.concat())
            };
            chosen(false).zip(chosen(true))
        };
        let (train, held_out) = parts.ok_or(refused)?;
        Ok(Self {
            train: part(specification, train, kept_count),
            held_out: part(specification, held_out, held_out_count),
        })
    }
}

fn part(specification: &OrderSpecification, bytes: Vec<u8>, example_count: u32) -> Part {
    let mut specification = specification.clone();
    specification.data.train = data_file(&bytes);
    specification.data.train_example_count = example_count;
    Part { specification, bytes }
}
