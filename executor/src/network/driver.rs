//! The one task that owns the protocols: it takes what happens on the wire and what the handles ask
//! for, one after the other, and never waits for either the application or a disk.

mod artefacts;
mod connections;
mod gossip;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use libp2p::core::transport::ListenerId;
use libp2p::gossipsub::IdentTopic;
use libp2p::kad::QueryId;
use libp2p::multiaddr::Protocol;
use libp2p::request_response::{InboundRequestId, OutboundRequestId};
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, Swarm, TransportError};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use self::artefacts::{Answer, Ask, Lookup};
use self::connections::Peer;
use super::artefacts::ArtefactSource;
use super::behaviour::{self, Behaviour, BehaviourEvent};
use super::command::Command;
use super::configuration::{NetworkConfiguration, NetworkLimits};
use super::event::NetworkEvent;
use super::event_queue::EventQueue;
use super::gossip_desk::GossipDesk;
use super::handle::NetworkError;
use super::redial::Redial;
use super::reputation::{Judgement, Offence, Reputation};
use super::serving::ServingLedger;

/// How often deadlines are looked at: a tenth of the second within which things should happen.
const TICK: Duration = Duration::from_millis(100);

/// How long a listener may take to say where it listens.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(10);

/// How long peers are given to notice that this node leaves.
const FAREWELL: Duration = Duration::from_millis(500);

/// What handles can see without asking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// Connected peers of this network.
    pub(super) peers: BTreeSet<PeerId>,
    /// Where this node listens.
    pub(super) listening: Vec<Multiaddr>,
}

/// The ends of the channels that the handle keeps.
pub(super) struct Ends {
    pub(super) events: mpsc::Receiver<NetworkEvent>,
    pub(super) snapshot: watch::Receiver<Snapshot>,
}

pub(super) struct Driver {
    swarm: Swarm<Behaviour>,
    commands: mpsc::Receiver<Command>,
    events: EventQueue,
    snapshot: watch::Sender<Snapshot>,
    source: Arc<dyn ArtefactSource>,
    limits: NetworkLimits,
    topic: IdentTopic,
    spoken: String,
    listeners_pending: HashSet<ListenerId>,
    peers: HashMap<PeerId, Peer>,
    redial: Redial,
    reputation: Reputation,
    desk: GossipDesk,
    shed_count: u64,
    asks: HashMap<OutboundRequestId, Ask>,
    asks_by_peer: HashMap<PeerId, usize>,
    serving: ServingLedger<InboundRequestId>,
    answers: JoinSet<Answer>,
    lookups: HashMap<QueryId, Lookup>,
}

impl Driver {
    pub(super) fn new(
        swarm: Swarm<Behaviour>,
        configuration: &NetworkConfiguration,
        source: Arc<dyn ArtefactSource>,
        commands: mpsc::Receiver<Command>,
    ) -> (Self, Ends) {
        let limits = configuration.limits.clone();
        let local = *swarm.local_peer_id();
        let (events, inbox) = EventQueue::new(limits.gossip_waiting_max);
        let (snapshot, seen) = watch::channel(Snapshot::default());
        let driver = Self {
            swarm,
            commands,
            events,
            snapshot,
            source,
            topic: behaviour::topic(&configuration.network_id),
            spoken: behaviour::spoken(&configuration.network_id),
            listeners_pending: HashSet::new(),
            peers: HashMap::new(),
            redial: Redial::new(&configuration.bootstrap, local, &limits, Instant::now()),
            reputation: Reputation::new(limits.ban),
            desk: GossipDesk::new(&limits),
            shed_count: 0,
            asks: HashMap::new(),
            asks_by_peer: HashMap::new(),
            serving: ServingLedger::new(&limits),
            answers: JoinSet::new(),
            lookups: HashMap::new(),
            limits,
        };
        (driver, Ends { events: inbox, snapshot: seen })
    }

    /// Opens the listeners and waits until each has an address.
    pub(super) async fn listen(&mut self, addresses: &[Multiaddr]) -> Result<(), NetworkError> {
        for address in addresses {
            let failed = |source| NetworkError::Listen { address: address.clone(), source };
            refuse_taken_port(address).map_err(|source| failed(TransportError::Other(source)))?;
            let listener = self.swarm.listen_on(address.clone()).map_err(failed)?;
            self.listeners_pending.insert(listener);
        }
        let deadline = tokio::time::Instant::now() + LISTEN_TIMEOUT;
        while !self.listeners_pending.is_empty() {
            let next = tokio::time::timeout_at(deadline, self.swarm.select_next_some());
            match next.await {
                Ok(SwarmEvent::ListenerClosed { addresses, reason: Err(source), .. }) => {
                    return Err(NetworkError::ListenerClosed { addresses, source });
                }
                Ok(event) => self.on_swarm_event(event),
                Err(_) => {
                    let timeout_ms = LISTEN_TIMEOUT.as_millis();
                    return Err(NetworkError::ListenTimeout { timeout_ms });
                }
            }
        }
        Ok(())
    }

    /// Runs until the network is shut down or the last handle is gone.
    pub(super) async fn run(mut self) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let farewell = loop {
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_swarm_event(event),
                command = self.commands.recv() => match command {
                    None => break None,
                    Some(Command::Shutdown { reply }) => break Some(reply),
                    Some(command) => self.on_command(command),
                },
                Some(answer) = self.answers.join_next() => self.on_answer(answer),
                _ = tick.tick() => self.on_tick(Instant::now()),
            }
        };
        self.leave().await;
        if let Some(reply) = farewell
            && reply.send(()).is_err()
        {
            tracing::debug!("nobody waits for the end of the network");
        }
    }

    /// Closes all connections in a way that peers notice at once.
    async fn leave(&mut self) {
        let peers: Vec<PeerId> = self.swarm.connected_peers().copied().collect();
        for peer in peers {
            self.disconnect(peer);
        }
        let closed = async {
            while self.swarm.connected_peers().next().is_some() {
                self.swarm.select_next_some().await;
            }
        };
        if tokio::time::timeout(FAREWELL, closed).await.is_err() {
            tracing::debug!("some connections were cut");
        }
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Publish { payload, reply } => answer(reply, self.publish(payload)),
            Command::Verdict { id, verdict, reply } => answer(reply, self.judge(id, verdict)),
            Command::Announce { hash, reply } => answer(reply, self.announce(hash)),
            Command::Providers { hash, reply } => self.look_up(hash, reply),
            Command::Ask { peer, request, reply } => self.ask(peer, request, reply),
            Command::Offence { peer, offence } => self.punish(peer, offence),
            // Taken care of by the loop.
            Command::Shutdown { reply } => answer(reply, ()),
        }
    }

    fn on_tick(&mut self, now: Instant) {
        self.dial_due(now);
        self.drop_silent(now);
        self.expire_gossip(now);
        for peer in self.reputation.release(now) {
            self.swarm.behaviour_mut().banned.unblock_peer(peer);
        }
        self.events.flush();
    }

    fn on_swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Gossip(event)) => self.on_gossip(event),
            SwarmEvent::Behaviour(BehaviourEvent::Artefacts(event)) => self.on_exchange(event),
            SwarmEvent::Behaviour(BehaviourEvent::Routing(event)) => self.on_routing(event),
            SwarmEvent::Behaviour(BehaviourEvent::Identify(event)) => self.on_identify(event),
            SwarmEvent::Behaviour(BehaviourEvent::Ping(event)) => self.on_ping(&event),
            other => self.on_connection_event(other),
        }
    }

    /// Notes an offence; a peer that has committed enough is cut off.
    fn punish(&mut self, peer: PeerId, offence: Offence) {
        match self.reputation.offend(peer, offence, Instant::now()) {
            Judgement::Tolerated => tracing::debug!(%peer, ?offence, "a peer misbehaved"),
            Judgement::Banned { released } => {
                let ban_ms = self.limits.ban.as_millis();
                tracing::warn!(%peer, ?offence, ban_ms, "a peer misbehaved and is refused");
                let behaviour = self.swarm.behaviour_mut();
                behaviour.banned.block_peer(peer);
                behaviour.routing.remove_peer(&peer);
                if let Some(released) = released {
                    behaviour.banned.unblock_peer(released);
                }
            }
        }
    }
}

/// The transport shares TCP ports with whoever shares his, so two nodes could listen on the same
/// one and each get some of the connections. A plain listener is refused in that case.
fn refuse_taken_port(address: &Multiaddr) -> io::Result<()> {
    let mut parts = address.iter();
    let ip = match parts.next() {
        Some(Protocol::Ip4(ip)) => IpAddr::from(ip),
        Some(Protocol::Ip6(ip)) => IpAddr::from(ip),
        _ => return Ok(()),
    };
    match parts.next() {
        Some(Protocol::Tcp(port)) if port != 0 => TcpListener::bind((ip, port)).map(drop),
        _ => Ok(()),
    }
}

/// Answers a handle that may have stopped waiting.
fn answer<T>(reply: tokio::sync::oneshot::Sender<T>, value: T) {
    if reply.send(value).is_err() {
        tracing::trace!("an answer came too late for its asker");
    }
}
