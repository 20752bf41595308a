//! How much memory a job needs, as a function of the rows of its micro-batch.

/// Memory at the peak of a job: a part that is always there, and one for each row of the micro-batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemoryNeed {
    /// Weights, gradients, the optimizer's state and the data.
    pub fixed_bytes: u64,
    /// Activations and their gradients, for one row of the batch.
    pub row_bytes: u64,
    /// Rows that the job would like to compute at once: its whole batch.
    pub rows_max: u32,
}

impl MemoryNeed {
    /// A job that cannot be cut into smaller pieces.
    pub const fn whole(bytes: u64) -> Self {
        Self { fixed_bytes: bytes, row_bytes: 0, rows_max: 1 }
    }

    /// Bytes with micro-batches of so many rows.
    pub fn bytes(&self, micro_rows: u32) -> u64 {
        self.fixed_bytes.saturating_add(self.row_bytes.saturating_mul(micro_rows.into()))
    }

    /// Bytes with micro-batches of one row; with less, the job cannot run.
    pub fn smallest_bytes(&self) -> u64 {
        self.bytes(1)
    }

    /// Rows of a micro-batch that may be tried: the whole batch, then half of it, down to one row.
    pub fn halvings(&self) -> impl Iterator<Item = u32> + use<> {
        std::iter::successors(Some(self.rows_max.max(1)), |rows| half(*rows))
    }

    /// The largest of [`Self::halvings`] that takes no more than `bytes`.
    pub fn rows_within(&self, bytes: u64) -> Option<u32> {
        self.halvings().find(|rows| self.bytes(*rows) <= bytes)
    }

    /// The same job in micro-batches of at most half of `micro_rows`; `None` when one row is all there was.
    pub fn halved(&self, micro_rows: u32) -> Option<Self> {
        half(micro_rows).map(|rows_max| Self { rows_max, ..*self })
    }
}

fn half(rows: u32) -> Option<u32> {
    (rows > 1).then(|| rows.div_ceil(2))
}

#[cfg(test)]
mod tests;
