//! Where foreign code is called: the CUDA driver, and the CUDA sources compiled for the host.
//!
//! - [`device`]: NVIDIA devices (feature `cuda`).
//! - [`emulation`]: the same kernels on the host, for tests (feature `cuda-emulation`).

#![expect(unsafe_code, reason = "a driver and compiled kernels can only be called this way")]

#[cfg(feature = "cuda")]
pub mod device;
#[cfg(feature = "cuda-emulation")]
pub mod emulation;

#[cfg(feature = "cuda-emulation")]
mod host {
    use std::ffi::{CStr, CString, c_char};
    use std::sync::{Mutex, PoisonError};

    /// Bytes of a message of the emulation at most.
    const MESSAGE_BYTES: u32 = 256;

    /// The emulation has one set of fibers, so launches take turns.
    static TURN: Mutex<()> = Mutex::new(());

    /// What `aipot_emulation_launch` takes; the same struct stands in `emulation.cpp`.
    #[repr(C)]
    struct EmulationLaunch {
        name: *const c_char,
        buffers: *const *mut u32,
        lengths: *const u32,
        buffer_count: u32,
        thread_count: u32,
        workgroups: [u32; 3],
        message_bytes: u32,
        message: *mut c_char,
    }

    // SAFETY: this is the signature in `emulation.cpp`.
    unsafe extern "C" {
        fn aipot_emulation_launch(wanted: *const EmulationLaunch) -> i32;
    }

    /// Runs a kernel over buffers; a length counts the words that a kernel may touch.
    ///
    /// # Errors
    /// What the emulation says.
    pub(super) fn launch(
        name: &str,
        buffers: &[(*mut u32, u32)],
        workgroups: [u32; 3],
        thread_count: u32,
    ) -> Result<(), String> {
        let name = CString::new(name).map_err(|error| error.to_string())?;
        let (pointers, lengths): (Vec<_>, Vec<_>) = buffers.iter().copied().unzip();
        let mut message = [0; MESSAGE_BYTES as usize];
        let wanted = EmulationLaunch {
            name: name.as_ptr(),
            buffers: pointers.as_ptr(),
            lengths: lengths.as_ptr(),
            buffer_count: u32::try_from(buffers.len()).map_err(|error| error.to_string())?,
            thread_count,
            workgroups,
            message_bytes: MESSAGE_BYTES,
            message: message.as_mut_ptr(),
        };
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: every pointer above lives until the end of this function and has the length given
        // beside it; the words are atomics, so that others may look at them; one call at a time.
        let status = unsafe { aipot_emulation_launch(&raw const wanted) };
        drop(turn);
        if status == 0 {
            return Ok(());
        }
        // SAFETY: the emulation ends its message with a zero byte within MESSAGE_BYTES.
        let text = unsafe { CStr::from_ptr(message.as_ptr()) };
        Err(text.to_string_lossy().into_owned())
    }
}

#[cfg(feature = "cuda")]
mod driver {
    use std::sync::Arc;

    use cudarc::driver::{
        CudaContext, CudaFunction, CudaSlice, CudaStream, DevicePtr, DriverError, LaunchConfig,
        PinnedHostSlice, PushKernelArg, sys,
    };

    /// Whether the library of the driver can be loaded; without it any other call would panic.
    pub(super) fn is_present() -> bool {
        // SAFETY: loading the library runs only its own start-up code.
        unsafe { sys::is_culib_present() }
    }

    /// Whether the run-time compiler can be loaded.
    pub(super) fn has_compiler() -> bool {
        // SAFETY: loading the library runs only its own start-up code.
        unsafe { cudarc::nvrtc::sys::is_culib_present() }
    }

    /// Turns off events for each buffer: there is one stream, so work is in order without them.
    pub(super) fn trust_the_stream(context: &Arc<CudaContext>) {
        // SAFETY: every buffer of this context is used on the one stream of its device only.
        unsafe { context.disable_event_tracking() }
    }

    /// Pinned memory for results, with any content.
    pub(super) fn pinned(
        context: &Arc<CudaContext>,
        word_count: usize,
    ) -> Result<PinnedHostSlice<u32>, DriverError> {
        // SAFETY: any bits are words, and they are read only after a copy into them has ended. No
        // write-combined memory, which would be slow to read.
        unsafe { context.alloc_pinned_with_flags(word_count, 0) }
    }

    /// Room for words on the device, with any content.
    pub(super) fn room(
        stream: &Arc<CudaStream>,
        word_count: usize,
    ) -> Result<CudaSlice<u32>, DriverError> {
        // SAFETY: any bits are words; the caller clears them before anybody reads.
        unsafe { stream.alloc(word_count) }
    }

    /// Where a buffer lies on the device.
    pub(super) fn address(slice: &CudaSlice<u32>, stream: &CudaStream) -> u64 {
        let (address, _) = slice.device_ptr(stream);
        address
    }

    /// Starts a kernel: addresses of its buffers, then their lengths in words.
    pub(super) fn launch(
        stream: &CudaStream,
        function: &CudaFunction,
        buffers: &[(u64, u32)],
        shape: LaunchConfig,
    ) -> Result<(), DriverError> {
        let mut arguments = stream.launch_builder(function);
        for (address, _) in buffers {
            arguments.arg(address);
        }
        for (_, length) in buffers {
            arguments.arg(length);
        }
        // SAFETY: a kernel takes these buffers and at most these lengths (the emulation checks it of
        // every kernel in tests), keeps within the lengths, and the buffers are freed on this stream,
        // so after the kernel has ended.
        unsafe { arguments.launch(shape) }.map(drop)
    }
}

#[cfg(feature = "cuda-emulation")]
#[cfg(test)]
mod tests;
