//! The part of a configuration that is about plotting for a farming cluster.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use aipot_kernels::proof_of_space::Variant;

use super::given::Given;
use super::{COUNT_MAX, Configuration, ConfigurationError};
use crate::backend::DeviceChoice;

/// Sectors in work at once when nothing else is said: one being encoded, the next one's pieces on their way.
const SECTORS_DEFAULT: usize = 2;
/// Most sectors in work at once; each takes more than a gigabyte of memory.
const SECTORS_MAX: u64 = 64;
/// What a variant may be.
const VARIANTS: &str = "v1, v2 (what your farmers' release reads: see docs/farming.md)";
/// The key without which nothing is plotted.
const NATS: &str = "plotter_nats";

/// How to plot for a farming cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlotterConfiguration {
    /// The cluster's NATS servers, at least one.
    pub nats: Vec<String>,
    /// Which proofs the cluster's farmers will look for.
    pub variant: Variant,
    /// What computes.
    pub backend: DeviceChoice,
    /// Sectors in work at once.
    pub sectors_max: usize,
    /// In which group of caches pieces are looked for; none: in all.
    pub cache_group: Option<String>,
    /// The file with which the server knows this client, if it asks for one.
    pub credentials: Option<PathBuf>,
}

/// The configuration of a plotter that belongs to no node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlotterAlone {
    /// How to plot.
    pub plotter: PlotterConfiguration,
    /// Where the metrics page is shown, if at all.
    pub metrics: Option<SocketAddr>,
    /// Threads of the processor; 0 means one for each core.
    pub threads: usize,
}

impl PlotterAlone {
    /// Puts the configuration together. Sources are weighed as in [`Configuration::resolve`], and a file or
    /// environment of a node will do.
    ///
    /// # Errors
    /// [`ConfigurationError`], naming the key, where its value stands, and what is allowed.
    pub fn resolve(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigurationError> {
        let given = Configuration::gather(file, environment, flags)?;
        Ok(Self {
            plotter: PlotterConfiguration::required(&given)?,
            metrics: metrics(&given)?,
            threads: threads(&given)?,
        })
    }
}

impl PlotterConfiguration {
    /// What is said about plotting, `None` when no server is named.
    pub(super) fn optional(given: &Given) -> Result<Option<Self>, ConfigurationError> {
        if servers(given)?.is_empty() { Ok(None) } else { Self::required(given).map(Some) }
    }

    fn required(given: &Given) -> Result<Self, ConfigurationError> {
        let text = "text that is not empty";
        let nats = servers(given)?;
        if nats.is_empty() {
            return Err(Given::missing(NATS));
        }
        let backend = given.single("plotter_backend", DeviceChoice::ALLOWED)?;
        let sectors_max = given.count("plotter_sectors_max", 1..=SECTORS_MAX)?;
        Ok(Self {
            nats,
            variant: given.required("plotter_variant", VARIANTS)?,
            backend: backend.unwrap_or(DeviceChoice::AUTO),
            sectors_max: sectors_max.unwrap_or(SECTORS_DEFAULT),
            cache_group: given.single("plotter_cache_group", text)?,
            credentials: given.single("plotter_credentials", text)?,
        })
    }
}

fn servers(given: &Given) -> Result<Vec<String>, ConfigurationError> {
    given.list(NATS, "addresses such as nats://127.0.0.1:4222")
}

/// Where the metrics page is shown, if at all.
pub(super) fn metrics(given: &Given) -> Result<Option<SocketAddr>, ConfigurationError> {
    given.single("metrics", "addresses such as 127.0.0.1:9615")
}

/// Threads of one job.
pub(super) fn threads(given: &Given) -> Result<usize, ConfigurationError> {
    Ok(given.count("threads", 0..=COUNT_MAX)?.unwrap_or_default())
}
