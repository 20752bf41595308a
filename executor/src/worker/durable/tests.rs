//! Files are whole or not there, also when the disk refuses.

use tempfile::TempDir;

use super::*;

#[test]
fn a_written_file_is_read_back_and_replaced_as_a_whole() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("below").join("file.note");
    assert_eq!(read(&path).unwrap(), None);
    write(&path, b"first and long").unwrap();
    write(&path, b"second").unwrap();
    assert_eq!(read(&path).unwrap().as_deref(), Some(&b"second"[..]));
    let names: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

#[test]
fn a_write_that_fails_leaves_the_old_file_and_no_other() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    write(&path, b"old").unwrap();
    // A folder in the place of the temporary file refuses the write, as a full disk does.
    let unfinished = folder.path().join("file.unfinished");
    fs::create_dir(&unfinished).unwrap();
    assert!(write(&path, b"replacement").is_err());
    assert_eq!(read(&path).unwrap().as_deref(), Some(&b"old"[..]));
    fs::remove_dir(&unfinished).unwrap();
    write(&path, b"replacement").unwrap();
    assert_eq!(read(&path).unwrap().as_deref(), Some(&b"replacement"[..]));
}

#[test]
fn removing_twice_is_no_error() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    write(&path, b"bytes").unwrap();
    remove(&path).unwrap();
    remove(&path).unwrap();
    assert_eq!(read(&path).unwrap(), None);
}
