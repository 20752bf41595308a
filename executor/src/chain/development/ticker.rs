//! When blocks are made: on each item of a stream, so that tests step the chain by hand.

use std::time::Duration;

use futures::stream::{self, Stream, StreamExt};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::DevelopmentChain;
use crate::chain::ChainError;

/// Time between blocks: half a second, so that a devnet shows an order's life within a minute.
pub const BLOCK_INTERVAL_MS: u64 = 500;

/// A tick after each `period`; ticks missed while the machine was busy are not made up for.
pub fn every(period: Duration) -> impl Stream<Item = ()> + Send + Unpin {
    let mut interval = interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    stream::unfold(interval, |mut interval| async move {
        interval.tick().await;
        Some(((), interval))
    })
    .boxed()
}

/// Makes a block on each tick until the ticks end. A block that fails is tried again, with
/// whatever waits then, on the next tick.
pub async fn produce_on(chain: DevelopmentChain, mut ticks: impl Stream<Item = ()> + Unpin) {
    while ticks.next().await.is_some() {
        let producing = chain.clone();
        // A block is written durably, which may take long on a slow disk.
        let produced = tokio::task::spawn_blocking(move || producing.tick()).await;
        match produced.unwrap_or(Err(ChainError::Interrupted)) {
            Ok(Some(block)) => {
                let bundle_count = block.bundles.len();
                tracing::debug!(number = block.number, hash = %block.hash, bundle_count, "block");
            }
            Ok(None) => tracing::trace!("blocks are held back"),
            Err(error) => tracing::error!(%error, "no block; trying again at the next tick"),
        }
    }
}
