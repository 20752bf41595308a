//! The secret is kept, kept secret, and always gives the same keys.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::primitives::GenesisHash;

use super::{KeyError, NodeKey};

const NETWORK: GenesisHash = GenesisHash([3; 32]);

fn keys(seed: u8) -> NodeKey {
    NodeKey::from_seed([seed; 32])
}

#[test]
fn the_first_start_makes_a_key_that_only_its_owner_reads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys/node");
    let made = NodeKey::open(&path).unwrap().account();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(NodeKey::open(&path).unwrap().account(), made);
}

#[test]
fn two_nodes_get_two_keys() {
    let folder = tempfile::tempdir().unwrap();
    let first = NodeKey::open(folder.path().join("first")).unwrap().account();
    assert_ne!(NodeKey::open(folder.path().join("second")).unwrap().account(), first);
}

#[test]
fn a_key_that_others_may_read_is_refused_with_the_command_that_mends_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    NodeKey::open(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let error = NodeKey::open(&path).unwrap_err();
    assert!(matches!(error, KeyError::Permissions { mode: 0o640, .. }));
    assert!(error.to_string().contains(&format!("chmod 600 {}", path.display())), "{error}");
}

#[test]
fn a_file_of_another_length_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    fs::write(&path, [1; 31]).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let error = NodeKey::open(&path).unwrap_err();
    assert!(matches!(error, KeyError::Length { bytes: 31, .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), [1; 31]);
}

#[test]
fn a_start_that_was_interrupted_is_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    fs::write(folder.path().join("key.unfinished"), [1; 7]).unwrap();
    NodeKey::open(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap().len(), 32);
}

#[test]
fn a_call_is_signed_to_the_same_bytes_every_time() {
    let signed = keys(1).sign(&NETWORK, 5, Call::Withdraw);
    assert_eq!(keys(1).sign(&NETWORK, 5, Call::Withdraw), signed);
    signed.verify(&NETWORK).expect("the signature is right");
}

#[test]
fn salts_differ_by_purpose_network_and_key() {
    let salt = keys(1).salt(&NETWORK, "claim");
    assert_eq!(keys(1).salt(&NETWORK, "claim"), salt);
    assert_ne!(keys(1).salt(&NETWORK, "evaluation"), salt);
    assert_ne!(keys(1).salt(&GenesisHash([4; 32]), "claim"), salt);
    assert_ne!(keys(2).salt(&NETWORK, "claim"), salt);
}

#[test]
fn nothing_secret_is_printed() {
    let seed = hex::encode([1; 32]);
    let printed = format!("{:?} {:?}", keys(1), keys(1).network_identity());
    assert!(!printed.contains(&seed) && !printed.contains("[1, 1"), "{printed}");
}

#[test]
fn a_known_key_is_kept_where_it_is_opened_later_and_never_replaces_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    keys(1).keep(&path).unwrap();
    keys(1).keep(&path).unwrap();
    assert_eq!(NodeKey::open(&path).unwrap().account(), keys(1).account());
    assert!(matches!(keys(2).keep(&path), Err(KeyError::Occupied { .. })));
    assert_eq!(NodeKey::open(&path).unwrap().account(), keys(1).account());
}
