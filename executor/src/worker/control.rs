//! What work looks at between two steps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Shared;
use crate::scheduler::{JobId, Place};

/// What work looks at between two steps: whether it is to stop, and what it may take.
#[derive(Clone, Debug, Default)]
pub struct Control {
    stop: Arc<AtomicBool>,
    place: Option<Place>,
    owner: Option<Owner>,
}

/// By whom a job was started.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub(super) shared: Arc<Shared>,
    pub(super) id: JobId,
}

impl Control {
    /// For a job in its place.
    pub(super) fn at(place: Place) -> Self {
        Self { place: Some(place), ..Self::default() }
    }

    /// The same for the job itself, which measures itself and asks for memory.
    pub(super) fn owned_by(self, owner: Owner) -> Self {
        Self { owner: Some(owner), ..self }
    }

    /// Whether the work has to make room, or its result is no longer wanted.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Where the work runs; `None` when nobody gave it a place, and it may take what it wants.
    pub fn place(&self) -> Option<Place> {
        self.place
    }

    /// Rows of a micro-batch for a batch of so many rows.
    pub fn micro_rows(&self, batch_rows: u32) -> u32 {
        self.place.map_or(batch_rows, |place| place.micro_rows.min(batch_rows))
    }

    pub(super) fn owner(&self) -> Option<&Owner> {
        self.owner.as_ref()
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_without_a_place_takes_its_whole_batch() {
        assert_eq!(Control::default().micro_rows(64), 64);
        let place = Place { device_index: 0, micro_rows: 8, reserved_bytes: 1 };
        assert_eq!(Control::at(place).micro_rows(64), 8);
        assert_eq!(Control::at(place).micro_rows(4), 4);
    }
}
