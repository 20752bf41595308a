//! Running text for an order: its bytes as they are, or the tokens that a tokenizer makes of it.

use aipot_domain_runtime::order::layout::TEXT_CLASSES;
use aipot_trainer::dataset::import::{RunningText, write_text, write_tokens};

use super::super::{CommandError, Output};
use super::ImportingError;
use super::open::{open, tokenizer};
use super::prepare::{Made, PrepareArguments};
use super::target::Target;

/// Makes the two files of text or tokens.
pub(super) fn make(arguments: &PrepareArguments, output: Output) -> Result<Made, CommandError> {
    let tokenizer = tokenizer(arguments)?;
    let missing = ImportingError::Missing {
        argument: "--context",
        reason: "an example of text is so many tokens, and the one behind them",
    };
    let context = arguments.context.filter(|context| *context > 0).ok_or(missing)?;
    if arguments.classes.is_some() {
        let (argument, reason) = ("--classes", "running text has its tokens as classes");
        return Err(ImportingError::Needless { argument, reason }.into());
    }
    let classes = match &tokenizer {
        Some((path, tokenizer)) => tokenizer
            .class_count()
            .map_err(|source| ImportingError::Tokenizer { path: (*path).to_owned(), source })?,
        None => TEXT_CLASSES,
    };
    let (mut train, mut test) = parts(arguments)?;
    let format = if tokenizer.is_some() { "tokens" } else { "text" };
    let (mut train_target, mut test_target) = arguments.targets(format)?;
    let progress = output.progress(0, "writing tokens {bar:40} {percent}%, {eta} left");
    let convert = |text: &mut RunningText, target: &mut Target| -> Result<u64, CommandError> {
        let all = text.left();
        progress.set_length(all);
        let mut watch = |left: u64| progress.set_position(all.saturating_sub(left));
        let count = match &tokenizer {
            Some((_, tokenizer)) => write_tokens(text, tokenizer, target, &mut watch),
            None => write_text(text, target),
        };
        let count = count.map_err(ImportingError::from)?;
        let examples = count.saturating_sub(1) / u64::from(context);
        if examples == 0 {
            let (field, max) = ("--context", count.saturating_sub(1).max(1));
            return Err(CommandError::OutOfRange { field, value: context.into(), min: 1, max });
        }
        Ok(examples)
    };
    let counts = (convert(&mut train, &mut train_target)?, convert(&mut test, &mut test_target)?);
    progress.finish_and_clear();
    Ok(Made {
        format,
        value_bytes: tokenizer.as_ref().map(|(_, tokenizer)| tokenizer.value_bytes()),
        train: train_target,
        test: test_target,
        counts,
        features: context,
        divisor: 1,
        classes,
        vocabulary: tokenizer.as_ref().map(|_| classes),
    })
}

/// The text for training and the one for the test, two files or the beginning and the end of one.
fn parts(arguments: &PrepareArguments) -> Result<(RunningText, RunningText), CommandError> {
    let train = open(&arguments.train)?;
    if let Some(path) = &arguments.test {
        return Ok((RunningText::whole(train), RunningText::whole(open(path)?)));
    }
    let share = arguments.test_share.unwrap_or(0.0);
    let all = train.byte_count();
    // Parts in a million are fine enough for a share, and exact.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share between 0 and 1 is at most a million of them"
    )]
    let millionths = (share * 1e6).round() as u64;
    let test = u128::from(all) * u128::from(millionths) / 1_000_000;
    let near = all.saturating_sub(u64::try_from(test).unwrap_or(all));
    let again = open(&arguments.train)?;
    let (train, test) = RunningText::parts(train, near, again).map_err(ImportingError::from)?;
    if train.left() == 0 || test.left() == 0 {
        return Err(ImportingError::Share { share, example_count: all }.into());
    }
    Ok((train, test))
}
