//! What examples have in common, and the files of an order made of them.

use std::io::Write;

use aipot_domain_runtime::batch_order::Permutation;
use aipot_domain_runtime::order::check::{EXAMPLES_MAX, WIDTH_MAX};
use aipot_kernels::chacha8::ChaChaStream;

use super::super::FEATURE_MAX;
use super::super::records::{LABEL_MAX, narrowest};
use super::running::written;
use super::{Example, Examples, ImportError, Place, Problem};
use crate::batch_order::seed_bytes;

/// Names the stream of the choice of test examples.
const CHOICE_DOMAIN: &str = "test choice";

/// Examples between two words to whoever watches.
const WATCH_EXAMPLES: u64 = 1024;

/// How numbers lie in the files of an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Layout {
    /// Whole numbers of one width, features then label.
    Records {
        /// Bytes of a value: 1, 2 or 4.
        value_bytes: u8,
    },
    /// Features as f32, then the label as u32, all little-endian.
    Floats,
}

/// What happens to numbers that f32 does not hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rounding {
    /// They are refused.
    Refuse,
    /// The nearest f32 is taken.
    Nearest,
}

/// What a first reading found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Survey {
    /// How many examples there are.
    pub example_count: u32,
    /// How many features each has.
    pub feature_count: u32,
    /// The largest feature, when all are whole numbers that records can hold.
    pub whole_max: Option<u32>,
    /// The largest label.
    pub label_max: u32,
}

impl Survey {
    /// The narrowest layout that holds all examples.
    pub fn layout(&self) -> Layout {
        match self.whole_max {
            Some(largest) => {
                Layout::Records { value_bytes: narrowest(largest.max(self.label_max)) }
            }
            None => Layout::Floats,
        }
    }
}

/// Reads all examples once and says what they have in common.
///
/// # Errors
/// [`ImportError`] with the first example that is not as the others, is not finite or has no label from 0 to
/// `label_max`; and when there is none.
pub fn survey(
    examples: &mut dyn Examples,
    label_max: Option<u32>,
    watch: &mut dyn FnMut(u64, u64),
) -> Result<Survey, ImportError> {
    let label_max = label_max.unwrap_or(LABEL_MAX).min(LABEL_MAX);
    let mut found = Survey { example_count: 0, feature_count: 0, whole_max: Some(0), label_max: 0 };
    let mut example = Example::default();
    while examples.read(&mut example)? {
        let number = u64::from(found.example_count).saturating_add(1);
        found.example_count = found.example_count.saturating_add(1);
        let width = check_width(examples.name(), number, &example)?;
        if number == 1 {
            found.feature_count = width;
        }
        expect_width(examples.name(), number, width, found.feature_count)?;
        found.label_max = found.label_max.max(label(examples.name(), number, &example, label_max)?);
        for (feature, value) in (1_u64..).zip(&example.features) {
            check_finite(examples.name(), number, feature, *value)?;
            let whole = found.whole_max.zip(whole(*value, FEATURE_MAX));
            found.whole_max = whole.map(|(largest, value)| largest.max(value));
        }
        if found.example_count > EXAMPLES_MAX {
            break;
        }
        if number.is_multiple_of(WATCH_EXAMPLES) {
            let (done, all) = examples.progress();
            watch(done, all);
        }
    }
    check_count(examples.name(), found.example_count)?;
    Ok(found)
}

/// What training and test have in common, for both lie in one layout.
///
/// # Errors
/// [`Problem::FeatureCount`] and [`Problem::UnseenLabel`], of the test file.
pub fn agree(train: &Survey, test: &Survey, test_name: &str) -> Result<Survey, ImportError> {
    let refuse =
        |problem| Err(ImportError { file: test_name.to_owned(), place: Place::Whole, problem });
    if train.feature_count != test.feature_count {
        let (found, expected) = (test.feature_count.into(), train.feature_count.into());
        return refuse(Problem::FeatureCount { found, expected });
    }
    if test.label_max > train.label_max {
        let (label, train_max) = (test.label_max, train.label_max);
        return refuse(Problem::UnseenLabel { label, train_max });
    }
    let whole_max = train.whole_max.zip(test.whole_max).map(|(train, test)| train.max(test));
    Ok(Survey { whole_max, ..*train })
}

/// Which examples of one file are the test: a bit for each.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TestChoice(Vec<u64>);

impl TestChoice {
    /// No example.
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// `test_count` of the examples, drawn by the seed.
    pub fn draw(seed: u64, example_count: u32, test_count: u32) -> Self {
        let mut bits = vec![0_u64; usize::try_from(example_count / 64).unwrap_or(0) + 1];
        let mut stream = ChaChaStream::derive(&seed_bytes(seed), CHOICE_DOMAIN, 0);
        let mut key = [0; 32];
        key.as_chunks_mut::<4>()
            .0
            .iter_mut()
            .for_each(|word| *word = stream.next_u32().to_le_bytes());
        let order = Permutation::new(&key, example_count);
        for position in 0..test_count.min(example_count) {
            let example = order.at(position);
            if let Some(word) = bits.get_mut(usize::try_from(example / 64).unwrap_or(usize::MAX)) {
                *word |= 1 << (example % 64);
            }
        }
        Self(bits)
    }

    fn has(&self, example: u64) -> bool {
        let word = usize::try_from(example / 64).ok().and_then(|place| self.0.get(place));
        word.is_some_and(|word| word >> (example % 64) & 1 == 1)
    }
}

/// The two files while they are written.
pub struct Written<'files> {
    /// How values lie in them.
    pub layout: Layout,
    /// What happens to numbers that f32 does not hold.
    pub rounding: Rounding,
    /// Largest label.
    pub label_max: u32,
    /// The training file.
    pub train: &'files mut dyn Write,
    /// The test file.
    pub test: &'files mut dyn Write,
}

impl std::fmt::Debug for Written<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("Written");
        shown
            .field("layout", &self.layout)
            .field("rounding", &self.rounding)
            .finish_non_exhaustive()
    }
}

/// Writes all examples into the training file, those of the `choice` into the test file, in their order.
///
/// # Errors
/// [`ImportError`] with the first example that the layout does not hold.
pub fn write(
    examples: &mut dyn Examples,
    choice: &TestChoice,
    files: &mut Written<'_>,
    watch: &mut dyn FnMut(u64, u64),
) -> Result<(), ImportError> {
    let (mut example, mut bytes, mut number) = (Example::default(), Vec::new(), 0_u64);
    while examples.read(&mut example)? {
        number = number.saturating_add(1);
        bytes.clear();
        encode(examples.name(), number, &example, files, &mut bytes)?;
        let is_test = choice.has(number.saturating_sub(1));
        let target = if is_test { &mut files.test } else { &mut files.train };
        target.write_all(&bytes).map_err(|source| written(examples.name(), source))?;
        if number.is_multiple_of(WATCH_EXAMPLES) {
            let (done, all) = examples.progress();
            watch(done, all);
        }
    }
    Ok(())
}

fn encode(
    file: &str,
    number: u64,
    example: &Example,
    files: &Written<'_>,
    bytes: &mut Vec<u8>,
) -> Result<(), ImportError> {
    let label = label(file, number, example, files.label_max)?;
    for (feature, value) in (1_u64..).zip(&example.features) {
        check_finite(file, number, feature, *value)?;
        let refuse = |problem| {
            let place = Place::Feature { example: number, feature };
            ImportError { file: file.to_owned(), place, problem }
        };
        let value = *value;
        match files.layout {
            Layout::Records { value_bytes } => {
                let max = value_max(value_bytes).min(FEATURE_MAX);
                let (layout, hint) = ("a whole number of the records", "");
                let fits = whole(value, max);
                let fits = fits.ok_or_else(|| refuse(Problem::NotExact { value, layout, hint }))?;
                bytes.extend(fits.to_le_bytes().iter().take(usize::from(value_bytes)));
            }
            Layout::Floats => {
                let nearest = nearest(value);
                let is_exact = f64::from(nearest).to_bits() == value.to_bits();
                if !nearest.is_finite() || (!is_exact && files.rounding == Rounding::Refuse) {
                    let (layout, hint) = ("an f32", "; --round takes the nearest one");
                    return Err(refuse(Problem::NotExact { value, layout, hint }));
                }
                bytes.extend(nearest.to_le_bytes());
            }
        }
    }
    match files.layout {
        Layout::Records { value_bytes } => {
            bytes.extend(label.to_le_bytes().iter().take(usize::from(value_bytes)));
        }
        Layout::Floats => bytes.extend(label.to_le_bytes()),
    }
    Ok(())
}

fn check_width(file: &str, number: u64, example: &Example) -> Result<u32, ImportError> {
    let found = u64::try_from(example.features.len()).unwrap_or(u64::MAX);
    let refuse = |problem| {
        let place = Place::Example(number);
        Err(ImportError { file: file.to_owned(), place, problem })
    };
    if !example.text.is_empty() {
        let (found, expected) = ("text", "numbers, or a tokenizer that makes numbers of it");
        return refuse(Problem::Kind { found, expected });
    }
    match u32::try_from(found) {
        Ok(width) if (1..=WIDTH_MAX).contains(&found) => Ok(width),
        _ => refuse(Problem::FeatureCount {
            found,
            expected: if found == 0 { 1 } else { WIDTH_MAX },
        }),
    }
}

fn expect_width(file: &str, number: u64, found: u32, expected: u32) -> Result<(), ImportError> {
    if found == expected {
        return Ok(());
    }
    let problem = Problem::FeatureCount { found: found.into(), expected: expected.into() };
    Err(ImportError { file: file.to_owned(), place: Place::Example(number), problem })
}

fn check_finite(file: &str, example: u64, feature: u64, value: f64) -> Result<(), ImportError> {
    if value.is_finite() {
        return Ok(());
    }
    let place = Place::Feature { example, feature };
    Err(ImportError { file: file.to_owned(), place, problem: Problem::NotFinite { value } })
}

fn check_count(file: &str, example_count: u32) -> Result<(), ImportError> {
    if (1..=EXAMPLES_MAX).contains(&example_count) {
        return Ok(());
    }
    let problem = Problem::ExampleCount { found: example_count.into(), max: EXAMPLES_MAX.into() };
    Err(ImportError { file: file.to_owned(), place: Place::Whole, problem })
}

fn label(file: &str, number: u64, example: &Example, max: u32) -> Result<u32, ImportError> {
    let value = example.label;
    // Minus zero is a zero that was computed; as a label it means the same.
    whole(value + 0.0, max).ok_or_else(|| ImportError {
        file: file.to_owned(),
        place: Place::Example(number),
        problem: Problem::Label { value, max },
    })
}

/// The whole number from 0 to `max` that a number is; minus zero is none, for records would lose its sign.
fn whole(value: f64, max: u32) -> Option<u32> {
    let inside = value.is_sign_positive() && value <= f64::from(max);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "compared with the bounds first, and with the number behind it"
    )]
    let found = inside.then_some(value as u32);
    found.filter(|whole| f64::from(*whole).to_bits() == value.to_bits())
}

#[expect(clippy::cast_possible_truncation, reason = "the nearest f32 is what is wanted")]
fn nearest(value: f64) -> f32 {
    value as f32
}

fn value_max(value_bytes: u8) -> u32 {
    match value_bytes {
        1 => u8::MAX.into(),
        2 => u16::MAX.into(),
        _ => u32::MAX,
    }
}
