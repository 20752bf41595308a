//! The part of a configuration that is about where trainings are done.

use std::path::{Path, PathBuf};

use super::given::Given;
use super::{Configuration, ConfigurationError, WorkerSettings};
use crate::backend::{Backend, DeviceChoice};
use crate::worker::remote::{RemoteSettings, StreamName};

/// The key without which no other machine is asked.
const NATS: &str = "worker_nats";
/// Where a worker without a folder keeps its checkpoints.
const FOLDER_DEFAULT: &str = "aipot-worker";
/// What a device may be.
const DEVICES: &str = "cpu, auto (training runs on the processor)";

/// Where a node has its trainings done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WorkplaceSettings {
    /// In processes of their own, so that none of them takes the node along when it dies.
    pub processes: bool,
    /// Through which server on other machines, if at all.
    pub remote: Option<RemoteSettings>,
    /// On what is computed.
    pub device: DeviceChoice,
}

/// The configuration of a worker that belongs to no node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WorkerAlone {
    /// Where its jobs come from.
    pub remote: RemoteSettings,
    /// Whether it does them in processes of their own.
    pub processes: bool,
    /// On what is computed.
    pub device: DeviceChoice,
    /// Its folder for checkpoints and data.
    pub folder: PathBuf,
    /// Threads of its job; 0 means one for each core.
    pub threads: u16,
    /// Memory that a job may take.
    pub memory_bytes: u64,
}

impl WorkerAlone {
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
        let WorkplaceSettings { processes, remote, device } = WorkplaceSettings::of(&given)?;
        let folder = given.single("folder", "text that is not empty")?;
        let WorkerSettings { threads, memory_bytes, .. } = WorkerSettings::from_given(&given)?;
        Ok(Self {
            remote: remote.ok_or_else(|| Given::missing(NATS))?,
            processes,
            device,
            folder: folder.unwrap_or_else(|| PathBuf::from(FOLDER_DEFAULT)),
            threads: u16::try_from(threads).unwrap_or(u16::MAX),
            memory_bytes,
        })
    }
}

impl WorkplaceSettings {
    /// Only what is said about trainings, of a configuration of which nothing else need be complete.
    ///
    /// # Errors
    /// [`ConfigurationError`], naming the key, where its value stands, and what is allowed.
    pub fn resolve(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigurationError> {
        Self::of(&Configuration::gather(file, environment, flags)?)
    }

    pub(super) fn of(given: &Given) -> Result<Self, ConfigurationError> {
        let device: Option<DeviceChoice> = given.single("worker_device", DEVICES)?;
        let device = match device {
            None | Some(DeviceChoice { backend: Backend::Auto, .. }) => Self::default().device,
            Some(device) if device.backend == Backend::Cpu => device,
            Some(device) => {
                return Err(given.refused("worker_device", &device.to_string(), DEVICES));
            }
        };
        let processes = given.single("worker_processes", "true, false")?;
        Ok(Self {
            processes: processes.unwrap_or(Self::default().processes),
            remote: remote(given)?,
            device,
        })
    }
}

impl Default for WorkplaceSettings {
    /// In processes: when the system is short of memory it ends the largest process, and that is then a
    /// worker, which goes on from its checkpoint, and not the node with its stake.
    fn default() -> Self {
        let device = DeviceChoice { backend: Backend::Cpu, index: None };
        Self { processes: true, remote: None, device }
    }
}

fn remote(given: &Given) -> Result<Option<RemoteSettings>, ConfigurationError> {
    let servers = given.list(NATS, "addresses such as nats://127.0.0.1:4222")?;
    if servers.is_empty() {
        return Ok(None);
    }
    let stream = given.single::<StreamName>("worker_stream", "1 to 32 letters, digits, - and _")?;
    let credentials = given.single("worker_credentials", "text that is not empty")?;
    Ok(Some(RemoteSettings {
        credentials,
        ..RemoteSettings::new(servers, stream.unwrap_or_default())
    }))
}
