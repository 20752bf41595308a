//! The handle: starts a network, and asks its driver for things.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use libp2p::identity::{DecodingError, Keypair};
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId, Swarm, SwarmBuilder, TransportError, noise, quic, tcp, yamux};
use parity_scale_codec::Encode;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::artefacts::{ArtefactSink, ArtefactSource};
use super::behaviour::{Behaviour, BehaviourError};
use super::command::{AnnounceError, AskError, Command, PublishError, PublishOutcome, Stopped};
use super::configuration::NetworkConfiguration;
use super::driver::{Driver, Ends, Snapshot};
use super::event::{GossipId, GossipVerdict, NetworkEvent};
use super::reputation::Offence;
use super::transfer::{self, Exchange, FetchError, FetchRequest, Fetched};
use super::wire::{ArtefactRequest, ArtefactResponse, decode_response};
use crate::store::artefacts::ContentHash;

/// Commands under way to the driver; who asks for more waits.
const COMMANDS_MAX: usize = 256;

/// A connection nobody uses is closed after this time. Identification uses it each minute, so only
/// peers that stopped doing so are affected.
const IDLE_TIMEOUT: Duration = Duration::from_mins(5);

/// How long a connection may take to be set up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Streams of one TCP connection: gossip, routing, and artefact requests in both directions.
const STREAMS_MAX: usize = 256;

/// A QUIC peer that is silent this long is gone; it is made to speak several times before.
const QUIC_SILENCE_MS: u32 = 4_000;
const QUIC_KEEP_ALIVE: Duration = Duration::from_secs(1);

/// Why a network could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// The identity seed gives no key.
    #[error("the identity cannot be derived: {source}")]
    Identity {
        /// What is wrong with it.
        source: DecodingError,
    },
    /// The transport encryption cannot be set up.
    #[error("the encryption of connections cannot be set up: {source}")]
    Encryption {
        /// What went wrong.
        source: noise::Error,
    },
    /// Name resolution cannot be set up.
    #[error("name resolution cannot be set up: {source}")]
    NameResolution {
        /// What went wrong.
        source: io::Error,
    },
    /// A protocol cannot be set up.
    #[error(transparent)]
    Behaviour(#[from] BehaviourError),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: Multiaddr,
        /// What went wrong.
        source: TransportError<io::Error>,
    },
    /// A listener closed before it began.
    #[error("cannot listen on {addresses:?}: {source}")]
    ListenerClosed {
        /// Its addresses.
        addresses: Vec<Multiaddr>,
        /// What went wrong.
        source: io::Error,
    },
    /// A listener did not begin in time.
    #[error("a listener did not begin within {timeout_ms} ms")]
    ListenTimeout {
        /// How long was waited.
        timeout_ms: u128,
    },
}

/// A running network. Cloning the handle is cheap; the network stops when the last one is dropped.
#[derive(Clone, Debug)]
pub struct Network {
    local: PeerId,
    commands: mpsc::Sender<Command>,
    snapshot: watch::Receiver<Snapshot>,
    transfers: Arc<Semaphore>,
    under_way: Arc<Mutex<HashMap<ContentHash, Gate>>>,
}

/// Held by the one transfer of an artefact that runs.
type Gate = Arc<tokio::sync::Mutex<()>>;

impl Network {
    /// Starts a network inside the current tokio runtime and waits until it listens.
    ///
    /// Others are served from `artefacts`. Read the events: gossip waits in them for its verdict.
    ///
    /// # Errors
    /// [`NetworkError`], above all when an address cannot be listened on.
    pub async fn start(
        configuration: NetworkConfiguration,
        artefacts: Arc<dyn ArtefactSource>,
    ) -> Result<(Self, mpsc::Receiver<NetworkEvent>), NetworkError> {
        let keypair =
            configuration.identity.keypair().map_err(|source| NetworkError::Identity { source })?;
        let local = keypair.public().to_peer_id();
        let swarm = build_swarm(&configuration, keypair)?;
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let (mut driver, ends) = Driver::new(swarm, &configuration, artefacts, inbox);
        driver.listen(&configuration.listen).await?;
        tokio::spawn(driver.run());
        let Ends { events, snapshot } = ends;
        let network = Self {
            local,
            commands,
            snapshot,
            transfers: Arc::new(Semaphore::new(configuration.limits.transfers_max)),
            under_way: Arc::default(),
        };
        Ok((network, events))
    }

    /// The name under which peers know this node.
    pub fn local_peer_id(&self) -> PeerId {
        self.local
    }

    /// Connected peers of this network, in ascending order.
    pub fn peers(&self) -> Vec<PeerId> {
        self.snapshot.borrow().peers.iter().copied().collect()
    }

    /// Waits until this many peers are connected, and names them.
    ///
    /// # Errors
    /// [`Stopped`] when the network ends before that.
    pub async fn wait_for_peers(&self, peer_count: usize) -> Result<Vec<PeerId>, Stopped> {
        let mut snapshot = self.snapshot.clone();
        let seen = snapshot.wait_for(|snapshot| snapshot.peers.len() >= peer_count).await;
        seen.map(|snapshot| snapshot.peers.iter().copied().collect()).map_err(|_| Stopped)
    }

    /// Where this node listens, without its name.
    pub fn listen_addresses(&self) -> Vec<Multiaddr> {
        self.snapshot.borrow().listening.clone()
    }

    /// Gives a message to gossip. It never comes back to this node as an event.
    ///
    /// # Errors
    /// [`PublishError`] when the message can never be published; see [`PublishOutcome`] for what
    /// can become of one that can.
    pub async fn publish(&self, payload: Vec<u8>) -> Result<PublishOutcome, PublishError> {
        self.request(|reply| Command::Publish { payload, reply }).await?
    }

    /// Gives the verdict on a gossip message. `false` when it came too late
    /// ([`NetworkLimits::verdict_timeout`](super::NetworkLimits::verdict_timeout)) or twice.
    ///
    /// # Errors
    /// [`Stopped`] after a shutdown.
    pub async fn verdict(&self, id: GossipId, verdict: GossipVerdict) -> Result<bool, Stopped> {
        self.request(|reply| Command::Verdict { id, verdict, reply }).await
    }

    /// Tells the network that this node has an artefact, now and again every some minutes.
    /// Connected peers find it without that.
    ///
    /// # Errors
    /// [`AnnounceError`] when too many are announced already.
    pub async fn announce(&self, hash: ContentHash) -> Result<(), AnnounceError> {
        self.request(|reply| Command::Announce { hash, reply }).await?
    }

    /// Fetches an artefact from whoever has it. One that is stored already is not fetched; two
    /// calls for the same artefact make one transfer. Dropping the future keeps what has come.
    ///
    /// # Errors
    /// [`FetchError`]; all but `NotFound` and `TooLarge` may go well at another time.
    pub async fn fetch_artefact(
        &self,
        request: FetchRequest,
        sink: Arc<dyn ArtefactSink>,
    ) -> Result<Fetched, FetchError> {
        let gate = self.gate(request.hash);
        let _only_one = gate.lock().await;
        let _slot = self.transfers.acquire().await.map_err(|_| Stopped)?;
        transfer::fetch(self, request, sink).await
    }

    /// Says good-bye to all peers and stops. Later calls say [`Stopped`].
    pub async fn shutdown(&self) {
        if self.request(|reply| Command::Shutdown { reply }).await.is_err() {
            tracing::debug!("the network was shut down before");
        }
    }

    /// Sends any bytes as a request, as only a hostile peer would.
    #[cfg(test)]
    pub(super) async fn ask_raw(
        &self,
        peer: PeerId,
        request: Vec<u8>,
    ) -> Result<Vec<u8>, AskError> {
        self.request(|reply| Command::Ask { peer, request, reply }).await?
    }

    async fn request<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)
    }

    fn gate(&self, hash: ContentHash) -> Gate {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.retain(|_, gate| Arc::strong_count(gate) > 1);
        Arc::clone(under_way.entry(hash).or_default())
    }
}

impl Exchange for Network {
    fn connected(&self) -> Vec<PeerId> {
        self.peers()
    }

    async fn ask(
        &self,
        peer: PeerId,
        request: ArtefactRequest,
    ) -> Result<ArtefactResponse, AskError> {
        let request = request.encode();
        let response = self.request(|reply| Command::Ask { peer, request, reply }).await??;
        decode_response(&response).map_err(|source| AskError::Garbage { peer, source })
    }

    async fn providers(&self, hash: ContentHash) -> Vec<PeerId> {
        let found = self.request(|reply| Command::Providers { hash, reply }).await;
        found.unwrap_or_default()
    }

    async fn report(&self, peer: PeerId, offence: Offence) {
        if self.commands.send(Command::Offence { peer, offence }).await.is_err() {
            tracing::debug!(%peer, ?offence, "the network was shut down before an offence was noted");
        }
    }
}

fn build_swarm(
    configuration: &NetworkConfiguration,
    keypair: Keypair,
) -> Result<Swarm<Behaviour>, NetworkError> {
    let behaviour = Behaviour::new(configuration, &keypair)?;
    let multiplexing = || {
        let mut settings = yamux::Config::default();
        settings.set_max_num_streams(STREAMS_MAX);
        settings
    };
    let builder = SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, multiplexing)
        .map_err(|source| NetworkError::Encryption { source })?
        .with_quic_config(patient_quic);
    let idle =
        |settings: libp2p::swarm::Config| settings.with_idle_connection_timeout(IDLE_TIMEOUT);
    // A node that dials no names needs no working name resolution on its machine.
    if configuration.bootstrap.iter().any(names_a_host) {
        let builder =
            builder.with_dns().map_err(|source| NetworkError::NameResolution { source })?;
        let Ok::<_, Infallible>(builder) = builder.with_behaviour(|_| behaviour);
        let builder = builder.with_swarm_config(idle);
        return Ok(builder.with_connection_timeout(CONNECT_TIMEOUT).build());
    }
    let Ok::<_, Infallible>(builder) = builder.with_behaviour(|_| behaviour);
    let builder = builder.with_swarm_config(idle);
    Ok(builder.with_connection_timeout(CONNECT_TIMEOUT).build())
}

fn patient_quic(mut settings: quic::Config) -> quic::Config {
    settings.max_idle_timeout = QUIC_SILENCE_MS;
    settings.keep_alive_interval = QUIC_KEEP_ALIVE;
    settings
}

fn names_a_host(address: &Multiaddr) -> bool {
    let is_name = |part| {
        matches!(
            part,
            Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_) | Protocol::Dnsaddr(_)
        )
    };
    address.iter().any(is_name)
}
