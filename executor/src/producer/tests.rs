//! Turns go round, nobody's absence stops a call, and bundles fit the chain.

use aipot_domain_runtime::primitives::{AccountId, GenesisHash};

use super::{BUNDLES_MAX, PATIENCE_BLOCKS_MAX, Turn, pack, turn};
use crate::bundle::decode;
use crate::intake::fixture::{genesis, key, ledger};

#[test]
fn each_operator_has_its_turn_in_each_rotation() {
    let ledger = ledger(&genesis(&[1, 2, 3]));
    let turns = |account: AccountId| -> Vec<u32> {
        let is_ours =
            |number: &u32| turn(ledger.state().as_ref(), &account, *number) == Ok(Turn::Ours);
        (30..36).filter(is_ours).collect()
    };
    let mut all: Vec<_> = (1..=3).flat_map(|number| turns(key(number).account())).collect();
    all.sort_unstable();
    assert_eq!(all, [30, 31, 32, 33, 34, 35]);
    assert!(turns(key(4).account()).is_empty());
}

#[test]
fn a_call_that_waited_a_rotation_is_bundled_by_anybody() {
    let ledger = ledger(&genesis(&[1, 2, 3]));
    let overdue = turn(ledger.state().as_ref(), &key(4).account(), 1).unwrap();
    assert_eq!(overdue, Turn::Overdue { waited_blocks_min: 3 });
    assert!(overdue.waited_blocks_min() <= PATIENCE_BLOCKS_MAX);
}

#[test]
fn without_operators_everybody_bundles_at_once() {
    let ledger = ledger(&genesis(&[]));
    let turn = turn(ledger.state().as_ref(), &key(1).account(), 1).unwrap();
    assert_eq!(turn.waited_blocks_min(), 0);
}

#[test]
fn calls_are_packed_in_their_order_into_few_bundles_that_the_chain_takes() {
    let network = GenesisHash([1; 32]);
    let calls: Vec<Vec<u8>> =
        (0..400_u32).map(|number| number.to_le_bytes().repeat(16 * 1024 / 4)).collect();
    let bundles = pack(network, calls.clone());
    assert_eq!(bundles.len(), BUNDLES_MAX);
    let packed: Vec<_> = bundles.iter().flat_map(|bundle| bundle.calls().to_vec()).collect();
    assert_eq!(packed, calls[..packed.len()]);
    assert!(packed.len() > 200);
    for bundle in &bundles {
        assert_eq!(decode(&bundle.encode()).as_ref(), Ok(bundle));
    }
}

#[test]
fn nothing_makes_no_bundle() {
    assert!(pack(GenesisHash([1; 32]), Vec::new()).is_empty());
}
