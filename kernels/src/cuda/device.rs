//! NVIDIA devices through the CUDA driver, which is looked for at run time.
//!
//! A kernel is loaded from the fat binary that nvcc made of it at build time; where there was no nvcc, or
//! the driver does not take the binary, NVRTC compiles the source. All work of a device goes through one
//! stream, so it is done in the order in which it was given. Results come through pinned memory, which is
//! kept for the next ones.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cudarc::driver::{
    CudaContext, CudaEvent, CudaFunction, CudaSlice, CudaStream, DriverError, LaunchConfig,
    PinnedHostSlice, sys,
};
use cudarc::nvrtc::{CompileOptions, Ptx, compile_ptx_with_opts};

use super::driver;
use crate::device::{ComputeDevice, Download, Kernel, Launch, Step};
use crate::gpu::GpuError;

/// Bytes of a word, the unit of every buffer.
const WORD_BYTES: u64 = 4;

/// The most words of a buffer: kernels count them with 32 bits.
const WORDS_MAX: u64 = u32::MAX as u64;

/// Every kernel with its fat binary; empty when there was no nvcc at build time.
const FAT_BINARIES: &[(&str, &[u8])] = &include!(concat!(env!("OUT_DIR"), "/fat_binaries.rs"));

/// One NVIDIA device, or one of several queues of it.
pub struct CudaDevice {
    name: String,
    context: Arc<CudaContext>,
    stream: Arc<CudaStream>,
    functions: Arc<Mutex<HashMap<&'static str, CudaFunction>>>,
    /// Keeps the steps of one submission together.
    turn: Mutex<()>,
    /// Memory of earlier results.
    spare: Mutex<Vec<PinnedHostSlice<u32>>>,
}

/// A buffer of 32-bit words on the device.
#[derive(Debug)]
pub struct CudaWords {
    label: &'static str,
    address: u64,
    word_count: usize,
    slice: Mutex<CudaSlice<u32>>,
}

/// Work under way on the device.
#[derive(Debug)]
pub struct CudaPending {
    end: CudaEvent,
    results: Vec<(usize, PinnedHostSlice<u32>)>,
}

/// The names of all NVIDIA devices, by ordinal; none without a driver.
pub fn list_devices() -> Vec<String> {
    if !driver::is_present() {
        return Vec::new();
    }
    let count = cudarc::driver::result::init().and_then(|()| CudaContext::device_count());
    let count = count.ok().and_then(|count| usize::try_from(count).ok()).unwrap_or_default();
    let name = |ordinal| {
        let context = CudaContext::new(ordinal).and_then(|context| context.name());
        context.unwrap_or_else(|error| format!("device {ordinal} does not answer: {error}"))
    };
    (0..count).map(name).collect()
}

impl CudaDevice {
    /// Opens the device with this ordinal.
    ///
    /// # Errors
    /// [`GpuError::NoSuchAdapter`] when there is no driver or no such device,
    /// [`GpuError::OutOfMemory`] or [`GpuError::Refused`] when the driver gives no context.
    pub fn open(ordinal: usize) -> Result<Self, GpuError> {
        let found = list_devices();
        let Some(name) = found.get(ordinal).cloned() else {
            return Err(GpuError::NoSuchAdapter { wanted: format!("cuda {ordinal}"), found });
        };
        let failed = |source| failure(&name, "opening", source);
        let context = CudaContext::new(ordinal).map_err(failed)?;
        driver::trust_the_stream(&context);
        let stream = context.new_stream().map_err(failed)?;
        let functions = Arc::default();
        let (turn, spare) = (Mutex::default(), Mutex::default());
        Ok(Self { name, context, stream, functions, turn, spare })
    }

    /// Another queue of the same device, whose work runs beside that of this one. Each has its own
    /// buffers: none may be given to the other.
    ///
    /// # Errors
    /// [`GpuError::OutOfMemory`] or [`GpuError::Refused`] when the driver gives no stream.
    pub fn fork(&self) -> Result<Self, GpuError> {
        let stream = self.context.new_stream().map_err(|source| self.failed("opening", source))?;
        Ok(Self {
            name: self.name.clone(),
            context: Arc::clone(&self.context),
            stream,
            functions: Arc::clone(&self.functions),
            turn: Mutex::default(),
            spare: Mutex::default(),
        })
    }

    fn failed(&self, stage: &'static str, source: DriverError) -> GpuError {
        failure(&self.name, stage, source)
    }

    /// The loaded form of a kernel, loaded at the first call.
    fn function(&self, kernel: &Kernel) -> Result<CudaFunction, GpuError> {
        let mut functions = locked(&self.functions);
        if let Some(function) = functions.get(kernel.name) {
            return Ok(function.clone());
        }
        let function = self.load(kernel)?;
        functions.insert(kernel.name, function.clone());
        Ok(function)
    }

    fn load(&self, kernel: &Kernel) -> Result<CudaFunction, GpuError> {
        let load = |image| {
            let module = self.context.load_module(image)?;
            module.load_function(kernel.name)
        };
        let binary = FAT_BINARIES.iter().find(|(name, _)| *name == kernel.name);
        let loaded = binary.map(|(_, bytes)| load(Ptx::from_binary(bytes.to_vec())));
        match loaded {
            Some(Ok(function)) => Ok(function),
            // An older driver takes none of the binary, but may take what its own compiler makes.
            Some(Err(source)) if !driver::has_compiler() => Err(self.failed(kernel.name, source)),
            _ => {
                let image = self.compile(kernel)?;
                load(image).map_err(|source| self.failed(kernel.name, source))
            }
        }
    }

    /// Compiles a kernel for this very device.
    fn compile(&self, kernel: &Kernel) -> Result<Ptx, GpuError> {
        if !driver::has_compiler() {
            let message = "neither a fat binary nor NVRTC is there: install libnvrtc".to_owned();
            return Err(refused(kernel.name, message));
        }
        let capability = self.context.compute_capability();
        let (major, minor) = capability.map_err(|source| self.failed(kernel.name, source))?;
        let options = CompileOptions {
            options: vec![
                format!("--gpu-architecture=compute_{major}{minor}"),
                "--std=c++17".to_owned(),
                // Profile P0 says itself where a product is fused into a sum.
                "--fmad=false".to_owned(),
            ],
            name: Some(format!("{}.cu", kernel.name)),
            ..CompileOptions::default()
        };
        compile_ptx_with_opts(kernel.cuda, options)
            .map_err(|error| refused(kernel.name, error.to_string()))
    }

    fn launch(&self, launch: &Launch<'_, CudaWords>) -> Result<(), GpuError> {
        let kernel = launch.kernel;
        if launch.workgroups.contains(&0) {
            return Ok(());
        }
        let function = self.function(kernel)?;
        let buffers: Vec<_> =
            launch.buffers.iter().map(|words| (words.address, words.length())).collect();
        let shape = LaunchConfig {
            grid_dim: launch.workgroups.into(),
            block_dim: (kernel.workgroup_size, 1, 1),
            shared_mem_bytes: 0,
        };
        driver::launch(&self.stream, &function, &buffers, shape)
            .map_err(|source| self.failed(kernel.name, source))
    }

    /// Starts a copy of a result into pinned memory.
    fn start_download(
        &self,
        download: &Download<'_, CudaWords>,
    ) -> Result<(usize, PinnedHostSlice<u32>), GpuError> {
        let source = download.source;
        let range = source.range(download.label, download.words.start, download.words.end)?;
        let count = range.len();
        let failed = |source| self.failed(download.label, source);
        let mut target = self.pinned(count.max(1)).map_err(failed)?;
        if count > 0 {
            let slice = locked(&source.slice);
            self.stream.memcpy_dtoh(&slice.slice(range), &mut target).map_err(failed)?;
        }
        Ok((count, target))
    }

    /// Pinned memory for at least so many words: the smallest spare one that fits, or a new one.
    fn pinned(&self, word_count: usize) -> Result<PinnedHostSlice<u32>, DriverError> {
        let mut spare = locked(&self.spare);
        let fitting = spare.iter().enumerate().filter(|(_, memory)| memory.len() >= word_count);
        if let Some((index, _)) = fitting.min_by_key(|(_, memory)| memory.len()) {
            return Ok(spare.swap_remove(index));
        }
        drop(spare);
        driver::pinned(&self.context, word_count.next_power_of_two())
    }
}

impl fmt::Debug for CudaDevice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CudaDevice").field("name", &self.name).finish_non_exhaustive()
    }
}

impl ComputeDevice for CudaDevice {
    type Words = CudaWords;
    type Pending = CudaPending;

    fn name(&self) -> String {
        format!("cuda: {}", self.name)
    }

    fn words_max(&self) -> u64 {
        let bytes = self.context.total_mem().unwrap_or_default() as u64;
        (bytes / WORD_BYTES).min(WORDS_MAX)
    }

    fn allocate(&self, label: &'static str, word_count: u64) -> Result<CudaWords, GpuError> {
        let max_bytes = self.words_max() * WORD_BYTES;
        let wanted_bytes = word_count.saturating_mul(WORD_BYTES);
        let too_large = GpuError::BufferTooLarge { label, wanted_bytes, max_bytes };
        let count = usize::try_from(word_count).unwrap_or(usize::MAX);
        if wanted_bytes > max_bytes {
            return Err(too_large);
        }
        let failed = |source| self.failed(label, source);
        let mut slice = driver::room(&self.stream, count.max(1)).map_err(failed)?;
        self.stream.memset_zeros(&mut slice).map_err(failed)?;
        let address = driver::address(&slice, &self.stream);
        Ok(CudaWords { label, address, word_count: count, slice: Mutex::new(slice) })
    }

    fn write(&self, target: &CudaWords, first_word: u64, words: &[u32]) -> Result<(), GpuError> {
        let end_word = first_word.saturating_add(words.len() as u64);
        let range = target.range(target.label, first_word, end_word)?;
        if words.is_empty() {
            return Ok(());
        }
        let _turn = locked(&self.turn);
        let mut slice = locked(&target.slice);
        self.stream
            .memcpy_htod(words, &mut slice.slice_mut(range))
            .map_err(|source| self.failed(target.label, source))
    }

    fn submit(
        &self,
        steps: &[Step<'_, CudaWords>],
        downloads: &[Download<'_, CudaWords>],
    ) -> Result<CudaPending, GpuError> {
        let _turn = locked(&self.turn);
        for step in steps {
            match step {
                Step::Launch(launch) => self.launch(launch)?,
                Step::Clear(words) => self
                    .stream
                    .memset_zeros(&mut *locked(&words.slice))
                    .map_err(|source| self.failed(words.label, source))?,
            }
        }
        let results = downloads.iter().map(|download| self.start_download(download));
        let results = results.collect::<Result<_, _>>()?;
        let flags = Some(sys::CUevent_flags::CU_EVENT_BLOCKING_SYNC);
        let end = self.stream.record_event(flags).map_err(|source| self.failed("end", source))?;
        Ok(CudaPending { end, results })
    }

    fn wait(&self, pending: CudaPending) -> Result<Vec<Vec<u32>>, GpuError> {
        let failed = |source| self.failed("waiting", source);
        pending.end.synchronize().map_err(failed)?;
        let mut all = Vec::with_capacity(pending.results.len());
        for (count, memory) in pending.results {
            all.push(memory.as_slice().map_err(failed)?[..count].to_vec());
            locked(&self.spare).push(memory);
        }
        Ok(all)
    }
}

impl CudaWords {
    fn length(&self) -> u32 {
        u32::try_from(self.word_count).unwrap_or(u32::MAX)
    }

    /// Some of the words, if they are there.
    fn range(
        &self,
        label: &'static str,
        first_word: u64,
        end_word: u64,
    ) -> Result<std::ops::Range<usize>, GpuError> {
        let word_count = self.word_count as u64;
        match (usize::try_from(first_word), usize::try_from(end_word)) {
            (Ok(first), Ok(end)) if first <= end && end <= self.word_count => Ok(first..end),
            _ => Err(GpuError::OutOfBounds { label, start: first_word, end: end_word, word_count }),
        }
    }
}

/// A thread that panicked holding one of these locks left what it guards whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What an error of the driver means: no memory, a device that is gone for this process, or work refused.
fn failure(name: &str, stage: &'static str, source: DriverError) -> GpuError {
    use sys::CUresult;
    match source.0 {
        CUresult::CUDA_ERROR_OUT_OF_MEMORY => {
            let source = wgpu::Error::OutOfMemory { source: Box::new(source) };
            GpuError::OutOfMemory { stage, source }
        }
        // After these the context answers every call with the same error.
        CUresult::CUDA_ERROR_DEINITIALIZED
        | CUresult::CUDA_ERROR_DEVICE_UNAVAILABLE
        | CUresult::CUDA_ERROR_ECC_UNCORRECTABLE
        | CUresult::CUDA_ERROR_NVLINK_UNCORRECTABLE
        | CUresult::CUDA_ERROR_CONTEXT_IS_DESTROYED
        | CUresult::CUDA_ERROR_ILLEGAL_ADDRESS
        | CUresult::CUDA_ERROR_LAUNCH_TIMEOUT
        | CUresult::CUDA_ERROR_HARDWARE_STACK_ERROR
        | CUresult::CUDA_ERROR_ILLEGAL_INSTRUCTION
        | CUresult::CUDA_ERROR_MISALIGNED_ADDRESS
        | CUresult::CUDA_ERROR_INVALID_ADDRESS_SPACE
        | CUresult::CUDA_ERROR_INVALID_PC
        | CUresult::CUDA_ERROR_LAUNCH_FAILED => {
            GpuError::DeviceLost { stage, reason: format!("{name}: {source}") }
        }
        _ => refused(stage, source.to_string()),
    }
}

/// Work that the driver or a compiler does not take.
fn refused(stage: &'static str, message: String) -> GpuError {
    let source = wgpu::Error::Internal { source: message.clone().into(), description: message };
    GpuError::Refused { stage, source }
}

#[cfg(test)]
mod tests;
