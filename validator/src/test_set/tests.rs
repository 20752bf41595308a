//! Tests of the choice of test data.

use aipot_domain_runtime::order::DataFile;
use aipot_domain_runtime::primitives::Beacon;
use aipot_domain_runtime::progress::TestSource;
use aipot_trainer::dataset::{DatasetError, data_file};

use super::{OrderFiles, TestOrigin, TestSet, TestSetError, test_set};
use crate::fixtures::{TEST, TRAIN, specification};

const BEACON: Beacon = Beacon([5; 32]);

fn choose(source: TestSource, files: OrderFiles<'_>) -> Result<TestSet, TestSetError> {
    test_set(&specification(), &source, BEACON, files)
}

fn revealed(bytes: &[u8]) -> TestSource {
    TestSource::Revealed(data_file(bytes))
}

#[test]
fn a_revealed_file_is_the_test_set() {
    let found = choose(revealed(TEST), OrderFiles { train: TRAIN, test: Some(TEST) }).unwrap();
    assert_eq!(found.origin, TestOrigin::Revealed);
    assert_eq!(found.data.labels(), [0, 1, 1]);
}

#[test]
fn a_withheld_file_is_replaced_by_a_split_of_the_beacon() {
    let files = OrderFiles { train: TRAIN, test: None };
    let found = choose(TestSource::BeaconSplit(BEACON), files).unwrap();
    assert_eq!(found.origin, TestOrigin::Withheld);
    assert_eq!(found.data.example_count(), 3);
    assert_eq!(found, choose(TestSource::BeaconSplit(BEACON), files).unwrap());
    let other = choose(TestSource::BeaconSplit(Beacon([6; 32])), files).unwrap();
    assert_ne!(found.data.file(), other.data.file());
}

#[test]
fn a_revealed_file_that_cannot_be_read_counts_as_withheld() {
    let rubbish = b"rubbish..";
    let files = OrderFiles { train: TRAIN, test: Some(rubbish) };
    let found = choose(revealed(rubbish), files).unwrap();
    let reason = DatasetError::ValueTooLarge { offset: 2, value: u32::from(b'b'), max: 1 };
    assert_eq!(found.origin, TestOrigin::Unreadable { reason });
    let withheld = choose(TestSource::BeaconSplit(BEACON), files).unwrap();
    assert_eq!(found.data, withheld.data);
}

#[test]
fn files_that_are_not_at_hand_accuse_nobody() {
    let source = revealed(TEST);
    let TestSource::Revealed(DataFile { root, .. }) = source else { unreachable!() };
    let missing = choose(source, OrderFiles { train: TRAIN, test: None });
    assert_eq!(missing, Err(TestSetError::NotAtHand { root }));
    let other = choose(source, OrderFiles { train: TRAIN, test: Some(TRAIN) });
    let found = data_file(TRAIN).root;
    assert_eq!(other, Err(TestSetError::WrongBytes { revealed: root, found }));
    let withheld = TestSource::BeaconSplit(BEACON);
    let train = choose(withheld, OrderFiles { train: TEST, test: None });
    assert!(matches!(train, Err(TestSetError::Train { .. })));
}
