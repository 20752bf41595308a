//! The server as provider and workers use it: two streams and a store of files.

use std::fmt;
use std::time::Duration;

use aipot_domain_runtime::primitives::OrderId;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, pull};
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::{PublishMessage, StreamMessage};
use async_nats::jetstream::object_store::{self, InfoErrorKind, ObjectStore};
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, LastRawMessageErrorKind, RetentionPolicy, Stream,
};
use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectOptions, Subscriber};
use futures::StreamExt;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use super::names::Topic;
use super::{RemoteError, RemoteSettings};
use crate::worker::protocol::{
    Blob, FromWorker, Job, JobId, MESSAGE_BYTES_MAX, decode_from_worker, encode,
};

/// Jobs that may wait or be in work.
const JOBS_MAX: i64 = 10_000;
/// Results that are kept.
const RESULTS_MAX: i64 = 100_000;
/// What nobody asked for in this time is removed: orders are settled much sooner.
const AGE_MAX: Duration = Duration::from_hours(30 * 24);
/// How long the server remembers the name of a message.
const DUPLICATE_WINDOW: Duration = Duration::from_mins(2);
/// What all workers share; the server keeps it while they come and go.
const CONSUMER: &str = "workers";
/// How often the server gives a job to a worker at most. Workers give a job up before, and say so.
const DELIVERIES_MARGIN: u32 = 5;
/// How long a file may stand still on its way.
const STALL_MAX: Duration = Duration::from_secs(30);
/// Wait before any attempt to connect again: the first, and the longest.
const RECONNECT_MIN: Duration = Duration::from_millis(100);
const RECONNECT_MAX: Duration = Duration::from_secs(5);
/// Messages of one subscription that wait to be looked at.
const RECEIVED_MESSAGES_MAX: usize = 256;
/// A message with its headers.
const HEADER_BYTES_MAX: usize = 1 << 10;

/// Whether a result was the first for its job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Published {
    First,
    Refused,
}

/// What all workers take jobs from.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) jobs: Consumer<pull::Config>,
    /// How long a worker may be silent.
    pub(super) lease: Duration,
    /// Workers that may begin a job and not end it.
    pub(super) tries_max: i64,
}

/// The server.
#[derive(Clone)]
pub(super) struct Exchange {
    pub(super) settings: RemoteSettings,
    client: Client,
    context: Context,
    jobs: Stream,
    results: Stream,
    files: ObjectStore,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Exchange").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Makes an error of one of the client's.
fn server<E>(action: &'static str) -> impl FnOnce(E) -> RemoteError
where
    E: Into<async_nats::Error>,
{
    move |source| RemoteError::Server { action, source: source.into() }
}

/// Connects; a connection that is lost later is made again by itself.
pub(super) async fn connect(settings: &RemoteSettings) -> Result<Client, RemoteError> {
    if settings.servers.is_empty() {
        return Err(RemoteError::NoServer);
    }
    let options = ConnectOptions::new()
        .name("aipot worker")
        .max_reconnects(None)
        .reconnect_delay_callback(reconnect_delay)
        .subscription_capacity(RECEIVED_MESSAGES_MAX)
        .event_callback(|event| {
            tracing::info!(%event, "the connection to the NATS server reports");
            std::future::ready(())
        });
    let options = match &settings.credentials {
        None => options,
        Some(path) => options
            .credentials_file(path)
            .await
            .map_err(|source| RemoteError::Credentials { path: path.clone(), source })?,
    };
    let connected = options.connect(settings.servers.as_slice()).await;
    connected
        .map_err(|source| RemoteError::Connect { servers: settings.servers.join(", "), source })
}

/// Twice as long after each attempt, up to a bound.
fn reconnect_delay(attempt: usize) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
    let factor = 1_u32.checked_shl(doublings.min(31)).unwrap_or(u32::MAX);
    RECONNECT_MIN.saturating_mul(factor).min(RECONNECT_MAX)
}

impl Exchange {
    /// Finds the streams on the server, or makes them.
    pub(super) async fn open(
        client: Client,
        settings: RemoteSettings,
    ) -> Result<Self, RemoteError> {
        let context = jetstream::new(client.clone());
        let name = &settings.stream;
        let common = Config {
            max_age: AGE_MAX,
            max_messages_per_subject: 1,
            max_message_size: message_bytes_max(),
            duplicate_window: DUPLICATE_WINDOW,
            discard: DiscardPolicy::New,
            discard_new_per_subject: true,
            ..Config::default()
        };
        let jobs = Config {
            name: name.stream("jobs"),
            subjects: vec![name.subjects(Topic::Jobs)],
            retention: RetentionPolicy::WorkQueue,
            max_messages: JOBS_MAX,
            ..common.clone()
        };
        let results = Config {
            name: name.stream("results"),
            subjects: vec![name.subjects(Topic::Results)],
            max_messages: RESULTS_MAX,
            ..common
        };
        let jobs = context.get_or_create_stream(jobs).await;
        let jobs = jobs.map_err(server("make the stream of jobs"))?;
        let results = context.get_or_create_stream(results).await;
        let results = results.map_err(server("make the stream of results"))?;
        let bucket = name.stream("files");
        let files = if let Ok(files) = context.get_object_store(&bucket).await {
            files
        } else {
            let config = object_store::Config {
                bucket,
                max_age: AGE_MAX,
                ..object_store::Config::default()
            };
            let files = context.create_object_store(config).await;
            files.map_err(server("make the store of files"))?
        };
        Ok(Self { settings, client, context, jobs, results, files })
    }

    fn subject(&self, topic: Topic, job: &JobId) -> String {
        self.settings.stream.subject(topic, job)
    }

    /// What all workers take jobs from. Whoever comes first decides about leases and tries.
    pub(super) async fn queue(&self) -> Result<Queue, RemoteError> {
        let deliveries_max = self.settings.tries_max.saturating_add(DELIVERIES_MARGIN);
        let config = pull::Config {
            durable_name: Some(CONSUMER.to_owned()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.settings.lease,
            max_deliver: deliveries_max.into(),
            ..pull::Config::default()
        };
        let jobs = self.jobs.get_or_create_consumer(CONSUMER, config).await;
        let jobs: Consumer<pull::Config> = jobs.map_err(server("give jobs to workers"))?;
        let agreed = &jobs.cached_info().config;
        let tries_max = agreed.max_deliver.saturating_sub(DELIVERIES_MARGIN.into());
        Ok(Queue { lease: agreed.ack_wait, tries_max, jobs })
    }

    /// Puts a job into the queue, unless it is there already.
    pub(super) async fn send_job(&self, job: &Job) -> Result<(), RemoteError> {
        let message =
            PublishMessage::build().payload(encode(job)?.into()).expected_last_subject_sequence(0);
        match self.publish(self.subject(Topic::Jobs, &job.id()), message).await {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Ok(()),
            Err(error) => Err(server("take a job")(error)),
        }
    }

    /// Whether a job waits or is in work.
    pub(super) async fn has_job(&self, job: &JobId) -> Result<bool, RemoteError> {
        let subject = self.subject(Topic::Jobs, job);
        Ok(last(&self.jobs, &subject, "look for a job").await?.is_some())
    }

    /// Takes a job out of the queue.
    pub(super) async fn remove_job(&self, job: &JobId) -> Result<(), RemoteError> {
        let subject = self.subject(Topic::Jobs, job);
        let purged = self.jobs.purge().filter(subject).await;
        purged.map(drop).map_err(server("remove a job"))
    }

    /// Publishes the result of a job, if it has none yet.
    pub(super) async fn publish_result(
        &self,
        job: &JobId,
        result: &FromWorker,
    ) -> Result<Published, RemoteError> {
        let subject = self.subject(Topic::Results, job);
        let payload = encode(result)?;
        // The name lets the server drop what was sent twice because an answer got lost. It remembers names
        // longer than results, so only the sequence says whether there is a result now.
        let message = PublishMessage::build()
            .payload(payload.clone().into())
            .message_id(job.to_string())
            .expected_last_subject_sequence(0);
        let mut published = self.publish(subject.clone(), message).await;
        if matches!(published, Ok(true)) && self.result_message(job).await?.is_none() {
            let message =
                PublishMessage::build().payload(payload.into()).expected_last_subject_sequence(0);
            published = self.publish(subject, message).await;
        }
        match published {
            Ok(false) => Ok(Published::First),
            Ok(true) => Ok(Published::Refused),
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => {
                Ok(Published::Refused)
            }
            Err(error) => Err(server("take a result")(error)),
        }
    }

    /// Publishes a message; whether the server knew its name already.
    async fn publish(
        &self,
        subject: String,
        message: PublishMessage,
    ) -> Result<bool, jetstream::context::PublishError> {
        let published = self.context.send_publish(subject, message).await?.await?;
        Ok(published.duplicate)
    }

    async fn result_message(&self, job: &JobId) -> Result<Option<StreamMessage>, RemoteError> {
        let subject = self.subject(Topic::Results, job);
        last(&self.results, &subject, "look for a result").await
    }

    /// The result of a job.
    pub(super) async fn result(&self, job: &JobId) -> Result<Option<FromWorker>, RemoteError> {
        match self.result_message(job).await? {
            None => Ok(None),
            Some(message) => Ok(Some(decode_from_worker(&message.payload)?)),
        }
    }

    /// Forgets the result of a job, so that there can be another one.
    pub(super) async fn remove_result(&self, job: &JobId) -> Result<(), RemoteError> {
        let subject = self.subject(Topic::Results, job);
        let purged = self.results.purge().filter(subject).await;
        purged.map(drop).map_err(server("remove a result"))
    }

    /// Forgets everything about an order but its data.
    pub(super) async fn forget(&self, order: &OrderId) -> Result<(), RemoteError> {
        let name = &self.settings.stream;
        let jobs = self.jobs.purge().filter(name.subjects_of(Topic::Jobs, order)).await;
        jobs.map_err(server("remove a job"))?;
        let filter = name.subjects_of(Topic::Results, order);
        let found = self.results.info_with_subjects(&filter).await;
        let mut found = found.map_err(server("list results"))?;
        while let Some(found) = found.next().await {
            let (subject, _) = found.map_err(server("list results"))?;
            let message = last(&self.results, &subject, "look for a result").await?;
            let result = message.and_then(|message| decode_from_worker(&message.payload).ok());
            let Some(FromWorker::Result { job, model, trace_file, .. }) = result else { continue };
            self.remove_file(&model.to_string()).await;
            self.remove_file(&checkpoint_name(&job)).await;
            if let Some(trace_file) = trace_file {
                self.remove_file(&trace_file.to_string()).await;
            }
        }
        let results = self.results.purge().filter(filter).await;
        results.map(drop).map_err(server("remove a result"))
    }

    /// Says something about a job to whoever listens.
    pub(super) async fn say(
        &self,
        topic: Topic,
        job: &JobId,
        message: Vec<u8>,
    ) -> Result<(), RemoteError> {
        let said = self.client.publish(self.subject(topic, job), message.into()).await;
        said.map_err(server("pass on a message"))
    }

    /// Listens to what is said about a job.
    pub(super) async fn listen(
        &self,
        topic: Topic,
        job: &JobId,
    ) -> Result<Subscriber, RemoteError> {
        let subscribed = self.client.subscribe(self.subject(topic, job)).await;
        let subscribed = subscribed.map_err(server("pass on messages"))?;
        // Whatever is said from now on is to be heard.
        self.client.flush().await.map_err(server("pass on messages"))?;
        Ok(subscribed)
    }

    /// Whether a file is stored.
    pub(super) async fn has_file(&self, name: &str, byte_count: u64) -> Result<bool, RemoteError> {
        match self.files.info(name).await {
            Ok(info) => {
                Ok(!info.deleted && u64::try_from(info.size).is_ok_and(|size| size == byte_count))
            }
            Err(error) if error.kind() == InfoErrorKind::NotFound => Ok(false),
            Err(error) => Err(server("look for a file")(error)),
        }
    }

    /// Stores a file under its root, unless it is there.
    pub(super) async fn put_blob(
        &self,
        blob: &Blob,
        bytes: &mut (impl AsyncRead + Unpin),
    ) -> Result<(), RemoteError> {
        let name = blob.to_string();
        if self.has_file(&name, blob.byte_count).await? {
            return Ok(());
        }
        self.put_file(&name, bytes).await
    }

    /// Stores a file under a name, in place of the one that was there.
    pub(super) async fn put_file(
        &self,
        name: &str,
        bytes: &mut (impl AsyncRead + Unpin),
    ) -> Result<(), RemoteError> {
        let put = self.files.put(name, bytes).await;
        put.map(drop).map_err(server("store a file"))
    }

    /// Fetches a file by its root.
    pub(super) async fn get_blob(
        &self,
        blob: &Blob,
        bytes_max: u64,
    ) -> Result<Vec<u8>, RemoteError> {
        let name = blob.to_string();
        let bytes = self.get_file(&name, blob.byte_count.min(bytes_max)).await?;
        if Blob::of(&bytes) != *blob {
            return Err(RemoteError::OtherBytes { name });
        }
        Ok(bytes)
    }

    /// Fetches a file by its name; nothing is allocated for what cannot be.
    pub(super) async fn get_file(
        &self,
        name: &str,
        bytes_max: u64,
    ) -> Result<Vec<u8>, RemoteError> {
        let missing = || RemoteError::Missing { name: name.to_owned() };
        let object = timeout(STALL_MAX, self.files.get(name)).await;
        let object = object.map_err(|_| missing())?.map_err(|error| match error.kind() {
            object_store::GetErrorKind::NotFound => missing(),
            _ => server("give a file")(error),
        })?;
        let byte_count = u64::try_from(object.info().size).unwrap_or(u64::MAX);
        if byte_count > bytes_max {
            return Err(RemoteError::TooLarge { name: name.to_owned(), byte_count, bytes_max });
        }
        let transfer = |source| RemoteError::Transfer { name: name.to_owned(), source };
        let mut bytes = Vec::new();
        let mut object = object.take(byte_count);
        loop {
            let read = timeout(STALL_MAX, object.read_buf(&mut bytes)).await;
            match read.map_err(|stalled| transfer(stalled.into()))? {
                Ok(0) => return Ok(bytes),
                Ok(_) => {}
                Err(source) => return Err(transfer(source)),
            }
        }
    }

    /// Removes a file; one that stays only takes room until it is too old.
    pub(super) async fn remove_file(&self, name: &str) {
        if let Err(error) = self.files.delete(name).await {
            tracing::debug!(name, %error, "a file stays on the server until it is too old");
        }
    }
}

/// What the checkpoint of a job is called.
pub(super) fn checkpoint_name(job: &JobId) -> String {
    format!("checkpoint.{job}")
}

/// The last message of a subject.
async fn last(
    stream: &Stream,
    subject: &str,
    action: &'static str,
) -> Result<Option<StreamMessage>, RemoteError> {
    match stream.get_last_raw_message_by_subject(subject).await {
        Ok(message) => Ok(Some(message)),
        Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => Err(server(action)(error)),
    }
}

fn message_bytes_max() -> i32 {
    i32::try_from(MESSAGE_BYTES_MAX + HEADER_BYTES_MAX).unwrap_or(i32::MAX)
}
