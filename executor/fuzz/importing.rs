//! Files that a client has made elsewhere: arrays, lines of numbers and of JSON objects.

use std::io::Cursor;

use aipot_trainer::dataset::import::{
    Array, Example, Examples, ImportError, Input, JsonKeys, JsonLines, Layout, Rounding, Table,
    TestChoice, Written, read_idx, read_npy, read_npz, read_tensor, survey, write,
};

/// Values of an array that are looked at; a packed one can have many more than it has bytes.
const VALUES_MAX: u64 = 1 << 20;

fn input(bytes: &[u8]) -> Input {
    Input::new("input", Cursor::new(bytes.to_vec())).expect("memory has a length")
}

/// Reads an array to its end: there are as many values as its sides say.
fn accepts_array(array: Result<Array, ImportError>) -> bool {
    let Ok(mut array) = array else { return false };
    let expected = array.value_count();
    assert_eq!(array.sides().iter().product::<u64>(), expected, "sides of another array");
    let mut count = 0;
    while count < VALUES_MAX {
        match array.read() {
            Ok(Some(_)) => count += 1,
            Ok(None) => break,
            Err(_) => return false,
        }
    }
    assert!(count == expected || count == VALUES_MAX, "{count} values of {expected}");
    true
}

/// Surveys examples, writes them in the layout that the survey proposes, and compares the lengths.
fn accepts_examples(examples: &dyn Fn() -> Option<Box<dyn Examples>>) -> bool {
    let (Some(mut first), Some(mut second)) = (examples(), examples()) else { return false };
    let Ok(found) = survey(&mut first, None, &mut |_, _| {}) else { return false };
    let (mut train, mut test) = (Vec::new(), Vec::new());
    let choice = TestChoice::draw(1, found.example_count, found.example_count / 2);
    let mut files = Written {
        layout: found.layout(),
        rounding: Rounding::Nearest,
        label_max: found.label_max,
        train: &mut train,
        test: &mut test,
    };
    if write(&mut second, &choice, &mut files, &mut |_, _| {}).is_err() {
        // The only number that is surveyed and not written is one beyond f32.
        assert_eq!(found.layout(), Layout::Floats, "a survey that was wrong");
        return false;
    }
    let value_bytes = match found.layout() {
        Layout::Records { value_bytes } => u64::from(value_bytes),
        Layout::Floats => 4,
    };
    let record_bytes = (u64::from(found.feature_count) + 1) * value_bytes;
    let lengths = [train, test].map(|file| u64::try_from(file.len()).expect("memory is small"));
    let test_count = u64::from(found.example_count / 2);
    assert_eq!(lengths[1], test_count * record_bytes, "another test file");
    assert_eq!(lengths[0] + lengths[1], u64::from(found.example_count) * record_bytes);
    true
}

pub(crate) fn accepts_idx(bytes: &[u8]) -> bool {
    accepts_array(read_idx(input(bytes)))
}

pub(crate) fn accepts_npy(bytes: &[u8]) -> bool {
    accepts_array(read_npy(input(bytes)))
}

pub(crate) fn accepts_npz(bytes: &[u8]) -> bool {
    accepts_array(read_npz(input(bytes), "x"))
}

pub(crate) fn accepts_tensors(bytes: &[u8]) -> bool {
    accepts_array(read_tensor(input(bytes), "x"))
}

/// Lines of numbers, decimals too; those without them are read by `data_csv` as well.
pub(crate) fn accepts_table(bytes: &[u8]) -> bool {
    accepts_examples(&|| Some(Box::new(Table::new(input(bytes), false, false).ok()?)))
}

/// Lines of objects with numbers, and read as texts again.
pub(crate) fn accepts_json_lines(bytes: &[u8]) -> bool {
    let keys = |is_text| JsonKeys {
        is_text,
        example: if is_text { "t" } else { "x" }.to_owned(),
        label: "y".to_owned(),
        ignores_others: is_text,
    };
    let (mut texts, mut example) = (JsonLines::new(input(bytes), keys(true)), Example::default());
    let mut has_texts = false;
    while texts.read(&mut example).is_ok_and(|is_there| is_there) {
        assert!(example.features.is_empty(), "numbers in a text");
        has_texts = true;
    }
    let numbers = accepts_examples(&|| Some(Box::new(JsonLines::new(input(bytes), keys(false)))));
    has_texts || numbers
}

pub(crate) fn idx_files() -> Vec<Vec<u8>> {
    let images = [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2][..], &[1, 2, 3, 4]].concat();
    vec![images, vec![0, 0, 0x0b, 1, 0, 0, 0, 1, 1, 2]]
}

pub(crate) fn npy_files() -> Vec<Vec<u8>> {
    let file = |version: &[u8], length: &[u8], header: &str, values: &[u8]| {
        [b"\x93NUMPY".as_slice(), version, length, header.as_bytes(), values].concat()
    };
    let header = "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 1), }";
    vec![
        file(&[1, 0], &[59, 0], header, &[1, 0, 2, 0]),
        file(&[3, 0], &[59, 0, 0, 0], header, &[1, 0, 2, 0]),
    ]
}

/// A zip file with one stored array, as `numpy.savez` writes it.
pub(crate) fn npz_files() -> Vec<Vec<u8>> {
    let array = npy_files().swap_remove(0);
    let length = u32::try_from(array.len()).expect("memory is small").to_le_bytes();
    let mut sum = u32::MAX;
    for byte in &array {
        sum = (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            sum >> 1 ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 }
        });
    }
    let sum = (!sum).to_le_bytes();
    let common = [&[0, 0, 0, 0, 0, 0, 0x21, 0][..], &sum, &length, &length, &[5, 0, 0, 0]].concat();
    let local = [b"PK\x03\x04\x14\0".as_slice(), &common, b"x.npy", &array].concat();
    let central = [b"PK\x01\x02\x14\0\x14\0".as_slice(), &common, &[0; 14], b"x.npy"].concat();
    let sizes = [central.len(), local.len()]
        .map(|length| u32::try_from(length).expect("memory is small").to_le_bytes());
    let end =
        [b"PK\x05\x06\0\0\0\0\x01\0\x01\0".as_slice(), &sizes[0], &sizes[1], &[0, 0]].concat();
    vec![[local, central, end].concat()]
}

pub(crate) fn tensor_files() -> Vec<Vec<u8>> {
    let header = r#"{"x":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}"#;
    let length = u64::try_from(header.len()).expect("memory is small").to_le_bytes();
    vec![[&length[..], header.as_bytes(), &[0, 0, 128, 63, 0, 0, 0, 64]].concat()]
}

pub(crate) fn tables() -> Vec<Vec<u8>> {
    vec![b"1.5,-2,0\n3,4e1,1\n".to_vec(), b"300,0\r\n2,1\r\n".to_vec()]
}

pub(crate) fn json_lines() -> Vec<Vec<u8>> {
    vec![
        b"{\"x\":[1,2.5],\"y\":0}\n{\"y\":1,\"x\":[3,-4]}\n".to_vec(),
        b"{\"t\":\"to be\",\"y\":1,\"z\":null}\n".to_vec(),
    ]
}
