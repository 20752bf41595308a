//! `aipot data prepare`: the files of an order out of files of other formats, never whole in memory.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use aipot_trainer::dataset::import::{
    Layout, Rounding, Survey, TestChoice, Written, agree, survey, write,
};
use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use serde_json::json;

use super::super::{CommandError, Output};
use super::open::{PartFiles, examples, tokenizer};
use super::target::Target;
use super::{ImportingError, running};

/// What the progress bar shows.
const TEMPLATE: &str = "{msg} {bar:40} {percent}%, {eta} left";

/// Formats of the files of a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Format {
    /// Images and labels as MNIST has them.
    Idx,
    /// Two arrays of numpy.
    Npy,
    /// Several arrays of numpy in one file.
    Npz,
    /// Lines of numbers, decimals too, and a label.
    Csv,
    /// Running text; with a tokenizer its tokens.
    Text,
    /// Lines of JSON objects with a text or a list of numbers, and a label.
    Jsonl,
    /// Tensors of features and labels.
    Safetensors,
    /// Rows of numbers, lists or text, and a label.
    Parquet,
}

/// Where the label of a line stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum LabelColumn {
    /// Before the features.
    First,
    /// Behind the features.
    Last,
}

impl LabelColumn {
    pub(super) fn is_first(self) -> bool {
        self == Self::First
    }
}

/// Arguments of `aipot data prepare`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  aipot data prepare --format idx --train train-images-idx3-ubyte --labels train-labels-idx1-ubyte \\
      --test t10k-images-idx3-ubyte --test-labels t10k-labels-idx1-ubyte --out mnist
  aipot data prepare --format text --train shakespeare.txt --test-share 0.1 --context 128 --out shakespeare
  aipot data prepare --format jsonl --train reviews.jsonl --tokenizer tokenizer.json --context 64 --test-share 0.2 --out reviews")]
pub(in crate::command) struct PrepareArguments {
    /// How the files are written.
    #[arg(long)]
    pub(super) format: Format,
    /// The training file: images, features, lines or text.
    #[arg(long)]
    pub(super) train: PathBuf,
    /// Labels of the training file, for idx and npy.
    #[arg(long)]
    pub(super) labels: Option<PathBuf>,
    /// The test file.
    #[arg(long, conflicts_with = "test_share", required_unless_present = "test_share")]
    pub(super) test: Option<PathBuf>,
    /// Labels of the test file, for idx and npy.
    #[arg(long, requires = "test")]
    pub(super) test_labels: Option<PathBuf>,
    /// Share of the training examples that become the test instead, such as 0.1: drawn by the seed, of a text
    /// its end.
    #[arg(long)]
    pub(super) test_share: Option<f64>,
    /// Draws the test examples.
    #[arg(long, default_value_t = 0)]
    pub(super) seed: u64,
    /// Name of the features in npz, jsonl, safetensors and parquet: `features`, or `text` with a tokenizer;
    /// in parquet, all other columns.
    #[arg(long)]
    pub(super) feature_key: Option<String>,
    /// Name of the labels in such files.
    #[arg(long, default_value = "label")]
    pub(super) label_key: String,
    /// Name of the features in the test file, where it is another.
    #[arg(long, requires = "test")]
    pub(super) test_feature_key: Option<String>,
    /// Name of the labels in the test file, where it is another.
    #[arg(long, requires = "test")]
    pub(super) test_label_key: Option<String>,
    /// Pass over other keys of jsonl instead of refusing them.
    #[arg(long)]
    pub(super) ignore_other_keys: bool,
    /// The first line of a csv file holds titles.
    #[arg(long)]
    pub(super) titles: bool,
    /// Where the label of a line of csv stands.
    #[arg(long, default_value = "last")]
    pub(super) label_column: LabelColumn,
    /// How many classes there are; one more than the largest label of the training unless told.
    #[arg(long)]
    pub(super) classes: Option<u32>,
    /// Turns text into tokens: a tokenizer.json, see `aipot data tokenizer train`.
    #[arg(long, requires = "context")]
    pub(super) tokenizer: Option<PathBuf>,
    /// Tokens of an example, of text without a tokenizer its bytes.
    #[arg(long)]
    pub(super) context: Option<u32>,
    /// Round numbers that are no f32 to the nearest one instead of refusing them.
    #[arg(long)]
    pub(super) round: bool,
    /// Folder for the files of the order; it is made when it is not there.
    #[arg(long)]
    pub(super) out: PathBuf,
}

/// What was made, for the `[data]` section of an order.
pub(super) struct Made {
    pub(super) format: &'static str,
    pub(super) value_bytes: Option<u8>,
    pub(super) train: Target,
    pub(super) test: Target,
    pub(super) counts: (u64, u64),
    pub(super) features: u32,
    pub(super) divisor: u32,
    pub(super) classes: u32,
    pub(super) vocabulary: Option<u32>,
}

/// Makes the files and prints the section.
pub(super) fn run(arguments: &PrepareArguments, output: Output) -> Result<ExitCode, CommandError> {
    std::fs::create_dir_all(&arguments.out)
        .map_err(|source| CommandError::Write { path: arguments.out.clone(), source })?;
    if let Some(share) = arguments.test_share.filter(|share| !(0.0..1.0).contains(share)) {
        let (field, expected) = ("--test-share", "a number between 0 and 1");
        return Err(CommandError::Malformed { field, value: share.to_string(), expected });
    }
    let has_labels = arguments.labels.is_some() || arguments.test_labels.is_some();
    if has_labels && !matches!(arguments.format, Format::Idx | Format::Npy) {
        let (argument, reason) = ("--labels", "files of this format have the labels in them");
        return Err(ImportingError::Needless { argument, reason }.into());
    }
    let made = match arguments.format {
        Format::Text => running::make(arguments, output)?,
        _ => make(arguments, output)?,
    };
    made.finish(output)?;
    Ok(ExitCode::SUCCESS)
}

/// Files of labelled examples: read once to learn what they have in common, and once more to write them.
fn make(arguments: &PrepareArguments, output: Output) -> Result<Made, CommandError> {
    let tokenizer = tokenizer(arguments)?;
    let (train, test) = (arguments.train_files(), arguments.test_files());
    let progress = output.progress(0, TEMPLATE);
    let read = |files: PartFiles<'_>| -> Result<Survey, CommandError> {
        let mut examples = examples(arguments, files, tokenizer.as_ref())?;
        let label_max = arguments.classes.map(|classes| classes.saturating_sub(1));
        progress.set_message(format!("reading {}", files.path.display()));
        Ok(survey(&mut examples, label_max, &mut watch(&progress)).map_err(ImportingError::from)?)
    };
    let train_survey = read(train)?;
    let test_survey = test.map(read).transpose()?;
    let common = arguments.common(train_survey, test_survey, test)?;
    let layout = common.layout();
    let (format, value_bytes) = match layout {
        Layout::Records { value_bytes } => ("records", Some(value_bytes)),
        Layout::Floats => ("floats", None),
    };
    let test_count = match (test_survey, arguments.test_share) {
        (Some(_), _) => 0,
        (None, share) => test_count(share.unwrap_or(0.0), train_survey.example_count)?,
    };
    let choice = match test_count {
        0 => TestChoice::none(),
        count => TestChoice::draw(arguments.seed, train_survey.example_count, count),
    };
    let (mut train_target, mut test_target) = arguments.targets(format)?;
    let mut convert = |files: PartFiles<'_>, choice: &TestChoice, is_test: bool| {
        let mut examples = examples(arguments, files, tokenizer.as_ref())?;
        progress.set_message(format!("writing {}", files.path.display()));
        let mut nowhere = std::io::sink();
        let (first, second): (&mut dyn Write, &mut dyn Write) = if is_test {
            (&mut test_target, &mut nowhere)
        } else {
            (&mut train_target, &mut test_target)
        };
        let mut files = Written {
            layout,
            rounding: if arguments.round { Rounding::Nearest } else { Rounding::Refuse },
            label_max: common.label_max,
            train: first,
            test: second,
        };
        let written = write(&mut examples, choice, &mut files, &mut watch(&progress));
        written.map_err(|source| CommandError::from(ImportingError::from(source)))
    };
    convert(train, &choice, false)?;
    if let Some(files) = test {
        convert(files, &TestChoice::none(), true)?;
    }
    progress.finish_and_clear();
    let train_count = train_survey.example_count.saturating_sub(test_count);
    let test_count = test_survey.map_or(test_count, |survey| survey.example_count);
    let vocabulary = tokenizer.as_ref().map(|(_, tokenizer)| tokenizer.vocabulary());
    // Tokens are numbers of rows, all else is brought to 0 to 1.
    let divisor = common.whole_max.filter(|_| vocabulary.is_none()).unwrap_or(1).max(1);
    Ok(Made {
        format,
        value_bytes,
        train: train_target,
        test: test_target,
        counts: (train_count.into(), test_count.into()),
        features: common.feature_count,
        divisor,
        classes: arguments.classes.unwrap_or(common.label_max.saturating_add(1)).max(2),
        vocabulary,
    })
}

/// How many examples a share is.
fn test_count(share: f64, example_count: u32) -> Result<u32, CommandError> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a u32 that is between 0 and 1 is a u32"
    )]
    let test_count = (share * f64::from(example_count)).round() as u32;
    if test_count == 0 || test_count >= example_count {
        let example_count = example_count.into();
        return Err(ImportingError::Share { share, example_count }.into());
    }
    Ok(test_count)
}

fn watch(progress: &ProgressBar) -> impl FnMut(u64, u64) {
    |done, all| {
        progress.set_length(all);
        progress.set_position(done);
    }
}

impl PrepareArguments {
    fn train_files(&self) -> PartFiles<'_> {
        PartFiles {
            path: &self.train,
            labels: self.labels.as_deref(),
            feature_key: self.feature_key(),
            label_key: &self.label_key,
        }
    }

    fn test_files(&self) -> Option<PartFiles<'_>> {
        self.test.as_deref().map(|path| PartFiles {
            path,
            labels: self.test_labels.as_deref(),
            feature_key: self.test_feature_key.as_deref().unwrap_or(self.feature_key()),
            label_key: self.test_label_key.as_deref().unwrap_or(&self.label_key),
        })
    }

    fn feature_key(&self) -> &str {
        match (&self.feature_key, &self.tokenizer) {
            (Some(key), _) => key,
            (None, Some(_)) => "text",
            (None, None) if self.format == Format::Parquet => "",
            (None, None) => "features",
        }
    }

    /// What both files have in common; where the classes are told, a label may be in the test alone.
    fn common(
        &self,
        train: Survey,
        test: Option<Survey>,
        files: Option<PartFiles<'_>>,
    ) -> Result<Survey, CommandError> {
        let told = self.classes.map(|classes| classes.saturating_sub(1));
        let train = Survey { label_max: told.unwrap_or(train.label_max), ..train };
        let Some((test, files)) = test.zip(files) else { return Ok(train) };
        let name = files.path.display().to_string();
        Ok(agree(&train, &test, &name).map_err(ImportingError::from)?)
    }

    /// The two files of the order.
    pub(super) fn targets(&self, extension: &str) -> Result<(Target, Target), CommandError> {
        let begin =
            |name: &str| Target::begin(self.out.join(Path::new(name).with_extension(extension)));
        Ok((begin("train")?, begin("test")?))
    }
}

impl Made {
    fn finish(self, output: Output) -> Result<(), CommandError> {
        let path = |target: &Target| target.path().display().to_string();
        let (train, test) = (path(&self.train), path(&self.test));
        let (train_root, train_bytes) = self.train.finish()?;
        let (test_root, test_bytes) = self.test.finish()?;
        let width =
            self.value_bytes.map_or(String::new(), |bytes| format!(", value_bytes = {bytes}"));
        let quoted = |text: &str| toml::Value::from(text).to_string();
        let vocabulary = self.vocabulary.filter(|_| self.format == "records");
        let vocabulary = vocabulary
            .map_or(String::new(), |count| format!("\n# vocabulary of the tokenizer: {count}"));
        let text = format!(
            "[data]\ntrain = {{ path = {}, format = \"{}\"{width} }}\ntest = {{ path = {} }}\n\
             train_examples = {}\ntest_examples = {}\nfeatures = {}\ndivisor = {}\nclasses = {}{vocabulary}",
            quoted(&train),
            self.format,
            quoted(&test),
            self.counts.0,
            self.counts.1,
            self.features,
            self.divisor,
            self.classes,
        );
        let value = json!({
            "format": self.format,
            "value_bytes": self.value_bytes,
            "train": { "path": train, "bytes": train_bytes, "root": train_root, "examples": self.counts.0 },
            "test": { "path": test, "bytes": test_bytes, "root": test_root, "examples": self.counts.1 },
            "features": self.features,
            "divisor": self.divisor,
            "classes": self.classes,
            "vocabulary": self.vocabulary,
        });
        output.result(&value, &text)
    }
}
