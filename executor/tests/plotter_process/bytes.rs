//! SCALE by hand, as far as the wire of the cluster needs it.

/// A compact length.
pub(crate) fn compact(number: usize) -> Vec<u8> {
    let number = u32::try_from(number).unwrap();
    match number {
        0..0x40 => vec![u8::try_from(number << 2).unwrap()],
        0x40..0x4000 => u16::try_from(number << 2 | 1).unwrap().to_le_bytes().to_vec(),
        0x4000..0x4000_0000 => (number << 2 | 2).to_le_bytes().to_vec(),
        _ => [&[3][..], &number.to_le_bytes()].concat(),
    }
}

/// Bytes or text with their length.
pub(crate) fn counted(bytes: &[u8]) -> Vec<u8> {
    [&compact(bytes.len())[..], bytes].concat()
}

/// One message of a stream: with a subject for acknowledgements it is not the last.
pub(crate) fn stream_message(index: u32, items: &[Vec<u8>], subject: Option<&str>) -> Vec<u8> {
    let mut message = vec![u8::from(subject.is_none())];
    message.extend(index.to_le_bytes());
    message.extend(compact(items.len()));
    message.extend(items.concat());
    message.extend(subject.map(|subject| counted(subject.as_bytes())).unwrap_or_default());
    message
}

/// Reads bytes from the front.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.take(1)[0]
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take(2).try_into().unwrap())
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().unwrap())
    }

    pub(crate) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take(8).try_into().unwrap())
    }

    pub(crate) fn compact(&mut self) -> usize {
        match self.0[0] & 3 {
            0 => usize::from(self.byte() >> 2),
            1 => usize::from(self.u16() >> 2),
            2 => usize::try_from(self.u32() >> 2).unwrap(),
            _ => panic!("longer than anything here"),
        }
    }

    pub(crate) fn counted(&mut self) -> &'a [u8] {
        let count = self.compact();
        self.take(count)
    }

    pub(crate) fn text(&mut self) -> String {
        String::from_utf8(self.counted().to_vec()).unwrap()
    }

    /// Nothing may be left over.
    pub(crate) fn end(self) {
        assert!(self.0.is_empty(), "{} bytes are left over", self.0.len());
    }
}
