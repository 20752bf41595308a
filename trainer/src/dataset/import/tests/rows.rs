//! Tests of Parquet files: columns of numbers, lists and text.

use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, FloatType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::super::{Example, Examples, ParquetRows};
use super::{all, input, refusal};

const SCHEMA: &str = "message rows {
    REQUIRED DOUBLE x; REQUIRED INT64 label; REQUIRED BINARY text (UTF8);
    REQUIRED GROUP pixels (LIST) { REPEATED GROUP list { REQUIRED FLOAT element; } }
}";

/// Two rows with a column of each kind.
fn file(compression: Compression) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties)).unwrap();
    let mut rows = writer.next_row_group().unwrap();
    let mut column = rows.next_column().unwrap().unwrap();
    column.typed::<DoubleType>().write_batch(&[0.1, 2.0], None, None).unwrap();
    column.close().unwrap();
    let mut column = rows.next_column().unwrap().unwrap();
    column.typed::<Int64Type>().write_batch(&[1, 0], None, None).unwrap();
    column.close().unwrap();
    let mut column = rows.next_column().unwrap().unwrap();
    let texts = [ByteArray::from("good"), ByteArray::from("bad")];
    column.typed::<ByteArrayType>().write_batch(&texts, None, None).unwrap();
    column.close().unwrap();
    let mut column = rows.next_column().unwrap().unwrap();
    let (values, repeated) = ([1.5, 2.5, 3.5, 4.5], [0, 1, 0, 1]);
    column.typed::<FloatType>().write_batch(&values, Some(&[1; 4]), Some(&repeated)).unwrap();
    column.close().unwrap();
    rows.close().unwrap();
    writer.close().unwrap();
    bytes
}

#[test]
fn columns_of_every_kind_and_packing_are_read() {
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(parquet::basic::GzipLevel::default()),
        Compression::LZ4_RAW,
        Compression::ZSTD(parquet::basic::ZstdLevel::default()),
    ] {
        let file = file(compression);
        let lists = ParquetRows::new(input(&*file), Some("pixels"), "label").unwrap();
        assert_eq!(all(lists).unwrap(), [(vec![1.5, 2.5], 1.0), (vec![3.5, 4.5], 0.0)]);
        let numbers = ParquetRows::new(input(&*file), Some("x"), "label").unwrap();
        assert_eq!(all(numbers).unwrap(), [(vec![0.1], 1.0), (vec![2.0], 0.0)]);
        let mut texts = ParquetRows::new(input(&*file), Some("text"), "label").unwrap();
        let mut example = Example::default();
        assert!(texts.read(&mut example).unwrap());
        assert_eq!((example.text.as_str(), example.label.to_bits()), ("good", 1.0_f64.to_bits()));
    }
}

#[test]
fn malformed_parquet_files_are_refused() {
    let good = file(Compression::SNAPPY);
    let refused = |bytes: &[u8], example, label| {
        let rows = ParquetRows::new(input(bytes), example, label);
        refusal(rows.and_then(all))
    };
    let found = refused(&good, None, "y");
    let expected =
        "file, \"y\": it is not in the file, which has [\"x\", \"label\", \"text\", \"pixels\"]";
    assert_eq!(found, expected);
    let found = refused(&good, None, "label");
    assert!(
        found.ends_with("example 1: something else or nothing, expected a number in every row")
    );
    assert!(refused(&good[..good.len() - 1], None, "label").starts_with("file: "));
    assert!(refused(b"PAR1", None, "label").starts_with("file: "));
    let mut wrong = good.clone();
    wrong[4..60].fill(0xff);
    assert!(refused(&wrong, Some("x"), "label").starts_with("file, example 1: "));
}
