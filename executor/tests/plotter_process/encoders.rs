//! Encoders for tests of the protocol: they cost nothing, and one of them waits to be let on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use aipot_kernels::plotting::{EncodeError, RecordEncoder, RecordJob};
use aipot_kernels::proof_of_space::{KeepGoing, Variant};

/// How often a waiting encoder asks whether to keep going.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// Says that the first half of all s-buckets has the chunks, and hides nothing.
fn encode_cheaply(job: &mut RecordJob<'_>) {
    let half = job.found.len() / 2;
    job.found[..half].fill(0xff);
    job.found[half..].fill(0);
    job.is_done = true;
}

/// Encodes at once.
#[derive(Debug)]
pub(crate) struct CheapEncoder;

impl RecordEncoder for CheapEncoder {
    fn name(&self) -> String {
        "cheap".into()
    }

    fn encode(
        &self,
        _variant: Variant,
        jobs: &mut [RecordJob<'_>],
        _keep_going: KeepGoing<'_>,
    ) -> Result<(), EncodeError> {
        jobs.iter_mut().for_each(encode_cheaply);
        Ok(())
    }
}

/// Waits until it is opened, or told to stop.
#[derive(Debug, Default)]
pub(crate) struct GatedEncoder {
    is_open: Mutex<bool>,
    opened: Condvar,
    entered: AtomicUsize,
    stopped: AtomicUsize,
}

impl GatedEncoder {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    /// How often it was told to stop while it waited.
    pub(crate) fn stopped(&self) -> usize {
        self.stopped.load(Ordering::SeqCst)
    }

    /// How often it began to wait.
    pub(crate) fn entered(&self) -> usize {
        self.entered.load(Ordering::SeqCst)
    }
}

impl RecordEncoder for GatedEncoder {
    fn name(&self) -> String {
        "gated".into()
    }

    fn encode(
        &self,
        _variant: Variant,
        jobs: &mut [RecordJob<'_>],
        keep_going: KeepGoing<'_>,
    ) -> Result<(), EncodeError> {
        self.entered.fetch_add(1, Ordering::SeqCst);
        let mut is_open = self.is_open.lock().unwrap();
        while !*is_open {
            if !keep_going() {
                self.stopped.fetch_add(1, Ordering::SeqCst);
                return Err(EncodeError::Stopped { table: 1 });
            }
            is_open = self.opened.wait_timeout(is_open, LOOK_INTERVAL).unwrap().0;
        }
        jobs.iter_mut().for_each(encode_cheaply);
        Ok(())
    }
}
