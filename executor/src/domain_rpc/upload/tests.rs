//! Uploads are bounded, checked, and leave nothing behind.

use std::fs;

use super::{Received, Uploads};
use crate::domain_rpc::fault::RequestError;
use crate::store::artefacts::{ArtefactStore, ContentHash};

struct Scene {
    folder: tempfile::TempDir,
    uploads: Uploads,
    store: ArtefactStore,
}

fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let uploads = Uploads::open(folder.path().join("uploads"), 2).unwrap();
    let store = ArtefactStore::open(folder.path().join("artefacts")).unwrap();
    Scene { folder, uploads, store }
}

impl Scene {
    fn left_behind(&self) -> usize {
        fs::read_dir(self.folder.path().join("uploads")).unwrap().count()
    }
}

#[test]
fn pieces_become_an_artefact() {
    let scene = scene();
    let upload = scene.uploads.begin(6).unwrap();
    assert_eq!(scene.uploads.append(upload, b"abc").unwrap(), 3);
    let received = scene.uploads.received(upload).unwrap();
    assert_eq!(received, Received { received_bytes: 3, total_bytes: 6 });
    assert_eq!(scene.uploads.append(upload, b"def").unwrap(), 6);
    let hash = ContentHash::of(b"abcdef");
    scene.uploads.finish(upload, hash, &scene.store).unwrap();
    assert_eq!(scene.store.read(hash).unwrap(), b"abcdef");
    assert_eq!(scene.left_behind(), 0);
}

#[test]
fn bytes_with_another_hash_are_not_stored() {
    let scene = scene();
    let upload = scene.uploads.begin(3).unwrap();
    scene.uploads.append(upload, b"abc").unwrap();
    let error = scene.uploads.finish(upload, ContentHash::of(b"abd"), &scene.store).unwrap_err();
    assert!(matches!(error, RequestError::UploadMismatch { .. }), "{error}");
    assert!(scene.store.list().unwrap().is_empty());
    assert_eq!(scene.left_behind(), 0);
}

#[test]
fn an_incomplete_upload_can_go_on() {
    let scene = scene();
    let upload = scene.uploads.begin(3).unwrap();
    scene.uploads.append(upload, b"ab").unwrap();
    let hash = ContentHash::of(b"abc");
    let error = scene.uploads.finish(upload, hash, &scene.store).unwrap_err();
    assert!(matches!(error, RequestError::UploadIncomplete { received_bytes: 2, .. }), "{error}");
    scene.uploads.append(upload, b"c").unwrap();
    scene.uploads.finish(upload, hash, &scene.store).unwrap();
}

#[test]
fn the_oldest_upload_gives_way() {
    let scene = scene();
    let numbers = [1, 2, 3].map(|bytes| scene.uploads.begin(bytes).unwrap());
    let error = scene.uploads.received(numbers[0]).unwrap_err();
    assert!(matches!(error, RequestError::UnknownUpload { .. }), "{error}");
    assert!(scene.uploads.received(numbers[1]).is_ok());
    assert_eq!(scene.left_behind(), 2);
}

#[test]
fn a_start_removes_what_was_left() {
    let scene = scene();
    let upload = scene.uploads.begin(3).unwrap();
    scene.uploads.append(upload, b"ab").unwrap();
    drop(Uploads::open(scene.folder.path().join("uploads"), 2).unwrap());
    assert_eq!(scene.left_behind(), 0);
}
