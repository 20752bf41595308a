//! What is remembered comes back, and nothing else is taken for it.

use tempfile::TempDir;

use super::*;

const ORDER: OrderId = OrderId([1; 32]);
const SALT: Salt = Salt([2; 32]);
const TEST: &[u8] = b"1,2,0\n3,4,1\n";

#[test]
fn what_is_remembered_is_recalled_until_it_is_forgotten() {
    let folder = TempDir::new().unwrap();
    assert_eq!(recall(folder.path(), &ORDER).unwrap(), None);
    remember(folder.path(), &ORDER, &SALT, TEST).unwrap();
    let secret = recall(folder.path(), &ORDER).unwrap().unwrap();
    assert_eq!(secret, ClientSecret { file: data_file(TEST), salt: SALT });
    let test = recall_test(folder.path(), &ORDER, &secret).unwrap();
    assert_eq!(test.as_deref(), Some(TEST));
    forget(folder.path(), &ORDER).unwrap();
    assert_eq!(recall(folder.path(), &ORDER).unwrap(), None);
    assert_eq!(recall_test(folder.path(), &ORDER, &secret).unwrap(), None);
}

#[test]
fn secrets_of_two_orders_are_kept_apart() {
    let folder = TempDir::new().unwrap();
    let other = OrderId([3; 32]);
    remember(folder.path(), &ORDER, &SALT, TEST).unwrap();
    remember(folder.path(), &other, &Salt([4; 32]), b"5,6,1\n").unwrap();
    assert_eq!(recall(folder.path(), &ORDER).unwrap().unwrap().salt, SALT);
    assert_eq!(recall(folder.path(), &other).unwrap().unwrap().file, data_file(b"5,6,1\n"));
}

#[test]
fn a_damaged_secret_is_an_error_and_not_a_missing_one() {
    let folder = TempDir::new().unwrap();
    remember(folder.path(), &ORDER, &SALT, TEST).unwrap();
    durable::write(&path(folder.path(), &ORDER, SECRET_ENDING), b"half").unwrap();
    let error = recall(folder.path(), &ORDER).unwrap_err();
    assert!(matches!(error, SecretError::Damaged { .. }), "{error}");
}

#[test]
fn another_test_file_is_never_taken_for_the_remembered_one() {
    let folder = TempDir::new().unwrap();
    remember(folder.path(), &ORDER, &SALT, TEST).unwrap();
    let secret = recall(folder.path(), &ORDER).unwrap().unwrap();
    durable::write(&path(folder.path(), &ORDER, TEST_ENDING), b"9,9,1\n").unwrap();
    let error = recall_test(folder.path(), &ORDER, &secret).unwrap_err();
    assert!(matches!(error, SecretError::OtherFile { .. }), "{error}");
}
