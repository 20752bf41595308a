//! How a plotter of a farming cluster works.

use std::path::PathBuf;
use std::time::Duration;

use aipot_kernels::proof_of_space::Variant;

/// Sectors in work when nothing else is said: one being encoded, the next one's pieces on their way.
const SECTORS_DEFAULT: usize = 2;

/// Caches that are read at the same time: with two messages under way each, some megabytes.
const CACHES_AT_ONCE_DEFAULT: usize = 4;

/// How a plotter works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlotterSettings {
    /// Servers of the cluster, as `nats://HOST:PORT`; the next is tried when one does not answer.
    pub servers: Vec<String>,
    /// The file with which the servers know this client, if they ask for one.
    pub credentials: Option<PathBuf>,
    /// In which group of caches pieces are looked for; none: in any.
    pub cache_group: Option<String>,
    /// Which proofs the cluster's farmers will look for.
    pub variant: Variant,
    /// Sectors in work at once, at least one: being fetched, encoded, or sent. One is encoded at a time.
    ///
    /// # Units
    /// Each takes memory for its pieces: about a gibibyte with 1,000 pieces.
    pub sectors_max: usize,
    /// Caches that are read at the same time for one sector.
    pub caches_at_once: usize,
    /// What the worker counts a sector as while it is encoded. The worker's whole memory keeps everything
    /// else away from the machine.
    pub reserved_bytes: u64,
    /// How much of each sector is checked before it is sent.
    pub check: CheckDepth,
    /// When to lose patience.
    pub timings: Timings,
}

/// How much of each sector is checked before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckDepth {
    /// Chunks of every record whose proof is verified and whose encoding is repeated.
    pub chunks_per_record: u16,
    /// Records that are wholly encoded again on this processor.
    pub recreated_records: u16,
}

/// When to lose patience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    /// How long a farmer may take to acknowledge a message before it counts as gone.
    pub acknowledgement: Duration,
    /// How often a farmer is told that we are still there.
    pub ping: Duration,
    /// How often a plotter without room looks whether it has some again.
    pub capacity: Duration,
    /// How long a cache or a controller may be silent.
    pub response: Duration,
}

impl PlotterSettings {
    /// The usual settings for these servers.
    pub fn new(servers: Vec<String>, variant: Variant) -> Self {
        Self {
            servers,
            credentials: None,
            cache_group: None,
            variant,
            sectors_max: SECTORS_DEFAULT,
            caches_at_once: CACHES_AT_ONCE_DEFAULT,
            reserved_bytes: 0,
            check: CheckDepth::default(),
            timings: Timings::default(),
        }
    }
}

impl Default for CheckDepth {
    /// Two chunks of every record, and one whole record of a sector.
    fn default() -> Self {
        Self { chunks_per_record: 2, recreated_records: 1 }
    }
}

impl Default for Timings {
    /// What the cluster's other members keep to; farmers give up after 60 seconds of silence.
    fn default() -> Self {
        Self {
            acknowledgement: Duration::from_mins(1),
            ping: Duration::from_secs(10),
            capacity: Duration::from_secs(1),
            response: Duration::from_mins(1),
        }
    }
}
