//! A client tells the same story as the chain, whatever happens to the connection.

use std::net::{Ipv4Addr, SocketAddr};

use jsonrpsee::RpcModule;
use proptest::prelude::*;

use super::resumption::untold;
use super::*;
use crate::chain::development::{DevelopmentChain, DevelopmentConfiguration};
use crate::chain::rpc::{ChainServer, serve};
use crate::chain::tip::Tip;
use crate::chain::{
    BlockHash, BundlePlace, ConsensusBlock, UNFINALIZED_BLOCKS_MAX, finalized_blocks,
};

/// Short pauses, so that tests do not wait long; they never wait for a time to pass.
const LIMITS: RemoteLimits = RemoteLimits {
    pause_first: Duration::from_millis(5),
    pause_max: Duration::from_millis(20),
    attempts_max: 3,
    answer_timeout: Duration::from_mins(1),
};

fn chain_with(genesis: &str, finality_depth: u32) -> DevelopmentChain {
    let configuration = DevelopmentConfiguration::new(genesis.as_bytes().to_vec(), [7; 32]);
    let configuration = DevelopmentConfiguration { finality_depth, ..configuration };
    DevelopmentChain::in_memory(configuration).unwrap()
}

fn chain() -> DevelopmentChain {
    chain_with("genesis", 3)
}

async fn serve_at(chain: &DevelopmentChain, address: SocketAddr) -> ChainServer {
    serve(chain.clone(), address, RpcModule::new(())).await.unwrap()
}

async fn served(chain: &DevelopmentChain) -> (ChainServer, RemoteChain) {
    let server = serve_at(chain, (Ipv4Addr::LOCALHOST, 0).into()).await;
    let client = RemoteChain::connect_with(&server.url(), LIMITS).await.unwrap();
    (server, client)
}

fn produce(chain: &DevelopmentChain, count: u32) {
    (0..count).for_each(|_| drop(chain.produce_block().unwrap()));
}

type Events = BoxStream<'static, Result<ChainEvent, ChainError>>;

/// The next `count` events in short: `+3` block, `-2` reverted to, `=1` final.
async fn told(events: &mut Events, count: usize) -> Vec<String> {
    let mut told = Vec::new();
    for _ in 0..count {
        told.push(match events.next().await.unwrap().unwrap() {
            ChainEvent::Block(block) => format!("+{}", block.number),
            ChainEvent::Reverted { to_number, .. } => format!("-{to_number}"),
            ChainEvent::Finalized { number, .. } => format!("={number}"),
        });
    }
    told
}

#[tokio::test]
async fn head_and_bundles_pass_through() {
    let chain = chain();
    let (_server, client) = served(&chain).await;
    let hash = client.submit(b"bundle".to_vec()).await.unwrap();
    assert_eq!(hash, BundleHash::of(b"bundle"));
    produce(&chain, 1);
    assert_eq!(client.head().await.unwrap(), chain.head().await.unwrap());
    assert_eq!(chain.block(1).unwrap().unwrap().bundles, [b"bundle".to_vec()]);
}

#[tokio::test]
async fn refusals_keep_their_meaning() {
    let chain = chain();
    let (_server, client) = served(&chain).await;
    client.submit(b"x".to_vec()).await.unwrap();
    let duplicate = client.submit(b"x".to_vec()).await;
    assert!(matches!(duplicate, Err(ChainError::Duplicate { place: BundlePlace::Pool, .. })));
    assert!(matches!(client.submit(Vec::new()).await, Err(ChainError::BundleSize { .. })));
    let deep = client.fork(9).await;
    assert!(matches!(deep, Err(ChainError::Refused { code: -32602, .. })));
    for from in [0, 2] {
        let refused = client.follow(from).await.map(|_| ());
        assert!(matches!(refused, Err(ChainError::FollowFrom { .. })), "from {from}");
    }
}

#[tokio::test]
async fn full_pool_is_told_as_such() {
    let pool = crate::chain::development::PoolLimits { bundles_max: 1, bytes_max: 9 };
    let configuration = DevelopmentConfiguration::new(Vec::new(), [7; 32]);
    let configuration = DevelopmentConfiguration { pool, ..configuration };
    let (_server, client) = served(&DevelopmentChain::in_memory(configuration).unwrap()).await;
    client.submit(b"x".to_vec()).await.unwrap();
    let full = client.submit(b"y".to_vec()).await;
    assert!(matches!(full, Err(ChainError::PoolFull { bundle_count: 1, bundles_max: 1, .. })));
}

#[tokio::test]
async fn blocks_are_held_and_released_from_afar() {
    let chain = chain();
    let (_server, client) = served(&chain).await;
    client.hold_blocks(true).await.unwrap();
    assert!(chain.is_held());
    client.hold_blocks(false).await.unwrap();
    assert!(!chain.is_held());
}

#[tokio::test]
async fn follower_hears_past_present_and_forks() {
    let chain = chain();
    produce(&chain, 5);
    let (_server, client) = served(&chain).await;
    let mut events = client.follow(1).await.unwrap();
    assert_eq!(told(&mut events, 7).await, ["+1", "=1", "+2", "=2", "+3", "+4", "+5"]);
    client.fork(2).await.unwrap();
    assert_eq!(told(&mut events, 1).await, ["-3"]);
    produce(&chain, 3);
    // When block 3 becomes known as final among the three others depends on who is quicker.
    let mut heard = told(&mut events, 4).await;
    heard.sort_by_key(|event| event.starts_with('='));
    assert_eq!(heard, ["+4", "+5", "+6", "=3"]);
}

#[tokio::test]
async fn follower_goes_on_after_the_server_was_away() {
    let chain = chain();
    produce(&chain, 4);
    let (server, client) = served(&chain).await;
    let mut events = client.follow(1).await.unwrap();
    assert_eq!(told(&mut events, 5).await, ["+1", "=1", "+2", "+3", "+4"]);
    let address = server.address();
    server.stop().await;
    // While nobody listens the last two blocks are abandoned and others take their place.
    chain.fork(2).unwrap();
    produce(&chain, 3);
    let _server = serve_at(&chain, address).await;
    assert_eq!(told(&mut events, 5).await, ["=2", "-2", "+3", "+4", "+5"].map(String::from));
}

#[tokio::test]
async fn long_past_is_fetched_at_the_pace_of_the_reader() {
    let chain = chain();
    produce(&chain, 200);
    let (_server, client) = served(&chain).await;
    let mut blocks = finalized_blocks(client.follow(1).await.unwrap(), UNFINALIZED_BLOCKS_MAX);
    for number in 1..=197 {
        assert_eq!(blocks.next().await.unwrap().unwrap().number, number);
    }
}

#[tokio::test]
async fn reader_too_slow_for_live_events_still_misses_no_block() {
    let chain = chain();
    let (_server, client) = served(&chain).await;
    let mut blocks = finalized_blocks(client.follow(1).await.unwrap(), UNFINALIZED_BLOCKS_MAX);
    produce(&chain, 4);
    assert_eq!(blocks.next().await.unwrap().unwrap().number, 1);
    // Far more events than may wait for the reader.
    produce(&chain, 150);
    for number in 2..=151 {
        let block = blocks.next().await.unwrap().unwrap();
        assert_eq!(Some(block), chain.block(number).unwrap());
    }
}

#[tokio::test]
async fn request_is_repeated_while_the_server_is_away_and_then_fails() {
    let chain = chain();
    let (server, client) = served(&chain).await;
    let address = server.address();
    server.stop().await;
    let failed = client.head().await;
    assert!(matches!(failed, Err(ChainError::Unreachable { attempts: 3, .. })), "{failed:?}");
    let _server = serve_at(&chain, address).await;
    assert_eq!(client.head().await.unwrap(), chain.head().await.unwrap());
}

#[tokio::test]
async fn nobody_at_the_address_is_a_typed_error() {
    let server = serve_at(&chain(), (Ipv4Addr::LOCALHOST, 0).into()).await;
    let url = server.url();
    server.stop().await;
    let failed = RemoteChain::connect_with(&url, LIMITS).await;
    assert!(matches!(failed, Err(ChainError::Unreachable { .. })));
}

#[tokio::test]
async fn another_chain_at_the_same_address_is_refused() {
    let (server, client) = served(&chain()).await;
    let mut events = client.follow(1).await.unwrap();
    let address = server.address();
    server.stop().await;
    let _server = serve_at(&chain_with("another genesis", 3), address).await;
    assert!(matches!(client.head().await, Err(ChainError::OtherChain { .. })));
    assert!(matches!(events.next().await, Some(Err(ChainError::OtherChain { .. }))));
    assert!(events.next().await.is_none(), "nothing comes after a contradiction");
}

fn hash(text: &str) -> BlockHash {
    BlockHash::from(blake3::hash(text.as_bytes()))
}

fn block(number: u32, name: &str, parent: &str) -> ChainEvent {
    let (hash, parent) = (hash(name), hash(parent));
    ChainEvent::Block(ConsensusBlock { number, hash, parent, beacon: [0; 32], bundles: vec![] })
}

#[test]
fn known_blocks_are_not_told_again() {
    let mut known = None;
    assert_eq!(untold(&mut known, block(5, "5", "4")).unwrap().len(), 1);
    assert_eq!(untold(&mut known, block(5, "5", "4")).unwrap(), []);
    let finalized = ChainEvent::Finalized { number: 5, hash: hash("5") };
    assert_eq!(untold(&mut known, finalized.clone()).unwrap().len(), 1);
    assert_eq!(untold(&mut known, finalized).unwrap(), []);
}

#[test]
fn another_block_in_a_known_place_is_told_as_a_fork() {
    let mut known = None;
    for event in [block(5, "5", "4"), block(6, "6", "5"), block(7, "7", "6")] {
        untold(&mut known, event).unwrap();
    }
    let reverted = ChainEvent::Reverted { to_number: 5, to_hash: hash("5") };
    let other = block(6, "6b", "5");
    assert_eq!(untold(&mut known, other.clone()).unwrap(), [reverted, other]);
    assert!(untold(&mut known, block(5, "5b", "4b")).is_err(), "below what can be reverted");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However often the story is begun anew from the last final block, the reader is told a
    /// story without repetitions that ends where the chain is.
    #[test]
    fn interrupted_story_is_still_one_story(steps in prop::collection::vec(0_u8..10, 0..60)) {
        let chain = chain();
        let genesis = futures::executor::block_on(chain.head()).unwrap().genesis;
        let mut known = None;
        let mut heard = Tip::new((0, genesis));
        let mut events = futures::executor::block_on(chain.follow(1)).unwrap();
        for step in steps.into_iter().chain([0, 9, 0]) {
            match step {
                0..5 => drop(chain.produce_block().unwrap()),
                5 => drop(chain.fork(1).unwrap()),
                6 => drop(chain.fork(2).unwrap()),
                7 => {
                    let from = heard.finalized().0 + 1;
                    events = futures::executor::block_on(chain.follow(from)).unwrap();
                }
                _ => {}
            }
            while let Some(Some(event)) = futures::FutureExt::now_or_never(events.next()) {
                for event in untold(&mut known, event.unwrap()).unwrap() {
                    match event {
                        ChainEvent::Block(block) => heard.extend(block.number, block.hash, block.parent).unwrap(),
                        ChainEvent::Reverted { to_number, to_hash } => heard.revert(to_number, to_hash).unwrap(),
                        ChainEvent::Finalized { number, hash } => heard.finalize(number, hash).unwrap(),
                    }
                }
                if step == 8 { break; }
            }
        }
        let head = futures::executor::block_on(chain.head()).unwrap();
        prop_assert_eq!(heard.best(), head.best);
        prop_assert_eq!(heard.finalized(), head.finalized);
    }
}
