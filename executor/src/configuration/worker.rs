//! The part of a configuration that is about what jobs may take.

use std::path::{Path, PathBuf};

use super::given::Given;
use super::{Configuration, ConfigurationError, StrategySettings, plotter};
use crate::worker::{JOBS_DEFAULT, WorkerConfiguration, default_memory_bytes};

/// Most jobs at once.
const JOBS_MAX: u64 = 1_024;
/// Most mebibytes: 64 tebibytes, more than any machine has.
const MEMORY_MIB_MAX: u64 = 64 << 20;
/// Bits by which a mebibyte is shifted.
const MEBIBYTE_BITS: u32 = 20;

/// What jobs may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerSettings {
    /// Threads of one job; 0 means one for each core.
    pub threads: usize,
    /// Memory that all jobs together may take.
    pub memory_bytes: u64,
    /// Jobs that run at once.
    pub jobs_max: usize,
    /// How contests are trained.
    pub strategy: StrategySettings,
}

impl WorkerSettings {
    /// Puts the settings together, and the folder of the node if one is named. Sources are weighed as in
    /// [`Configuration::resolve`].
    ///
    /// # Errors
    /// [`ConfigurationError`], naming the key, where its value stands, and what is allowed.
    pub fn resolve(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(Self, Option<PathBuf>), ConfigurationError> {
        let given = Configuration::gather(file, environment, flags)?;
        Ok((Self::from_given(&given)?, given.single("folder", "text that is not empty")?))
    }

    pub(super) fn from_given(given: &Given) -> Result<Self, ConfigurationError> {
        let memory_mib = given.count("worker_memory_mib", 1..=MEMORY_MIB_MAX)?;
        let memory_mib = memory_mib.and_then(|count| u64::try_from(count).ok());
        let jobs_max = given.count("worker_jobs_max", 1..=JOBS_MAX)?;
        Ok(Self {
            threads: plotter::threads(given)?,
            memory_bytes: memory_mib.map_or_else(default_memory_bytes, |mib| mib << MEBIBYTE_BITS),
            jobs_max: jobs_max.unwrap_or(JOBS_DEFAULT),
            strategy: StrategySettings::of(given)?,
        })
    }

    /// A worker with these settings.
    pub fn for_folder(&self, folder: impl Into<PathBuf>) -> WorkerConfiguration {
        WorkerConfiguration {
            memory_bytes: self.memory_bytes,
            jobs_max: self.jobs_max,
            strategy: self.strategy,
            ..WorkerConfiguration::for_folder(folder, self.threads)
        }
    }
}
