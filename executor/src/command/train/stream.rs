//! `aipot train --stream`: the training file stays on the disk.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use aipot_domain_runtime::order::DataFormat;
use aipot_trainer::dataset::import::Seekable;
use aipot_trainer::dataset::stream::survey_disk;
use aipot_trainer::dataset::{FileFormat, PrepareError};
use aipot_trainer::run::TrainingFile;
use aipot_trainer::specification::{DataSource, OrderDraft};

use super::error::TrainCommandError;
use super::free::{self, FreeRun};
use super::{TrainArguments, specification};
use crate::command::model::on_threads;
use crate::command::{CommandError, Output};

/// Trains over the file on the disk, which is read once before to see what it holds.
pub(super) fn run(
    arguments: &TrainArguments,
    (draft, base): (&OrderDraft, &[u8]),
    output: Output,
) -> Result<FreeRun, CommandError> {
    let path = training_path(arguments, draft)?;
    let format = exact_format(draft)?;
    let feature_count = draft.data.feature_count.ok_or(PrepareError::FeatureCount)?;
    let open = || -> io::Result<Box<dyn Seekable>> { Ok(Box::new(File::open(&path)?)) };
    let file = open().map_err(|source| CommandError::Read { path: path.clone(), source })?;
    let facts = survey_disk(file, format, feature_count).map_err(TrainCommandError::from)?;
    let specification = specification(draft, &facts)?;
    let file = TrainingFile::on_disk(&open, &specification).with_base(base);
    on_threads(arguments.threads, || free::run(arguments, &specification, file, output))?
}

/// Where the training file lies: as given, or as the order says, relative to the file of the order.
fn training_path(arguments: &TrainArguments, draft: &OrderDraft) -> Result<PathBuf, CommandError> {
    if let Some(path) = &arguments.data {
        return Ok(path.clone());
    }
    let folder = arguments.file().parent().unwrap_or(Path::new(""));
    match &draft.data.source {
        DataSource::Files { train: Some(path), .. } => Ok(folder.join(path)),
        DataSource::Files { train: None, .. } | DataSource::Synthetic { .. } => {
            Err(CommandError::NoData { option: "--data", field: "data.train.path" })
        }
    }
}

fn exact_format(draft: &OrderDraft) -> Result<DataFormat, CommandError> {
    match draft.data.format {
        FileFormat::Exact(format) => Ok(format),
        FileFormat::Csv => Err(TrainCommandError::Csv.into()),
    }
}
