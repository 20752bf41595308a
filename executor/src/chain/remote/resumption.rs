//! Following across interruptions: what was told already is not told again, nothing is left out.

use std::collections::VecDeque;
use std::sync::Arc;

use jsonrpsee::core::client::Subscription;
use jsonrpsee::types::error::TOO_MANY_SUBSCRIPTIONS_CODE;

use super::connection::Connection;
use crate::chain::tip::Tip;
use crate::chain::wire::{CODE_UNAVAILABLE, WireEvent};
use crate::chain::{BlockHash, ChainError, ChainEvent, ConsensusBlock};

/// Where the next event comes from.
#[derive(Debug)]
enum Source {
    /// Nothing is known: the head must be asked for.
    Unknown,
    /// Final blocks up to this number are fetched one by one, at the pace of the reader.
    Past { finalized: u32 },
    /// Events come as they happen.
    Live(Subscription<WireEvent>),
    /// The chain cannot be followed any further.
    Ended,
}

/// Someone who follows the chain of another process.
#[derive(Debug)]
pub(super) struct Following {
    connection: Arc<Connection>,
    from: u32,
    told: Option<Tip>,
    waiting: VecDeque<ChainEvent>,
    source: Source,
    failures: u32,
}

impl Following {
    pub(super) async fn begin(connection: Arc<Connection>, from: u32) -> Result<Self, ChainError> {
        let waiting = VecDeque::new();
        let source = Source::Unknown;
        let mut following = Self { connection, from, told: None, waiting, source, failures: 0 };
        following.ask_for_head().await?;
        Ok(following)
    }

    /// The next event. An error is told once and ends the stream.
    pub(super) async fn next(mut self) -> Option<(Result<ChainEvent, ChainError>, Self)> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some((Ok(event), self));
            }
            if matches!(self.source, Source::Ended) {
                return None;
            }
            match self.step().await {
                Ok(()) => self.failures = 0,
                Err(error) if is_passing(&error) => {
                    self.source = Source::Unknown;
                    self.failures = self.failures.saturating_add(1);
                    self.connection.pause(self.failures, &error).await;
                }
                Err(error) => {
                    self.source = Source::Ended;
                    return Some((Err(error), self));
                }
            }
        }
    }

    /// Does the next thing, which may bring events.
    async fn step(&mut self) -> Result<(), ChainError> {
        let next_number = self.next_number();
        match &mut self.source {
            Source::Unknown => self.ask_for_head().await,
            Source::Past { finalized } if next_number <= *finalized => self.fetch().await,
            Source::Past { .. } => {
                let subscription = self.connection.subscribe(next_number).await?;
                self.source = Source::Live(subscription);
                Ok(())
            }
            Source::Live(subscription) => match subscription.next().await {
                Some(Ok(event)) => self.accept(event.try_into()?),
                Some(Err(error)) => {
                    Err(ChainError::Malformed { problem: format!("event: {error}") })
                }
                // The connection broke, or the reader was too slow.
                None => {
                    self.source = Source::Unknown;
                    Ok(())
                }
            },
            Source::Ended => Ok(()),
        }
    }

    async fn ask_for_head(&mut self) -> Result<(), ChainError> {
        let finalized = self.connection.head().await?.finalized.0;
        let (from, from_max) = (self.next_number(), finalized.saturating_add(1));
        if from == 0 || from > from_max {
            return Err(ChainError::FollowFrom { from, from_min: 1, from_max });
        }
        self.source = Source::Past { finalized };
        Ok(())
    }

    async fn fetch(&mut self) -> Result<(), ChainError> {
        let number = self.next_number();
        let missing = || ChainError::Malformed { problem: format!("no final block {number}") };
        let block = self.connection.block(number).await?.ok_or_else(missing)?;
        let hash = block.hash;
        self.accept(ChainEvent::Block(block))?;
        self.accept(ChainEvent::Finalized { number, hash })
    }

    /// The block after the last final one told of: everything before it needs no telling.
    fn next_number(&self) -> u32 {
        self.told.as_ref().map_or(self.from, |told| told.finalized().0.saturating_add(1))
    }

    fn accept(&mut self, event: ChainEvent) -> Result<(), ChainError> {
        self.waiting.extend(untold(&mut self.told, event)?);
        Ok(())
    }
}

/// What is new in an event for someone who knows `told`, which is updated.
pub(super) fn untold(
    told: &mut Option<Tip>,
    event: ChainEvent,
) -> Result<Vec<ChainEvent>, ChainError> {
    match event {
        ChainEvent::Block(block) => {
            let before = (block.number.saturating_sub(1), block.parent);
            untold_block(told.get_or_insert_with(|| Tip::new(before)), block)
        }
        ChainEvent::Reverted { to_number, to_hash } => match told {
            Some(tip) => untold_revert(tip, to_number, to_hash),
            None => Ok(Vec::new()),
        },
        ChainEvent::Finalized { number, hash } => match told {
            Some(tip) if number > tip.finalized().0 => {
                tip.finalize(number, hash)?;
                Ok(vec![ChainEvent::Finalized { number, hash }])
            }
            _ => Ok(Vec::new()),
        },
    }
}

fn untold_block(tip: &mut Tip, block: ConsensusBlock) -> Result<Vec<ChainEvent>, ChainError> {
    if tip.hash(block.number) == Some(block.hash) {
        return Ok(Vec::new());
    }
    let mut events = Vec::new();
    if block.number <= tip.best().0 {
        events = untold_revert(tip, block.number.saturating_sub(1), block.parent)?;
    }
    tip.extend(block.number, block.hash, block.parent)?;
    events.push(ChainEvent::Block(block));
    Ok(events)
}

fn untold_revert(
    tip: &mut Tip,
    to_number: u32,
    to_hash: BlockHash,
) -> Result<Vec<ChainEvent>, ChainError> {
    let best = tip.best();
    tip.revert(to_number, to_hash)?;
    let is_new = tip.best() != best;
    Ok(Vec::from_iter(is_new.then_some(ChainEvent::Reverted { to_number, to_hash })))
}

/// Whether trying again may help.
fn is_passing(error: &ChainError) -> bool {
    match error {
        ChainError::Unreachable { .. } => true,
        ChainError::Refused { code, .. } => {
            [CODE_UNAVAILABLE, TOO_MANY_SUBSCRIPTIONS_CODE].contains(code)
        }
        _ => false,
    }
}
