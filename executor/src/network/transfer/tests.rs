//! Transfers among made-up peers, without a socket.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Mutex;

use libp2p::request_response::OutboundFailure;
use tempfile::TempDir;

use super::*;
use crate::network::artefacts::{ArtefactSource, RangeFeed};
use crate::network::wire::RANGE_BYTES_MAX;
use crate::network::{IdentitySeed, Stopped};
use crate::store::artefacts::{ArtefactError, ArtefactStore};

/// Longest a test may take: far above what any takes.
const PATIENCE_OF_TESTS: Duration = Duration::from_mins(1);

/// How long a silent peer is silent: longer than the test that meets one may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// What a made-up peer does with a request.
#[derive(Clone, Debug)]
enum Manner {
    Honest,
    HasNothing,
    /// Says that it has the artefact, and then lets each request for a range time out.
    Silent,
    Unreachable,
    /// Flips a bit in each range.
    Corrupting,
    /// Claims this length, and sends what it can under it.
    Claiming(u64),
    /// Is busy this many times before it is honest.
    BusyFirst(u32),
    /// Fails this many times before it is honest.
    FailingFirst(u32),
    Garbage,
}

struct Village {
    store: Arc<ArtefactStore>,
    _folder: TempDir,
    peers: Mutex<BTreeMap<PeerId, Manner>>,
    strangers: Mutex<BTreeMap<PeerId, Manner>>,
    asked: Mutex<Vec<(PeerId, ArtefactRequest)>>,
    reported: Mutex<Vec<(PeerId, Offence)>>,
}

fn peer(seed: u8) -> PeerId {
    IdentitySeed::new([seed; 32]).peer_id().unwrap()
}

fn bytes(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(b"transfer").finalize_xof().fill(&mut bytes);
    bytes
}

fn empty_store() -> (Arc<ArtefactStore>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Arc::new(ArtefactStore::open(folder.path()).unwrap()), folder)
}

impl Village {
    fn new(manners: &[(u8, Manner)]) -> Self {
        let (store, folder) = empty_store();
        let peers = manners.iter().map(|(seed, manner)| (peer(*seed), manner.clone())).collect();
        Self {
            store,
            _folder: folder,
            peers: Mutex::new(peers),
            strangers: Mutex::default(),
            asked: Mutex::default(),
            reported: Mutex::default(),
        }
    }

    /// Fetches an artefact of this length into `sink`.
    async fn fetch_into(
        &self,
        length: usize,
        sink: Arc<dyn ArtefactSink>,
    ) -> Result<Fetched, FetchError> {
        let hash = self.store.put(&bytes(length)).unwrap();
        let request = FetchRequest { hash, bytes_max: 10 << 20, providers: Vec::new() };
        tokio::time::timeout(PATIENCE_OF_TESTS, fetch(self, request, sink)).await.unwrap()
    }

    /// Fetches an artefact of this length into a fresh store, and checks it there.
    async fn fetch(&self, length: usize) -> Result<Fetched, FetchError> {
        let (sink, _folder) = empty_store();
        let fetched = self.fetch_into(length, sink.clone()).await?;
        assert_eq!(sink.read(fetched.hash).unwrap(), bytes(length));
        Ok(fetched)
    }

    fn reported(&self) -> Vec<(PeerId, Offence)> {
        self.reported.lock().unwrap().clone()
    }

    fn honest(&self, request: ArtefactRequest) -> ArtefactResponse {
        match request {
            ArtefactRequest::Have { hash } => {
                let total_bytes = self.store.total_bytes(hash).unwrap().unwrap();
                ArtefactResponse::Have { total_bytes }
            }
            ArtefactRequest::Range { hash, start, length } => {
                let range = self.store.encode(hash, start, length).unwrap();
                let (total_bytes, encoded) = (range.total_bytes, range.encoded);
                ArtefactResponse::Range { total_bytes, encoded }
            }
        }
    }

    /// A lie about the length, with as much of the truth as fits under it.
    fn claiming(&self, request: ArtefactRequest, claimed: u64) -> ArtefactResponse {
        match request {
            ArtefactRequest::Have { .. } => ArtefactResponse::Have { total_bytes: claimed },
            ArtefactRequest::Range { hash, length, .. } => {
                let total_bytes = self.store.total_bytes(hash).unwrap().unwrap();
                let range = self.store.encode(hash, 0, length.clamp(1, total_bytes)).unwrap();
                ArtefactResponse::Range { total_bytes: claimed, encoded: range.encoded }
            }
        }
    }

    /// Counts down a manner that changes; `true` while it lasts.
    fn count_down(&self, name: PeerId, manner: fn(u32) -> Manner, left: u32) -> bool {
        let next = if left > 1 { manner(left - 1) } else { Manner::Honest };
        self.peers.lock().unwrap().insert(name, next);
        left > 0
    }

    fn unreachable(name: PeerId) -> AskError {
        AskError::Failed { peer: name, source: OutboundFailure::DialFailure }
    }
}

impl Exchange for Village {
    fn connected(&self) -> Vec<PeerId> {
        self.peers.lock().unwrap().keys().copied().collect()
    }

    async fn ask(
        &self,
        name: PeerId,
        request: ArtefactRequest,
    ) -> Result<ArtefactResponse, AskError> {
        self.asked.lock().unwrap().push((name, request));
        let of_peers = self.peers.lock().unwrap().get(&name).cloned();
        let of_strangers = || self.strangers.lock().unwrap().get(&name).cloned();
        let is_range = matches!(request, ArtefactRequest::Range { .. });
        match of_peers.or_else(of_strangers).unwrap_or(Manner::Unreachable) {
            Manner::HasNothing => Ok(ArtefactResponse::NotFound),
            Manner::Silent if is_range => {
                tokio::time::sleep(REQUEST_TIMEOUT).await;
                Err(AskError::Failed { peer: name, source: OutboundFailure::Timeout })
            }
            Manner::Unreachable => Err(Self::unreachable(name)),
            Manner::Corrupting => Ok(corrupt(self.honest(request))),
            Manner::Claiming(claimed) => Ok(self.claiming(request, claimed)),
            Manner::BusyFirst(left)
                if is_range && self.count_down(name, Manner::BusyFirst, left) =>
            {
                Ok(ArtefactResponse::Busy)
            }
            Manner::FailingFirst(left)
                if is_range && self.count_down(name, Manner::FailingFirst, left) =>
            {
                Err(Self::unreachable(name))
            }
            Manner::Honest | Manner::Silent | Manner::BusyFirst(_) | Manner::FailingFirst(_) => {
                Ok(self.honest(request))
            }
            Manner::Garbage => Err(AskError::Garbage {
                peer: name,
                source: super::super::wire::decode_response(&[9]).unwrap_err(),
            }),
        }
    }

    async fn providers(&self, _: ContentHash) -> Vec<PeerId> {
        self.strangers.lock().unwrap().keys().copied().collect()
    }

    async fn report(&self, name: PeerId, offence: Offence) {
        self.reported.lock().unwrap().push((name, offence));
    }
}

fn corrupt(response: ArtefactResponse) -> ArtefactResponse {
    match response {
        ArtefactResponse::Range { total_bytes, mut encoded } => {
            if let Some(byte) = encoded.last_mut() {
                *byte ^= 1;
            }
            ArtefactResponse::Range { total_bytes, encoded }
        }
        other => other,
    }
}

#[tokio::test]
async fn artefacts_of_all_lengths_arrive() {
    let village = Village::new(&[(1, Manner::Honest)]);
    let range = usize::try_from(RANGE_BYTES_MAX).unwrap();
    for length in [0, 1, 1024, 16_383, 16_384, 16_385, range, range + 1, 3 << 20] {
        let fetched = village.fetch(length).await.unwrap();
        let expected = (u64::try_from(length).unwrap(), vec![peer(1)]);
        assert_eq!((fetched.total_bytes, fetched.sources), expected);
    }
}

#[tokio::test]
async fn ranges_come_from_all_who_have_it() {
    let village =
        Village::new(&[(1, Manner::Honest), (2, Manner::Honest), (3, Manner::HasNothing)]);
    let fetched = village.fetch(5 << 20).await.unwrap();
    let mut expected = vec![peer(1), peer(2)];
    expected.sort();
    assert_eq!(fetched.sources, expected);
}

#[tokio::test]
async fn a_corrupting_peer_is_reported_and_the_honest_one_used() {
    let village = Village::new(&[(1, Manner::Corrupting), (2, Manner::Honest)]);
    let fetched = village.fetch(3 << 20).await.unwrap();
    assert_eq!(fetched.sources, [peer(2)]);
    assert_eq!(village.reported()[0], (peer(1), Offence::FalseRange));
}

#[tokio::test]
async fn only_a_corrupting_peer_is_no_source_at_all() {
    let village = Village::new(&[(1, Manner::Corrupting)]);
    let error = village.fetch(100_000).await.unwrap_err();
    assert!(
        matches!(error, FetchError::Unavailable { asked_count: 1, false_count: 1, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_false_length_is_not_believed() {
    // Longer than the caller takes, longer than any artefact, and shorter than the truth.
    for claimed in [1 << 30, u64::MAX, 70_000, 0, 1] {
        let village = Village::new(&[(1, Manner::Claiming(claimed)), (2, Manner::Honest)]);
        let fetched = village.fetch(100_000).await.unwrap();
        assert_eq!((fetched.total_bytes, fetched.sources), (100_000, vec![peer(2)]));
        let liars: Vec<_> = village.reported().into_iter().map(|(name, _)| name).collect();
        assert!(liars.iter().all(|name| *name == peer(1)), "claimed {claimed}: {liars:?}");
    }
}

#[tokio::test]
async fn a_proven_length_beyond_the_limit_is_refused() {
    let village = Village::new(&[(1, Manner::Honest)]);
    let hash = village.store.put(&bytes(2000)).unwrap();
    let (sink, _folder) = empty_store();
    let request = FetchRequest { hash, bytes_max: 1999, providers: Vec::new() };
    let error = fetch(&village, request, sink).await.unwrap_err();
    let is_expected =
        matches!(error, FetchError::TooLarge { total_bytes: 2000, bytes_max: 1999, .. });
    assert!(is_expected, "{error}");
}

#[tokio::test]
async fn what_nobody_has_is_not_found_after_asking_everybody() {
    let village = Village::new(&[(1, Manner::HasNothing), (2, Manner::HasNothing)]);
    village.strangers.lock().unwrap().insert(peer(3), Manner::HasNothing);
    let error = village.fetch(10).await.unwrap_err();
    assert!(matches!(error, FetchError::NotFound { asked_count: 3, .. }), "{error}");
    assert_eq!(village.asked.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn somebody_who_failed_may_have_had_it() {
    let village = Village::new(&[(1, Manner::HasNothing), (2, Manner::Unreachable)]);
    let error = village.fetch(10).await.unwrap_err();
    assert!(matches!(error, FetchError::Unavailable { asked_count: 2, .. }), "{error}");
}

#[tokio::test]
async fn with_nobody_there_is_nobody_to_ask() {
    let error = Village::new(&[]).fetch(10).await.unwrap_err();
    assert!(matches!(error, FetchError::NoPeers { .. }), "{error}");
}

#[tokio::test]
async fn a_stranger_found_by_the_search_is_used() {
    let village = Village::new(&[(1, Manner::HasNothing)]);
    village.strangers.lock().unwrap().insert(peer(3), Manner::Honest);
    assert_eq!(village.fetch(300_000).await.unwrap().sources, [peer(3)]);
}

#[tokio::test]
async fn a_hinted_peer_is_asked_without_being_connected() {
    let village = Village::new(&[]);
    village.strangers.lock().unwrap().insert(peer(3), Manner::Honest);
    let hash = village.store.put(&bytes(10)).unwrap();
    let request = FetchRequest { hash, bytes_max: 10, providers: vec![peer(3)] };
    let (sink, _folder) = empty_store();
    assert_eq!(fetch(&village, request, sink).await.unwrap().sources, [peer(3)]);
}

#[tokio::test]
async fn a_busy_peer_is_asked_again() {
    let village = Village::new(&[(1, Manner::BusyFirst(3))]);
    assert_eq!(village.fetch(1 << 20).await.unwrap().sources, [peer(1)]);
    assert_eq!(village.reported(), []);
}

#[tokio::test]
async fn a_peer_that_fails_at_first_is_asked_again_even_after_a_round() {
    let village = Village::new(&[(1, Manner::FailingFirst(4))]);
    assert_eq!(village.fetch(1 << 20).await.unwrap().sources, [peer(1)]);
}

#[tokio::test]
async fn a_silent_peer_holds_nothing_up() {
    let village = Village::new(&[(1, Manner::Silent), (2, Manner::Silent), (3, Manner::Honest)]);
    let fetched = tokio::time::timeout(REQUEST_TIMEOUT, village.fetch(4 << 20)).await.unwrap();
    assert_eq!(fetched.unwrap().sources, [peer(3)]);
}

#[tokio::test]
async fn a_peer_that_answers_in_garbage_is_reported() {
    let village = Village::new(&[(1, Manner::Garbage), (2, Manner::Honest)]);
    village.fetch(10).await.unwrap();
    assert_eq!(village.reported(), [(peer(1), Offence::Garbage)]);
}

#[tokio::test]
async fn what_is_stored_is_not_fetched_again() {
    let village = Village::new(&[(1, Manner::Honest)]);
    let fetched = village.fetch_into(10, village.store.clone()).await.unwrap();
    assert!(fetched.was_stored && village.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_interrupted_transfer_is_resumed_where_it_ended() {
    let length = 2 << 20;
    let village = Village::new(&[(1, Manner::Honest)]);
    let hash = village.store.put(&bytes(length)).unwrap();
    let (sink, _folder) = empty_store();
    let half = RANGE_BYTES_MAX * 4;
    {
        let mut partial = sink.partial(hash, 2 << 20).unwrap();
        for start in (0..half).step_by(usize::try_from(RANGE_BYTES_MAX).unwrap()) {
            let encoded = village.store.encode_range(hash, start, RANGE_BYTES_MAX).unwrap();
            partial.write_range(start, RANGE_BYTES_MAX, &encoded).unwrap();
        }
    }
    village.fetch_into(length, sink.clone()).await.unwrap();
    assert_eq!(sink.read(hash).unwrap(), bytes(length));
    let asked = village.asked.lock().unwrap();
    let starts = asked.iter().filter_map(|(_, request)| match request {
        ArtefactRequest::Range { start, .. } => Some(*start),
        ArtefactRequest::Have { .. } => None,
    });
    assert!(starts.clone().count() == 4 && starts.clone().all(|start| start >= half));
}

/// A sink whose disk is full after some ranges.
struct FullDisk {
    ranges_max: usize,
}

impl ArtefactSink for FullDisk {
    fn is_stored(&self, _: ContentHash) -> bool {
        false
    }

    fn receive(
        &self,
        _: ContentHash,
        total_bytes: u64,
        feed: &mut RangeFeed,
    ) -> Result<(), ArtefactError> {
        feed.begin(std::iter::once(0..total_bytes).collect());
        for _ in 0..self.ranges_max {
            feed.next_range();
        }
        Err(ArtefactError::Disk {
            action: "write",
            path: PathBuf::from("somewhere"),
            source: io::ErrorKind::StorageFull.into(),
        })
    }
}

#[tokio::test]
async fn a_full_disk_ends_the_transfer_with_its_reason() {
    for ranges_max in [0, 1, 5] {
        let village = Village::new(&[(1, Manner::Honest)]);
        let sink = Arc::new(FullDisk { ranges_max });
        let error = village.fetch_into(8 << 20, sink).await.unwrap_err();
        let FetchError::Sink { source, .. } = error else {
            panic!("{error}");
        };
        assert!(source.is_disk_full());
    }
}

/// A sink that breaks its contract.
struct Forgetful;

impl ArtefactSink for Forgetful {
    fn is_stored(&self, _: ContentHash) -> bool {
        false
    }

    fn receive(&self, _: ContentHash, _: u64, _: &mut RangeFeed) -> Result<(), ArtefactError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_sink_that_just_ends_is_noticed() {
    let village = Village::new(&[(1, Manner::Honest)]);
    let error = village.fetch_into(10, Arc::new(Forgetful)).await.unwrap_err();
    assert!(matches!(error, FetchError::SinkEnded { .. }), "{error}");
}

/// A network that is shut down.
struct Closed;

impl Exchange for Closed {
    fn connected(&self) -> Vec<PeerId> {
        vec![peer(1)]
    }

    async fn ask(&self, _: PeerId, _: ArtefactRequest) -> Result<ArtefactResponse, AskError> {
        Err(AskError::Stopped(Stopped))
    }

    async fn providers(&self, _: ContentHash) -> Vec<PeerId> {
        Vec::new()
    }

    async fn report(&self, _: PeerId, _: Offence) {}
}

#[tokio::test]
async fn a_shut_down_network_ends_the_transfer() {
    let (sink, _folder) = empty_store();
    let hash = ContentHash::of(b"anything");
    let request = FetchRequest { hash, bytes_max: 10, providers: Vec::new() };
    let error = fetch(&Closed, request, sink).await.unwrap_err();
    assert!(matches!(error, FetchError::Stopped(Stopped)), "{error}");
}
