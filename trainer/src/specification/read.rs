//! Which keys a specification has, what they mean, and what is assumed where they are left out.

use aipot_domain_runtime::order::check::{
    BATCH_MAX, CLIENT_BOND_MIN_PERCENT, DATA_BYTES_MAX, DIVISOR_MAX, EPOCHS_MAX, EXAMPLES_MAX,
    PARAMETERS_MAX, WIDTH_MAX,
};
use aipot_domain_runtime::order::layout::{TEXT_CLASSES, TOKEN_BYTES, VALUE_BYTES};
use aipot_domain_runtime::order::{
    CommitteeSpecification, DataFormat, Loss, Metric, PROVIDERS_MAX, PaySpecification, Profile,
    SPECIFICATION_VERSION, TrainSpecification, VALIDATORS_MAX, Windows,
};
use aipot_domain_runtime::primitives::{Commitment, DataRoot};

use super::error::SpecificationError;
use super::section::Section;
use super::{DataDraft, DataSource, OrderDraft, model, recipe};
use crate::dataset::FileFormat;
use crate::dataset::synthetic::SYNTHETIC_DIVISOR;

/// Passes over the data where none are given: the digits reach their best in about as many.
pub(super) const EPOCHS_DEFAULT: u32 = 40;
/// Examples in a step where none are given: small enough to train small sets well.
pub(super) const BATCH_DEFAULT: u32 = 32;
/// Providers where none are given: the least that compete.
pub(super) const PROVIDERS_DEFAULT: u32 = 2;
/// Validators where none are given: the least with a majority.
pub(super) const VALIDATORS_DEFAULT: u32 = 3;
/// Windows where none are given, in blocks of 6 s.
///
/// # Source
/// The windows of the protocol.
pub(super) const WINDOWS_DEFAULT: Windows = Windows {
    open: 100,
    train: 600,
    reveal: 200,
    availability: 100,
    test_reveal: 50,
    evaluation_commit: 300,
    evaluation_reveal: 100,
    challenge: 1_200,
    challenge_extension: 800,
};

/// The words of the specification and what they stand for.
const FORMATS: &[(&str, FormatName)] = &[
    ("csv", FormatName::Csv),
    ("records", FormatName::Records),
    ("floats", FormatName::Floats),
    ("text", FormatName::Text),
    ("tokens", FormatName::Tokens),
];
pub(super) const LOSSES: &[(&str, Loss)] = &[("cross_entropy", Loss::CrossEntropy)];
pub(super) const METRICS: &[(&str, Metric)] =
    &[("accuracy", Metric::Accuracy), ("loss", Metric::Loss)];
pub(super) const PROFILES: &[(&str, Profile)] = &[("p0", Profile::P0)];

#[derive(Clone, Copy)]
enum FormatName {
    Csv,
    Records,
    Floats,
    Text,
    Tokens,
}

/// Reads the whole specification.
pub(super) fn draft(mut root: Section) -> Result<OrderDraft, SpecificationError> {
    let version = root.integer("version", SPECIFICATION_VERSION..=SPECIFICATION_VERSION)?;
    let draft = OrderDraft {
        version: root.required("version", version)?,
        model: model::read(root.section("model")?)?,
        data: data(root.section("data")?)?,
        train: train(root.section("train")?)?,
        profile: verify(root.section("verify")?)?,
        pay: pay(root.section("pay")?)?,
        committee: committee(root.section("committee")?)?,
        windows: windows(root.section("windows")?)?,
    };
    root.finish()?;
    Ok(draft)
}

fn data(mut section: Section) -> Result<DataDraft, SpecificationError> {
    let class_max = u32::try_from(WIDTH_MAX).unwrap_or(u32::MAX);
    let mut train = section.section("train")?;
    let source = source(&mut section, &mut train)?;
    let format = format(&mut train, &source)?;
    let (divisor_default, class_default) = match (format, &source) {
        (FileFormat::Exact(DataFormat::Text), _) => (1, Some(TEXT_CLASSES)),
        (_, DataSource::Synthetic { .. }) => (SYNTHETIC_DIVISOR, None),
        (_, DataSource::Files { .. }) => (1, None),
    };
    let class_count = section.integer("classes", 2..=class_max)?.or(class_default);
    let draft = DataDraft {
        source,
        train_root: train.hash("blob")?.map(DataRoot),
        train_byte_count: train.integer("bytes", 1..=DATA_BYTES_MAX)?,
        format,
        train_example_count: section.integer("train_examples", 1..=EXAMPLES_MAX)?,
        test_example_count: section.integer("test_examples", 1..=EXAMPLES_MAX)?,
        feature_count: section.integer("features", 1..=class_max)?,
        feature_divisor: section.integer("divisor", 1..=DIVISOR_MAX)?.unwrap_or(divisor_default),
        class_count,
        test_commitment: section.hash("test_commitment")?.map(Commitment),
    };
    train.finish()?;
    section.finish()?;
    Ok(draft)
}

/// Where the files come from: out of a seed, or from where the client says.
fn source(section: &mut Section, train: &mut Section) -> Result<DataSource, SpecificationError> {
    if let Some(mut synthetic) = section.optional_section("synthetic")? {
        let seed = synthetic.integer("seed", 0..=u64::MAX)?;
        let seed = synthetic.required("seed", seed)?;
        synthetic.finish()?;
        return Ok(DataSource::Synthetic { seed });
    }
    let mut test = section.section("test")?;
    let source = DataSource::Files { train: train.text("path")?, test: test.text("path")? };
    test.finish()?;
    Ok(source)
}

fn format(train: &mut Section, source: &DataSource) -> Result<FileFormat, SpecificationError> {
    let is_synthetic = matches!(source, DataSource::Synthetic { .. });
    let default = if is_synthetic { FormatName::Records } else { FormatName::Csv };
    match train.word("format", FORMATS)?.unwrap_or(default) {
        FormatName::Csv if is_synthetic => Err(SpecificationError::Malformed {
            field: train.field("format"),
            value: "csv".into(),
            expected: "records or text, for synthetic data is packed already",
        }),
        FormatName::Csv => Ok(FileFormat::Csv),
        FormatName::Text => Ok(FileFormat::Exact(DataFormat::Text)),
        FormatName::Floats => Ok(FileFormat::Exact(DataFormat::Floats)),
        FormatName::Records => {
            let value_bytes = value_bytes(train, 1, (&VALUE_BYTES, "1, 2 or 4"))?;
            Ok(FileFormat::Exact(DataFormat::Records { value_bytes }))
        }
        FormatName::Tokens => {
            let value_bytes = value_bytes(train, 2, (&TOKEN_BYTES, "2 or 4"))?;
            Ok(FileFormat::Exact(DataFormat::Tokens { value_bytes }))
        }
    }
}

fn value_bytes(
    train: &mut Section,
    default: u8,
    (allowed, expected): (&[u8], &'static str),
) -> Result<u8, SpecificationError> {
    let value_bytes = train.integer("value_bytes", 0..=u8::MAX)?.unwrap_or(default);
    if allowed.contains(&value_bytes) {
        return Ok(value_bytes);
    }
    let (field, value) = (train.field("value_bytes"), value_bytes.to_string());
    Err(SpecificationError::Malformed { field, value, expected })
}

fn train(mut section: Section) -> Result<TrainSpecification, SpecificationError> {
    let parameters_max = section.integer("parameters_max", 1..=PARAMETERS_MAX)?;
    let specification = TrainSpecification {
        loss: section.word("loss", LOSSES)?.unwrap_or(Loss::CrossEntropy),
        metric: section.word("metric", METRICS)?.unwrap_or(Metric::Accuracy),
        recipe: recipe::read(&mut section)?,
        parameters_max: section.required("parameters_max", parameters_max)?,
        epochs: section.integer("epochs", 1..=EPOCHS_MAX)?.unwrap_or(EPOCHS_DEFAULT),
        batch_size: section.integer("batch", 1..=BATCH_MAX)?.unwrap_or(BATCH_DEFAULT),
    };
    section.finish()?;
    Ok(specification)
}

fn verify(mut section: Section) -> Result<Profile, SpecificationError> {
    let profile = section.word("profile", PROFILES)?.unwrap_or(Profile::P0);
    section.finish()?;
    Ok(profile)
}

/// Where left out, the bond is the least that is allowed, and stakes are as much as the reward.
fn pay(mut section: Section) -> Result<PaySpecification, SpecificationError> {
    let reward = section.tokens("reward")?;
    let reward = section.required("reward", reward)?;
    let bond_default = reward.percent(CLIENT_BOND_MIN_PERCENT);
    let specification = PaySpecification {
        reward,
        client_bond: section.tokens("client_bond")?.unwrap_or(bond_default),
        provider_stake_min: section.tokens("provider_stake_min")?.unwrap_or(reward),
        validator_stake_min: section.tokens("validator_stake_min")?.unwrap_or(reward),
        metric_min_millionths: section.share("metric_min")?.unwrap_or(0),
    };
    section.finish()?;
    Ok(specification)
}

fn committee(mut section: Section) -> Result<CommitteeSpecification, SpecificationError> {
    let providers_max = u32::try_from(PROVIDERS_MAX).unwrap_or(u32::MAX);
    let validators_max = u32::try_from(VALIDATORS_MAX).unwrap_or(u32::MAX);
    let providers = section.integer("providers", 1..=providers_max)?;
    let validators = section.integer("validators", 1..=validators_max)?;
    section.finish()?;
    Ok(CommitteeSpecification {
        provider_count: providers.unwrap_or(PROVIDERS_DEFAULT),
        validator_count: validators.unwrap_or(VALIDATORS_DEFAULT),
    })
}

fn windows(mut section: Section) -> Result<Windows, SpecificationError> {
    let mut windows = WINDOWS_DEFAULT;
    for (key, blocks) in [
        ("open", &mut windows.open),
        ("train", &mut windows.train),
        ("reveal", &mut windows.reveal),
        ("availability", &mut windows.availability),
        ("test_reveal", &mut windows.test_reveal),
        ("evaluation_commit", &mut windows.evaluation_commit),
        ("evaluation_reveal", &mut windows.evaluation_reveal),
        ("challenge", &mut windows.challenge),
        ("challenge_extension", &mut windows.challenge_extension),
    ] {
        *blocks = section.integer(key, 0..=u32::MAX)?.unwrap_or(*blocks);
    }
    section.finish()?;
    Ok(windows)
}
