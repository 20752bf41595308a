//! What is encoded is decoded again; everything else is refused, whatever it is.

use aipot_domain_runtime::primitives::OrderId;
use aipot_domain_runtime::trace::TraceOpening;
use proptest::prelude::*;

use super::*;
use crate::worker::tests::order;

fn purposes() -> impl Strategy<Value = Purpose> {
    prop_oneof![
        any::<u64>().prop_map(|seed| Purpose::Train { seed }),
        Just(Purpose::Claim),
        Just(Purpose::Audit),
    ]
}

fn ids() -> impl Strategy<Value = JobId> {
    (any::<[u8; 32]>(), purposes())
        .prop_map(|(order, purpose)| JobId { order: OrderId(order), purpose })
}

fn blobs() -> impl Strategy<Value = Blob> {
    (any::<[u8; 32]>(), any::<u64>()).prop_map(|(root, byte_count)| Blob { root, byte_count })
}

fn jobs() -> impl Strategy<Value = Job> {
    let files = (blobs(), any::<Option<String>>()).prop_map(|(blob, path)| DataFile { blob, path });
    let limits =
        (any::<u16>(), any::<u64>(), any::<u32>(), any::<[u64; 2]>(), any::<Option<u64>>());
    let limits = limits.prop_map(
        |(threads, memory_bytes, time_limit_s, [steps, milliseconds], time_left_ms)| Limits {
            threads,
            memory_bytes,
            time_limit_s,
            time_left_ms,
            checkpoint_steps: steps,
            checkpoint_ms: milliseconds,
        },
    );
    let files = proptest::collection::vec(files, 0..4);
    (purposes(), 1_u32..9, files, limits, any::<bool>()).prop_map(
        |(purpose, epochs, data, limits, is_shared)| Job {
            purpose,
            specification: order(epochs),
            data,
            limits,
            checkpoints: if is_shared { CheckpointPlace::Shared } else { CheckpointPlace::Folder },
        },
    )
}

fn failures() -> impl Strategy<Value = Failure> {
    prop_oneof![
        any::<(u64, u64)>().prop_map(|(needed_bytes, capacity_bytes)| Failure::OutOfMemory {
            needed_bytes,
            capacity_bytes
        }),
        any::<(u64, u32)>().prop_map(|(step, loss_bits)| Failure::Diverged { step, loss_bits }),
        any::<String>().prop_map(|reason| Failure::BadData { reason }),
        any::<String>().prop_map(|reason| Failure::BadOrder { reason }),
        any::<String>().prop_map(|reason| Failure::BadJob { reason }),
        Just(Failure::Cancelled),
        any::<u32>().prop_map(|time_limit_s| Failure::TimeLimit { time_limit_s }),
        any::<String>().prop_map(|reason| Failure::Unavailable { reason }),
        any::<(u32, String)>().prop_map(|(tries, reason)| Failure::GivenUp { tries, reason }),
    ]
}

fn told() -> impl Strategy<Value = ToWorker> {
    prop_oneof![
        jobs().prop_map(|job| ToWorker::Start(Box::new(job))),
        ids().prop_map(ToWorker::Finish),
        ids().prop_map(ToWorker::Pause),
        ids().prop_map(ToWorker::Cancel),
    ]
}

fn said() -> impl Strategy<Value = FromWorker> {
    let openings = any::<Option<[[u8; 32]; 2]>>().prop_map(|roots| {
        roots.map(|[checkpoints_root, final_root]| TraceOpening { checkpoints_root, final_root })
    });
    prop_oneof![
        Just(FromWorker::Heartbeat),
        (ids(), any::<(u64, u64, u32, u64)>()).prop_map(
            |(job, (step, step_count, loss_bits, remaining_ms))| FromWorker::Progress {
                job,
                step,
                step_count,
                loss_bits,
                remaining_ms
            }
        ),
        (ids(), any::<u64>()).prop_map(|(job, step)| FromWorker::Checkpoint { job, step }),
        ids().prop_map(FromWorker::Paused),
        (ids(), blobs(), openings, proptest::option::of(blobs())).prop_map(
            |(job, model, trace, trace_file)| FromWorker::Result { job, model, trace, trace_file }
        ),
        (ids(), failures()).prop_map(|(job, failure)| FromWorker::Failure { job, failure }),
    ]
}

proptest! {
    #[test]
    fn what_a_worker_is_told_is_what_it_hears(message in told()) {
        let bytes = encode(&message).unwrap();
        prop_assert_eq!(decode_to_worker(&bytes).unwrap(), message);
    }

    #[test]
    fn what_a_worker_says_is_what_is_heard(message in said()) {
        let bytes = encode(&message).unwrap();
        prop_assert_eq!(decode_from_worker(&bytes).unwrap(), message);
    }

    #[test]
    fn a_job_without_its_last_byte_or_with_another_one_is_refused(job in jobs(), more in any::<u8>()) {
        let bytes = encode(&job).unwrap();
        prop_assert_eq!(decode_job(&bytes).unwrap(), job);
        prop_assert!(decode_job(&bytes[..bytes.len() - 1]).is_err());
        prop_assert!(decode_job(&[bytes, vec![more]].concat()).is_err());
    }

    #[test]
    fn bytes_that_are_accepted_are_the_encoding_of_what_they_mean(
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let bytes = [PROTOCOL_VERSION.to_le_bytes().as_slice(), &body].concat();
        if let Ok(message) = decode_to_worker(&bytes) {
            prop_assert_eq!(encode(&message).unwrap(), bytes.clone());
        }
        if let Ok(message) = decode_from_worker(&bytes) {
            prop_assert_eq!(encode(&message).unwrap(), bytes);
        }
    }

    #[test]
    fn the_name_of_a_job_is_read_back(id in ids()) {
        prop_assert_eq!(JobId::parse(&id.to_string()), Some(id));
    }

    #[test]
    fn frames_come_out_as_they_went_in_however_the_pipe_ends(
        frames in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..100), 0..5),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut pipe = Vec::new();
        let mut ends = vec![0];
        for frame in &frames {
            write_frame(&mut pipe, frame).unwrap();
            ends.push(pipe.len());
        }
        let cut = cut.index(pipe.len() + 1);
        let mut reader = &pipe[..cut];
        let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
        for frame in &frames[..whole] {
            let read = read_frame(&mut reader).unwrap();
            prop_assert_eq!(read.as_ref(), Some(frame));
        }
        let rest = read_frame(&mut reader);
        let (is_end, is_break) =
            (matches!(rest, Ok(None)), matches!(rest, Err(FrameError::Pipe { .. })));
        prop_assert_eq!((is_end, is_break), (ends.contains(&cut), !ends.contains(&cut)));
    }
}

#[test]
fn a_frame_that_is_too_long_is_refused_before_it_is_read() {
    let length = u32::try_from(FRAME_BYTES_MAX + 1).unwrap().to_le_bytes();
    let mut pipe = length.as_slice();
    let refused = read_frame(&mut pipe).unwrap_err();
    assert_eq!(refused.to_string(), "a frame of 65537 bytes, at most 65536 are allowed");
    assert!(write_frame(&mut Vec::new(), &vec![0; FRAME_BYTES_MAX + 1]).is_err());
}

#[test]
fn a_message_of_another_version_says_so() {
    let mut bytes = encode(&FromWorker::Heartbeat).unwrap();
    bytes[0] = 9;
    let refused = decode_from_worker(&bytes).unwrap_err();
    assert_eq!(refused, WireError::Version { found: 9 });
}

#[test]
fn a_message_that_is_too_long_is_refused_on_both_sides() {
    let long = Failure::BadJob { reason: "x".repeat(MESSAGE_BYTES_MAX) };
    assert!(matches!(encode(&long), Err(WireError::TooLong { .. })));
    let bytes = vec![0; MESSAGE_BYTES_MAX + 1];
    assert_eq!(decode_job(&bytes), Err(WireError::TooLong { bytes: MESSAGE_BYTES_MAX + 1 }));
}

#[test]
fn a_message_has_the_bytes_that_other_programs_expect() {
    let id = JobId { order: OrderId([7; 32]), purpose: Purpose::Train { seed: 0x0102 } };
    let bytes = encode(&ToWorker::Pause(id)).unwrap();
    let expected = format!("010002{}000201000000000000", "07".repeat(32));
    assert_eq!(hex::encode(bytes), expected);
    assert_eq!(id.to_string(), format!("{}.train-0000000000000102", "07".repeat(32)));
}

#[test]
fn names_that_are_not_those_of_jobs_are_refused() {
    let order = "07".repeat(32);
    for name in ["", ".", "claim", "07.claim", &order] {
        assert_eq!(JobId::parse(name), None, "{name}");
    }
    for purpose in ["", "train-", "train-1", "train-00000000000000fG", "claims", "claim.audit"] {
        assert_eq!(JobId::parse(&format!("{order}.{purpose}")), None, "{purpose}");
    }
}

#[test]
fn a_reason_is_cut_to_what_a_message_may_carry() {
    let long = std::io::Error::other("ä".repeat(MESSAGE_BYTES_MAX));
    let Failure::Unavailable { reason } = Failure::unavailable(&long) else { unreachable!() };
    assert_eq!(reason.len(), 1024);
    assert!(reason.chars().all(|letter| letter == 'ä'));
}
