//! `aipot order submit`: the client's whole part, with a node of its own that checks everything.

use std::path::PathBuf;

use aipot_domain_runtime::primitives::OrderId;
use aipot_trainer::dataset::synthetic::Part;
use clap::Args;
use serde_json::json;

use crate::client::{fetch_and_check, order_record, submit};
use crate::command::data::{read_base, require_data};
use crate::command::files::read_order;
use crate::command::join::{JoinArguments, Joined, join};
use crate::command::{CommandError, Output};
use crate::narrative::{sentence, short_name};
use crate::node::NodeHandle;

/// Arguments of `aipot order submit`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  aipot order submit order.toml --data train.csv --test test.csv --out model.safetensors \\\n    --folder ~/aipot-client --chain ws://127.0.0.1:9944 --genesis genesis.json --bootstrap /ip4/…/p2p/…"
)]
pub(crate) struct SubmitArguments {
    /// The order, in TOML or JSON.
    file: PathBuf,
    /// The training file, where the order neither names nor makes one.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The hidden test file, where the order neither names nor makes one; it leaves this machine when
    /// claims are closed.
    #[arg(long)]
    test: Option<PathBuf>,
    /// Where the model is written.
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    join: JoinArguments,
}

/// Submits an order and stays until the model is here; run again after a crash, it goes on.
pub(super) async fn run(arguments: &SubmitArguments, output: Output) -> Result<(), CommandError> {
    let mut draft = read_order(&arguments.file)?;
    let base = read_base(&mut draft, &arguments.file)?;
    let find = |part, given: &Option<PathBuf>| {
        require_data(&draft, &arguments.file, part, given.as_deref())
    };
    let train = find(Part::Train, &arguments.data)?;
    let test = find(Part::Test, &arguments.test)?;
    let configuration = arguments.join.resolve(&[])?;
    let Joined { node, .. } = join(&configuration).await?;
    output.note(&format!("account {}", node.account()));
    let order =
        submit(&node, &configuration.folder, &draft, (&train, &test, base.as_deref())).await?;
    output.note(&format!("order {order} is part of a final block"));
    follow(&node, order, output).await?;
    let (receipt, model) = fetch_and_check(&node, &order, &test).await?;
    std::fs::write(&arguments.out, &model)
        .map_err(|source| CommandError::Write { path: arguments.out.clone(), source })?;
    node.shutdown().await;
    let value = json!({ "order": order.to_string(), "out": arguments.out, "receipt": receipt });
    output.result(&value, &receipt.text())
}

/// Tells what happens until the order is settled.
async fn follow(node: &NodeHandle, order: OrderId, output: Output) -> Result<(), CommandError> {
    let mut heads = node.heads();
    let mut told = 0;
    loop {
        let events = node.events(&order).map_err(crate::client::ClientError::from)?;
        for (block, event) in events.iter().skip(told) {
            output.note(&format!("{block:>6}  {}", sentence(event, &short_name)));
        }
        told = events.len();
        if order_record(node, &order)?.is_some_and(|record| record.outcome.is_some()) {
            return Ok(());
        }
        if heads.changed().await.is_err() {
            return Err(CommandError::Stopped { reason: node.stopped().await.to_string() });
        }
    }
}
