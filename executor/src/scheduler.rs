//! Which waiting job starts next, where and how finely cut, and which running job makes room. Pure.
//!
//! A device is memory and a number of places. The most valuable thing that fits runs: challenge before
//! validation before paid training before plotting; among equals the earlier deadline, then the earlier
//! arrival. What does not fit as a whole is cut into smaller micro-batches, which change no bit.
//!
//! [`memory`] is what a job needs, [`calibration`] corrects it by what was measured, [`placement`] decides,
//! [`schedule`] keeps who waits and who runs, [`time_limit`] says whether a deadline can be kept.

pub mod calibration;
pub mod memory;
pub mod placement;
pub mod schedule;
pub mod time_limit;

use aipot_domain_runtime::primitives::BlockNumber;

use memory::MemoryNeed;

/// What a job is worth; the earlier variant goes first.
///
/// # Source
/// `design.md`, "Rules of the house": challenge, validation, training, plotting, in that order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Priority {
    /// A move of a game, or an evaluation computed again by a challenger.
    Challenge,
    /// A revealed model is evaluated.
    Validation,
    /// A model is trained for an order.
    Training,
    /// Space is plotted; always gives way.
    Plotting,
}

/// Work that needs a place on a device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Job {
    /// What it is worth.
    pub priority: Priority,
    /// Block before which it must be done.
    pub deadline_block: BlockNumber,
    /// Memory that it needs at its peak.
    pub memory: MemoryNeed,
}

/// A device as jobs see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Device {
    /// Memory that jobs may use in all.
    pub capacity_bytes: u64,
    /// Jobs that may run at once.
    pub jobs_max: usize,
}

/// Tells the jobs of one schedule apart; a later job has a greater one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct JobId(pub u64);

/// Where a job runs, and in what pieces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Place of the device in the list of devices.
    pub device_index: usize,
    /// Rows of a micro-batch.
    pub micro_rows: u32,
    /// Memory that the job may take.
    pub reserved_bytes: u64,
}

#[cfg(test)]
mod simulation;
