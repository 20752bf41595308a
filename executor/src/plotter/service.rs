//! Listens for farmers who look for room and for sectors to plot, and starts a session for each sector.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, Message, Subject, Subscriber};
use futures::StreamExt;
use parity_scale_codec::Encode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval, timeout};
use ulid::Ulid;

use super::connection::{PayloadLimit, connect};
use super::error::SessionError;
use super::pieces::ClusterPieces;
use super::responses::{Responses, answer};
use super::session::Session;
use super::wire::{
    FREE_INSTANCE, PLOTTER_QUEUE, PlotSectorRequest, PlottingResponse, decode_plot_sector,
    plot_sector,
};
use super::{Plotter, PlotterError};

/// How long a plotter that is being stopped tries to tell farmers: the server may be away.
const LAST_WORDS_MAX: Duration = Duration::from_secs(2);

/// A plotter that is connected.
#[derive(Debug)]
pub(super) struct Service {
    plotter: Arc<Plotter>,
    client: Client,
    id: Ulid,
    pieces: Arc<ClusterPieces>,
    /// Room for sectors.
    slots: Arc<Semaphore>,
    /// Set once, when the plotter is being stopped.
    stopping: watch::Sender<bool>,
}

impl Service {
    /// Connects a plotter to its cluster.
    pub(super) async fn connect(plotter: Arc<Plotter>) -> Result<Self, PlotterError> {
        let client = connect(&plotter.settings, &plotter.metrics).await?;
        let pieces = ClusterPieces::new(client.clone(), &plotter.settings, plotter.metrics.clone());
        let slots = Arc::new(Semaphore::new(plotter.settings.sectors_max));
        let (stopping, _) = watch::channel(false);
        let id = Ulid::generate();
        Ok(Self { plotter, client, id, pieces: Arc::new(pieces), slots, stopping })
    }

    /// Serves until `stop` is done; then tells every farmer that it has to look elsewhere.
    pub(super) async fn run(self, stop: impl Future<Output = ()>) -> Result<(), PlotterError> {
        let mut sessions = JoinSet::new();
        let end = tokio::select! {
            end = self.answer_for_room() => end,
            end = self.take_sectors(&mut sessions) => end,
            () = stop => Ok(()),
        };
        self.stopping.send_replace(true);
        if timeout(LAST_WORDS_MAX, self.say_last_words(&mut sessions)).await.is_err() {
            tracing::warn!("the last messages were not sent in time");
        }
        end
    }

    async fn say_last_words(&self, sessions: &mut JoinSet<()>) {
        while let Some(ended) = sessions.join_next().await {
            report(ended);
        }
        if let Err(error) = self.client.flush().await {
            tracing::warn!(%error, "the last messages may not have been sent");
        }
    }

    fn free_sectors(&self) -> usize {
        let free = self.slots.available_permits();
        self.plotter.metrics.set_free_sectors(free);
        free
    }

    async fn subscribe(&self, subject: &str, queue: &str) -> Result<Subscriber, PlotterError> {
        let subscribed = self.client.queue_subscribe(subject.to_owned(), queue.to_owned()).await;
        let subject = subject.to_owned();
        subscribed.map_err(|source| PlotterError::Subscribe { subject, source })
    }

    /// Answers farmers who look for room; does not listen while there is none.
    async fn answer_for_room(&self) -> Result<(), PlotterError> {
        let mut ticks = interval(self.plotter.settings.timings.capacity);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            while self.free_sectors() == 0 {
                ticks.tick().await;
            }
            let mut questions = self.subscribe(FREE_INSTANCE, PLOTTER_QUEUE).await?;
            while self.free_sectors() > 0 {
                tokio::select! {
                    question = questions.next() => {
                        self.answer_question(question.ok_or(PlotterError::Closed)?).await;
                    }
                    _ = ticks.tick() => {}
                }
            }
            if let Err(error) = questions.unsubscribe().await {
                tracing::warn!(%error, "cannot stop listening for farmers");
            }
            while let Some(question) = questions.next().await {
                self.answer_question(question).await;
            }
        }
    }

    async fn answer_question(&self, question: Message) {
        let Some(reply) = question.reply else {
            tracing::debug!("a question about room says not where to answer");
            return;
        };
        let id = (self.free_sectors() > 0).then(|| self.id.to_string());
        if let Err(error) = self.client.publish(reply, id.encode().into()).await {
            tracing::warn!(%error, "a question about room could not be answered");
        }
    }

    /// Takes sectors to plot, a session for each.
    async fn take_sectors(&self, sessions: &mut JoinSet<()>) -> Result<(), PlotterError> {
        let subject = plot_sector(self.id);
        let mut requests = self.subscribe(&subject, &self.id.to_string()).await?;
        tracing::info!(id = %self.id, encoder = self.plotter.encoder.name(), "plotting for a cluster");
        loop {
            tokio::select! {
                request = requests.next() => {
                    self.take_sector(request.ok_or(PlotterError::Closed)?, sessions).await?;
                }
                Some(ended) = sessions.join_next() => report(ended),
            }
        }
    }

    /// Starts a session, or refuses. The server may have been started again with other limits, so these are
    /// looked at each time.
    async fn take_sector(
        &self,
        message: Message,
        sessions: &mut JoinSet<()>,
    ) -> Result<(), PlotterError> {
        let Some(reply) = message.reply else {
            tracing::warn!("a request to plot says not where to answer");
            return Ok(());
        };
        let limit = PayloadLimit::of(&self.client)?;
        let request = decode_plot_sector(&message.payload).map_err(SessionError::Request);
        let slot = Arc::clone(&self.slots).try_acquire_owned();
        let refusal = match (request, slot) {
            (Ok(request), Ok(slot)) => {
                match self.open_session(request, slot, reply, limit).await {
                    Ok(session) => drop(sessions.spawn(session.run())),
                    Err(error) => tracing::warn!(%error, "a request cannot be answered"),
                }
                return Ok(());
            }
            (Err(error), _) => {
                self.plotter.metrics.count_error(error.kind());
                tracing::warn!(error = error.told(), "a request to plot is refused");
                PlottingResponse::Error { error: error.told() }
            }
            (Ok(_), Err(_)) => {
                self.plotter.metrics.count_occupied();
                PlottingResponse::Occupied
            }
        };
        if let Err(error) = answer(&self.client, reply, limit, refusal).await {
            tracing::warn!(%error, "a refusal could not be sent");
        }
        Ok(())
    }

    async fn open_session(
        &self,
        request: PlotSectorRequest,
        slot: OwnedSemaphorePermit,
        reply: Subject,
        limit: PayloadLimit,
    ) -> Result<Session, SessionError> {
        let patience = self.plotter.settings.timings.acknowledgement;
        let responses = Responses::open(&self.client, reply, limit, patience).await?;
        Ok(Session {
            plotter: Arc::clone(&self.plotter),
            pieces: self.pieces.clone(),
            request,
            responses,
            chunk_bytes: limit.chunk_bytes(),
            slot: Arc::new(slot),
            stopping: self.stopping.subscribe(),
        })
    }
}

/// A session that broke off has freed everything; the others go on.
fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a session broke off");
    }
}
