//! Encodes records on a device: the record goes in, its encoded chunks come out, and all between stays
//! there. Several records are in flight, so that one is moved while another is computed.
//!
//! What the device cannot do, or fails at twice, this processor does; a lost device is opened anew. So an
//! error costs time, never a record, and never the device for good.

mod slot;

use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::encoder::{CpuEncoder, EncodeError, RecordEncoder, RecordJob};
use crate::device::ComputeDevice;
use crate::erasure_code::device::ErasurePipeline;
use crate::gpu::GpuError;
use crate::proof_of_space::{KeepGoing, ProofError, TABLES, Variant};

use slot::{Slot, SlotError};

/// Records in flight: while one is moved, the other is computed.
const SLOTS: usize = 2;

/// Records that are best given at a time, so that the slots seldom run dry.
const RECORDS_AT_ONCE: usize = 8;

/// How often a record is given to the device before this processor does it.
const TRIES_MAX: u32 = 2;

/// Opens the device, again after it was lost.
type Open<D> = Box<dyn Fn() -> Result<D, GpuError> + Send + Sync>;

/// Encodes records on a device.
pub struct DeviceEncoder<D: ComputeDevice> {
    name: String,
    open: Open<D>,
    engine: Mutex<Option<Engine<D>>>,
}

impl<D: ComputeDevice> fmt::Debug for DeviceEncoder<D> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("DeviceEncoder").field("name", &self.name).finish_non_exhaustive()
    }
}

/// An open device with room for the records of one variant.
#[derive(Debug)]
struct Engine<D: ComputeDevice> {
    device: D,
    variant: Variant,
    erasure: ErasurePipeline<D>,
    slots: Vec<Slot<D>>,
}

impl<D: ComputeDevice> Engine<D> {
    fn new(device: D, variant: Variant) -> Result<Self, GpuError> {
        let erasure = ErasurePipeline::new(&device)?;
        let slots = (0..SLOTS).map(|_| Slot::new(&device, variant)).collect::<Result<_, _>>()?;
        Ok(Self { device, variant, erasure, slots })
    }
}

/// Where the records of one call stand.
struct Progress {
    /// How often each has failed on the device.
    tries: Vec<u32>,
    /// Which ones this processor has to do.
    for_processor: Vec<bool>,
}

impl Progress {
    /// Notes that a record failed on the device; says whether the device is to be opened anew.
    fn note_failure(&mut self, job: usize, error: &GpuError) -> bool {
        self.tries[job] += 1;
        self.for_processor[job] = self.tries[job] >= TRIES_MAX;
        // Who fails again and again may be lost without saying so.
        matches!(error, GpuError::DeviceLost { .. }) || self.for_processor[job]
    }
}

/// Why a run on the device ended early.
enum Failure {
    Stopped { table: usize },
    Device { job: usize, error: GpuError },
}

impl<D: ComputeDevice> DeviceEncoder<D> {
    /// Opens the device for the first time.
    ///
    /// # Errors
    /// [`GpuError`]: it cannot be opened.
    pub fn new(
        open: impl Fn() -> Result<D, GpuError> + Send + Sync + 'static,
    ) -> Result<Self, GpuError> {
        let device = open()?;
        let name = device.name();
        let engine = Engine::new(device, Variant::V1)?;
        Ok(Self { name, open: Box::new(open), engine: Mutex::new(Some(engine)) })
    }

    /// The engine for a variant, opened or changed if it must be.
    fn ready<'a>(
        &self,
        engine: &'a mut Option<Engine<D>>,
        variant: Variant,
    ) -> Result<&'a mut Engine<D>, GpuError> {
        let current = match engine.take() {
            Some(current) if current.variant == variant => current,
            Some(Engine { device, erasure, slots, .. }) => {
                // The room for the other variant goes before new room is made.
                drop((erasure, slots));
                Engine::new(device, variant)?
            }
            None => Engine::new((self.open)()?, variant)?,
        };
        Ok(engine.insert(current))
    }
}

impl<D: ComputeDevice> RecordEncoder for DeviceEncoder<D> {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn records_at_once(&self) -> usize {
        RECORDS_AT_ONCE
    }

    fn encode(
        &self,
        variant: Variant,
        jobs: &mut [RecordJob<'_>],
        keep_going: KeepGoing<'_>,
    ) -> Result<(), EncodeError> {
        // Whoever panicked here left at worst work in the slots, which is overwritten.
        let mut engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        let mut progress =
            Progress { tries: vec![0; jobs.len()], for_processor: vec![false; jobs.len()] };
        // A device that cannot be opened now is asked for again by the next call.
        while let Ok(ready) = self.ready(&mut engine, variant) {
            match run(ready, jobs, &mut progress, keep_going) {
                Ok(()) => break,
                Err(Failure::Stopped { table }) => {
                    return Err(ProofError::Stopped { table }.into());
                }
                Err(Failure::Device { job, error }) => {
                    let is_to_be_opened = progress.note_failure(job, &error);
                    engine.take_if(|_| is_to_be_opened);
                }
            }
        }
        drop(engine);
        // All at once, so that a record that cannot be encoded holds up none of the others.
        CpuEncoder.encode(variant, jobs, keep_going)
    }
}

/// Runs jobs through the slots until all are done or left to the processor, or something fails.
fn run<D: ComputeDevice>(
    engine: &mut Engine<D>,
    jobs: &mut [RecordJob<'_>],
    progress: &mut Progress,
    keep_going: KeepGoing<'_>,
) -> Result<(), Failure> {
    let Engine { device, erasure, slots, .. } = engine;
    for slot in slots.iter_mut() {
        slot.forget();
    }
    let mut waiting: Vec<usize> = (0..jobs.len())
        .rev()
        .filter(|&job| !jobs[job].is_done && !progress.for_processor[job])
        .collect();
    loop {
        let mut is_busy = false;
        for slot in slots.iter_mut() {
            let Some(job) = slot.job().or_else(|| waiting.pop()) else { continue };
            is_busy = true;
            if !keep_going() {
                return Err(Failure::Stopped { table: slot.next_table().min(TABLES) });
            }
            match slot.advance(device, erasure, job, &mut jobs[job]) {
                Ok(()) => {}
                Err(SlotError::ForProcessor) => {
                    slot.forget();
                    progress.for_processor[job] = true;
                }
                Err(SlotError::Device(error)) => return Err(Failure::Device { job, error }),
            }
        }
        if !is_busy {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests;
