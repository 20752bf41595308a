//! Images as they might also have been taken: mirrored, and moved a little within their frame.
//!
//! What happens to an image follows from the seed and the number of its draw alone, so a run that
//! goes on later, or is split in another way, sees the same images.

use std::num::NonZeroU64;

use aipot_domain_runtime::order::ImageShape;
use aipot_kernels::chacha8::ChaChaStream;
use parity_scale_codec::{Decode, Encode};

use crate::batch_order::seed_bytes;

/// Names the stream of the changes; the counter is the draw.
const AUGMENTATION_DOMAIN: &str = "augmentation";

/// How images are changed.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Encode, Decode)]
pub struct Augmentation {
    /// Half of the images are mirrored left to right.
    pub flip: bool,
    /// Images are framed by so many zeros on each side, and a piece of their old size is cut out somewhere.
    pub crop_padding: u32,
}

impl Augmentation {
    /// Images stay as they are.
    pub const NONE: Self = Self { flip: false, crop_padding: 0 };

    /// Changes one image; `draw` is its number in the run, from the first row of the first step on.
    ///
    /// The image is mirrored first and moved then; features of another length are left as they are.
    ///
    /// # Shapes
    /// `[channel, row, column]`.
    pub fn apply(&self, image: ImageShape, seed: u64, draw: u64, features: &mut [f32]) {
        let sides = [image.channels, image.height, image.width].map(usize::try_from);
        let [Ok(channels), Ok(height), Ok(width)] = sides else { return };
        let plane = height.saturating_mul(width);
        if plane == 0 || features.len() != plane.saturating_mul(channels) {
            return;
        }
        let mut stream = ChaChaStream::derive(&seed_bytes(seed), AUGMENTATION_DOMAIN, draw);
        if self.flip && stream.next_u32() & 1 == 1 {
            features.chunks_exact_mut(width).for_each(<[f32]>::reverse);
        }
        if self.crop_padding > 0 {
            let (down, right) = (self.offset(&mut stream), self.offset(&mut stream));
            let size = (height, width);
            features.chunks_exact_mut(plane).for_each(|plane| moved(plane, size, (down, right)));
        }
    }

    /// How far an image is moved, from minus the padding to the padding.
    fn offset(self, stream: &mut ChaChaStream) -> i64 {
        let padding = i64::from(self.crop_padding);
        let choices = u64::from(self.crop_padding).saturating_mul(2).saturating_add(1);
        let choices = NonZeroU64::new(choices).unwrap_or(NonZeroU64::MIN);
        i64::try_from(stream.below(choices)).unwrap_or(padding).saturating_sub(padding)
    }
}

/// Moves a plane; zeros come in where it came from.
fn moved(plane: &mut [f32], (height, width): (usize, usize), (down, right): (i64, i64)) {
    // Rows are written in the direction in which each is read before it is written over.
    let rows: &mut dyn Iterator<Item = usize> =
        if down > 0 { &mut (0..height).rev() } else { &mut (0..height) };
    for row in rows {
        match place_before(row, down, height) {
            Some(source) => {
                plane.copy_within(source * width..(source + 1) * width, row * width);
                move_row(&mut plane[row * width..][..width], right);
            }
            None => plane[row * width..][..width].fill(0.0),
        }
    }
}

fn move_row(row: &mut [f32], right: i64) {
    let width = row.len();
    let distance = usize::try_from(right.unsigned_abs()).unwrap_or(usize::MAX).min(width);
    if right > 0 {
        row.copy_within(..width - distance, distance);
        row[..distance].fill(0.0);
    } else {
        row.copy_within(distance.., 0);
        row[width - distance..].fill(0.0);
    }
}

/// Where a row lay before a move; `None` outside the image.
fn place_before(place: usize, distance: i64, count: usize) -> Option<usize> {
    let source = i64::try_from(place).ok()?.checked_sub(distance)?;
    usize::try_from(source).ok().filter(|source| *source < count)
}

#[cfg(test)]
mod tests;
