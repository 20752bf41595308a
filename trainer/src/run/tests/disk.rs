//! Tests of runs over a file that stays on the disk.

use std::io::{self, Cursor};

use super::super::{TrainError, Trainer, TrainingFile, TrainingOptions};
use super::optimizers::orders;
use super::{root, run_to};
use crate::checkpoint::Checkpoint;
use crate::dataset::DatasetError;
use crate::dataset::import::Seekable;
use crate::dataset::stream::StreamError;
use crate::engine::EngineError;

/// Steps of a run: more than an epoch of the smallest file.
const STEPS: u64 = 20;

/// A file of these bytes, opened anew each time.
fn open(bytes: &[u8]) -> impl Fn() -> io::Result<Box<dyn Seekable>> + Sync {
    || Ok(Box::new(Cursor::new(bytes.to_vec())))
}

#[test]
fn a_file_on_the_disk_trains_the_model_of_the_file_in_memory_in_every_architecture() {
    for (specification, train) in &orders() {
        let options = TrainingOptions::steps(specification, 3, STEPS);
        let memory = TrainingFile::new(train, specification).unwrap();
        let mut expected = Trainer::new(specification, memory, options).unwrap();
        run_to(&mut expected, STEPS);

        let open = open(train);
        let disk = TrainingFile::on_disk(&open, specification);
        let mut first = Trainer::new(specification, disk, options).unwrap();
        run_to(&mut first, STEPS / 2);
        let bytes = first.checkpoint().unwrap().to_bytes();
        let checkpoint = Checkpoint::from_bytes(&bytes, specification).unwrap();
        let mut second = Trainer::resume(specification, disk, checkpoint).unwrap();
        run_to(&mut second, STEPS);
        assert_eq!(root(second), root(expected));
    }
}

#[test]
fn another_file_on_the_disk_is_refused_when_the_run_begins() {
    let (specification, train) = &orders()[0];
    let mut other = train.clone();
    other[0] ^= 1;
    let open = open(&other);
    let disk = TrainingFile::on_disk(&open, specification);
    let options = TrainingOptions::steps(specification, 3, STEPS);
    let error = Trainer::new(specification, disk, options).unwrap_err();
    let TrainError::Engine { step: 0, source: EngineError::Stream(error) } = error else {
        panic!("{error}")
    };
    assert!(matches!(error, StreamError::File { source: DatasetError::WrongRoot { .. } }));
}

#[test]
fn a_file_that_cannot_be_opened_is_an_error_of_the_run() {
    let (specification, _) = &orders()[0];
    let open = || Err(io::ErrorKind::NotFound.into());
    let disk = TrainingFile::on_disk(&open, specification);
    let options = TrainingOptions::steps(specification, 3, STEPS);
    let error = Trainer::new(specification, disk, options).unwrap_err();
    assert!(matches!(error, TrainError::Engine { source: EngineError::Stream(_), .. }), "{error}");
}
