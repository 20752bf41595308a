//! The plumbing of every wgpu kernel: find adapters, open a device, keep compiled stages, move
//! data, run, read back. Kernels say what to run; nothing here knows any kernel.

mod adapter;

pub use adapter::{AdapterDescription, list_adapters};

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use thiserror::Error;

use self::adapter::{best_adapter, describe};

/// Bytes of a word, the unit of every buffer.
const WORD_BYTES: u64 = 4;

/// Why work on a GPU failed. None of these says anything about anybody else's work.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GpuError {
    /// No Vulkan, Metal or Direct3D 12 driver answered.
    #[error("no GPU adapter found: install a Vulkan driver, for software mesa-vulkan-drivers")]
    NoAdapter,
    /// The adapter exists but gives no device with the core limits of WebGPU.
    #[error("{adapter} gives no device: {source}")]
    NoDevice {
        /// Name of the adapter.
        adapter: String,
        /// What wgpu says.
        source: wgpu::RequestDeviceError,
    },
    /// A buffer is larger than this device binds.
    #[error("{label} needs {wanted_bytes} bytes, this device binds at most {max_bytes}")]
    BufferTooLarge {
        /// Name of the buffer.
        label: &'static str,
        /// Bytes wanted.
        wanted_bytes: u64,
        /// Bytes allowed.
        max_bytes: u64,
    },
    /// The device has no memory left.
    #[error("out of GPU memory in {stage}")]
    OutOfMemory {
        /// What was going on.
        stage: &'static str,
        /// What wgpu says.
        source: wgpu::Error,
    },
    /// wgpu refused the work: a bug in a kernel or in its driver.
    #[error("{stage} failed: {source}")]
    Refused {
        /// What was going on.
        stage: &'static str,
        /// What wgpu says.
        source: wgpu::Error,
    },
    /// The device did not finish the work.
    #[error("waiting for {stage} failed: {source}")]
    Wait {
        /// What was going on.
        stage: &'static str,
        /// What wgpu says.
        source: wgpu::PollError,
    },
    /// The result could not be mapped into memory, as after a lost device.
    #[error("the result of {stage} cannot be read: {source}")]
    ReadBack {
        /// What was going on.
        stage: &'static str,
        /// What wgpu says.
        source: wgpu::MapRangeError,
    },
}

/// An open device with the stages that were compiled for it.
#[derive(Debug)]
pub struct Gpu {
    description: AdapterDescription,
    device: wgpu::Device,
    queue: wgpu::Queue,
    stages: Mutex<HashMap<&'static str, Arc<wgpu::ComputePipeline>>>,
}

/// One kernel: its WGSL source and the name of its only entry point.
#[derive(Debug, Clone, Copy)]
pub struct Stage {
    /// Entry point, which also names the stage in errors.
    pub name: &'static str,
    /// WGSL source.
    pub source: &'static str,
}

/// A buffer of 32-bit words on the device.
#[derive(Debug)]
pub struct DeviceWords {
    buffer: wgpu::Buffer,
}

impl Gpu {
    /// Opens the best adapter: discrete before integrated before virtual before software.
    ///
    /// # Errors
    /// [`GpuError::NoAdapter`] when there is none, [`GpuError::NoDevice`] when it gives no device
    /// with the core limits of WebGPU.
    pub fn open() -> Result<Self, GpuError> {
        let adapter = best_adapter().ok_or(GpuError::NoAdapter)?;
        let description = describe(&adapter);
        let wanted = wgpu::DeviceDescriptor {
            label: Some("aipot"),
            required_limits: wgpu::Limits::default(),
            ..Default::default()
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&wanted))
            .map_err(|source| GpuError::NoDevice { adapter: description.name.clone(), source })?;
        Ok(Self { description, device, queue, stages: Mutex::default() })
    }

    /// What the device calls itself.
    pub fn description(&self) -> &AdapterDescription {
        &self.description
    }

    /// The most words that one buffer may have.
    pub fn words_max(&self) -> u64 {
        let limits = self.device.limits();
        limits.max_storage_buffer_binding_size.min(limits.max_buffer_size) / WORD_BYTES
    }

    /// The most workgroups of a dispatch in one dimension.
    pub fn workgroups_max(&self) -> u32 {
        self.device.limits().max_compute_workgroups_per_dimension
    }

    /// Copies words to the device.
    ///
    /// # Errors
    /// [`GpuError::BufferTooLarge`] or [`GpuError::OutOfMemory`] when there is no room.
    pub fn upload(&self, label: &'static str, words: &[u32]) -> Result<DeviceWords, GpuError> {
        let target = self.allocate(label, u64::try_from(words.len()).unwrap_or(u64::MAX))?;
        self.queue.write_buffer(&target.buffer, 0, bytemuck::cast_slice(words));
        Ok(target)
    }

    /// Makes room for words on the device, all zero.
    ///
    /// # Errors
    /// [`GpuError::BufferTooLarge`] or [`GpuError::OutOfMemory`] when there is no room.
    pub fn allocate(&self, label: &'static str, word_count: u64) -> Result<DeviceWords, GpuError> {
        let max_bytes = self.words_max() * WORD_BYTES;
        let wanted_bytes = word_count.saturating_mul(WORD_BYTES);
        if wanted_bytes > max_bytes {
            return Err(GpuError::BufferTooLarge { label, wanted_bytes, max_bytes });
        }
        let usage = wgpu::BufferUsages::STORAGE
            | wgpu::BufferUsages::COPY_DST
            | wgpu::BufferUsages::COPY_SRC;
        let buffer = self.guarded(label, || self.new_buffer(label, wanted_bytes, usage))?;
        Ok(DeviceWords { buffer })
    }

    /// Runs one stage over its buffers (bindings 0, 1, ...) and waits for nothing.
    ///
    /// # Errors
    /// [`GpuError::Refused`] when the source does not compile or the buffers do not fit it.
    pub fn run(
        &self,
        stage: Stage,
        buffers: &[&DeviceWords],
        workgroups: [u32; 3],
    ) -> Result<(), GpuError> {
        let pipeline = self.pipeline(stage)?;
        self.guarded(stage.name, || {
            let bindings = self.bind(stage.name, &pipeline, buffers);
            let mut encoder =
                self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&pipeline);
            pass.set_bind_group(0, &bindings, &[]);
            pass.dispatch_workgroups(workgroups[0], workgroups[1], workgroups[2]);
            drop(pass);
            self.queue.submit([encoder.finish()]);
        })
    }

    /// Waits for everything that was run and copies words back.
    ///
    /// # Errors
    /// [`GpuError::Wait`] or [`GpuError::ReadBack`] when the device fails, [`GpuError::OutOfMemory`]
    /// when there is no room for the copy.
    pub fn read(&self, label: &'static str, source: &DeviceWords) -> Result<Vec<u32>, GpuError> {
        let bytes = source.buffer.size();
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let copy = self.guarded(label, || {
            let copy = self.new_buffer(label, bytes, usage);
            let mut encoder =
                self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            encoder.copy_buffer_to_buffer(&source.buffer, 0, &copy, 0, bytes);
            self.queue.submit([encoder.finish()]);
            // A failed mapping shows when the range is asked for below.
            copy.map_async(wgpu::MapMode::Read, .., |_mapped| {});
            copy
        })?;
        self.device
            .poll(wgpu::PollType::wait_indefinitely())
            .map_err(|source| GpuError::Wait { stage: label, source })?;
        let mapped = copy
            .get_mapped_range(..)
            .map_err(|source| GpuError::ReadBack { stage: label, source })?;
        Ok(bytemuck::pod_collect_to_vec(&mapped))
    }

    /// The compiled form of a stage, compiled at the first call.
    fn pipeline(&self, stage: Stage) -> Result<Arc<wgpu::ComputePipeline>, GpuError> {
        // A thread that panicked here left at worst a stage out; the map itself is whole.
        let mut stages = self.stages.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pipeline) = stages.get(stage.name) {
            return Ok(Arc::clone(pipeline));
        }
        let pipeline = self.guarded(stage.name, || self.compile(stage))?;
        let pipeline = Arc::new(pipeline);
        stages.insert(stage.name, Arc::clone(&pipeline));
        Ok(pipeline)
    }

    /// Compiles a stage; its layout follows from its source.
    fn compile(&self, stage: Stage) -> wgpu::ComputePipeline {
        let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(stage.name),
            source: wgpu::ShaderSource::Wgsl(stage.source.into()),
        });
        self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(stage.name),
            layout: None,
            module: &module,
            entry_point: Some(stage.name),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        })
    }

    /// Binds buffers to a stage in order.
    fn bind(
        &self,
        label: &'static str,
        pipeline: &wgpu::ComputePipeline,
        buffers: &[&DeviceWords],
    ) -> wgpu::BindGroup {
        let entries: Vec<_> = (0_u32..)
            .zip(buffers)
            .map(|(binding, words)| wgpu::BindGroupEntry {
                binding,
                resource: words.buffer.as_entire_binding(),
            })
            .collect();
        self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(label),
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        })
    }

    /// Creates a buffer that is not mapped.
    fn new_buffer(&self, label: &str, size: u64, usage: wgpu::BufferUsages) -> wgpu::Buffer {
        let mapped_at_creation = false;
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size,
            usage,
            mapped_at_creation,
        })
    }

    /// Does something to the device and turns what wgpu reports meanwhile into an error.
    fn guarded<T>(&self, stage: &'static str, work: impl FnOnce() -> T) -> Result<T, GpuError> {
        let memory = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let internal = self.device.push_error_scope(wgpu::ErrorFilter::Internal);
        let validation = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let done = work();
        let validation = pollster::block_on(validation.pop());
        let internal = pollster::block_on(internal.pop());
        let memory = pollster::block_on(memory.pop());
        if let Some(source) = memory {
            return Err(GpuError::OutOfMemory { stage, source });
        }
        match validation.or(internal) {
            Some(source) => Err(GpuError::Refused { stage, source }),
            None => Ok(done),
        }
    }
}

#[cfg(test)]
mod tests;
