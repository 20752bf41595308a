//! `aipot device`: the devices of this machine on which plots and trainings can run.

mod bench;

use std::process::ExitCode;

use aipot_kernels::gpu::list_adapters;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{CommandError, Output};
use crate::backend::cuda_devices;

/// Subcommands of `aipot device`.
#[derive(Debug, Subcommand)]
pub(super) enum DeviceCommand {
    /// List the processor, the adapters that wgpu finds, and the devices that CUDA finds.
    List(ListArguments),
    /// Measure what canonical arithmetic costs here, beside arithmetic that is free in its order.
    Bench(bench::BenchArguments),
}

/// Arguments of `aipot device list`.
#[derive(Debug, Args)]
#[command(after_help = "Example: aipot device list")]
pub(super) struct ListArguments {}

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
}

/// Runs a subcommand.
pub(super) fn run(command: &DeviceCommand, output: Output) -> Result<ExitCode, CommandError> {
    match command {
        DeviceCommand::List(_) => list(output)?,
        DeviceCommand::Bench(arguments) => return bench::run(arguments, output),
    }
    Ok(ExitCode::SUCCESS)
}

fn list(output: Output) -> Result<(), CommandError> {
    let mut devices = vec![processor()];
    devices.extend(list_adapters().into_iter().enumerate().map(|(index, adapter)| Device {
        backend: "wgpu",
        index,
        name: adapter.name,
        kind: adapter.kind,
        driver: format!("{}, {}", adapter.backend, adapter.driver),
        binding_bytes_max: Some(adapter.binding_bytes_max),
    }));
    let cuda = cuda_devices();
    devices.extend(cuda.iter().flatten().enumerate().map(|(index, name)| Device {
        backend: "cuda",
        index,
        name: name.clone(),
        kind: "discrete",
        driver: "cuda".to_owned(),
        binding_bytes_max: None,
    }));
    let mut lines: Vec<String> = devices.iter().map(line).collect();
    if let Err(error) = &cuda {
        lines.push(format!("cuda  -  {error}"));
    }
    output.result(&devices, &lines.join("\n"))
}

fn processor() -> Device {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    Device {
        backend: "cpu",
        index: 0,
        name: format!("processor, {count} threads"),
        kind: "processor",
        driver: std::env::consts::ARCH.to_owned(),
        binding_bytes_max: None,
    }
}

fn line(device: &Device) -> String {
    let Device { backend, index, name, kind, driver, binding_bytes_max } = device;
    let limit = binding_bytes_max.map(|bytes| format!(", buffers up to {} MiB", bytes >> 20));
    let place = format!("{backend}:{index}");
    format!("{place:<8} {name} ({kind}, {driver}{})", limit.unwrap_or_default())
}
