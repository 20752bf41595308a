//! Writes an order as TOML, everything spelled out; reading it gives the same order.

use aipot_domain_runtime::order::{
    DataFormat, DataSpecification, OrderSpecification, PaySpecification, TrainSpecification,
    Windows,
};

use super::decimal::{Decimal, format_tokens};
use super::read::{LOSSES, METRICS, PROFILES};
use super::{model, recipe};

/// Writes the specification of an order.
pub fn to_toml(specification: &OrderSpecification) -> String {
    let committee = &specification.committee;
    [
        format!("version = {}\n", specification.version),
        model::write(&specification.model),
        data(&specification.data),
        train(&specification.train),
        format!("[verify]\nprofile = \"{}\"\n", word(PROFILES, &specification.profile)),
        pay(&specification.pay),
        format!(
            "[committee]\nproviders = {}\nvalidators = {}\n",
            committee.provider_count, committee.validator_count
        ),
        windows(&specification.windows),
    ]
    .join("\n")
}

fn data(data: &DataSpecification) -> String {
    let format = match data.format {
        DataFormat::Records { value_bytes } => {
            format!("format = \"records\", value_bytes = {value_bytes}")
        }
        DataFormat::Tokens { value_bytes } => {
            format!("format = \"tokens\", value_bytes = {value_bytes}")
        }
        DataFormat::Text | DataFormat::Floats => format!("format = \"{}\"", data.format.name()),
    };
    format!(
        "[data]\ntrain = {{ blob = \"blake3:{}\", bytes = {}, {format} }}\n\
         train_examples = {}\ntest_examples = {}\nfeatures = {}\ndivisor = {}\nclasses = {}\n\
         test_commitment = \"blake3:{}\"\n",
        data.train.root,
        wide(data.train.byte_count),
        data.train_example_count,
        data.test_example_count,
        data.feature_count,
        data.feature_divisor,
        data.class_count,
        data.test_commitment,
    )
}

fn train(train: &TrainSpecification) -> String {
    format!(
        "[train]\nloss = \"{}\"\nmetric = \"{}\"\nrecipe = {}\nparameters_max = {}\n\
         epochs = {}\nbatch = {}\n",
        word(LOSSES, &train.loss),
        word(METRICS, &train.metric),
        recipe::write(&train.recipe),
        wide(train.parameters_max),
        train.epochs,
        train.batch_size,
    )
}

fn pay(pay: &PaySpecification) -> String {
    format!(
        "[pay]\nreward = \"{}\"\nclient_bond = \"{}\"\nprovider_stake_min = \"{}\"\n\
         validator_stake_min = \"{}\"\nmetric_min = {}\n",
        format_tokens(pay.reward),
        format_tokens(pay.client_bond),
        format_tokens(pay.provider_stake_min),
        format_tokens(pay.validator_stake_min),
        Decimal { places: 6 }.format(u128::from(pay.metric_min_millionths)),
    )
}

fn windows(windows: &Windows) -> String {
    format!(
        "[windows]\nopen = {}\ntrain = {}\nreveal = {}\navailability = {}\ntest_reveal = {}\n\
         evaluation_commit = {}\nevaluation_reveal = {}\nchallenge = {}\nchallenge_extension = {}\n",
        windows.open,
        windows.train,
        windows.reveal,
        windows.availability,
        windows.test_reveal,
        windows.evaluation_commit,
        windows.evaluation_reveal,
        windows.challenge,
        windows.challenge_extension,
    )
}

/// The word for a meaning; every meaning has one, which the round trip in the tests shows.
fn word<T: PartialEq>(words: &[(&'static str, T)], meaning: &T) -> &'static str {
    words.iter().find(|(_, other)| other == meaning).map_or("", |(word, _)| word)
}

/// A number of 64 bits: in quotes when TOML's whole numbers, which have a sign, do not reach it.
pub(super) fn wide(number: u64) -> String {
    if i64::try_from(number).is_ok() { number.to_string() } else { format!("\"{number}\"") }
}
