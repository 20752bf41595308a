//! The page that Prometheus reads: `http://ADDRESS/metrics`, in its text format.
//!
//! Nothing on it is secret, but it tells how a machine is doing: bind it to loopback, or to a network of
//! your own. It can only be read.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What every name on the page begins with.
const PREFIX: &str = "aipot";
/// The format of the page.
///
/// # Source
/// `OpenMetrics` 1.0, "Content-Type".
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Why the page cannot be shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetricsError {
    /// The address cannot be listened on.
    #[error("the metrics page cannot be shown on {address}: is something else there?")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
}

/// A page that is being shown until this is dropped.
#[derive(Debug)]
pub struct MetricsPage {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl MetricsPage {
    /// Shows what was registered, at `/metrics` of `address`; port 0 takes any that is free.
    ///
    /// # Errors
    /// [`MetricsError::Listen`] when the address is taken or not of this machine.
    pub async fn show(address: SocketAddr, registry: Registry) -> Result<Self, MetricsError> {
        let failed = |source| MetricsError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let pages = Router::new().route("/metrics", get(page)).with_state(Arc::new(registry));
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, pages).await {
                tracing::error!(%error, "the metrics page is gone");
            }
        });
        Ok(Self { address, serving })
    }

    /// Where the page is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for MetricsPage {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A registry with our prefix, and what program this is.
pub fn registry() -> Registry {
    let mut registry = Registry::with_prefix(PREFIX);
    let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("build", "The program", build);
    registry
}

async fn page(State(registry): State<Arc<Registry>>) -> Response {
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests;
