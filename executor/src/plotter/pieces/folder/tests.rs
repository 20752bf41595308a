//! Files that are pieces, and files that are not.

use super::*;

#[tokio::test]
async fn pieces_are_files_named_by_their_index() {
    let folder = tempfile::TempDir::new().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("7", &vec![0; PIECE_BYTES]);
    write("8", &vec![0; PIECE_BYTES + 1]);
    write("9", &vec![0xff; PIECE_BYTES]);
    let source = FolderPieces::new(folder.path());
    assert_eq!(source.fetch(&[7, 7]).await.unwrap().len(), 2);
    for piece_index in [8, 9] {
        let error = source.fetch(&[7, piece_index]).await.unwrap_err();
        assert!(matches!(error, PieceSourceError::NotAPiece { .. }), "{error}");
    }
    let error = source.fetch(&[10]).await.unwrap_err();
    assert!(matches!(error, PieceSourceError::File { piece_index: 10, .. }), "{error}");
}
