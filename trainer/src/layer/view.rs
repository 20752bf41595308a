//! candle storage as the views that the kernels take.

use aipot_kernels::matrix::Matrix;
use candle_core::{CpuStorage, Error, Layout, Result};

/// A tensor of two sides as a matrix, whatever its strides.
pub(crate) fn matrix<'values>(
    storage: &'values CpuStorage,
    layout: &Layout,
) -> Result<Matrix<'values>> {
    let shape = layout.shape().dims2()?;
    let values = storage.as_slice::<f32>()?.get(layout.start_offset()..).unwrap_or_default();
    let strides = match *layout.stride() {
        [down, right] => (down, right),
        _ => return Err(Error::msg("a matrix has two strides")),
    };
    Matrix::strided(values, shape, strides).map_err(Error::wrap)
}

/// A contiguous tensor as its values.
pub(crate) fn values<'values>(
    storage: &'values CpuStorage,
    layout: &Layout,
) -> Result<&'values [f32]> {
    let values = storage.as_slice::<f32>()?;
    let range = layout.contiguous_offsets().map(|(start, end)| start..end);
    let contiguous = range.and_then(|range| values.get(range));
    contiguous.ok_or_else(|| Error::msg("the tensor is not contiguous"))
}
