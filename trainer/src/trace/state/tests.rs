//! Tests of states against their definition in the runtime.

use aipot_domain_runtime::program::{Program, SlotKind};
use aipot_domain_runtime::trace::{
    UNSET, list_path, list_root, root_of_path, state_root, unset_root,
};

use super::{StateRoots, persistent_root, slot_root};
use crate::trace::fixtures::slot;

fn program(persistent: usize, scratch: usize) -> Program {
    let kept = (0..persistent).map(|_| slot("kept", SlotKind::Persistent, 3));
    let lost = (0..scratch).map(|_| slot("lost", SlotKind::Scratch, 3));
    Program { slots: kept.chain(lost).collect(), operators: vec![] }
}

#[test]
fn the_root_of_a_slot_is_the_hash_of_its_bytes() {
    let bytes = [1, 0, 0, 0, 255, 255, 192, 127];
    assert_eq!(slot_root(&[1, 0x7fc0_ffff]), *blake3::hash(&bytes).as_bytes());
    assert_eq!(slot_root(&[]), UNSET);
}

#[test]
fn an_update_gives_what_hashing_everything_gives() {
    for (persistent, scratch) in [(1, 1), (1, 0), (5, 3), (8, 9)] {
        let program = program(persistent, scratch);
        let mut slots: Vec<Vec<u32>> = vec![vec![]; persistent + scratch];
        let mut roots = StateRoots::new(&program, &slots);
        assert_eq!(roots.root(), state_root(&unset_root(persistent), &unset_root(scratch)));
        for index in [0, persistent + scratch - 1, persistent / 2, persistent - 1] {
            slots[index].extend([7, u32::try_from(index).unwrap()]);
            roots.update(u16::try_from(index).unwrap(), &slots[index]);
            let leaves: Vec<[u8; 32]> = slots.iter().map(|words| slot_root(words)).collect();
            let (kept, lost) = leaves.split_at(persistent);
            assert_eq!(roots.root(), state_root(&list_root(kept), &list_root(lost)));
            assert_eq!(roots.root(), StateRoots::new(&program, &slots).root());
            assert_eq!(roots.scratch_root(), list_root(lost));
            assert_eq!(persistent_root(&slots[..persistent]), list_root(kept));
        }
    }
}

#[test]
fn a_path_leads_from_a_slot_to_the_state() {
    let program = program(5, 3);
    let slots: Vec<Vec<u32>> = (0..8).map(|word| vec![word]).collect();
    let roots = StateRoots::new(&program, &slots);
    let leaves: Vec<[u8; 32]> = slots.iter().map(|words| slot_root(words)).collect();
    let (kept, lost) = leaves.split_at(5);
    for index in 0..8_u16 {
        let place = usize::from(index);
        let path = roots.path(index);
        let (other, siblings) = path.split_last().unwrap();
        let leaf = roots.slot(index).unwrap();
        assert_eq!(leaf, leaves[place]);
        let state = if place < 5 {
            assert_eq!(siblings, list_path(kept, place).unwrap());
            state_root(&root_of_path(leaf, place, siblings), other)
        } else {
            assert_eq!(siblings, list_path(lost, place - 5).unwrap());
            state_root(other, &root_of_path(leaf, place - 5, siblings))
        };
        assert_eq!(state, roots.root());
    }
    assert_eq!(roots.slot(8), None);
}
