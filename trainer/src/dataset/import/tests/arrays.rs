//! Tests of idx, npy, npz and safetensors files.

use std::io::{Cursor, Write};

use flate2::write::DeflateEncoder;
use proptest::prelude::*;
use safetensors::tensor::{Dtype, TensorView, serialize};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::super::{Array, ImportError, Pair, read_idx, read_npy, read_npz, read_tensor};
use super::{all, input, refusal};

/// Two images of 2 x 3 bytes.
fn images() -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3];
    bytes.extend(1..=12);
    bytes
}

fn labels() -> Vec<u8> {
    vec![0, 0, 8, 1, 0, 0, 0, 2, 7, 255]
}

/// An npy file of version 1.
fn npy(header: &str, values: &[u8]) -> Vec<u8> {
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00".as_slice(), &length, header.as_bytes(), values].concat()
}

fn shaped(element: &str, sides: &str, values: &[u8]) -> Vec<u8> {
    npy(
        &format!("{{'descr': '{element}', 'fortran_order': False, 'shape': {sides}, }}  \n"),
        values,
    )
}

fn values(array: Result<Array, ImportError>) -> Result<Vec<f64>, ImportError> {
    let mut array = array?;
    let mut found = Vec::new();
    while let Some(value) = array.read()? {
        found.push(value);
    }
    array.finish()?;
    Ok(found)
}

/// A zip file with two arrays.
fn npz(method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, file) in [
        ("x.npy", shaped("<f4", "(2, 1)", &[0, 0, 192, 63, 0, 0, 0, 64])),
        ("y.npy", shaped("<i8", "(2,)", &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
    ] {
        writer.start_file(name, options).unwrap();
        writer.write_all(&file).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn tensors() -> Vec<u8> {
    let features: Vec<u8> =
        [1.5_f32, -2.0, 3.0, 4.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    let labels: Vec<u8> = [1_u8, 0].to_vec();
    let half = [0_u8; 4];
    let view = |dtype, shape, bytes| TensorView::new(dtype, shape, bytes).unwrap();
    let tensors = [
        ("features", view(Dtype::F32, vec![2, 2], &features)),
        ("label", view(Dtype::U8, vec![2], &labels)),
        ("half", view(Dtype::F16, vec![2], &half)),
    ];
    serialize(tensors, None).unwrap()
}

#[test]
fn idx_images_and_their_labels_are_examples() {
    let pair = Pair::new(read_idx(input(images())).unwrap(), read_idx(input(labels())).unwrap());
    let found = all(pair.unwrap()).unwrap();
    let row = |values: [u8; 6]| values.map(f64::from).to_vec();
    assert_eq!(found, [(row([1, 2, 3, 4, 5, 6]), 7.0), (row([7, 8, 9, 10, 11, 12]), 255.0)]);
}

#[test]
fn every_type_of_idx_is_big_endian() {
    let file = |kind, bytes: &[u8]| [&[0, 0, kind, 1, 0, 0, 0, 1], bytes].concat();
    for (kind, bytes, expected) in [
        (0x09, vec![0xfe], -2.0),
        (0x0b, vec![0x01, 0x02], 258.0),
        (0x0c, vec![0xff, 0xff, 0xff, 0xfd], -3.0),
        (0x0d, 1.5_f32.to_be_bytes().to_vec(), 1.5),
        (0x0e, 0.1_f64.to_be_bytes().to_vec(), 0.1),
    ] {
        assert_eq!(values(read_idx(input(file(kind, &bytes)))).unwrap(), [expected]);
    }
}

#[test]
fn malformed_idx_files_are_refused_with_the_offset() {
    let with = |place: usize, byte: u8| {
        let mut bytes = images();
        bytes[place] = byte;
        refusal(read_idx(input(bytes)))
    };
    assert_eq!(
        with(0, 31),
        "file, byte 0: it begins with [1f, 00, 08, 03], expected 00 00, the type of the values and the number of sides"
    );
    assert_eq!(
        with(2, 10),
        "file, byte 2: values of type 0x0a, allowed are 0x08 u1, 0x09 i1, 0x0b i2, 0x0c i4, 0x0d f4, 0x0e f8"
    );
    assert_eq!(with(3, 0), "file, byte 3: 0 sides, expected 1 to 8");
    assert_eq!(with(3, 9), "file, byte 3: 9 sides, expected 1 to 8");
    assert_eq!(with(7, 3), "file, byte 16: 12 of 18 bytes, the file is cut off");
    assert_eq!(
        with(7, 1),
        "file, byte 22: bytes behind the last value, expected the end of the file"
    );
    let cut = |length: usize| refusal(read_idx(input(&images()[..length])));
    assert_eq!(cut(0), "file, byte 0: 0 of 4 bytes, the file is cut off");
    assert_eq!(cut(10), "file, byte 8: 2 of 4 bytes, the file is cut off");
    assert_eq!(cut(27), "file, byte 16: 11 of 12 bytes, the file is cut off");
    let mut vast = images();
    vast[3] = 8;
    vast.splice(4..16, [0xff; 32]);
    assert!(
        refusal(read_idx(input(vast))).ends_with("expected 1 to 8 sides and less than 2^64 bytes")
    );
}

#[test]
fn features_and_labels_that_do_not_belong_together_are_refused() {
    let pair = |features: Vec<u8>, labels: Vec<u8>| {
        refusal(Pair::new(read_idx(input(features)).unwrap(), read_idx(input(labels)).unwrap()))
    };
    let three = vec![0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3];
    assert_eq!(pair(images(), three), "file and file: 2 examples, but 3 labels");
    assert_eq!(
        pair(images(), images()),
        "file: sides of [2, 2, 3], expected one side, for each example a label"
    );
    let none = vec![0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 0];
    assert_eq!(
        pair(none, labels()),
        "file: sides of [2, 0], expected behind the examples 1 to 65,536 features"
    );
}

#[test]
fn every_type_of_npy_is_read() {
    for (element, bytes, expected) in [
        ("|u1", vec![200], 200.0),
        ("|i1", vec![0xff], -1.0),
        ("<u2", vec![1, 2], 513.0),
        (">u2", vec![1, 2], 258.0),
        ("<u4", vec![0xff; 4], 4_294_967_295.0),
        ("<i2", vec![0xfe, 0xff], -2.0),
        ("<i4", vec![0, 0, 0, 0x80], -2_147_483_648.0),
        (">i8", vec![0, 32, 0, 0, 0, 0, 0, 0], 9_007_199_254_740_992.0),
        ("<f4", 0.1_f32.to_le_bytes().to_vec(), f64::from(0.1_f32)),
        ("<f8", 0.1_f64.to_le_bytes().to_vec(), 0.1),
    ] {
        assert_eq!(values(read_npy(input(shaped(element, "(1,)", &bytes)))).unwrap(), [expected]);
    }
}

#[test]
fn all_versions_and_orders_of_keys_of_npy_are_read() {
    let header = "{\"shape\":(2,1),'fortran_order':False,'descr':'|u1'}";
    let length = u32::try_from(header.len()).unwrap().to_le_bytes();
    for version in [2, 3] {
        let start = [b"\x93NUMPY".as_slice(), &[version, 0], &length].concat();
        let file = [&start, header.as_bytes(), &[5, 6]].concat();
        assert_eq!(values(read_npy(input(file))).unwrap(), [5.0, 6.0]);
    }
}

#[test]
fn malformed_npy_files_are_refused_with_the_key() {
    let header = |text: &str| refusal(read_npy(input(npy(text, &[1, 2]))));
    for (text, expected) in [
        (
            "{'descr': '<f2', 'fortran_order': False, 'shape': (1,)}",
            "file, \"descr\": values of type <f2, allowed are u1 u2 u4 i1 i2 i4 i8 f4 f8",
        ),
        (
            "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
            "file, \"descr\": values of type |O, allowed are u1 u2 u4 i1 i2 i4 i8 f4 f8",
        ),
        (
            "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}",
            "file, \"descr\": values of type [('a', '<f4')], 'fortran_order':, allowed are u1 u2 u4 i1 i2 i4 i8 f4 f8",
        ),
        (
            "{'descr': '|u1', 'fortran_order': True, 'shape': (2,)}",
            "file, \"fortran_order\": True, expected False, which numpy.ascontiguousarray makes",
        ),
        (
            "{'descr': '|u1', 'fortran_order': False, 'shape': ()}",
            "file, \"shape\": (), expected 1 to 8 whole numbers in brackets",
        ),
        (
            "{'descr': '|u1', 'fortran_order': False, 'shape': (-2,)}",
            "file, \"shape\": (-2,), expected 1 to 8 whole numbers in brackets",
        ),
        (
            "{'descr': '|u1', 'fortran_order': False}",
            "file, \"shape\": it is not in the file, which has []",
        ),
        (
            "{'descr': '|u1', 'other': 1}",
            "file, \"header\": key \"other\", expected the keys descr, fortran_order and shape",
        ),
        ("['descr']", "file, \"header\": ['descr'], expected a dictionary in braces"),
        (
            "{'descr': '|u1' 'shape': (2,)}",
            "file, \"header\": {'descr': '|u1' 'shape': (2,)}, expected a comma between the keys",
        ),
        (
            "{'descr': '|u1', 'fortran_order': False, 'shape': (3,)}",
            "file, byte 65: 2 of 3 bytes, the file is cut off",
        ),
        (
            "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}",
            "file, byte 66: bytes behind the last value, expected the end of the file",
        ),
    ] {
        assert_eq!(header(text), expected);
    }
    let overflow =
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296)}");
    assert!(overflow.ends_with("expected 1 to 8 sides and less than 2^64 bytes"), "{overflow}");
}

#[test]
fn an_npy_file_of_another_kind_is_refused_at_its_start() {
    let mut file = shaped("|u1", "(1,)", &[1]);
    file[6] = 4;
    assert_eq!(
        refusal(read_npy(input(file.clone()))),
        "file, byte 6: version 4, expected 1, 2 or 3"
    );
    file[0] = 0x92;
    let expected = "file, byte 0: it begins with [92, 4e, 55, 4d, 50, 59], expected 93 and NUMPY";
    assert_eq!(refusal(read_npy(input(file))), expected);
    let long = [b"\x93NUMPY\x02\x00".as_slice(), &[0xff; 4]].concat();
    let expected = "file, \"header\": 4294967295 bytes long, allowed at most 10000";
    assert_eq!(refusal(read_npy(input(long))), expected);
    assert!(refusal(read_npy(input("\u{93}"))).contains("the file is cut off"));
}

#[test]
fn a_whole_number_that_f64_would_round_is_refused() {
    let bytes = ((1_i64 << 53) + 1).to_le_bytes();
    let found = refusal(values(read_npy(input(shaped("<i8", "(1,)", &bytes)))));
    assert!(
        found.ends_with("9007199254740993, expected whole numbers from -2^53 to 2^53"),
        "{found}"
    );
}

#[test]
fn arrays_of_npz_are_found_by_name_whether_packed_or_not() {
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let file = npz(method);
        let (x, y) = (read_npz(input(&*file), "x").unwrap(), read_npz(input(&*file), "y").unwrap());
        assert_eq!(all(Pair::new(x, y).unwrap()).unwrap(), [(vec![1.5], 1.0), (vec![2.0], 0.0)]);
    }
}

#[test]
fn malformed_npz_files_are_refused() {
    let file = npz(CompressionMethod::Stored);
    assert_eq!(
        refusal(read_npz(input(&*file), "z")),
        "file, \"z\": it is not in the file, which has [\"x\", \"y\"]"
    );
    assert!(refusal(read_npz(input(&file[..file.len() / 2]), "x")).starts_with("file: "));
    assert!(refusal(read_npz(input("no zip file"), "x")).starts_with("file: "));
    // A value of the array is another than when it was packed.
    let mut wrong = file.clone();
    let place = wrong.windows(4).position(|bytes| bytes == [0, 0, 192, 63]).unwrap();
    wrong[place] = 1;
    let found = refusal(values(read_npz(input(wrong), "x")));
    assert!(found.starts_with("file, x, byte ") && found.contains("the checksum is "), "{found}");
}

#[test]
fn a_deflated_array_that_breaks_off_is_refused() {
    let array = shaped("<f4", "(100000,)", &[7; 400]);
    let mut packed = DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&array).unwrap();
    drop(packed);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    writer.start_file("x.npy", options).unwrap();
    writer.write_all(&array).unwrap();
    let file = writer.finish().unwrap().into_inner();
    let found = refusal(values(read_npz(input(file), "x")));
    assert_eq!(found, "file, x, byte 0: 400 of 400000 bytes, the file is cut off");
}

#[test]
fn tensors_are_found_by_name() {
    let file = tensors();
    let (features, labels) =
        (read_tensor(input(&*file), "features"), read_tensor(input(&*file), "label"));
    let pair = Pair::new(features.unwrap(), labels.unwrap()).unwrap();
    assert_eq!(all(pair).unwrap(), [(vec![1.5, -2.0], 1.0), (vec![3.0, 4.0], 0.0)]);
}

#[test]
fn malformed_safetensors_files_are_refused() {
    let file = tensors();
    let found = refusal(read_tensor(input(&*file), "other"));
    assert!(found.starts_with("file, \"other\": it is not in the file, which has ["), "{found}");
    let found = refusal(read_tensor(input(&*file), "half"));
    assert_eq!(found, "file, \"half\": values of type F16, allowed are u1 u2 u4 i1 i2 i4 i8 f4 f8");
    let found = refusal(read_tensor(input(&file[..file.len() - 1]), "label"));
    assert!(found.ends_with("21 of 22 bytes, the file is cut off"), "{found}");
    let longer = [file.as_slice(), &[0]].concat();
    assert!(refusal(read_tensor(input(longer), "label")).contains("bytes behind the last value"));
    let mut vast = file.clone();
    vast[..8].copy_from_slice(&[0xff; 8]);
    let expected = "file, byte 0: 18446744073709551615 bytes long, allowed at most 1048576";
    assert_eq!(refusal(read_tensor(input(vast), "label")), expected);
    let mut broken = file.clone();
    broken[8] = b'[';
    assert!(refusal(read_tensor(input(broken), "label")).starts_with("file, \"header\": "));
    assert!(refusal(read_tensor(input("\u{1}"), "label")).contains("the file is cut off"));
}

proptest! {
    #[test]
    fn an_idx_file_gives_back_its_values(values_in in proptest::collection::vec(any::<u8>(), 1..200)) {
        let count = u32::try_from(values_in.len()).unwrap().to_be_bytes();
        let file = [&[0, 0, 8, 1], &count[..], &values_in].concat();
        let expected: Vec<f64> = values_in.iter().map(|value| f64::from(*value)).collect();
        prop_assert_eq!(values(read_idx(input(file))).unwrap(), expected);
    }

    #[test]
    fn an_npy_file_gives_back_its_bits(bits in proptest::collection::vec(any::<u32>(), 1..9000)) {
        let bytes: Vec<u8> = bits.iter().flat_map(|bits| bits.to_le_bytes()).collect();
        let file = shaped("<f4", &format!("({},)", bits.len()), &bytes);
        let found = values(read_npy(input(file))).unwrap();
        prop_assert_eq!(found.len(), bits.len());
        for (value, bits) in found.iter().zip(&bits) {
            let expected = f64::from(f32::from_bits(*bits));
            prop_assert!(value.to_bits() == expected.to_bits() || expected.is_nan());
        }
    }
}
