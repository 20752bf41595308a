//! The data set that ships with the program, so that the first order needs no download.

/// 1,797 handwritten digits of 8 x 8 pixels, each 0 to 16, and the label 0 to 9.
///
/// # Source
/// `data/digits/README.md` in this crate says where they come from and under which licence.
pub fn digits() -> &'static [u8] {
    include_bytes!("../../data/digits/digits.csv")
}

/// The whole of a pixel of [`digits`], by which features are divided.
pub const DIGITS_DIVISOR: u32 = 16;
