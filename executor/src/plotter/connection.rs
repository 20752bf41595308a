//! The connection to the cluster's server: how it is made, kept, and what it must let through.

use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event};

use super::PlotterError;
use super::metrics::PlotterMetrics;
use super::settings::PlotterSettings;
use super::wire::ANY_CACHE_GROUP;

/// The least limit of a server's messages with which the cluster works: a piece and what stands around it.
///
/// # Source
/// `proof-of-space.md`, "The NATS wire of the farming cluster".
pub const MAX_PAYLOAD_MIN: usize = 2 << 20;

/// Wait before the first and the longest wait before any attempt to connect again.
const RECONNECT_MIN: Duration = Duration::from_millis(100);
const RECONNECT_MAX: Duration = Duration::from_secs(5);

/// Messages that wait to be written: each can have megabytes.
const WAITING_MESSAGES_MAX: usize = 16;

/// Messages of one subscription that wait to be looked at. Streams have two under way at most, so
/// only requests ever come close.
const RECEIVED_MESSAGES_MAX: usize = 256;

/// How much a message may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PayloadLimit {
    /// Bytes of an encoded message.
    pub(super) message_bytes: usize,
}

impl PayloadLimit {
    /// The limit of the server that a client is connected to.
    pub(super) fn of(client: &Client) -> Result<Self, PlotterError> {
        let max_payload = client.max_payload();
        if max_payload < MAX_PAYLOAD_MIN {
            return Err(PlotterError::PayloadLimit { max_payload, needed: MAX_PAYLOAD_MIN });
        }
        Ok(Self { message_bytes: max_payload })
    }

    /// Bytes of a sector that one message carries: nine tenths, so that there is room around them.
    pub(super) fn chunk_bytes(self) -> usize {
        // Of u64, so that no limit is too large to be multiplied.
        usize::try_from(self.message_bytes as u64 * 9 / 10).unwrap_or(self.message_bytes)
    }
}

/// Connects, and refuses a server that cannot carry pieces.
pub(super) async fn connect(
    settings: &PlotterSettings,
    metrics: &PlotterMetrics,
) -> Result<Client, PlotterError> {
    check(settings)?;
    let metrics = metrics.clone();
    let options = ConnectOptions::new()
        .name("aipot plotter")
        .max_reconnects(None)
        .reconnect_delay_callback(reconnect_delay)
        .client_capacity(WAITING_MESSAGES_MAX)
        .subscription_capacity(RECEIVED_MESSAGES_MAX)
        .event_callback(move |event| {
            report(&event, &metrics);
            std::future::ready(())
        });
    let options = match &settings.credentials {
        None => options,
        Some(path) => options
            .credentials_file(path)
            .await
            .map_err(|source| PlotterError::Credentials { path: path.clone(), source })?,
    };
    let connected = options.connect(settings.servers.as_slice()).await;
    let client = connected
        .map_err(|source| PlotterError::Connect { servers: settings.servers.join(", "), source })?;
    PayloadLimit::of(&client)?;
    Ok(client)
}

fn check(settings: &PlotterSettings) -> Result<(), PlotterError> {
    let refused = |setting, value: &str, allowed| {
        Err(PlotterError::Setting { setting, value: value.to_owned(), allowed })
    };
    if settings.servers.is_empty() {
        return refused("servers", "", "at least one address");
    }
    if settings.sectors_max == 0 {
        return refused("sectors_max", "0", "at least 1");
    }
    let group = settings.cache_group.as_deref().unwrap_or(ANY_CACHE_GROUP);
    let is_token = |letter: char| !letter.is_whitespace() && !".*>".contains(letter);
    if group.is_empty() || !group.chars().all(is_token) {
        return refused("cache_group", group, "a word without spaces and without . * >");
    }
    Ok(())
}

/// Twice as long after each attempt, up to a bound.
fn reconnect_delay(attempt: usize) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
    let factor = 1_u32.checked_shl(doublings.min(31)).unwrap_or(u32::MAX);
    RECONNECT_MIN.saturating_mul(factor).min(RECONNECT_MAX)
}

fn report(event: &Event, metrics: &PlotterMetrics) {
    match event {
        Event::Connected => {
            metrics.count_connection();
            tracing::info!("connected to the cluster");
        }
        Event::Disconnected => tracing::warn!("disconnected from the cluster; connecting again"),
        other => tracing::warn!(event = %other, "the connection to the cluster reports"),
    }
}

#[cfg(test)]
mod tests;
