//! `aipot order`: check, submit, watch, fetch and explain.

mod submit;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use aipot_domain_runtime::primitives::{AccountId, OrderId};
use clap::{Args, Subcommand};
use serde_json::json;

use super::check::CheckArguments;
use super::files::read_data;
use super::{CommandError, Output, check, runtime};
use crate::client::{ClientError, check_model};
use crate::domain_rpc::client::{DomainClient, OrderState};
use crate::narrative::{explain_operator, sentence, short_name};
use crate::store::artefacts::ContentHash;
use crate::store::base::base_of;
use crate::view;

/// Subcommands of `aipot order`.
#[derive(Debug, Subcommand)]
pub(super) enum OrderCommand {
    /// Say what an order is, costs and takes, before anything is paid.
    Check(CheckArguments),
    /// Pay for an order and see it through: reveal the test data, fetch and check the model.
    Submit(submit::SubmitArguments),
    /// Follow an order until it is settled.
    Watch(OrderArguments),
    /// Fetch the winner's model and check it.
    Fetch(FetchArguments),
    /// Say why somebody was or was not paid, from what happened.
    Explain(ExplainArguments),
}

/// An order and a node to ask.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example: aipot order watch 5f0c… --node ws://127.0.0.1:9955")]
pub(super) struct OrderArguments {
    /// The order: 64 hexadecimal digits.
    order: String,
    /// The node to ask, ws://HOST:PORT.
    #[arg(long, env = "AIPOT_NODE")]
    node: String,
}

/// Arguments of `aipot order fetch`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: aipot order fetch 5f0c… --node ws://127.0.0.1:9955 --out model.safetensors --test test.csv"
)]
pub(super) struct FetchArguments {
    #[command(flatten)]
    order: OrderArguments,
    /// Where the model is written.
    #[arg(long)]
    out: PathBuf,
    /// The test file: the model is then evaluated here and the score compared with the chain's.
    #[arg(long)]
    test: Option<PathBuf>,
}

/// Arguments of `aipot order explain`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: aipot order explain 5f0c… --node ws://127.0.0.1:9955 --operator 8c2a…"
)]
pub(super) struct ExplainArguments {
    #[command(flatten)]
    order: OrderArguments,
    /// The operator whose pay is explained: 64 hexadecimal digits.
    #[arg(long)]
    operator: Option<String>,
}

/// Runs a subcommand.
pub(super) fn run(command: &OrderCommand, output: Output) -> Result<ExitCode, CommandError> {
    match command {
        OrderCommand::Check(arguments) => check::run(arguments, output)?,
        OrderCommand::Submit(arguments) => runtime()?.block_on(submit::run(arguments, output))?,
        OrderCommand::Watch(arguments) => runtime()?.block_on(watch::run(arguments, output))?,
        OrderCommand::Fetch(arguments) => runtime()?.block_on(fetch(arguments, output))?,
        OrderCommand::Explain(arguments) => runtime()?.block_on(explain(arguments, output))?,
    }
    Ok(ExitCode::SUCCESS)
}

impl OrderArguments {
    fn id(&self) -> Result<OrderId, CommandError> {
        let malformed = || CommandError::Malformed {
            field: "ORDER",
            value: self.order.clone(),
            expected: "64 hexadecimal digits",
        };
        OrderId::from_hex(&self.order).ok_or_else(malformed)
    }

    async fn connect(&self) -> Result<DomainClient, CommandError> {
        Ok(DomainClient::connect(&self.node).await?)
    }

    async fn load(&self, client: &DomainClient) -> Result<OrderState, CommandError> {
        let unknown =
            || CommandError::UnknownOrder { order: self.order.clone(), url: self.node.clone() };
        client.order(self.id()?).await?.ok_or_else(unknown)
    }
}

async fn fetch(arguments: &FetchArguments, output: Output) -> Result<(), CommandError> {
    let id = arguments.order.id()?;
    let client = arguments.order.connect().await?;
    let state = arguments.order.load(&client).await?;
    let not_settled = |found| ClientError::NotSettled { order: id, found };
    let outcome = state.record.outcome.as_ref().ok_or_else(|| not_settled("running"))?;
    let winner = outcome.winner().ok_or_else(|| not_settled("refunded"))?;
    let hash = ContentHash::from(winner.model.root.0);
    client.fetch_artefact(hash, winner.model.byte_count).await?;
    let model = client.read_artefact(hash).await?;
    let base = match base_of(&state.record.specification) {
        Some((hash, byte_count)) => {
            client.fetch_artefact(hash, byte_count).await?;
            client.read_artefact(hash).await?
        }
        None => Vec::new(),
    };
    let receipt = match &arguments.test {
        Some(path) => Some(check_model(&id, &state.record, (&model, &base), &read_data(path)?)?),
        None => None,
    };
    std::fs::write(&arguments.out, &model)
        .map_err(|source| CommandError::Write { path: arguments.out.clone(), source })?;
    let root = winner.model.root.to_string();
    let text = match &receipt {
        Some(receipt) => receipt.text(),
        None => format!("model blake3:{root}, {} bytes, root checked", model.len()),
    };
    let value = json!({ "order": id.to_string(), "model_root": root, "bytes": model.len(), "out": arguments.out, "receipt": receipt });
    output.result(&value, &text)
}

async fn explain(arguments: &ExplainArguments, output: Output) -> Result<(), CommandError> {
    let id = arguments.order.id()?;
    let client = arguments.order.connect().await?;
    arguments.order.load(&client).await?;
    let events = client.events(id).await?;
    let reasons = match &arguments.operator {
        Some(text) => Some(explain_operator(&events, &operator(text)?)),
        None => None,
    };
    let story: Vec<String> = events
        .iter()
        .map(|(block, event)| format!("block {block}: {}", sentence(event, &short_name)))
        .collect();
    let text = reasons.as_ref().unwrap_or(&story).join("\n");
    let records: Vec<_> = events
        .iter()
        .map(|(block, event)| json!({ "block": block.0, "event": view::event(event), "sentence": sentence(event, &short_name) }))
        .collect();
    let value = json!({ "order": id.to_string(), "operator": arguments.operator, "reasons": reasons, "events": records });
    output.result(&value, &text)
}

fn operator(text: &str) -> Result<AccountId, CommandError> {
    AccountId::from_hex(text).ok_or_else(|| CommandError::Malformed {
        field: "--operator",
        value: text.to_owned(),
        expected: "64 hexadecimal digits",
    })
}
