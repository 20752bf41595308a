//! `aipot state`: the agreed state as a node sees it.

use std::process::ExitCode;

use aipot_domain_runtime::primitives::AccountId;
use clap::{Args, Subcommand};
use serde_json::json;

use super::{CommandError, Output, runtime};
use crate::domain_rpc::client::DomainClient;

/// Subcommands of `aipot state`.
#[derive(Debug, Subcommand)]
pub(super) enum StateCommand {
    /// Print height and root of the state.
    Root(RootArguments),
    /// Print the network, or one account with its operator.
    Show(ShowArguments),
}

/// Arguments of `aipot state root`.
#[derive(Debug, Args)]
#[command(after_help = "Example: aipot state root --node ws://127.0.0.1:9955 --json")]
pub(super) struct RootArguments {
    /// The node to ask, ws://HOST:PORT.
    #[arg(long, env = "AIPOT_NODE")]
    node: String,
}

/// Arguments of `aipot state show`.
#[derive(Debug, Args)]
#[command(after_help = "Example: aipot state show --account 8c2a… --node ws://127.0.0.1:9955")]
pub(super) struct ShowArguments {
    /// The node to ask, ws://HOST:PORT.
    #[arg(long, env = "AIPOT_NODE")]
    node: String,
    /// The account to show: 64 hexadecimal digits.
    #[arg(long)]
    account: Option<String>,
}

/// Runs a subcommand.
pub(super) fn run(command: &StateCommand, output: Output) -> Result<ExitCode, CommandError> {
    match command {
        StateCommand::Root(arguments) => runtime()?.block_on(root(arguments, output))?,
        StateCommand::Show(arguments) => runtime()?.block_on(show(arguments, output))?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn root(arguments: &RootArguments, output: Output) -> Result<(), CommandError> {
    let info = DomainClient::connect(&arguments.node).await?.info().await?;
    let value = json!({ "block": info.head.block, "state_root": info.head.root });
    output.result(&value, &format!("block {}  root {}", info.head.block, info.head.root))
}

async fn show(arguments: &ShowArguments, output: Output) -> Result<(), CommandError> {
    let client = DomainClient::connect(&arguments.node).await?;
    let Some(text) = &arguments.account else {
        let info = client.info().await?;
        let text = format!(
            "network  {}\nblock    {}\nroot     {}\npeers    {}",
            info.genesis,
            info.head.block,
            info.head.root,
            info.peers.len()
        );
        return output.result(&info, &text);
    };
    let id = AccountId::from_hex(text).ok_or_else(|| CommandError::Malformed {
        field: "--account",
        value: text.clone(),
        expected: "64 hexadecimal digits",
    })?;
    let account = client.account(id).await?;
    let operator = client.operator(id).await?;
    let view = operator.as_ref().map(crate::view::operator);
    let text = match &view {
        Some(operator) => {
            format!("nonce {}  free {}\noperator {operator}", account.nonce, account.free)
        }
        None => format!("nonce {}  free {}\nno operator", account.nonce, account.free),
    };
    output.result(&json!({ "account": id.to_string(), "nonce": account.nonce, "free": account.free, "operator": view }), &text)
}
