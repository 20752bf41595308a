//! The root depends on the set only, commits are whole, proofs prove.

use parity_scale_codec::MaxEncodedLen;
use proptest::prelude::*;

use super::*;
use crate::store::database::faulty::FaultyDisk;

fn store() -> StateStore {
    StateStore::in_memory().unwrap()
}

fn meta() -> BlockMeta {
    BlockMeta::default()
}

fn changes(pairs: &[(&str, Option<&str>)]) -> Changes {
    let bytes = |text: &str| text.as_bytes().to_vec();
    pairs.iter().map(|(key, value)| (bytes(key), value.map(bytes))).collect()
}

fn store_of(pairs: &BTreeMap<Vec<u8>, Vec<u8>>) -> StateStore {
    let store = store();
    let all = pairs.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
    store.commit(1, &all, meta()).unwrap();
    store
}

#[test]
fn values_are_read_after_the_commit_that_wrote_them() {
    let store = store();
    store.commit(1, &changes(&[("a", Some("1")), ("b", Some("2"))]), meta()).unwrap();
    store.commit(2, &changes(&[("a", Some("3")), ("b", None)]), meta()).unwrap();
    assert_eq!(store.get(b"a").unwrap(), Some(b"3".to_vec()));
    assert_eq!(store.get(b"b").unwrap(), None);
    assert_eq!(store.get(b"").unwrap(), None);
}

#[test]
fn empty_state_has_the_empty_root_before_and_after() {
    let store = store();
    assert_eq!(store.root().unwrap(), StateRoot::EMPTY);
    assert_eq!(store.commit(1, &Changes::new(), meta()).unwrap(), StateRoot::EMPTY);
    let filled = store.commit(2, &changes(&[("a", Some("1")), ("b", Some("2"))]), meta()).unwrap();
    assert_ne!(filled, StateRoot::EMPTY);
    let emptied = store.commit(3, &changes(&[("a", None), ("b", None), ("c", None)]), meta());
    assert_eq!(emptied.unwrap(), StateRoot::EMPTY);
    assert!(verify_proof(StateRoot::EMPTY, b"a", None, &store.prove(b"a").unwrap()));
    let again = store.commit(4, &changes(&[("a", Some("1")), ("b", Some("2"))]), meta()).unwrap();
    assert_eq!(again, filled);
}

/// The tree of two leaves, put together here by its rules and without the library.
#[test]
fn root_of_two_pairs_follows_from_the_rules() {
    let leaf = |key: &str, value: &str| {
        let (key, value) = (blake3::hash(key.as_bytes()), blake3::hash(value.as_bytes()));
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"JMT::LeafNode").update(key.as_bytes()).update(value.as_bytes());
        (*key.as_bytes(), *hasher.finalize().as_bytes())
    };
    let mut leaves = [leaf("left", "1"), leaf("right", "2")];
    leaves.sort_unstable();
    let [(low, mut subtree), (high, high_hash)] = leaves;
    let bit = |key: [u8; 32], depth: usize| key[depth / 8] >> (7 - depth % 8) & 1;
    let fork = (0..256).find(|&depth| bit(low, depth) != bit(high, depth)).unwrap();
    let pair = |left: [u8; 32], right: [u8; 32]| {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"JMT::IntrnalNode").update(&left).update(&right);
        *hasher.finalize().as_bytes()
    };
    subtree = pair(subtree, high_hash);
    for depth in (0..fork).rev() {
        let empty = StateRoot::EMPTY.0;
        subtree = if bit(low, depth) == 0 { pair(subtree, empty) } else { pair(empty, subtree) };
    }
    let two = changes(&[("left", Some("1")), ("right", Some("2"))]);
    assert_eq!(store().commit(1, &two, meta()).unwrap(), StateRoot(subtree));
}

#[test]
fn blocks_are_committed_one_after_the_other() {
    let store = store();
    assert_eq!(store.last_block().unwrap(), None);
    store.commit(7, &Changes::new(), meta()).unwrap();
    for number in [6, 7, 9] {
        let refused = store.commit(number, &changes(&[("a", Some("1"))]), meta());
        let is_refused = matches!(refused, Err(StoreError::OutOfOrder { expected: 8, .. }));
        assert!(is_refused, "block {number}");
    }
    assert_eq!(store.get(b"a").unwrap(), None);
    assert!(store.commit(8, &Changes::new(), meta()).is_ok());
}

#[test]
fn place_and_events_of_each_block_are_kept_until_pruned() {
    let store = store();
    for number in 1..=5_u8 {
        let meta = BlockMeta { consensus_hash: [number; 32], events: vec![number] };
        store.commit(number.into(), &changes(&[("a", Some("1"))]), meta).unwrap();
    }
    let second = store.block(2).unwrap().unwrap();
    assert_eq!((second.consensus_hash, second.events), ([2; 32], vec![2]));
    store.prune_blocks(4).unwrap();
    assert_eq!(store.block(3).unwrap(), None);
    assert!(store.block(4).unwrap().is_some());
    store.prune_blocks(100).unwrap();
    assert_eq!(store.last_block().unwrap().unwrap().number, 5);
}

#[test]
fn state_survives_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node").join("state.redb");
    let store = StateStore::open(&path).unwrap();
    let root = store.commit(1, &changes(&[("a", Some("1"))]), meta()).unwrap();
    drop(store);
    let store = StateStore::open(&path).unwrap();
    assert_eq!(store.root().unwrap(), root);
    let after = store.commit(2, &changes(&[("b", Some("2"))]), meta()).unwrap();
    assert!(verify_proof(after, b"a", Some(b"1"), &store.prove(b"a").unwrap()));
}

#[test]
fn keys_are_listed_by_prefix_in_order() {
    let store = store();
    let pairs = [("a", "1"), ("ab", "2"), ("abc", "3"), ("b", "4")];
    let all = pairs.map(|(key, value)| (key, Some(value)));
    store.commit(1, &changes(&all), meta()).unwrap();
    let keys = |prefix: &str| -> Vec<String> {
        let found = store.iter_prefix(prefix.as_bytes()).unwrap();
        found.into_iter().map(|(key, _)| String::from_utf8(key).unwrap()).collect()
    };
    assert_eq!(keys("ab"), ["ab", "abc"]);
    assert_eq!(keys(""), ["a", "ab", "abc", "b"]);
    assert_eq!(keys("c"), Vec::<String>::new());
}

#[test]
fn tree_keeps_no_obsolete_nodes() {
    let store = store();
    let count = |store: &StateStore| store.database.read(tree::node_count).unwrap();
    let keys: Vec<String> = (0..50).map(|index| format!("key {index}")).collect();
    let write = |number: u32, value: &str| {
        let all: Vec<_> = keys.iter().map(|key| (key.as_str(), Some(value))).collect();
        store.commit(number, &changes(&all), meta()).unwrap();
    };
    write(1, "first");
    let nodes = count(&store);
    (2..10).for_each(|number| write(number, &format!("value {number}")));
    assert_eq!(count(&store), nodes);
}

#[test]
fn full_disk_leaves_the_last_block_and_the_commit_can_be_repeated() {
    let disk = FaultyDisk::new();
    let store = StateStore::on(Arc::new(disk.database())).unwrap();
    let root = store.commit(1, &changes(&[("a", Some("1"))]), meta()).unwrap();
    let next = changes(&[("a", Some("2")), ("b", Some("3"))]);
    disk.fill_after(0);
    let error = store.commit(2, &next, meta()).unwrap_err();
    assert!(matches!(&error, StoreError::Database(error) if error.is_disk_full()), "{error}");
    disk.make_room();
    assert_eq!(store.root().unwrap(), root);
    assert_eq!(store.get(b"a").unwrap(), Some(b"1".to_vec()));
    let root = store.commit(2, &next, meta()).unwrap();
    assert!(verify_proof(root, b"b", Some(b"3"), &store.prove(b"b").unwrap()));
}

#[test]
fn state_is_that_of_a_whole_block_wherever_a_crash_strikes() {
    let disk = FaultyDisk::new();
    let store = StateStore::on(Arc::new(disk.database())).unwrap();
    let first = store.commit(1, &changes(&[("a", Some("1"))]), meta()).unwrap();
    drop(store);
    let mut numbers = Vec::new();
    for writes in 0..60 {
        let crashed = disk.copy();
        let store = StateStore::on(Arc::new(crashed.database())).unwrap();
        crashed.fill_after(writes);
        drop(store.commit(2, &changes(&[("a", Some("2")), ("b", Some("3"))]), meta()));
        let after = crashed.copy();
        let store = StateStore::on(Arc::new(after.database())).unwrap();
        let last = store.last_block().unwrap().unwrap();
        let value = store.get(b"a").unwrap().unwrap();
        assert_eq!(value, last.number.to_string().into_bytes());
        assert_eq!(last.root == first, last.number == 1);
        assert!(verify_proof(last.root, b"a", Some(&value), &store.prove(b"a").unwrap()));
        numbers.push(last.number);
    }
    assert!(numbers.contains(&1) && numbers.contains(&2), "{numbers:?}");
}

/// Few short keys, so that histories meet again and again.
fn history() -> impl Strategy<Value = Vec<Changes>> {
    let key = prop::collection::vec(0_u8..4, 0..3);
    let value = prop::option::weighted(0.6, prop::collection::vec(any::<u8>(), 0..4));
    prop::collection::vec(prop::collection::btree_map(key, value, 0..12), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever happened before, the root is that of the final set, and every key proves itself.
    #[test]
    fn root_is_a_function_of_the_final_set(history in history()) {
        let store = store();
        let mut set = BTreeMap::new();
        for (number, block) in (1..).zip(&history) {
            store.commit(number, block, meta()).unwrap();
            for (key, value) in block {
                match value {
                    Some(value) => drop(set.insert(key.clone(), value.clone())),
                    None => drop(set.remove(key)),
                }
            }
        }
        let root = store.root().unwrap();
        prop_assert_eq!(root, store_of(&set).root().unwrap());
        prop_assert_eq!(store.iter_prefix(&[]).unwrap(), Vec::from_iter(set.clone()));
        for key in history.iter().flat_map(BTreeMap::keys) {
            let value = set.get(key).map(Vec::as_slice);
            let proof = store.prove(key).unwrap();
            prop_assert!(verify_proof(root, key, value, &proof));
            prop_assert!(!verify_proof(root, key, Some(b"another value"), &proof));
            prop_assert_eq!(verify_proof(root, key, None, &proof), value.is_none());
            let encoded = proof.encode();
            prop_assert!(encoded.len() <= MembershipProof::max_encoded_len());
            prop_assert_eq!(MembershipProof::decode_all(&mut encoded.as_slice()).unwrap(), proof);
        }
    }

    /// A proof that was changed anywhere proves nothing.
    #[test]
    fn tampering_with_a_proof_is_seen(
        keys in prop::collection::btree_set(any::<u16>(), 1..60), chosen in any::<prop::sample::Index>(),
        bit in any::<prop::sample::Index>(), is_member in any::<bool>(),
    ) {
        let set: BTreeMap<_, _> = keys.iter().map(|key| (key.encode(), b"value".to_vec())).collect();
        let store = store_of(&set);
        let root = store.root().unwrap();
        let key = if is_member {
            set.keys().nth(chosen.index(set.len())).unwrap().clone()
        } else {
            b"a key of another length".to_vec()
        };
        let value = set.get(&key).map(Vec::as_slice);
        let proof = store.prove(&key).unwrap();
        prop_assert!(verify_proof(root, &key, value, &proof));
        let mut encoded = proof.encode();
        let bit = bit.index(encoded.len() * 8);
        encoded[bit / 8] ^= 1 << (bit % 8);
        if let Ok(changed) = MembershipProof::decode_all(&mut encoded.as_slice()) {
            prop_assert!(!verify_proof(root, &key, value, &changed));
        }
    }

    /// A proof from anywhere is decoded within its bound or refused.
    #[test]
    fn arbitrary_bytes_are_no_proof(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(proof) = MembershipProof::decode_all(&mut bytes.as_slice()) {
            prop_assert!(!verify_proof(StateRoot([9; 32]), b"key", None, &proof));
        }
    }
}

#[test]
fn proof_with_too_many_siblings_is_refused() {
    let proof = MembershipProof { leaf: None, siblings: vec![[0; 32]; SIBLINGS_MAX + 1] };
    assert!(!verify_proof(StateRoot::EMPTY, b"key", None, &proof));
    assert!(MembershipProof::decode_all(&mut proof.encode().as_slice()).is_err());
}
