//! What a node and its workers hear from each other, over pipes and over NATS.

use aipot_domain_runtime::trace::TraceOpening;
use aipot_executor::worker::protocol::{
    Blob, CheckpointPlace, DataFile, FRAME_BYTES_MAX, Failure, FromWorker, Job, JobId, Limits,
    Purpose, ToWorker, WireError, decode_from_worker, decode_job, decode_to_worker, encode,
    read_frame, write_frame,
};
use parity_scale_codec::Encode;

use crate::targets::game::recipe_order;

/// Whether a message is accepted, which then has to have one encoding only.
fn accepts<T: Encode>(decoded: Result<T, WireError>, bytes: &[u8]) -> bool {
    let Ok(message) = decoded else { return false };
    assert_eq!(encode(&message).as_deref(), Ok(bytes), "two encodings of one message");
    true
}

pub(crate) fn accepts_job(bytes: &[u8]) -> bool {
    if let Ok(job) = decode_job(bytes) {
        assert_eq!(JobId::parse(&job.id().to_string()), Some(job.id()), "two names of one job");
    }
    accepts(decode_job(bytes), bytes)
}

pub(crate) fn accepts_told(bytes: &[u8]) -> bool {
    accepts(decode_to_worker(bytes), bytes)
}

pub(crate) fn accepts_said(bytes: &[u8]) -> bool {
    accepts(decode_from_worker(bytes), bytes)
}

/// Reads a pipe to its end; what was read has to make the same pipe.
pub(crate) fn accepts_pipe(bytes: &[u8]) -> bool {
    let (mut reader, mut again) = (bytes, Vec::new());
    loop {
        match read_frame(&mut reader) {
            Err(_) => return false,
            Ok(None) => break,
            Ok(Some(frame)) => {
                assert!(frame.len() <= FRAME_BYTES_MAX, "a frame of {} bytes", frame.len());
                write_frame(&mut again, &frame).expect("what could be read can be written");
            }
        }
    }
    assert_eq!(again, bytes, "two pipes of the same frames");
    true
}

fn job() -> Job {
    let specification = recipe_order();
    let train = specification.data.train;
    let blob = Blob { root: train.root.0, byte_count: train.byte_count };
    Job {
        purpose: Purpose::Claim,
        specification,
        data: vec![DataFile { blob, path: Some("/data".into()) }, DataFile { blob, path: None }],
        limits: Limits {
            threads: 2,
            memory_bytes: 1 << 30,
            time_limit_s: 60,
            time_left_ms: Some(70_000),
            checkpoint_steps: 200,
            checkpoint_ms: 30_000,
        },
        checkpoints: CheckpointPlace::Shared,
    }
}

fn encoded(message: &impl Encode) -> Vec<u8> {
    encode(message).expect("seeds are short")
}

pub(crate) fn jobs() -> Vec<Vec<u8>> {
    vec![encoded(&job())]
}

pub(crate) fn told() -> Vec<Vec<u8>> {
    let id = JobId { purpose: Purpose::Train { seed: 7 }, ..job().id() };
    let messages = [
        ToWorker::Start(Box::new(job())),
        ToWorker::Finish(id),
        ToWorker::Pause(id),
        ToWorker::Cancel(id),
    ];
    messages.iter().map(encoded).collect()
}

pub(crate) fn said() -> Vec<Vec<u8>> {
    let job = job().id();
    let blob = Blob::of(b"model");
    let trace = TraceOpening { checkpoints_root: [1; 32], final_root: [2; 32] };
    let failure = |failure| FromWorker::Failure { job, failure };
    let messages = [
        FromWorker::Heartbeat,
        FromWorker::Progress { job, step: 1, step_count: 2, loss_bits: 3, remaining_ms: 4 },
        FromWorker::Checkpoint { job, step: 1 },
        FromWorker::Paused(job),
        FromWorker::Result { job, model: blob, trace: Some(trace), trace_file: Some(blob) },
        failure(Failure::OutOfMemory { needed_bytes: 2, capacity_bytes: 1 }),
        failure(Failure::Diverged { step: 1, loss_bits: f32::NAN.to_bits() }),
        failure(Failure::BadData { reason: "short".into() }),
        failure(Failure::GivenUp { tries: 3, reason: "signal".into() }),
    ];
    messages.iter().map(encoded).collect()
}

pub(crate) fn pipes() -> Vec<Vec<u8>> {
    let mut pipe = Vec::new();
    for message in told().iter().chain(&said()) {
        write_frame(&mut pipe, message).expect("a vector takes everything");
    }
    vec![Vec::new(), pipe]
}
