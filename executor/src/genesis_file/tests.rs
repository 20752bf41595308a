//! What is written is read again, and what is wrong is named.

use super::*;
use crate::devnet::scenario::Scenario;

#[test]
fn a_written_genesis_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("genesis.json");
    let genesis = Scenario::new(1, 2, 3).unwrap().genesis;
    write(&path, &genesis).unwrap();
    assert_eq!(read(&path).unwrap(), genesis);
}

#[test]
fn a_wrong_amount_and_an_unknown_key_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("genesis.json");
    write(&path, &Scenario::new(1, 2, 3).unwrap().genesis).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("\"base_fee\": \"", "\"base_fee\": \"x", 1)).unwrap();
    let error = read(&path).unwrap_err().to_string();
    assert!(error.contains("base_fee is \"x"), "{error}");
    std::fs::write(&path, text.replacen("\"base_fee\"", "\"bass_fee\"", 1)).unwrap();
    assert!(matches!(read(&path), Err(GenesisFileError::Parse { .. })));
}
