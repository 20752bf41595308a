//! What strangers, faulty machines and broken disks could put into the streams: none of it is believed, and
//! none of it is done again for ever.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aipot_domain_runtime::primitives::OrderId;
use aipot_executor::worker::protocol::{
    Blob, Failure, FromWorker, Job, JobId, MESSAGE_BYTES_MAX, Purpose, decode_from_worker, encode,
};
use aipot_executor::worker::remote::RemoteProvider;
use aipot_executor::worker::{Worker, Workplace};
use async_nats::jetstream;
use tempfile::tempdir;
use tokio::task::block_in_place;

use crate::machines::Machine;
use crate::orders::{Order, SEED, within, worker};
use crate::streams::StreamServer;

async fn provider(server: &StreamServer, folder: &Path) -> Worker {
    let provider = RemoteProvider::connect(server.settings(), folder).await.unwrap();
    worker(folder, Workplace::Remote(Arc::new(provider)))
}

async fn context(server: &StreamServer) -> jetstream::Context {
    jetstream::new(async_nats::connect(server.url()).await.unwrap())
}

fn subject(topic: &str, job: impl std::fmt::Display) -> String {
    format!("aipot.aipot.{topic}.{job}")
}

/// What is said about a job in the stream of results, once there is something.
async fn result(server: &StreamServer, job: &JobId) -> FromWorker {
    let results = server.stream("results").await;
    within("there is a result", async {
        loop {
            if let Ok(message) =
                results.get_last_raw_message_by_subject(&subject("results", job)).await
            {
                return decode_from_worker(&message.payload).unwrap();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_job_is_ended_and_not_tried_again() {
    let (server, folder) = (StreamServer::start(), tempdir().unwrap());
    let _node = provider(&server, folder.path()).await;
    let context = context(&server).await;
    let order = Order::free(2);
    let honest: Job = order.job(None);
    let other = JobId { order: OrderId([9; 32]), ..honest.id() };
    let poisons = [
        (JobId { order: OrderId([1; 32]), purpose: Purpose::Claim }, vec![0xff; 1000]),
        (JobId { order: OrderId([2; 32]), purpose: Purpose::Claim }, Vec::new()),
        (JobId { order: OrderId([3; 32]), purpose: Purpose::Claim }, vec![1, 0]),
        (other, encode(&honest).unwrap()),
    ];
    for (job, bytes) in &poisons {
        let sent = context.publish(subject("jobs", job), bytes.clone().into()).await.unwrap();
        sent.await.unwrap();
    }
    // A name that is none of a job, so that nobody could be told.
    let sent = context.publish(subject("jobs", "some.thing"), "x".into()).await.unwrap();
    sent.await.unwrap();
    let _machine = Machine::start(&server);
    for (job, _) in &poisons {
        let said = result(&server, job).await;
        let FromWorker::Failure { job: id, failure: Failure::BadJob { .. } } = &said else {
            panic!("{said:?}")
        };
        assert_eq!(id, job);
    }
    within("the queue is empty", async {
        while server.count("jobs").await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_result_is_refused_by_the_server() {
    let (server, folder) = (StreamServer::start(), tempdir().unwrap());
    let node = provider(&server, folder.path()).await;
    let machine = Machine::start(&server);
    let order = Order::free(2);
    let model = order.train_with(&node, folder.path()).await.unwrap();
    block_in_place(|| machine.says("end"));
    let job = order.job(None).id();
    let forged = encode(&FromWorker::Result {
        job,
        model: Blob::of(b"another model"),
        trace: None,
        trace_file: None,
    });
    let context = context(&server).await;
    let sent = context.publish(subject("results", job), forged.unwrap().into()).await.unwrap();
    let refused = sent.await.unwrap_err();
    assert!(format!("{refused:?}").contains("per subject"), "{refused:?}");
    assert!(order.train_with(&node, folder.path()).await.unwrap() == model);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_that_cannot_be_used_is_dropped_and_the_order_is_trained() {
    let job = Order::free(2).job(None).id();
    let result = |model| FromWorker::Result { job, model, trace: None, trace_file: None };
    let missing = encode(&result(Blob::of(b"not stored"))).unwrap();
    let huge = Blob { root: [1; 32], byte_count: u64::MAX };
    let huge = encode(&result(huge)).unwrap();
    let other = encode(&FromWorker::Paused(job)).unwrap();
    for bytes in [vec![0xff; 100], missing, huge, other] {
        let (server, folder) = (StreamServer::start(), tempdir().unwrap());
        let node = provider(&server, folder.path()).await;
        let context = context(&server).await;
        context.publish(subject("results", job), bytes.into()).await.unwrap().await.unwrap();
        let _machine = Machine::start(&server);
        let order = Order::free(2);
        let model = order.train_with(&node, folder.path()).await.unwrap();
        assert!(model == order.model().await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn noise_on_the_subjects_of_a_job_changes_nothing() {
    let (server, folder) = (StreamServer::start(), tempdir().unwrap());
    let node = provider(&server, folder.path()).await;
    let mut progress = node.progress();
    let _machine = Machine::start(&server);
    let order = Order::free(300);
    let job = order.job(None).id();
    assert_eq!(job.purpose, Purpose::Train { seed: SEED });
    let training = order.train_with(&node, folder.path());
    let noise = async {
        within("training has begun", progress.recv()).await.unwrap();
        let client = async_nats::connect(server.url()).await.unwrap();
        let noise = || [Vec::new(), vec![0xff; 100], vec![0; 2 * MESSAGE_BYTES_MAX]];
        let topics = ["control", "progress", "results"];
        for (topic, bytes) in topics.iter().flat_map(|topic| noise().map(|bytes| (topic, bytes))) {
            client.publish(subject(topic, job), bytes.into()).await.unwrap();
        }
        client.flush().await.unwrap();
    };
    let (model, ()) = tokio::join!(training, noise);
    // Noise among the results may have come first; then it was dropped, and the order trained again.
    assert!(model.unwrap() == order.model().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_no_job_needs_is_too_long_for_the_server() {
    let (server, folder) = (StreamServer::start(), tempdir().unwrap());
    let _node = provider(&server, folder.path()).await;
    let context = context(&server).await;
    let job = JobId { order: OrderId([1; 32]), purpose: Purpose::Claim };
    let bytes = vec![0; 2 * MESSAGE_BYTES_MAX];
    let sent = context.publish(subject("jobs", job), bytes.into()).await.unwrap();
    assert!(sent.await.is_err());
    assert_eq!(server.count("jobs").await, 0);
}
