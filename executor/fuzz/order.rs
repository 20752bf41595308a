//! Order specifications, as they lie on the chain.

use aipot_domain_runtime::order::{
    OrderSpecification,
    check::{OrderLimits, check},
};
use parity_scale_codec::{Decode, DecodeAll, Encode};

/// Decodes a specification, checks it against limits that allow much, and encodes it again.
pub(crate) fn accepts_encoding(mut bytes: &[u8]) -> bool {
    let original = bytes;
    let Ok(specification) = OrderSpecification::decode_all(&mut bytes) else { return false };
    assert_eq!(specification.encode(), original, "two encodings of one order");
    let zero = zeros::<OrderLimits>();
    let limits =
        OrderLimits { window_max_blocks: u32::MAX, settlement_max_blocks: u32::MAX, ..zero };
    // Most are refused; what counts is that each refusal is a value.
    if let Err(refusal) = check(&specification, &limits) {
        assert!(!refusal.to_string().is_empty());
    }
    true
}

/// The specification that is all zeros.
pub(crate) fn encodings() -> Vec<Vec<u8>> {
    vec![zeros::<OrderSpecification>().encode()]
}

/// The value whose encoding is zeros.
fn zeros<Value: Decode>() -> Value {
    Value::decode(&mut &[0; 1024][..]).expect("zeros are a value of every type here")
}
