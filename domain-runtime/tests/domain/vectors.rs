//! Golden encodings: what is signed, hashed and stored today must be the same bytes for ever.
//!
//! The file is written anew only with `AIPOT_WRITE_VECTORS=1 cargo test -p aipot-domain-runtime --test
//! domain vectors`. That is a change of the protocol.

mod calls;
mod digests;

use std::fmt::Write as _;
use std::path::PathBuf;

use aipot_domain_runtime::primitives::to_hex;

/// The name of a vector and its bytes.
pub(crate) type Vector = (&'static str, Vec<u8>);

/// Set to `1` to write the file instead of comparing with it.
const WRITE_SWITCH: &str = "AIPOT_WRITE_VECTORS";

/// What stands above the vectors.
const ORIGIN: &str = "\
# Golden encodings of the domain, version 1: a name and its bytes in hexadecimal digits.
#
# Origin: written by tests/domain/vectors.rs from the fixed values that stand there. Calls, commitments,
# keys, identities and the payload of signatures are computed a second time, from the specification of
# SCALE and of BLAKE3 alone, by check_vectors.py beside this file.
# To write it anew: AIPOT_WRITE_VECTORS=1 cargo test -p aipot-domain-runtime --test domain vectors
# A changed line is a change of the protocol.
";

fn path() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "vectors", "encodings.txt"].iter().collect()
}

fn text(vectors: &[Vector]) -> String {
    let mut text = ORIGIN.to_owned();
    for (name, bytes) in vectors {
        writeln!(text, "{name} = {}", to_hex(bytes)).expect("a string takes every text");
    }
    text
}

#[test]
fn encodings_are_those_of_the_file() {
    let vectors = [calls::vectors(), digests::vectors()].concat();
    let text = text(&vectors);
    if std::env::var(WRITE_SWITCH).is_ok_and(|value| value == "1") {
        std::fs::write(path(), &text).expect("the folder of the vectors can be written");
    }
    let golden = std::fs::read_to_string(path()).expect("the vectors are there");
    let lines = golden.lines().zip(text.lines());
    for (golden, computed) in lines {
        assert_eq!(golden, computed);
    }
    assert_eq!(golden.len(), text.len(), "one side has more vectors");
}
