//! Parquet files: a row an example, columns of numbers, of text, or one of lists of numbers.

use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader, Length};
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};

use super::array::exact;
use super::{Example, Examples, ImportError, Input, Place, Problem, Seekable};

/// A Parquet file, row by row.
pub struct ParquetRows {
    name: String,
    rows: RowIter<'static>,
    example: Option<String>,
    label: String,
    row_count: u64,
    read_count: u64,
}

impl ParquetRows {
    /// Rows whose features are under `example`, a column of lists, text or numbers; `None` means all columns
    /// but the label, one feature each.
    ///
    /// # Errors
    /// [`ImportError`] when it is no Parquet file or has no such columns.
    pub fn new(input: Input, example: Option<&str>, label: &str) -> Result<Self, ImportError> {
        let byte_count = input.byte_count();
        let (name, reader) = input.into_parts();
        let foreign = |source: ParquetError| ImportError {
            file: name.clone(),
            place: Place::Whole,
            problem: Problem::Foreign { source: Box::new(source) },
        };
        let chunks = Chunks { reader: Arc::new(Mutex::new(reader)), byte_count };
        let file = SerializedFileReader::new(chunks).map_err(foreign)?;
        let metadata = file.metadata().file_metadata();
        let columns = metadata.schema().get_fields();
        let available: Vec<_> = columns.iter().map(|column| column.name().to_owned()).collect();
        for wanted in example.iter().copied().chain([label]) {
            if !available.iter().any(|column| column == wanted) {
                let place = Place::Key(wanted.to_owned());
                return Err(ImportError {
                    file: name,
                    place,
                    problem: Problem::Missing { available },
                });
            }
        }
        let row_count = u64::try_from(metadata.num_rows()).unwrap_or(0);
        let rows = RowIter::from_file_into(Box::new(file));
        let (example, label) = (example.map(str::to_owned), label.to_owned());
        Ok(Self { name, rows, example, label, row_count, read_count: 0 })
    }

    fn column(
        &self,
        column: &str,
        field: &Field,
        example: &mut Example,
    ) -> Result<(), ImportError> {
        if column == self.label {
            let label = number(field).ok_or_else(|| self.wrong_kind(column));
            example.label = label?;
            return Ok(());
        }
        if self.example.as_ref().is_some_and(|wanted| wanted != column) {
            return Ok(());
        }
        match (field, &self.example) {
            (Field::Str(text), Some(_)) => example.text.clone_from(text),
            (Field::ListInternal(list), Some(_)) => {
                for field in list.elements() {
                    let value = number(field).ok_or_else(|| self.wrong_kind(column));
                    example.features.push(value?);
                }
            }
            _ => example.features.push(number(field).ok_or_else(|| self.wrong_kind(column))?),
        }
        Ok(())
    }

    fn wrong_kind(&self, column: &str) -> ImportError {
        let (found, expected) = ("something else or nothing", "a number in every row");
        ImportError {
            file: format!("{}, {column:?}", self.name),
            place: Place::Example(self.read_count),
            problem: Problem::Kind { found, expected },
        }
    }
}

impl Examples for ParquetRows {
    fn name(&self) -> &str {
        &self.name
    }

    fn progress(&self) -> (u64, u64) {
        (self.read_count, self.row_count)
    }

    fn read(&mut self, example: &mut Example) -> Result<bool, ImportError> {
        let Some(row) = self.rows.next() else { return Ok(false) };
        self.read_count = self.read_count.saturating_add(1);
        let row: Row = row.map_err(|source| ImportError {
            file: self.name.clone(),
            place: Place::Example(self.read_count),
            problem: Problem::Foreign { source: Box::new(source) },
        })?;
        example.features.clear();
        example.text.clear();
        for (column, field) in row.get_column_iter() {
            self.column(column, field, example)?;
        }
        Ok(true)
    }
}

impl std::fmt::Debug for ParquetRows {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ParquetRows").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The number in a field; whole numbers beyond 2^53 are none.
fn number(field: &Field) -> Option<f64> {
    Some(match field {
        Field::Bool(value) => f64::from(u8::from(*value)),
        Field::Byte(value) => f64::from(*value),
        Field::Short(value) => f64::from(*value),
        Field::Int(value) => f64::from(*value),
        Field::Long(value) => exact(*value).ok()?,
        Field::UByte(value) => f64::from(*value),
        Field::UShort(value) => f64::from(*value),
        Field::UInt(value) => f64::from(*value),
        Field::ULong(value) => exact(i64::try_from(*value).ok()?).ok()?,
        Field::Float(value) => f64::from(*value),
        Field::Double(value) => *value,
        _ => return None,
    })
}

/// A file of which several columns are read by turns.
struct Chunks {
    reader: Arc<Mutex<BufReader<Box<dyn Seekable>>>>,
    byte_count: u64,
}

/// A place in such a file.
struct Chunk {
    reader: Arc<Mutex<BufReader<Box<dyn Seekable>>>>,
    position: u64,
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.byte_count
    }
}

impl ChunkReader for Chunks {
    type T = BufReader<Chunk>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(BufReader::new(Chunk { reader: self.reader.clone(), position: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        // A length out of a broken header must not be taken from memory before it is read.
        if length > self.byte_count.saturating_sub(start) {
            let (end, all) = (start.saturating_add(length), self.byte_count);
            return Err(ParquetError::General(format!("bytes up to {end} of {all}")));
        }
        let mut bytes = Vec::new();
        Chunk { reader: self.reader.clone(), position: start }
            .take(length)
            .read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }
}

impl Read for Chunk {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        reader.seek(SeekFrom::Start(self.position))?;
        let count = reader.read(target)?;
        self.position = self.position.saturating_add(u64::try_from(count).unwrap_or(0));
        Ok(count)
    }
}
