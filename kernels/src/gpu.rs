//! The plumbing of every wgpu kernel: find adapters, open a device, keep compiled stages, move
//! data, run, read back. Kernels say what to run; nothing here knows any kernel.

mod adapter;

pub use adapter::{AdapterDescription, list_adapters};

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use thiserror::Error;

use self::adapter::{best_adapter, describe, wanted_adapter};
use crate::device::{ComputeDevice, Download, Kernel, Launch, Step};

/// Bytes of a word, the unit of every buffer.
const WORD_BYTES: u64 = 4;

/// Why work on a GPU failed. None of these says anything about anybody else's work.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GpuError {
    /// No Vulkan, Metal or Direct3D 12 driver answered.
    #[error("no GPU adapter found: install a Vulkan driver, for software mesa-vulkan-drivers")]
    NoAdapter,
    /// No adapter has the number or the name that was asked for.
    #[error("no GPU adapter is {wanted:?}, there are {found:?}")]
    NoSuchAdapter {
        /// What was asked for.
        wanted: String,
        /// The names of those that are there.
        found: Vec<String>,
    },
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
    /// The kernel is not written in WGSL.
    #[error("{kernel} is written in CUDA C++ only, this device speaks WGSL")]
    OnlyInCuda {
        /// Its name.
        kernel: &'static str,
    },
    /// A buffer is shorter than what was to be written to it or read from it.
    #[error("{label}: words {start} to {end} of a buffer of {word_count}")]
    OutOfBounds {
        /// What was going on.
        label: &'static str,
        /// First word.
        start: u64,
        /// End of the words.
        end: u64,
        /// Words of the buffer.
        word_count: u64,
    },
    /// The device is gone, as after a driver fault; it has to be opened anew.
    #[error("the device was lost in {stage}: {reason}")]
    DeviceLost {
        /// What was going on.
        stage: &'static str,
        /// What the driver says.
        reason: String,
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

/// An open device with the kernels that were compiled for it.
#[derive(Debug)]
pub struct Gpu {
    description: AdapterDescription,
    device: wgpu::Device,
    queue: wgpu::Queue,
    pipelines: Mutex<HashMap<&'static str, Arc<wgpu::ComputePipeline>>>,
    /// Why the device was lost, once it is.
    loss: Arc<OnceLock<String>>,
}

/// A buffer of 32-bit words on the device.
#[derive(Debug)]
pub struct DeviceWords {
    buffer: wgpu::Buffer,
}

impl DeviceWords {
    /// Words of the buffer.
    fn word_count(&self) -> u64 {
        self.buffer.size() / WORD_BYTES
    }

    /// The bytes of some words of the buffer.
    fn bytes(&self, label: &'static str, words: Range<u64>) -> Result<Range<u64>, GpuError> {
        let Range { start, end } = words;
        let word_count = self.word_count();
        if start > end || end > word_count {
            return Err(GpuError::OutOfBounds { label, start, end, word_count });
        }
        Ok(start * WORD_BYTES..end * WORD_BYTES)
    }
}

/// Results on their way back.
#[derive(Debug)]
pub struct PendingDownloads {
    submission: wgpu::SubmissionIndex,
    copies: Vec<(&'static str, wgpu::Buffer)>,
}

impl Gpu {
    /// Opens the best adapter: discrete before integrated before virtual before software.
    ///
    /// # Errors
    /// [`GpuError::NoAdapter`] when there is none, [`GpuError::NoDevice`] when it gives no device
    /// with the core limits of WebGPU.
    pub fn open() -> Result<Self, GpuError> {
        Self::open_device(&best_adapter().ok_or(GpuError::NoAdapter)?)
    }

    /// Opens the adapter at this place of [`list_adapters`], or the first whose name holds `wanted`, in
    /// upper or lower case.
    ///
    /// # Errors
    /// [`GpuError::NoSuchAdapter`] when none fits; otherwise as [`Self::open`].
    pub fn open_adapter(wanted: &str) -> Result<Self, GpuError> {
        Self::open_device(&wanted_adapter(wanted)?)
    }

    /// Opens a device of an adapter.
    fn open_device(adapter: &wgpu::Adapter) -> Result<Self, GpuError> {
        let description = describe(adapter);
        let wanted = wgpu::DeviceDescriptor {
            label: Some("aipot"),
            required_limits: wgpu::Limits::default(),
            ..Default::default()
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&wanted))
            .map_err(|source| GpuError::NoDevice { adapter: description.name.clone(), source })?;
        let loss = Arc::new(OnceLock::new());
        let noted = Arc::clone(&loss);
        device.set_device_lost_callback(move |reason, message| {
            // The first loss is the cause of those after it.
            noted.get_or_init(|| format!("{reason:?}, {message}"));
        });
        // What no scope catches belongs to no call that could return it, and wgpu's own handler panics.
        // Whatever suffers from it fails when its results are read.
        device.on_uncaptured_error(Arc::new(|_error: wgpu::Error| {}));
        Ok(Self { description, device, queue, pipelines: Mutex::default(), loss })
    }

    /// What the device calls itself.
    pub fn description(&self) -> &AdapterDescription {
        &self.description
    }

    /// Whether the device is gone and has to be opened anew.
    pub fn is_lost(&self) -> bool {
        self.loss.get().is_some()
    }

    /// Refuses to go on without a device.
    fn check_loss(&self, stage: &'static str) -> Result<(), GpuError> {
        match self.loss.get() {
            Some(reason) => Err(GpuError::DeviceLost { stage, reason: reason.clone() }),
            None => Ok(()),
        }
    }

    /// The compiled form of a kernel, compiled at the first call.
    fn pipeline(&self, kernel: &Kernel) -> Result<Arc<wgpu::ComputePipeline>, GpuError> {
        // A thread that panicked here left at worst a kernel out; the map itself is whole.
        let mut pipelines = self.pipelines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pipeline) = pipelines.get(kernel.name) {
            return Ok(Arc::clone(pipeline));
        }
        let wgsl = kernel.wgsl.ok_or(GpuError::OnlyInCuda { kernel: kernel.name })?;
        let pipeline = Arc::new(self.guarded(kernel.name, || self.compile(kernel.name, wgsl))?);
        pipelines.insert(kernel.name, Arc::clone(&pipeline));
        Ok(pipeline)
    }

    /// Compiles a kernel; its layout follows from its source.
    fn compile(&self, name: &'static str, wgsl: &'static str) -> wgpu::ComputePipeline {
        let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(name),
            source: wgpu::ShaderSource::Wgsl(wgsl.into()),
        });
        self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(name),
            layout: None,
            module: &module,
            entry_point: Some(name),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        })
    }

    /// Records one dispatch; kernels are compiled before.
    fn record(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        launch: &Launch<'_, DeviceWords>,
    ) -> Result<(), GpuError> {
        let name = launch.kernel.name;
        let pipeline = self.pipeline(launch.kernel)?;
        self.guarded(name, || {
            let bindings = self.bind(name, &pipeline, &launch.buffers);
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&pipeline);
            pass.set_bind_group(0, &bindings, &[]);
            let [x, y, z] = launch.workgroups;
            pass.dispatch_workgroups(x, y, z);
        })
    }

    /// Records the copy of a result into memory that can be mapped.
    fn record_download(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        download: &Download<'_, DeviceWords>,
    ) -> Result<wgpu::Buffer, GpuError> {
        let Download { label, source, words } = download;
        let bytes = source.bytes(label, words.clone())?;
        let length = bytes.end - bytes.start;
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        self.guarded(label, || {
            let copy = self.new_buffer(label, length, usage);
            encoder.copy_buffer_to_buffer(&source.buffer, bytes.start, &copy, 0, length);
            copy
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
        self.check_loss(stage)?;
        let memory = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let internal = self.device.push_error_scope(wgpu::ErrorFilter::Internal);
        let validation = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let done = work();
        let validation = pollster::block_on(validation.pop());
        let internal = pollster::block_on(internal.pop());
        let memory = pollster::block_on(memory.pop());
        // Whatever else was reported follows from the loss.
        self.check_loss(stage)?;
        if let Some(source) = memory {
            return Err(GpuError::OutOfMemory { stage, source });
        }
        match validation.or(internal) {
            Some(source) => Err(GpuError::Refused { stage, source }),
            None => Ok(done),
        }
    }
}

impl ComputeDevice for Gpu {
    type Words = DeviceWords;
    type Pending = PendingDownloads;

    fn name(&self) -> String {
        self.description.to_string()
    }

    fn words_max(&self) -> u64 {
        let limits = self.device.limits();
        limits.max_storage_buffer_binding_size.min(limits.max_buffer_size) / WORD_BYTES
    }

    fn allocate(&self, label: &'static str, word_count: u64) -> Result<DeviceWords, GpuError> {
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

    fn write(&self, target: &DeviceWords, first_word: u64, words: &[u32]) -> Result<(), GpuError> {
        let end = first_word.saturating_add(words.len() as u64);
        let bytes = target.bytes("write", first_word..end)?;
        self.guarded("write", || {
            self.queue.write_buffer(&target.buffer, bytes.start, bytemuck::cast_slice(words));
        })
    }

    fn submit(
        &self,
        steps: &[Step<'_, DeviceWords>],
        downloads: &[Download<'_, DeviceWords>],
    ) -> Result<PendingDownloads, GpuError> {
        let mut encoder =
            self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        for step in steps {
            match step {
                Step::Launch(launch) => self.record(&mut encoder, launch)?,
                Step::Clear(words) => encoder.clear_buffer(&words.buffer, 0, None),
            }
        }
        let mut copies = Vec::with_capacity(downloads.len());
        for download in downloads {
            copies.push((download.label, self.record_download(&mut encoder, download)?));
        }
        let submission = self.guarded("submission", || self.queue.submit([encoder.finish()]))?;
        for (_, copy) in &copies {
            // A failed mapping shows when the range is asked for.
            copy.map_async(wgpu::MapMode::Read, .., |_mapped| {});
        }
        Ok(PendingDownloads { submission, copies })
    }

    fn wait(&self, pending: PendingDownloads) -> Result<Vec<Vec<u32>>, GpuError> {
        let PendingDownloads { submission, copies } = pending;
        let stage = copies.first().map_or("submission", |(label, _)| label);
        let until = wgpu::PollType::Wait { submission_index: Some(submission), timeout: None };
        let polled = self.device.poll(until);
        self.check_loss(stage)?;
        polled.map_err(|source| GpuError::Wait { stage, source })?;
        let read = |(label, copy): &(&'static str, wgpu::Buffer)| {
            let mapped = copy
                .get_mapped_range(..)
                .map_err(|source| GpuError::ReadBack { stage: label, source })?;
            Ok(bytemuck::pod_collect_to_vec(&mapped))
        };
        copies.iter().map(read).collect()
    }
}

#[cfg(test)]
mod tests;
