//! The readers for the formats of `aipot data prepare`.

use std::fs::File;
use std::path::Path;

use aipot_trainer::dataset::import::{
    Array, Examples, ImportError, Input, JsonKeys, JsonLines, Pair, Table, read_idx, read_npy,
    read_npz, read_tensor,
};
use aipot_trainer::tokenizer::{TOKENIZER_BYTES_MAX, Tokenized, Tokenizer};

use super::super::CommandError;
use super::super::files::read;
use super::ImportingError;
use super::prepare::{Format, PrepareArguments};

/// Files of one part, and what is where in them.
#[derive(Clone, Copy)]
pub(super) struct PartFiles<'arguments> {
    pub(super) path: &'arguments Path,
    pub(super) labels: Option<&'arguments Path>,
    pub(super) feature_key: &'arguments str,
    pub(super) label_key: &'arguments str,
}

/// A file of which nothing was read yet.
pub(super) fn open(path: &Path) -> Result<Input, CommandError> {
    let file = File::open(path);
    let file = file.map_err(|source| CommandError::Read { path: path.to_owned(), source })?;
    Ok(Input::new(path.display().to_string(), file).map_err(ImportingError::from)?)
}

/// The tokenizer of the arguments.
pub(super) fn tokenizer(
    arguments: &PrepareArguments,
) -> Result<Option<(&Path, Tokenizer)>, CommandError> {
    let Some(path) = arguments.tokenizer.as_deref() else { return Ok(None) };
    let bytes = read(path, TOKENIZER_BYTES_MAX)?;
    let tokenizer = Tokenizer::from_bytes(&bytes)
        .map_err(|source| ImportingError::Tokenizer { path: path.to_owned(), source })?;
    Ok(Some((path, tokenizer)))
}

/// The examples of a part, their texts taken apart.
pub(super) fn examples(
    arguments: &PrepareArguments,
    files: PartFiles<'_>,
    tokenizer: Option<&(&Path, Tokenizer)>,
) -> Result<Box<dyn Examples>, CommandError> {
    let examples = plain(arguments, files)?;
    let Some((path, tokenizer)) = tokenizer else { return Ok(examples) };
    let missing = ImportingError::Missing {
        argument: "--context",
        reason: "texts are cut and padded to so many tokens",
    };
    let context = usize::try_from(arguments.context.ok_or(missing)?).unwrap_or(usize::MAX);
    let tokenized = Tokenized::new(examples, tokenizer, context);
    let path = (*path).to_owned();
    Ok(Box::new(tokenized.map_err(|source| ImportingError::Tokenizer { path, source })?))
}

fn plain(
    arguments: &PrepareArguments,
    files: PartFiles<'_>,
) -> Result<Box<dyn Examples>, CommandError> {
    let PartFiles { path, feature_key, label_key, .. } = files;
    let again = || open(path);
    match arguments.format {
        Format::Idx => pair(read_idx(open(path)?), read_idx(labels(files)?)),
        Format::Npy => pair(read_npy(open(path)?), read_npy(labels(files)?)),
        Format::Npz => pair(read_npz(open(path)?, feature_key), read_npz(again()?, label_key)),
        Format::Safetensors => {
            pair(read_tensor(open(path)?, feature_key), read_tensor(again()?, label_key))
        }
        Format::Csv | Format::Text => {
            let table =
                Table::new(open(path)?, arguments.titles, arguments.label_column.is_first());
            Ok(Box::new(table.map_err(ImportingError::from)?))
        }
        Format::Jsonl => {
            let keys = JsonKeys {
                is_text: arguments.tokenizer.is_some(),
                example: feature_key.to_owned(),
                label: label_key.to_owned(),
                ignores_others: arguments.ignore_other_keys,
            };
            Ok(Box::new(JsonLines::new(open(path)?, keys)))
        }
        Format::Parquet => rows(files),
    }
}

fn pair(
    features: Result<Array, ImportError>,
    labels: Result<Array, ImportError>,
) -> Result<Box<dyn Examples>, CommandError> {
    let pair = features.and_then(|features| Pair::new(features, labels?));
    Ok(Box::new(pair.map_err(ImportingError::from)?))
}

fn labels(files: PartFiles<'_>) -> Result<Input, CommandError> {
    let missing = ImportingError::Missing {
        argument: "--labels",
        reason: "files of this format hold one array each; --test-labels for the file of --test",
    };
    open(files.labels.ok_or(missing)?)
}

#[cfg(feature = "parquet")]
fn rows(files: PartFiles<'_>) -> Result<Box<dyn Examples>, CommandError> {
    use aipot_trainer::dataset::import::ParquetRows;

    // Without a name, all columns but that of the labels are features.
    let example = Some(files.feature_key).filter(|key| !key.is_empty());
    let rows = ParquetRows::new(open(files.path)?, example, files.label_key);
    Ok(Box::new(rows.map_err(ImportingError::from)?))
}

#[cfg(not(feature = "parquet"))]
fn rows(_: PartFiles<'_>) -> Result<Box<dyn Examples>, CommandError> {
    Err(ImportingError::NoParquet.into())
}
