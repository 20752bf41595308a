//! Artefacts between nodes that talk, lie, and die.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, oneshot, watch};

use super::node::{Node, PATIENCE, bytes, configuration};
use crate::network::wire::{RANGE_BYTES_MAX, REQUEST_BYTES_MAX};
use crate::network::{
    ArtefactSink, ArtefactSource, EncodedRange, FetchError, FetchRequest, NetworkEvent,
    PublishOutcome, RangeFeed,
};
use crate::store::artefacts::{ArtefactError, ArtefactStore, ContentHash};

/// Long enough for a dozen ranges.
const LONG: usize = 3 << 20;

/// Serves a store, with something done to each range before it goes.
struct Tampering<Change> {
    store: Arc<ArtefactStore>,
    change: Change,
}

impl<Change> ArtefactSource for Tampering<Change>
where
    Change: Fn(EncodedRange) -> EncodedRange + Send + Sync + 'static,
{
    fn total_bytes(&self, hash: ContentHash) -> Result<Option<u64>, ArtefactError> {
        self.store.len(hash)
    }

    fn encode(
        &self,
        hash: ContentHash,
        start: u64,
        length: u64,
    ) -> Result<EncodedRange, ArtefactError> {
        ArtefactSource::encode(&*self.store, hash, start, length).map(&self.change)
    }
}

fn flip_a_bit(mut range: EncodedRange) -> EncodedRange {
    if let Some(byte) = range.encoded.last_mut() {
        *byte ^= 1;
    }
    range
}

#[tokio::test]
async fn artefacts_of_all_lengths_are_fetched() {
    let first = Node::start(1, &[]).await;
    let second = Node::start(2, &first.addresses()).await;
    second.wait_for_peers(1).await;
    for length in [0, 1, 1024, 16_383, 16_384, 16_385, LONG] {
        let hash = first.store.put(&bytes(length)).unwrap();
        let fetched = second.fetch(hash).await.unwrap();
        assert_eq!(fetched.sources, [first.peer()], "{length} bytes");
        assert_eq!(second.store.read(hash).unwrap(), bytes(length));
    }
}

#[tokio::test]
async fn a_corrupting_peer_is_detected_and_the_honest_one_used() {
    let first = Node::start_serving(configuration(1, &[]), |store| {
        Arc::new(Tampering { store, change: flip_a_bit })
    })
    .await;
    let honest = Node::start(2, &first.addresses()).await;
    let mut third = Node::start(3, &[first.addresses(), honest.addresses()].concat()).await;
    third.wait_for_peers(2).await;
    let hash = first.store.put(&bytes(LONG)).unwrap();
    honest.store.put(&bytes(LONG)).unwrap();

    let fetched = third.fetch(hash).await.unwrap();
    assert_eq!(fetched.sources, [honest.peer()]);
    assert_eq!(third.store.read(hash).unwrap(), bytes(LONG));
    let dropped = third
        .wait(|event| match event {
            NetworkEvent::PeerDisconnected { peer } => Some(peer),
            _ => None,
        })
        .await;
    assert_eq!(dropped, first.peer());
}

#[tokio::test]
async fn what_nobody_has_is_not_found() {
    let first = Node::start(1, &[]).await;
    let second = Node::start(2, &first.addresses()).await;
    let third = Node::start(3, &[first.addresses(), second.addresses()].concat()).await;
    third.wait_for_peers(2).await;
    let error = third.fetch(ContentHash::of(b"unheard of")).await.unwrap_err();
    assert!(matches!(error, FetchError::NotFound { asked_count: 2, .. }), "{error}");
}

#[tokio::test]
async fn a_too_long_artefact_is_refused_and_nothing_is_kept() {
    let first = Node::start(1, &[]).await;
    let second = Node::start(2, &first.addresses()).await;
    second.wait_for_peers(1).await;
    let hash = first.store.put(&bytes(LONG)).unwrap();
    let request = FetchRequest { hash, bytes_max: 1 << 20, providers: vec![first.peer()] };
    let refused = second.network.fetch_artefact(request, second.store.clone()).await;
    assert!(matches!(refused, Err(FetchError::TooLarge { .. })), "{refused:?}");
    assert!(!second.store.has(hash));
}

#[tokio::test]
async fn an_artefact_kept_twice_over_comes_from_both() {
    let first = Node::start(1, &[]).await;
    let second = Node::start(2, &first.addresses()).await;
    let third = Node::start(3, &[first.addresses(), second.addresses()].concat()).await;
    third.wait_for_peers(2).await;
    let length = 8 << 20;
    let hash = first.store.put(&bytes(length)).unwrap();
    second.store.put(&bytes(length)).unwrap();
    let mut sources = third.fetch(hash).await.unwrap().sources;
    let mut both = vec![first.peer(), second.peer()];
    sources.sort();
    both.sort();
    assert_eq!(sources, both);
}

#[tokio::test]
async fn two_calls_for_one_artefact_make_one_transfer() {
    let served = Arc::new(AtomicUsize::new(0));
    let count = served.clone();
    let first = Node::start_serving(configuration(1, &[]), |store| {
        let change = move |range| {
            count.fetch_add(1, Ordering::Relaxed);
            range
        };
        Arc::new(Tampering { store, change })
    })
    .await;
    let second = Node::start(2, &first.addresses()).await;
    second.wait_for_peers(1).await;
    let hash = first.store.put(&bytes(1000)).unwrap();
    let (one, other) = tokio::join!(second.fetch(hash), second.fetch(hash));
    let stored = [one.unwrap().was_stored, other.unwrap().was_stored];
    assert!(stored.contains(&true) && stored.contains(&false));
    assert_eq!(served.load(Ordering::Relaxed), 1);
}

/// A node in a runtime of its own, that can be killed without a word. It stalls after some ranges
/// and says so, so that it can be killed in the middle of a transfer.
struct Mortal {
    node: Node,
    runtime: tokio::runtime::Runtime,
    stalled: mpsc::UnboundedReceiver<()>,
    release: std::sync::mpsc::Sender<()>,
}

/// Ranges that a mortal node serves before it stalls.
const LAST_WORDS: usize = 4;

impl Mortal {
    async fn start(seed: u8) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (stall, stalled) = mpsc::unbounded_channel();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let released = std::sync::Mutex::new(released);
        let served = AtomicUsize::new(0);
        let change = move |range| {
            if served.fetch_add(1, Ordering::Relaxed) >= LAST_WORDS {
                stall.send(()).ok();
                // Ends when the test drops the other side.
                released.lock().unwrap().recv().ok();
            }
            range
        };
        let (send, started) = oneshot::channel();
        runtime.spawn(async move {
            let source = |store| Arc::new(Tampering { store, change });
            let node = Node::start_serving(configuration(seed, &[]), source).await;
            send.send(node).ok();
        });
        Self { node: started.await.unwrap(), runtime, stalled, release }
    }

    async fn wait_until_stalled(&mut self) {
        tokio::time::timeout(PATIENCE, self.stalled.recv()).await.unwrap().unwrap();
    }

    fn kill(self) {
        self.runtime.shutdown_background();
        drop(self.release);
    }
}

#[tokio::test]
async fn a_peer_killed_in_the_middle_is_replaced_by_another() {
    let mut mortal = Mortal::start(1).await;
    let hash = mortal.node.store.put(&bytes(LONG)).unwrap();
    let second = Node::start(2, &mortal.node.addresses()).await;
    second.wait_for_peers(1).await;

    // At first nobody else has it; the other one gets it while the first is being asked.
    let other = Node::start(3, &second.addresses()).await;
    other.wait_for_peers(1).await;
    second.wait_for_peers(2).await;
    let killing = async {
        mortal.wait_until_stalled().await;
        other.store.put(&bytes(LONG)).unwrap();
        mortal.kill();
    };
    let (fetched, ()) = tokio::join!(second.fetch(hash), killing);
    assert_eq!(fetched.unwrap().sources.len(), 2);
    assert_eq!(second.store.read(hash).unwrap(), bytes(LONG));
}

/// A store that tells how many ranges it has been given.
struct Watched {
    store: Arc<ArtefactStore>,
    received: watch::Sender<usize>,
}

impl ArtefactSink for Watched {
    fn is_stored(&self, hash: ContentHash) -> bool {
        self.store.has(hash)
    }

    fn receive(
        &self,
        hash: ContentHash,
        total_bytes: u64,
        feed: &mut RangeFeed,
    ) -> Result<(), ArtefactError> {
        let mut partial = self.store.partial(hash, total_bytes)?;
        feed.begin(partial.missing(RANGE_BYTES_MAX));
        while let Some(range) = feed.next_range() {
            partial.write_range(range.start, range.length, &range.encoded)?;
            self.received.send_modify(|received| *received += 1);
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_transfer_given_up_is_resumed_from_another_peer() {
    let mortal = Mortal::start(1).await;
    let hash = mortal.node.store.put(&bytes(LONG)).unwrap();
    let second = Node::start(2, &mortal.node.addresses()).await;
    second.wait_for_peers(1).await;
    let (received, mut watched) = watch::channel(0);
    let sink = Arc::new(Watched { store: second.store.clone(), received });
    let request = FetchRequest { hash, bytes_max: 64 << 20, providers: Vec::new() };
    let killing = async {
        watched.wait_for(|received| *received >= LAST_WORDS).await.unwrap();
        mortal.kill();
    };
    let fetching = second.network.fetch_artefact(request, sink);
    let (failed, ()) =
        tokio::time::timeout(PATIENCE, async { tokio::join!(fetching, killing) }).await.unwrap();
    assert!(matches!(failed, Err(FetchError::Unavailable { .. })), "{failed:?}");

    let served = Arc::new(AtomicUsize::new(0));
    let count = served.clone();
    let third = Node::start_serving(configuration(3, &second.addresses()), |store| {
        let change = move |range| {
            count.fetch_add(1, Ordering::Relaxed);
            range
        };
        Arc::new(Tampering { store, change })
    })
    .await;
    third.store.put(&bytes(LONG)).unwrap();
    third.wait_for_peers(1).await;
    assert_eq!(second.fetch(hash).await.unwrap().sources, [third.peer()]);
    assert_eq!(second.store.read(hash).unwrap(), bytes(LONG));
    let all = LONG.div_ceil(usize::try_from(RANGE_BYTES_MAX).unwrap());
    let served = served.load(Ordering::Relaxed);
    assert!(served <= all - (LAST_WORDS - 1), "{served} of {all} ranges were fetched anew");
}

#[tokio::test]
async fn an_announced_artefact_is_found_by_a_node_that_was_not_connected() {
    let hub = Node::start(1, &[]).await;
    let provider = Node::start(2, &hub.addresses()).await;
    provider.wait_for_peers(1).await;
    let hash = provider.store.put(&bytes(1000)).unwrap();
    provider.network.announce(hash).await.unwrap();
    let seeker = Node::start(3, &hub.addresses()).await;
    seeker.wait_for_peers(1).await;
    // The announcement may still be on its way.
    let fetched = loop {
        match seeker.fetch(hash).await {
            Err(FetchError::NotFound { .. }) => {}
            other => break other,
        }
    };
    assert_eq!(fetched.unwrap().sources, [provider.peer()]);
}

#[tokio::test]
async fn garbage_kills_nobody_and_bans_its_sender() {
    let mut first = Node::start(1, &[]).await;
    let second = Node::start(2, &first.addresses()).await;
    let third = Node::start(3, &first.addresses()).await;
    first.wait_for_peers(2).await;
    second.wait_for_peers(1).await;
    third.wait_for_peers(1).await;
    let garbage = [vec![], vec![9; 40], vec![1; REQUEST_BYTES_MAX + 1], vec![0; 4 << 20]];
    for request in garbage {
        let answer = second.network.ask_raw(first.peer(), request).await;
        assert!(answer.is_err(), "{answer:?}");
    }
    let gone = first
        .wait(|event| match event {
            NetworkEvent::PeerDisconnected { peer } => Some(peer),
            _ => None,
        })
        .await;
    assert_eq!(gone, second.peer());

    // The node serves the others as before.
    let hash = first.store.put(&bytes(1000)).unwrap();
    third.fetch(hash).await.unwrap();
    let outcome = third.network.publish(vec![1]).await.unwrap();
    assert!(!matches!(outcome, PublishOutcome::QueuesFull { .. }));
}
