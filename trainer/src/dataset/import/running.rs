//! Running text: its bytes as they are, or cut at ends of lines into pieces that a tokenizer takes.

use std::io::Write;

use super::{ImportError, Input, Place, Problem};
use crate::tokenizer::Tokenizer;

/// Bytes of text in memory at a time. A tokenizer sees no further, so the tokens depend on it.
const PIECE_BYTES: u64 = 1 << 16;

/// A stretch of a text file.
#[derive(Debug)]
pub struct RunningText {
    input: Input,
    position: u64,
    end: u64,
    bytes: Vec<u8>,
    used: usize,
}

impl RunningText {
    /// The whole of a file.
    pub fn whole(input: Input) -> Self {
        let end = input.byte_count();
        Self { input, position: 0, end, bytes: Vec::new(), used: 0 }
    }

    /// What lies before and what lies behind the first end of a line at or behind a byte; behind a single
    /// character where lines are very long.
    ///
    /// # Errors
    /// [`ImportError`] when the file cannot be read.
    pub fn parts(mut input: Input, near: u64, again: Input) -> Result<(Self, Self), ImportError> {
        input.seek(near)?;
        let mut bytes = Vec::new();
        let read = input.append(PIECE_BYTES, &mut bytes);
        read.map_err(|source| input.error(Place::Offset(near), Problem::Read { source }))?;
        let line = bytes.iter().position(|byte| *byte == b'\n');
        let character = || bytes.iter().position(|byte| is_first(*byte));
        let behind =
            line.map(|end| end.saturating_add(1)).or_else(character).unwrap_or(bytes.len());
        let cut = near.saturating_add(u64::try_from(behind).unwrap_or_default());
        input.seek(0)?;
        let mut test = Self::whole(again);
        test.input.seek(cut)?;
        test.position = cut;
        Ok((Self { end: cut, ..Self::whole(input) }, test))
    }

    /// What errors call the file.
    pub fn name(&self) -> &str {
        self.input.name()
    }

    /// How many bytes are left to read.
    pub fn left(&self) -> u64 {
        self.end.saturating_sub(self.position)
    }

    /// The next bytes; none at the end.
    ///
    /// # Errors
    /// [`ImportError`] when the file cannot be read.
    pub fn bytes(&mut self) -> Result<&[u8], ImportError> {
        self.bytes.clear();
        self.fill()?;
        Ok(&self.bytes)
    }

    /// The next piece of text, up to an end of a line where there is one; empty at the end.
    ///
    /// # Errors
    /// [`Problem::NotUtf8`] with the offset.
    pub fn text(&mut self) -> Result<&str, ImportError> {
        self.bytes.drain(..self.used);
        self.fill()?;
        let length = if self.left() == 0 { self.bytes.len() } else { piece_length(&self.bytes) };
        self.used = length;
        let buffered = u64::try_from(self.bytes.len()).unwrap_or(u64::MAX);
        std::str::from_utf8(&self.bytes[..length]).map_err(|error| {
            let start = self.position.saturating_sub(buffered);
            let inside = u64::try_from(error.valid_up_to()).unwrap_or(u64::MAX);
            self.input.error(Place::Offset(start.saturating_add(inside)), Problem::NotUtf8)
        })
    }

    fn fill(&mut self) -> Result<(), ImportError> {
        let buffered = u64::try_from(self.bytes.len()).unwrap_or(u64::MAX);
        let wanted = PIECE_BYTES.saturating_sub(buffered).min(self.left());
        let read = self.input.append(wanted, &mut self.bytes);
        let place = Place::Offset(self.position);
        let read =
            read.map_err(|source| self.input.error(place.clone(), Problem::Read { source }))?;
        let found = u64::try_from(read).unwrap_or(u64::MAX);
        if found < wanted {
            return Err(self.input.error(place, Problem::Truncated { expected: wanted, found }));
        }
        self.position = self.position.saturating_add(found);
        Ok(())
    }
}

/// Whether a byte begins a character of UTF-8.
fn is_first(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

/// How much of a full buffer is a piece: up to the last end of a line, or else before the last character.
fn piece_length(bytes: &[u8]) -> usize {
    let line = bytes.iter().rposition(|byte| *byte == b'\n').map(|end| end.saturating_add(1));
    let character = || bytes.iter().rposition(|byte| is_first(*byte)).filter(|place| *place > 0);
    line.or_else(character).unwrap_or(bytes.len())
}

/// Copies text as it is and says how many bytes there were.
///
/// # Errors
/// [`ImportError`] when it cannot be read or written.
pub fn write_text(text: &mut RunningText, target: &mut dyn Write) -> Result<u64, ImportError> {
    let mut byte_count = 0_u64;
    loop {
        let bytes = text.bytes()?;
        if bytes.is_empty() {
            return Ok(byte_count);
        }
        byte_count = byte_count.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        target.write_all(bytes).map_err(|source| written(text.name(), source))?;
    }
}

/// Writes the tokens of text, `value_bytes` little-endian bytes each, and says how many there were.
///
/// # Errors
/// [`ImportError`] when the text is not UTF-8 or a token is outside the vocabulary.
pub fn write_tokens(
    text: &mut RunningText,
    tokenizer: &Tokenizer,
    target: &mut dyn Write,
    watch: &mut dyn FnMut(u64),
) -> Result<u64, ImportError> {
    let width = usize::from(tokenizer.value_bytes());
    let mut token_count = 0_u64;
    let mut bytes = Vec::new();
    loop {
        let piece = text.text()?;
        if piece.is_empty() {
            return Ok(token_count);
        }
        let tokens = tokenizer.running(piece).map_err(|source| tokenized(text.name(), source))?;
        bytes.clear();
        for token in &tokens {
            bytes.extend(token.to_le_bytes().iter().take(width));
        }
        target.write_all(&bytes).map_err(|source| written(text.name(), source))?;
        token_count = token_count.saturating_add(u64::try_from(tokens.len()).unwrap_or(u64::MAX));
        watch(text.left());
    }
}

pub(super) fn written(file: &str, source: std::io::Error) -> ImportError {
    let file = format!("the file made of {file}");
    ImportError { file, place: Place::Whole, problem: Problem::Write { source } }
}

fn tokenized(file: &str, source: crate::tokenizer::TokenizerError) -> ImportError {
    let problem = Problem::Foreign { source: Box::new(source) };
    ImportError { file: file.to_owned(), place: Place::Whole, problem }
}
