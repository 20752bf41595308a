//! Which GPUs this machine has, and which of them to take.

use std::fmt;

use super::GpuError;

/// What an adapter says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterDescription {
    /// The device's name, as its driver spells it.
    pub name: String,
    /// The interface it is reached through: vulkan, metal or dx12.
    pub backend: &'static str,
    /// What it is made of: discrete, integrated, virtual, software or other.
    pub kind: &'static str,
    /// Name and version of the driver.
    pub driver: String,
    /// Largest buffer that a kernel may bind, in bytes.
    pub binding_bytes_max: u64,
}

impl fmt::Display for AdapterDescription {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, backend, kind, driver, .. } = self;
        write!(formatter, "{name} ({kind}, {backend}, {driver})")
    }
}

/// Lists the adapters that wgpu finds, the one that [`super::Gpu::open`] takes first.
///
/// An empty list means that no driver answered; it is not an error by itself.
pub fn list_adapters() -> Vec<AdapterDescription> {
    adapters().iter().map(describe).collect()
}

/// The adapter to use, if there is any.
pub(super) fn best_adapter() -> Option<wgpu::Adapter> {
    adapters().into_iter().next()
}

/// The adapter at this place of [`list_adapters`], or the first whose name holds `wanted`.
pub(super) fn wanted_adapter(wanted: &str) -> Result<wgpu::Adapter, GpuError> {
    let adapters = adapters();
    if adapters.is_empty() {
        return Err(GpuError::NoAdapter);
    }
    let found: Vec<_> = adapters.iter().map(|adapter| adapter.get_info().name).collect();
    let part = wanted.to_lowercase();
    let by_name = || found.iter().position(|name| name.to_lowercase().contains(&part));
    let place = wanted.parse::<usize>().ok().or_else(by_name);
    match place.and_then(|place| adapters.into_iter().nth(place)) {
        Some(adapter) => Ok(adapter),
        None => Err(GpuError::NoSuchAdapter { wanted: wanted.to_owned(), found }),
    }
}

/// Puts what wgpu knows into plain words.
pub(super) fn describe(adapter: &wgpu::Adapter) -> AdapterDescription {
    let found = adapter.get_info();
    let driver = format!("{} {}", found.driver, found.driver_info).trim().to_owned();
    AdapterDescription {
        name: found.name,
        backend: found.backend.to_str(),
        kind: kind_name(found.device_type),
        driver,
        binding_bytes_max: adapter.limits().max_storage_buffer_binding_size,
    }
}

/// All adapters, the fastest kind first; within a kind in the driver's order.
fn adapters() -> Vec<wgpu::Adapter> {
    let instance = wgpu::Instance::default();
    let mut adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    adapters.sort_by_key(|adapter| preference(adapter.get_info().device_type));
    adapters
}

/// Smaller is better.
fn preference(kind: wgpu::DeviceType) -> u8 {
    match kind {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    }
}

/// One word for what an adapter is made of.
fn kind_name(kind: wgpu::DeviceType) -> &'static str {
    match kind {
        wgpu::DeviceType::DiscreteGpu => "discrete",
        wgpu::DeviceType::IntegratedGpu => "integrated",
        wgpu::DeviceType::VirtualGpu => "virtual",
        wgpu::DeviceType::Other => "other",
        wgpu::DeviceType::Cpu => "software",
    }
}
