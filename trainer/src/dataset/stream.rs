//! The batches of a run out of a file that stays on the disk, read one step ahead.
//!
//! One thread reads; it is [`BATCHES_AHEAD`] batches ahead at most. A stream takes
//! `(BATCHES_AHEAD + 2) * batch + 16 MiB` of memory, whatever the size of the file.

mod blocks;
mod survey;

pub use survey::survey_disk;

use std::io;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};

use aipot_domain_runtime::order::{DataFile, DataSpecification};
use aipot_domain_runtime::primitives::DataRoot;
use thiserror::Error;

use super::DatasetError;
use super::import::Seekable;
use super::records::{Form, Kind};
use super::text;
use crate::batch_order::BatchOrder;
use blocks::Blocks;

/// Batches that lie ready; the one that is worked on and the one that is read come on top.
pub const BATCHES_AHEAD: usize = 2;

/// Bytes hashed at a time.
const HASHED_BYTES: usize = 1 << 20;

/// Why a batch cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The disk failed.
    #[error("byte {offset} of the training file cannot be read: {source}")]
    Read {
        /// Where.
        offset: u64,
        /// Why.
        source: io::Error,
    },
    /// The file is not the one of the order, or none of its format.
    #[error("the file is not usable: {source}")]
    File {
        /// Why.
        source: DatasetError,
    },
    /// An example is not what the order says.
    #[error("example {example} of the training file: {source}")]
    Example {
        /// Which, from 0.
        example: usize,
        /// Why, with offsets from the start of the example.
        source: DatasetError,
    },
    /// The thread that reads could not be started.
    #[error("the thread that reads ahead cannot be started: {source}")]
    Thread {
        /// Why.
        source: io::Error,
    },
    /// The thread that reads is gone.
    #[error("the thread that reads ahead broke off")]
    Gone,
}

/// What is read, and in which order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BatchPlan {
    /// Seed of the order of the examples.
    pub seed: u64,
    /// Examples of a batch.
    pub batch_size: u32,
}

/// Batches of examples as they lie in the file.
#[derive(Debug)]
pub struct BatchStream {
    reader: Option<BatchReader>,
    ahead: Option<Ahead>,
    batch: Vec<u8>,
    step: Option<u64>,
}

/// The thread that reads ahead.
#[derive(Debug)]
struct Ahead {
    thread: JoinHandle<BatchReader>,
    batches: Receiver<Result<Vec<u8>, StreamError>>,
    used: Sender<Vec<u8>>,
    next_step: u64,
}

impl BatchStream {
    /// A stream over the training file of an order, hashed once to see that it is.
    ///
    /// # Errors
    /// [`StreamError::File`] for another file, [`StreamError::Read`] when the disk fails.
    pub fn new(
        data: &DataSpecification,
        plan: BatchPlan,
        mut file: impl Seekable + 'static,
    ) -> Result<Self, StreamError> {
        verify(&mut file, data.train)?;
        let reader = BatchReader {
            blocks: Blocks::new(Box::new(file)),
            order: BatchOrder::new(plan.seed, data.train_example_count, plan.batch_size),
            data: data.clone(),
            places: Vec::new(),
        };
        Ok(Self { reader: Some(reader), ahead: None, batch: Vec::new(), step: None })
    }

    /// The examples of a step, one behind the other.
    ///
    /// Steps are best taken in turn: another one throws away what was read ahead.
    ///
    /// # Errors
    /// [`StreamError`] when the batch cannot be read or an example is not what the order says.
    pub fn take(&mut self, step: u64) -> Result<&[u8], StreamError> {
        if self.step == Some(step) {
            return Ok(&self.batch);
        }
        self.step = None;
        if self.ahead.as_ref().is_none_or(|ahead| ahead.next_step != step) {
            self.restart(step)?;
        }
        let ahead = self.ahead.as_mut().ok_or(StreamError::Gone)?;
        let batch = ahead.batches.recv().map_err(|_| StreamError::Gone)??;
        let used = std::mem::replace(&mut self.batch, batch);
        // A thread that has ended needs no memory any more.
        drop(ahead.used.send(used));
        ahead.next_step = step.saturating_add(1);
        self.step = Some(step);
        Ok(&self.batch)
    }

    fn restart(&mut self, step: u64) -> Result<(), StreamError> {
        if let Some(ahead) = self.ahead.take() {
            self.reader = Some(ahead.stop()?);
        }
        let mut reader = self.reader.take().ok_or(StreamError::Gone)?;
        let (sender, batches) = sync_channel(BATCHES_AHEAD);
        let (used, returned) = channel();
        let run = move || {
            reader.run(step, &sender, &returned);
            reader
        };
        let thread = thread::Builder::new().name("read ahead".to_owned()).spawn(run);
        let thread = thread.map_err(|source| StreamError::Thread { source })?;
        self.ahead = Some(Ahead { thread, batches, used, next_step: step });
        Ok(())
    }
}

impl Ahead {
    /// Ends the thread, which notices when nobody takes its batches any more.
    fn stop(self) -> Result<BatchReader, StreamError> {
        drop(self.batches);
        self.thread.join().map_err(|_| StreamError::Gone)
    }
}

impl Drop for BatchStream {
    fn drop(&mut self) {
        if let Some(ahead) = self.ahead.take() {
            drop(ahead.stop());
        }
    }
}

/// What reads.
#[derive(Debug)]
struct BatchReader {
    blocks: Blocks,
    order: BatchOrder,
    data: DataSpecification,
    places: Vec<(usize, usize)>,
}

impl BatchReader {
    /// Reads batch after batch until nobody takes them or one fails.
    fn run(
        &mut self,
        first_step: u64,
        sender: &SyncSender<Result<Vec<u8>, StreamError>>,
        returned: &Receiver<Vec<u8>>,
    ) {
        for step in first_step.. {
            let mut batch = returned.try_recv().unwrap_or_default();
            let read = self.read(step, &mut batch).map(|()| batch);
            let is_last = read.is_err();
            if sender.send(read).is_err() || is_last {
                return;
            }
        }
    }

    /// Reads the examples of a batch in the order in which they lie in the file.
    fn read(&mut self, step: u64, batch: &mut Vec<u8>) -> Result<(), StreamError> {
        let length = usize::try_from(self.data.example_bytes()).unwrap_or(usize::MAX).max(1);
        self.places.clear();
        self.places.extend(self.order.batch(step).iter().copied().zip(0..));
        self.places.sort_unstable();
        batch.resize(self.places.len().saturating_mul(length), 0);
        for (example, row) in &self.places {
            let start = row.saturating_mul(length);
            let target = &mut batch[start..start.saturating_add(length)];
            let number = u32::try_from(*example).unwrap_or(u32::MAX);
            let offset = self.data.example_range(number).start;
            let read = self.blocks.read(offset, target);
            read.map_err(|source| StreamError::Read { offset, source })?;
            check(&self.data, target)
                .map_err(|source| StreamError::Example { example: *example, source })?;
        }
        Ok(())
    }
}

/// Whether an example holds what the order says.
fn check(data: &DataSpecification, example: &[u8]) -> Result<(), DatasetError> {
    let feature_count = usize::try_from(data.feature_count).unwrap_or(usize::MAX);
    if data.format.is_running() {
        let token_bytes = u8::try_from(data.value_bytes()).unwrap_or(u8::MAX);
        return text::read(example, (token_bytes, feature_count), data.class_count).map(drop);
    }
    let label_max = data.class_count.saturating_sub(1);
    let form = Form { kind: Kind::of(data.format), feature_count, label_max };
    form.survey(example).map(drop)
}

/// Compares a file with what the order says of it.
fn verify(file: &mut dyn Seekable, expected: DataFile) -> Result<(), StreamError> {
    let read = |source| StreamError::Read { offset: 0, source };
    let (mut hasher, mut byte_count) = (blake3::Hasher::new(), 0_u64);
    let mut piece = vec![0; HASHED_BYTES];
    file.rewind().map_err(read)?;
    loop {
        let count = match file.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => count,
            Err(source) if source.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(StreamError::Read { offset: byte_count, source }),
        };
        hasher.update_rayon(&piece[..count]);
        byte_count = byte_count.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }
    let wrong = |source| Err(StreamError::File { source });
    if byte_count != expected.byte_count {
        let (expected, found) = (expected.byte_count, byte_count);
        return wrong(DatasetError::WrongByteCount { expected, found });
    }
    let found = DataRoot(*hasher.finalize().as_bytes());
    if found != expected.root {
        return wrong(DatasetError::WrongRoot { expected: expected.root, found });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
