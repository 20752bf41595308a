//! Where the kernel lies on the image and on its frame of zeros.

use std::ops::Range;

use super::Geometry;

impl Geometry {
    /// A side of the image with the frame.
    pub(super) fn framed(&self, side: usize) -> usize {
        self.padding.saturating_mul(2).saturating_add(side)
    }

    /// Places of the kernel along a side of the image.
    pub(super) fn places(&self, side: usize) -> usize {
        let free = self.framed(side).checked_sub(self.kernel);
        free.and_then(|free| free.checked_div(self.stride)).map_or(0, |steps| steps + 1)
    }

    /// The places along a side from which the value `at` of the kernel lies on the image and not on its
    /// frame.
    pub(super) fn inside(&self, side: usize, at: usize) -> Range<usize> {
        let places = self.places(side);
        let first = self.padding.saturating_sub(at).div_ceil(self.stride).min(places);
        let end = (side + self.padding).saturating_sub(at).div_ceil(self.stride).min(places);
        first..end.max(first)
    }

    /// What lies under the value `at` of the kernel at a place inside.
    pub(super) fn under(&self, place: usize, at: usize) -> usize {
        place * self.stride + at - self.padding
    }

    /// Where the kernel at pixel `p` finds the value `k` of its column within an image; `None` on the
    /// frame.
    pub(super) fn source(&self, p: usize, k: usize) -> Option<usize> {
        let (channel, ky, kx) = self.place(k);
        let (oy, ox) = (p / self.output_width(), p % self.output_width());
        let is_inside =
            self.inside(self.height, ky).contains(&oy) && self.inside(self.width, kx).contains(&ox);
        let row = || channel * self.height + self.under(oy, ky);
        is_inside.then(|| row() * self.width + self.under(ox, kx))
    }
}
