//! What kernels need of a device, whatever drives it: [`crate::gpu::Gpu`] through wgpu, CUDA through its
//! driver. A pipeline of several kernels is written once, over this trait.

use std::fmt;
use std::ops::Range;

use crate::gpu::GpuError;

/// One kernel in all its languages, which have the same buffers in the same order, and the same meaning of
/// a workgroup (a block in CUDA's words).
#[derive(Debug, Clone, Copy)]
pub struct Kernel {
    /// Entry point in both sources, which also names the kernel in errors.
    pub name: &'static str,
    /// WGSL source; `None` for what needs a fused multiply-add, which WGSL does not promise. A device that
    /// wants it answers [`GpuError::OnlyInCuda`].
    pub wgsl: Option<&'static str>,
    /// CUDA C++ source.
    pub cuda: &'static str,
    /// Invocations of a workgroup in x, as the sources say; y and z are 1.
    pub workgroup_size: u32,
}

/// One dispatch of a kernel over its buffers (bindings 0, 1, ...).
#[derive(Debug)]
pub struct Launch<'a, Words> {
    /// What runs.
    pub kernel: &'a Kernel,
    /// Over what; at most 8, the core limit of WebGPU.
    pub buffers: Vec<&'a Words>,
    /// How often, in x, y and z; at most 65,535 each, the core limit of WebGPU.
    pub workgroups: [u32; 3],
}

/// One thing that a device does; the next sees all that it has written.
#[derive(Debug)]
pub enum Step<'a, Words> {
    /// Runs a kernel.
    Launch(Launch<'a, Words>),
    /// Makes every word of a buffer zero.
    Clear(&'a Words),
}

impl<'a, Words> Step<'a, Words> {
    /// Runs a kernel over buffers.
    pub fn launch(kernel: &'a Kernel, buffers: Vec<&'a Words>, workgroups: [u32; 3]) -> Self {
        Self::Launch(Launch { kernel, buffers, workgroups })
    }
}

/// A part of a buffer that is wanted back.
#[derive(Debug)]
pub struct Download<'a, Words> {
    /// What it is, in errors.
    pub label: &'static str,
    /// The buffer.
    pub source: &'a Words,
    /// Which of its words.
    pub words: Range<u64>,
}

/// A device that runs kernels over buffers of 32-bit words, in the order in which they are given.
///
/// Once the device is lost, every method answers [`GpuError::DeviceLost`]; it then has to be opened anew.
///
/// All methods may be called from several threads; the steps of one call stay together.
pub trait ComputeDevice: fmt::Debug + Send + Sync {
    /// A buffer of 32-bit words on the device.
    type Words: fmt::Debug + Send + Sync;
    /// Work that was given to the device and has results to come.
    type Pending: fmt::Debug + Send;

    /// What the device calls itself.
    fn name(&self) -> String;

    /// The most words that one buffer may have.
    fn words_max(&self) -> u64;

    /// Makes room for words on the device, all zero.
    ///
    /// # Errors
    /// [`GpuError::BufferTooLarge`] or [`GpuError::OutOfMemory`] when there is no room.
    fn allocate(&self, label: &'static str, word_count: u64) -> Result<Self::Words, GpuError>;

    /// Copies words into a buffer, from its word `first_word` on.
    ///
    /// # Errors
    /// [`GpuError::OutOfBounds`] when they do not fit into it.
    fn write(&self, target: &Self::Words, first_word: u64, words: &[u32]) -> Result<(), GpuError>;

    /// Gives the device steps to do and results to copy back after them, and waits for nothing.
    ///
    /// # Errors
    /// [`GpuError::Refused`] when a kernel does not compile or its buffers do not fit it;
    /// [`GpuError::OutOfBounds`] when a buffer has not all that is wanted back.
    fn submit(
        &self,
        steps: &[Step<'_, Self::Words>],
        downloads: &[Download<'_, Self::Words>],
    ) -> Result<Self::Pending, GpuError>;

    /// Waits for the results of a submission, in the order of its downloads.
    ///
    /// # Errors
    /// [`GpuError::Wait`] or [`GpuError::ReadBack`] when the device fails.
    fn wait(&self, pending: Self::Pending) -> Result<Vec<Vec<u32>>, GpuError>;

    /// Copies words into a buffer of their own.
    ///
    /// # Errors
    /// As [`Self::allocate`] and [`Self::write`].
    fn upload(&self, label: &'static str, words: &[u32]) -> Result<Self::Words, GpuError> {
        let target = self.allocate(label, u64::try_from(words.len()).unwrap_or(u64::MAX))?;
        self.write(&target, 0, words)?;
        Ok(target)
    }
}

/// Waits for everything that was submitted and copies a whole buffer of `word_count` words back.
///
/// # Errors
/// As [`ComputeDevice::submit`] and [`ComputeDevice::wait`].
pub fn read_words<D: ComputeDevice>(
    device: &D,
    label: &'static str,
    source: &D::Words,
    word_count: u64,
) -> Result<Vec<u32>, GpuError> {
    let pending = device.submit(&[], &[Download { label, source, words: 0..word_count }])?;
    Ok(device.wait(pending)?.pop().unwrap_or_default())
}

/// Bytes as words in the order of memory; the last word is filled with zeros.
pub(crate) fn words_of(bytes: &[u8]) -> Vec<u32> {
    let (words, rest) = bytes.as_chunks::<4>();
    let mut words: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
    if !rest.is_empty() {
        let mut last = [0; 4];
        last[..rest.len()].copy_from_slice(rest);
        words.push(u32::from_le_bytes(last));
    }
    words
}

/// Copies words into whole words of bytes, in the order of memory.
pub(crate) fn copy_words(words: &[u32], bytes: &mut [u8]) {
    for (target, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(words) {
        *target = word.to_le_bytes();
    }
}
