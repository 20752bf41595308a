//! A file is there whole or not at all.

use super::FreshFile;
use crate::command::CommandError;

fn names(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_file_has_its_name_only_when_it_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sector");
    let mut file = FreshFile::begin(&path, 4).unwrap();
    file.write(b"wh").unwrap();
    assert!(!path.exists());
    file.write(b"at").unwrap();
    file.finish().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"what");
    assert_eq!(names(folder.path()), ["sector"]);
}

#[test]
fn a_file_that_is_given_up_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = FreshFile::begin(&folder.path().join("sector"), 4).unwrap();
    file.write(b"wh").unwrap();
    drop(file);
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn a_disk_without_room_is_named_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let error = FreshFile::begin(&folder.path().join("sector"), u64::MAX).unwrap_err();
    let is_full = matches!(&error, CommandError::DiskFull { needed_bytes: u64::MAX, .. });
    assert!(is_full && error.to_string().contains("sector"), "{error}");
    assert_eq!(names(folder.path()), [""; 0]);
}
