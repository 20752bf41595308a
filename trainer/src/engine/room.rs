//! The memory of a run, taken once, or only counted before anything is taken.

/// Gives buffers, and says how many bytes they take.
#[derive(Debug)]
pub(crate) struct Room {
    is_taken: bool,
    bytes: u64,
}

impl Room {
    /// Buffers that are there.
    pub(crate) fn taken() -> Self {
        Self { is_taken: true, bytes: 0 }
    }

    /// Buffers that are counted, and empty.
    pub(crate) fn counted() -> Self {
        Self { is_taken: false, bytes: 0 }
    }

    /// Zeros to compute with.
    pub(crate) fn floats(&mut self, count: usize) -> Vec<f32> {
        self.buffer(count)
    }

    /// Zeros to count with.
    pub(crate) fn words(&mut self, count: usize) -> Vec<u32> {
        self.buffer(count)
    }

    /// Bytes of all buffers so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn buffer<T: Clone + Default>(&mut self, count: usize) -> Vec<T> {
        let buffer = vec![T::default(); if self.is_taken { count } else { 0 }];
        let count = if self.is_taken { buffer.capacity() } else { count };
        let bytes = u64::try_from(count.saturating_mul(size_of::<T>())).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(bytes);
        buffer
    }
}
