//! Proofs about the state, as a stranger shows them.

use std::sync::LazyLock;

use aipot_executor::store::state::{BlockMeta, MembershipProof, StateStore, verify_proof};
use parity_scale_codec::{Decode, DecodeAll, Encode};

/// Keys of the state, and one that is not in it.
const KEYS: [&str; 6] = ["account", "claim", "evaluation", "order", "progress", "absent"];

/// What somebody says about the key with an index.
#[derive(Debug, Encode, Decode)]
struct Statement {
    key_index: u8,
    value: Option<Vec<u8>>,
    proof: MembershipProof,
}

/// The state in which `KEYS[i]` has the value `[i]`, but for the last one, which has none.
static STATE: LazyLock<StateStore> = LazyLock::new(|| {
    let store = StateStore::in_memory().expect("memory is there");
    let present = KEYS.iter().zip(0_u8..).take(KEYS.len() - 1);
    let pairs = present.map(|(key, index)| (key.as_bytes().to_vec(), Some(vec![index])));
    store.commit(1, &pairs.collect(), BlockMeta::default()).expect("memory does not fail");
    store
});

/// Checks a statement against the root: only true ones can be proven.
pub(crate) fn accepts_proof(mut bytes: &[u8]) -> bool {
    let Ok(statement) = Statement::decode_all(&mut bytes) else { return false };
    let Some(key) = KEYS.get(usize::from(statement.key_index)) else { return false };
    let root = STATE.root().expect("memory does not fail");
    let value = statement.value.as_deref();
    if !verify_proof(root, key.as_bytes(), value, &statement.proof) {
        return false;
    }
    let real = STATE.get(key.as_bytes()).expect("memory does not fail");
    assert_eq!(statement.value, real, "a false statement about {key} was proven");
    true
}

/// True statements about each key.
pub(crate) fn proofs() -> Vec<Vec<u8>> {
    let statement = |(key, key_index): (&&str, u8)| {
        let value = STATE.get(key.as_bytes()).expect("memory does not fail");
        let proof = STATE.prove(key.as_bytes()).expect("memory does not fail");
        Statement { key_index, value, proof }.encode()
    };
    KEYS.iter().zip(0_u8..).map(statement).collect()
}
