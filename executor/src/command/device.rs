//! `aipot device`: the devices of this machine on which plots and trainings can run, and what jobs may take.

mod bench;

use std::path::PathBuf;
use std::process::ExitCode;

use aipot_kernels::gpu::list_adapters;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::join::environment;
use super::{CommandError, Output};
use crate::backend::cuda_devices;
use crate::configuration::WorkerSettings;
use crate::processor::{capped_threads, machine_memory, physical_cores};
use crate::scheduler::calibration::Measurement;
use crate::worker::read_calibration;

/// Subcommands of `aipot device`.
#[derive(Debug, Subcommand)]
pub(super) enum DeviceCommand {
    /// List the processor, the adapters that wgpu finds, and the devices that CUDA finds, with what jobs may
    /// take and what was measured.
    List(ListArguments),
    /// Measure how fast orders are trained here and what they take, or what canonical arithmetic costs.
    Bench(bench::BenchArguments),
}

/// Arguments of `aipot device list`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: aipot device list --folder ~/aipot\n\nJobs share a device by memory. An estimate is corrected by what probe steps took; the measurements lie in\ncalibration.json in the folder of a node."
)]
pub(super) struct ListArguments {
    /// The configuration file of a node, whose jobs are asked about.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Folder of a node, in which its measurements lie.
    #[arg(long)]
    folder: Option<String>,
}

/// One device.
#[derive(Debug, Serialize)]
struct Device {
    backend: &'static str,
    /// Its place among those of its backend, the one that is taken first.
    index: usize,
    name: String,
    /// What it is made of.
    kind: &'static str,
    /// What it is driven by.
    driver: String,
    /// Largest buffer that a kernel may bind, where there is a limit.
    binding_bytes_max: Option<u64>,
    /// Memory, where it is known.
    memory_bytes: Option<u64>,
    /// Memory that is free now, where it is known.
    available_bytes: Option<u64>,
    /// What jobs may take; `None` when no order is trained there.
    slots: Option<Slots>,
    /// Bytes that jobs took, for each thousand estimated.
    calibration: Vec<Measurement>,
}

/// What jobs may take on a device.
#[derive(Debug, Serialize)]
struct Slots {
    /// Jobs at once.
    jobs_max: usize,
    /// Memory of all of them together.
    memory_bytes: u64,
    /// Threads of each.
    threads: usize,
}

/// Runs a subcommand.
pub(super) fn run(command: &DeviceCommand, output: Output) -> Result<ExitCode, CommandError> {
    match command {
        DeviceCommand::List(arguments) => list(arguments, output)?,
        DeviceCommand::Bench(arguments) => return bench::run(arguments, output),
    }
    Ok(ExitCode::SUCCESS)
}

fn list(arguments: &ListArguments, output: Output) -> Result<(), CommandError> {
    let folder = arguments.folder.iter().map(|folder| ("folder".to_owned(), folder.clone()));
    let (settings, folder) =
        WorkerSettings::resolve(arguments.config.as_deref(), environment(), folder)?;
    let calibration = folder.map(|folder| read_calibration(&folder)).unwrap_or_default();
    let mut devices = vec![processor(settings)];
    devices.extend(list_adapters().into_iter().enumerate().map(|(index, adapter)| Device {
        backend: "wgpu",
        index,
        name: adapter.name,
        kind: adapter.kind,
        driver: format!("{}, {}", adapter.backend, adapter.driver),
        binding_bytes_max: Some(adapter.binding_bytes_max),
        ..Device::unknown()
    }));
    let cuda = cuda_devices();
    devices.extend(cuda.iter().flatten().enumerate().map(|(index, name)| Device {
        backend: "cuda",
        index,
        name: name.clone(),
        kind: "discrete",
        driver: "cuda".to_owned(),
        ..Device::unknown()
    }));
    for device in &mut devices {
        let name = device.place();
        let measured = calibration.measurements().iter();
        let measured = measured.filter(|measured| measured.subject.device == name);
        device.calibration = measured.cloned().collect();
    }
    let mut lines: Vec<String> = devices.iter().map(line).collect();
    if let Err(error) = &cuda {
        lines.push(format!("cuda  -  {error}"));
    }
    output.result(&devices, &lines.join("\n"))
}

impl Device {
    /// A device of which nothing is known.
    fn unknown() -> Self {
        Self {
            backend: "",
            index: 0,
            name: String::new(),
            kind: "",
            driver: String::new(),
            binding_bytes_max: None,
            memory_bytes: None,
            available_bytes: None,
            slots: None,
            calibration: Vec::new(),
        }
    }

    /// What it is called elsewhere.
    fn place(&self) -> String {
        format!("{}:{}", self.backend, self.index)
    }
}

fn processor(settings: WorkerSettings) -> Device {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = machine_memory();
    let WorkerSettings { threads, memory_bytes, jobs_max, .. } = settings;
    Device {
        backend: "cpu",
        name: format!("processor, {count} threads on {} cores", physical_cores()),
        kind: "processor",
        driver: std::env::consts::ARCH.to_owned(),
        memory_bytes: memory.map(|memory| memory.total_bytes),
        available_bytes: memory.map(|memory| memory.available_bytes),
        slots: Some(Slots { jobs_max, memory_bytes, threads: capped_threads(threads) }),
        ..Device::unknown()
    }
}

fn line(device: &Device) -> String {
    let Device { name, kind, driver, binding_bytes_max, .. } = device;
    let limit = binding_bytes_max.map(|bytes| format!(", buffers up to {} MiB", bytes >> 20));
    let head =
        format!("{:<8} {name} ({kind}, {driver}{})", device.place(), limit.unwrap_or_default());
    let memory = device.memory_bytes.zip(device.available_bytes).map(|(total, available)| {
        format!("memory {} MiB, {} MiB of it free", total >> 20, available >> 20)
    });
    let slots = device.slots.as_ref().map(|Slots { jobs_max, memory_bytes, threads }| {
        let mebibytes = memory_bytes >> 20;
        format!("{jobs_max} jobs at once in {mebibytes} MiB, {threads} threads each")
    });
    let calibration = device.calibration.iter().map(|measured| {
        let Measurement { subject, permille, probe_count } = measured;
        let share = format!("{}.{} % of its estimate", permille / 10, permille % 10);
        format!("{} takes {share}, by {probe_count} probe steps", subject.architecture)
    });
    let more = memory.into_iter().chain(slots).chain(calibration);
    std::iter::once(head).chain(more.map(|more| format!("\n         {more}"))).collect()
}
