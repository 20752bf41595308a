//! A failed write loses nothing and can be repeated.

use redb::{ReadableTable, TableDefinition};

use super::faulty::FaultyDisk;
use super::*;

const TABLE: TableDefinition<'_, u32, u32> = TableDefinition::new("table");

fn insert(database: &NodeDatabase, key: u32) -> Result<(), DatabaseError> {
    database.write(|transaction| {
        transaction.open_table(TABLE)?.insert(key, key)?;
        Ok(())
    })
}

fn keys(database: &NodeDatabase) -> Vec<u32> {
    let read = |transaction: &ReadTransaction| {
        let table = transaction.open_table(TABLE)?;
        table.iter()?.map(|entry| Ok(entry?.0.value())).collect()
    };
    database.read(read).unwrap()
}

#[test]
fn full_disk_is_a_typed_error_and_the_write_can_be_repeated() {
    let disk = FaultyDisk::new();
    let database = disk.database();
    insert(&database, 1).unwrap();
    for writes in 0..6 {
        disk.fill_after(writes);
        if let Err(error) = insert(&database, 2) {
            assert!(error.is_disk_full(), "{error}");
        }
        disk.make_room();
        assert!(keys(&database).contains(&1), "after {writes} writes");
    }
    insert(&database, 3).unwrap();
    assert!(keys(&database).ends_with(&[3]));
}

#[test]
fn commit_is_whole_or_absent_wherever_a_crash_strikes() {
    let disk = FaultyDisk::new();
    let database = disk.database();
    insert(&database, 1).unwrap();
    let mut was_absent = false;
    for writes in 0..40 {
        let crashed = disk.copy();
        crashed.fill_after(writes);
        // Whether or not it reports success, the next start finds all of it or nothing.
        let outcome = crashed_insert(&crashed);
        crashed.make_room();
        let found = keys(&crashed.copy().database());
        assert!(found == [1] || found == [1, 2], "{found:?}");
        assert!(outcome.is_err() || found == [1, 2]);
        was_absent |= found == [1];
    }
    assert!(was_absent, "the disk never failed early enough");
}

fn crashed_insert(disk: &FaultyDisk) -> Result<(), DatabaseError> {
    let open = {
        let disk = disk.clone();
        move || Database::builder().create_with_backend(disk.clone())
    };
    insert(&NodeDatabase::with_opener("crash".into(), Box::new(open))?, 2)
}

#[test]
fn second_opening_of_the_same_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.redb");
    let first = NodeDatabase::open(&path).unwrap();
    assert!(matches!(NodeDatabase::open(&path), Err(DatabaseError::InUse { .. })));
    drop(first);
    assert!(NodeDatabase::open(&path).is_ok());
}

#[test]
fn error_of_the_action_writes_nothing() {
    let database = NodeDatabase::in_memory().unwrap();
    insert(&database, 1).unwrap();
    let refused: Result<(), _> = database.write(|transaction| {
        transaction.open_table(TABLE)?.insert(2, 2)?;
        Err(redb::Error::ValueTooLarge(1))
    });
    assert!(matches!(refused, Err(DatabaseError::Write { .. })));
    assert_eq!(keys(&database), [1]);
}
