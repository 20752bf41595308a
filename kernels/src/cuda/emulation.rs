//! The CUDA kernels on the host: the unmodified sources, compiled as C++, one thread after the other.
//!
//! Slow and strict: threads that go different ways before a barrier are an error, shared memory starts
//! spoiled, every second block runs backwards, and words around each buffer show writes beyond its ends.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use super::host;
use crate::device::{ComputeDevice, Download, Launch, Step};
use crate::gpu::GpuError;

/// Words in one piece of a buffer, which is also its alignment: 256 bytes, as the driver promises.
const PIECE_WORDS: usize = 64;

/// The most words of a buffer: 1 GiB, which is more than any test wants.
const WORDS_MAX: u64 = 1 << 28;

/// What stands before and after each buffer.
const GUARD: u32 = 0x5afe_c0de;

/// A device that is this process.
#[derive(Debug, Default)]
pub struct EmulatedDevice {}

/// A buffer of words between guards.
#[derive(Debug)]
pub struct EmulatedWords {
    label: &'static str,
    pieces: Vec<Piece>,
    word_count: usize,
}

/// Results, which are there as soon as they are asked for.
#[derive(Debug)]
pub struct EmulatedResults(Vec<Vec<u32>>);

#[derive(Debug)]
#[repr(C, align(256))]
struct Piece([AtomicU32; PIECE_WORDS]);

impl EmulatedDevice {
    /// The device, which is always there.
    pub fn new() -> Self {
        Self::default()
    }

    fn launch(launch: &Launch<'_, EmulatedWords>) -> Result<(), GpuError> {
        let stage = launch.kernel.name;
        let buffers: Vec<_> =
            launch.buffers.iter().map(|words| (words.as_ptr(), words.length())).collect();
        host::launch(stage, &buffers, launch.workgroups, launch.kernel.workgroup_size)
            .map_err(|message| refused(stage, message))?;
        match launch.buffers.iter().find(|words| !words.is_whole()) {
            None => Ok(()),
            Some(words) => {
                Err(refused(stage, format!("writes beyond the ends of {}", words.label)))
            }
        }
    }
}

impl ComputeDevice for EmulatedDevice {
    type Words = EmulatedWords;
    type Pending = EmulatedResults;

    fn name(&self) -> String {
        "cuda: emulated on the host".to_owned()
    }

    fn words_max(&self) -> u64 {
        WORDS_MAX
    }

    fn allocate(&self, label: &'static str, word_count: u64) -> Result<EmulatedWords, GpuError> {
        let too_large = GpuError::BufferTooLarge {
            label,
            wanted_bytes: word_count.saturating_mul(4),
            max_bytes: WORDS_MAX * 4,
        };
        match usize::try_from(word_count) {
            Ok(count) if word_count <= WORDS_MAX => Ok(EmulatedWords::new(label, count)),
            _ => Err(too_large),
        }
    }

    fn write(
        &self,
        target: &EmulatedWords,
        first_word: u64,
        words: &[u32],
    ) -> Result<(), GpuError> {
        let first = usize::try_from(first_word).unwrap_or(usize::MAX);
        let range = first..first.saturating_add(words.len());
        target.check(target.label, &range)?;
        for (word, value) in target.words(range).zip(words) {
            word.store(*value, Ordering::Relaxed);
        }
        Ok(())
    }

    fn submit(
        &self,
        steps: &[Step<'_, EmulatedWords>],
        downloads: &[Download<'_, EmulatedWords>],
    ) -> Result<EmulatedResults, GpuError> {
        for step in steps {
            match step {
                Step::Launch(launch) => Self::launch(launch)?,
                Step::Clear(words) => words.clear(),
            }
        }
        downloads.iter().map(read).collect::<Result<_, _>>().map(EmulatedResults)
    }

    fn wait(&self, pending: EmulatedResults) -> Result<Vec<Vec<u32>>, GpuError> {
        Ok(pending.0)
    }
}

impl EmulatedWords {
    fn new(label: &'static str, word_count: usize) -> Self {
        // One piece of guards before the words, at least one after them.
        let piece_count = word_count.div_ceil(PIECE_WORDS) + 2;
        let word = |word: usize| {
            let is_inside = (PIECE_WORDS..PIECE_WORDS + word_count).contains(&word);
            AtomicU32::new(if is_inside { 0 } else { GUARD })
        };
        let piece =
            |index: usize| Piece(std::array::from_fn(|offset| word(index * PIECE_WORDS + offset)));
        Self { label, pieces: (0..piece_count).map(piece).collect(), word_count }
    }

    /// Where the words start.
    fn as_ptr(&self) -> *mut u32 {
        // A pointer to all pieces, so that it may be used for all of them.
        self.pieces.as_ptr().wrapping_add(1).cast::<u32>().cast_mut()
    }

    fn length(&self) -> u32 {
        u32::try_from(self.word_count).unwrap_or(u32::MAX)
    }

    fn clear(&self) {
        self.words(0..self.word_count).for_each(|word| word.store(0, Ordering::Relaxed));
    }

    /// Refuses words that are not there.
    fn check(&self, label: &'static str, range: &Range<usize>) -> Result<(), GpuError> {
        if range.start <= range.end && range.end <= self.word_count {
            return Ok(());
        }
        let word_count = self.word_count as u64;
        Err(GpuError::OutOfBounds {
            label,
            start: range.start as u64,
            end: range.end as u64,
            word_count,
        })
    }

    /// Some of the words.
    fn words(&self, range: Range<usize>) -> impl Iterator<Item = &AtomicU32> {
        self.between(PIECE_WORDS + range.start..PIECE_WORDS + range.end)
    }

    /// Some of all words, guards among them.
    fn between(&self, range: Range<usize>) -> impl Iterator<Item = &AtomicU32> {
        range.map(|word| &self.pieces[word / PIECE_WORDS].0[word % PIECE_WORDS])
    }

    /// Whether all guards stand.
    fn is_whole(&self) -> bool {
        let end = self.pieces.len() * PIECE_WORDS;
        let mut guards =
            self.between(0..PIECE_WORDS).chain(self.between(PIECE_WORDS + self.word_count..end));
        guards.all(|word| word.load(Ordering::Relaxed) == GUARD)
    }
}

fn read(download: &Download<'_, EmulatedWords>) -> Result<Vec<u32>, GpuError> {
    let source = download.source;
    let first = usize::try_from(download.words.start).unwrap_or(usize::MAX);
    let end = usize::try_from(download.words.end).unwrap_or(usize::MAX);
    source.check(download.label, &(first..end))?;
    Ok(source.words(first..end).map(|word| word.load(Ordering::Relaxed)).collect())
}

/// The error of a launch, in the words of the other devices.
fn refused(stage: &'static str, message: String) -> GpuError {
    let source = wgpu::Error::Validation { source: message.clone().into(), description: message };
    GpuError::Refused { stage, source }
}
