//! The development chain by hand: blocks, finality, forks, limits, crashes, full disks.

use std::collections::VecDeque;

use futures::FutureExt;
use proptest::prelude::*;

use super::*;
use crate::chain::{BLOCK_BYTES_MAX, BUNDLE_BYTES_MAX, UNFINALIZED_BLOCKS_MAX, finalized_blocks};
use crate::store::database::faulty::FaultyDisk;

fn configuration() -> DevelopmentConfiguration {
    DevelopmentConfiguration::new(b"genesis".to_vec(), [7; 32])
}

fn with_depth(finality_depth: u32) -> DevelopmentChain {
    DevelopmentChain::in_memory(DevelopmentConfiguration { finality_depth, ..configuration() })
        .unwrap()
}

fn chain() -> DevelopmentChain {
    DevelopmentChain::in_memory(configuration()).unwrap()
}

fn submit(chain: &DevelopmentChain, bundle: &[u8]) -> Result<BundleHash, ChainError> {
    chain.submit(bundle.to_vec()).now_or_never().unwrap()
}

fn head(chain: &DevelopmentChain) -> ChainHead {
    chain.head().now_or_never().unwrap().unwrap()
}

type Events = BoxStream<'static, Result<ChainEvent, ChainError>>;

fn follow(chain: &DevelopmentChain, from: u32) -> Events {
    chain.follow(from).now_or_never().unwrap().unwrap()
}

/// Everything that can be read without waiting, in short: `+3` block, `-2` reverted to, `=1` final.
fn told(events: &mut Events) -> Vec<String> {
    let mut told = Vec::new();
    while let Some(Some(event)) = events.next().now_or_never() {
        told.push(match event.unwrap() {
            ChainEvent::Block(block) => format!("+{}", block.number),
            ChainEvent::Reverted { to_number, .. } => format!("-{to_number}"),
            ChainEvent::Finalized { number, .. } => format!("={number}"),
        });
    }
    told
}

#[test]
fn blocks_build_on_each_other_from_the_genesis() {
    let chain = chain();
    let genesis = head(&chain);
    assert_eq!(genesis.best, (0, genesis.genesis));
    assert_eq!(genesis.finalized, genesis.best);
    let first = chain.produce_block().unwrap();
    let second = chain.produce_block().unwrap();
    assert_eq!((first.number, first.parent), (1, genesis.genesis));
    assert_eq!((second.number, second.parent), (2, first.hash));
    assert_eq!(head(&chain).best, (2, second.hash));
    assert_eq!(chain.block(1).unwrap(), Some(first));
    assert_eq!(chain.block(3).unwrap(), None);
}

#[test]
fn block_is_final_after_the_finality_depth() {
    let chain = with_depth(3);
    let finals: Vec<_> =
        (0..6).map(|_| chain.produce_block().map(|_| head(&chain).finalized.0).unwrap()).collect();
    assert_eq!(finals, [0, 0, 0, 1, 2, 3]);
}

#[test]
fn bundles_keep_the_order_in_which_they_came() {
    let chain = chain();
    for bundle in [b"c", b"a", b"b"] {
        submit(&chain, bundle).unwrap();
    }
    let block = chain.produce_block().unwrap();
    assert_eq!(block.bundles, [b"c".to_vec(), b"a".to_vec(), b"b".to_vec()]);
    assert!(chain.produce_block().unwrap().bundles.is_empty());
}

#[test]
fn duplicates_are_refused_in_the_pool_and_in_blocks() {
    let chain = chain();
    let expected = submit(&chain, b"x").unwrap();
    let place = |chain: &DevelopmentChain| match submit(chain, b"x") {
        Err(ChainError::Duplicate { hash, place }) if hash == expected => place,
        other => panic!("{other:?}"),
    };
    assert_eq!(place(&chain), BundlePlace::Pool);
    chain.produce_block().unwrap();
    assert_eq!(place(&chain), BundlePlace::Block(1));
}

#[test]
fn bundle_sizes_are_bounded_on_both_sides() {
    let chain = chain();
    for bytes in [0, BUNDLE_BYTES_MAX + 1] {
        let refused = submit(&chain, &vec![1; bytes]);
        assert!(matches!(refused, Err(ChainError::BundleSize { .. })), "{bytes} bytes");
    }
    assert!(submit(&chain, &vec![1; BUNDLE_BYTES_MAX]).is_ok());
}

#[test]
fn block_is_filled_to_its_limit_and_the_rest_waits() {
    let chain = chain();
    for index in 0..6 {
        submit(&chain, &vec![index; BUNDLE_BYTES_MAX]).unwrap();
    }
    let first = chain.produce_block().unwrap();
    assert_eq!(first.bundles.iter().map(Vec::len).sum::<usize>(), BLOCK_BYTES_MAX);
    assert_eq!(chain.produce_block().unwrap().bundles.len(), 1);
    assert_eq!(chain.pending_count(), 0);
}

#[test]
fn full_pool_refuses_until_a_block_makes_room() {
    let pool = PoolLimits { bundles_max: 2, bytes_max: 10 };
    let configuration = DevelopmentConfiguration { pool, ..configuration() };
    let chain = DevelopmentChain::in_memory(configuration).unwrap();
    submit(&chain, b"12345").unwrap();
    assert!(matches!(submit(&chain, b"123456"), Err(ChainError::PoolFull { bytes: 5, .. })));
    submit(&chain, b"1").unwrap();
    assert!(matches!(submit(&chain, b"2"), Err(ChainError::PoolFull { bundle_count: 2, .. })));
    chain.produce_block().unwrap();
    assert!(submit(&chain, b"2").is_ok());
}

#[test]
fn beacon_depends_on_seed_and_number_but_not_on_content() {
    let (plain, other) = (chain(), chain());
    submit(&other, b"content").unwrap();
    let (first, second) = (plain.produce_block().unwrap(), other.produce_block().unwrap());
    assert_eq!(first.beacon, second.beacon);
    assert_ne!(first.hash, second.hash);
    assert_ne!(first.beacon, plain.produce_block().unwrap().beacon);
    let seeded = DevelopmentConfiguration { seed: [8; 32], ..configuration() };
    let seeded = DevelopmentChain::in_memory(seeded).unwrap();
    assert_ne!(seeded.produce_block().unwrap().beacon, first.beacon);
}

#[test]
fn held_chain_makes_no_block_on_ticks_until_released() {
    let chain = chain();
    chain.hold_blocks();
    assert_eq!(chain.tick().unwrap(), None);
    assert!(chain.is_held());
    chain.release();
    assert_eq!(chain.tick().unwrap().map(|block| block.number), Some(1));
}

#[tokio::test]
async fn each_tick_makes_a_block() {
    let chain = chain();
    produce_on(chain.clone(), stream::iter([(); 3])).await;
    assert_eq!(head(&chain).best.0, 3);
}

#[test]
fn follower_hears_the_past_and_then_the_present() {
    let chain = chain();
    for _ in 0..4 {
        chain.produce_block().unwrap();
    }
    let mut events = follow(&chain, 1);
    assert_eq!(told(&mut events), ["+1", "=1", "+2", "=2", "+3", "+4"]);
    chain.produce_block().unwrap();
    assert_eq!(told(&mut events), ["=3", "+5"]);
    assert_eq!(told(&mut follow(&chain, 4)), ["+4", "+5"]);
}

#[test]
fn following_begins_with_block_1_up_to_the_first_that_is_not_final() {
    let chain = chain();
    for _ in 0..4 {
        chain.produce_block().unwrap();
    }
    for from in [0, 4, u32::MAX] {
        let refused = chain.follow(from).now_or_never().unwrap().map(|_| ());
        let is_refused =
            matches!(refused, Err(ChainError::FollowFrom { from_min: 1, from_max: 3, .. }));
        assert!(is_refused, "from {from}: {refused:?}");
    }
}

#[test]
fn fork_is_told_and_the_new_blocks_have_other_hashes() {
    let chain = with_depth(4);
    let blocks: Vec<_> = (0..5).map(|_| chain.produce_block().unwrap()).collect();
    let mut events = follow(&chain, 1);
    told(&mut events);
    assert_eq!(chain.fork(2).unwrap().best, (3, blocks[2].hash));
    assert_eq!(told(&mut events), ["-3"]);
    let replacement = chain.produce_block().unwrap();
    assert_eq!((replacement.number, replacement.parent), (4, blocks[2].hash));
    assert_ne!(replacement.hash, blocks[3].hash);
    assert_eq!(told(&mut events), ["+4"]);
}

#[test]
fn slow_follower_hears_of_a_fork_that_grew_past_it() {
    let chain = with_depth(4);
    for _ in 0..3 {
        chain.produce_block().unwrap();
    }
    let mut events = follow(&chain, 1);
    assert_eq!(told(&mut events), ["+1", "+2", "+3"]);
    chain.fork(2).unwrap();
    for _ in 0..4 {
        chain.produce_block().unwrap();
    }
    assert_eq!(told(&mut events), ["-1", "=1", "+2", "+3", "+4", "+5"]);
}

#[test]
fn bundles_of_abandoned_blocks_wait_again_before_all_others() {
    let chain = with_depth(3);
    for bundle in [b"a", b"b"] {
        submit(&chain, bundle).unwrap();
        chain.produce_block().unwrap();
    }
    submit(&chain, b"c").unwrap();
    chain.fork(2).unwrap();
    assert!(matches!(submit(&chain, b"a"), Err(ChainError::Duplicate { .. })));
    let block = chain.produce_block().unwrap();
    assert_eq!(block.bundles, [b"a".to_vec(), b"b".to_vec(), b"c".to_vec()]);
}

#[test]
fn only_fewer_blocks_than_the_finality_depth_can_be_abandoned() {
    let chain = with_depth(3);
    for depth in [0, 3] {
        let refused = chain.fork(depth);
        assert!(matches!(refused, Err(ChainError::ForkDepth { depth_max: 2, .. })), "{depth}");
    }
    chain.produce_block().unwrap();
    assert_eq!(chain.fork(2).unwrap().best.0, 0, "as many as there are");
}

#[test]
fn chain_continues_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chain.redb");
    let chain = DevelopmentChain::open(&path, configuration()).unwrap();
    submit(&chain, b"kept").unwrap();
    let first = chain.produce_block().unwrap();
    let before = head(&chain);
    drop(chain);
    let chain = DevelopmentChain::open(&path, configuration()).unwrap();
    assert_eq!(head(&chain), before);
    assert!(matches!(submit(&chain, b"kept"), Err(ChainError::Duplicate { .. })));
    assert_eq!(chain.produce_block().unwrap().parent, first.hash);
}

#[test]
fn file_of_another_chain_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chain.redb");
    drop(DevelopmentChain::open(&path, configuration()).unwrap());
    let other = DevelopmentConfiguration { genesis: b"other".to_vec(), ..configuration() };
    let refused = DevelopmentChain::open(&path, other);
    assert!(matches!(refused, Err(ChainError::OtherChain { .. })));
    assert!(DevelopmentChain::open(&path, configuration()).is_ok());
}

#[test]
fn full_disk_stops_the_chain_and_room_continues_it() {
    let disk = FaultyDisk::new();
    let chain = DevelopmentChain::on(disk.database(), configuration()).unwrap();
    let mut events = follow(&chain, 1);
    chain.produce_block().unwrap();
    submit(&chain, b"waits").unwrap();
    disk.fill_after(0);
    for _ in 0..3 {
        let error = chain.tick().unwrap_err();
        assert!(matches!(&error, ChainError::Database(error) if error.is_disk_full()), "{error}");
    }
    disk.make_room();
    assert_eq!(head(&chain).best.0, 1);
    assert_eq!(chain.pending_count(), 1);
    assert_eq!(chain.tick().unwrap().unwrap().bundles, [b"waits".to_vec()]);
    assert_eq!(told(&mut events), ["+1", "+2"]);
}

#[test]
fn chain_is_consistent_wherever_a_crash_strikes() {
    let disk = FaultyDisk::new();
    let chain = DevelopmentChain::on(disk.database(), configuration()).unwrap();
    let first = chain.produce_block().unwrap();
    drop(chain);
    let mut heights = Vec::new();
    for writes in 0..60 {
        let crashed = disk.copy();
        let chain = DevelopmentChain::on(crashed.database(), configuration()).unwrap();
        submit(&chain, b"bundle").unwrap();
        crashed.fill_after(writes);
        drop(chain.produce_block());
        let after = crashed.copy();
        let chain = DevelopmentChain::on(after.database(), configuration()).unwrap();
        let best = head(&chain).best;
        heights.push(best.0);
        assert_eq!(chain.block(1).unwrap(), Some(first.clone()));
        assert_eq!(chain.block(best.0).unwrap().unwrap().hash, best.1);
        assert_eq!(submit(&chain, b"bundle").is_err(), best.0 == 2);
        assert_eq!(chain.produce_block().unwrap().number, best.0 + 1);
    }
    assert!(heights.contains(&1) && heights.contains(&2), "{heights:?}");
}

/// One thing that can happen to a chain.
#[derive(Clone, Debug)]
enum Step {
    Submit(u8),
    Produce,
    Fork(u32),
    Read(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        any::<u8>().prop_map(Step::Submit),
        Just(Step::Produce),
        Just(Step::Produce),
        (1_u32..3).prop_map(Step::Fork),
        (0_usize..5).prop_map(Step::Read),
    ];
    prop::collection::vec(step, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However the chain forks and however slowly it is read, the final blocks are those of the
    /// chain, each once and in order, and no bundle is lost or doubled.
    #[test]
    fn final_blocks_are_the_chain(steps in steps()) {
        let chain = with_depth(3);
        let mut finals = finalized_blocks(follow(&chain, 1), UNFINALIZED_BLOCKS_MAX);
        let mut read = VecDeque::new();
        let mut submitted = Vec::new();
        for step in steps {
            match step {
                Step::Submit(byte) => if submit(&chain, &[byte]).is_ok() { submitted.push(vec![byte]) },
                Step::Produce => drop(chain.produce_block().unwrap()),
                Step::Fork(depth) => drop(chain.fork(depth).unwrap()),
                Step::Read(count) => for _ in 0..count {
                    if let Some(Some(block)) = finals.next().now_or_never() { read.push_back(block.unwrap()) }
                },
            }
        }
        for _ in 0..4 { chain.produce_block().unwrap(); }
        while let Some(Some(block)) = finals.next().now_or_never() { read.push_back(block.unwrap()) }
        let finalized = head(&chain).finalized.0;
        let expected: Vec<_> = (1..=finalized).map(|number| chain.block(number).unwrap().unwrap()).collect();
        prop_assert_eq!(Vec::from(read), expected);
        let mut ordered: Vec<_> = (1..=head(&chain).best.0)
            .flat_map(|number| chain.block(number).unwrap().unwrap().bundles).collect();
        ordered.sort();
        submitted.sort();
        prop_assert_eq!(ordered, submitted);
    }
}
