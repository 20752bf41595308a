//! `aipot order watch`: what happens to an order, until it is settled.

use aipot_domain_runtime::primitives::OrderId;
use serde_json::json;

use super::OrderArguments;
use crate::client::payout_lines;
use crate::command::{CommandError, Output};
use crate::domain_rpc::client::DomainClient;
use crate::narrative::{sentence, short_name};

/// Follows an order and prints how it ended.
pub(super) async fn run(arguments: &OrderArguments, output: Output) -> Result<(), CommandError> {
    let id = arguments.id()?;
    let client = arguments.connect().await?;
    arguments.load(&client).await?;
    let mut heads = client.follow_heads().await?;
    let mut told = 0;
    let mut phase = String::new();
    loop {
        told = tell(&client, id, told, output).await?;
        let state = arguments.load(&client).await?;
        if state.report.phase != phase {
            phase.clone_from(&state.report.phase);
            output.note(&format!("phase {phase}"));
        }
        if let Some(outcome) = &state.record.outcome {
            let winner = outcome.winner();
            let value = json!({
                "order": id.to_string(),
                "winner": winner.map(|winner| winner.provider.to_string()),
                "score": winner.map(|winner| winner.score.0),
                "model_root": winner.map(|winner| winner.model.root.to_string()),
                "payouts": payout_lines(outcome),
            });
            let text = match winner {
                Some(winner) => format!(
                    "settled: {} won with model blake3:{}",
                    winner.provider, winner.model.root
                ),
                None => "settled without a winner; the client got its money back".to_owned(),
            };
            return output.result(&value, &text);
        }
        // A lost subscription is an answer too: the next question says whether the node is there.
        if heads.next().await.is_none() {
            heads = client.follow_heads().await?;
        }
    }
}

/// Prints the events after the first `told` and returns how many there are.
async fn tell(
    client: &DomainClient,
    id: OrderId,
    told: usize,
    output: Output,
) -> Result<usize, CommandError> {
    let events = client.events(id).await?;
    for (block, event) in events.iter().skip(told) {
        output.note(&format!("{block:>6}  {}", sentence(event, &short_name)));
    }
    Ok(events.len())
}
