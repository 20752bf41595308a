//! Values that stay on a device, and where matrices lie in them.

use super::{OperatorError, Operators};
use crate::blake3_tree::device::root_of_words;
use crate::device::{ComputeDevice, read_words};

/// f32 values on a device.
#[derive(Debug)]
pub struct Tensor<D: ComputeDevice> {
    pub(super) words: D::Words,
    value_count: u32,
}

/// Classes, one for each row, on a device; each is known to be one of [`Self::classes`].
#[derive(Debug)]
pub struct Labels<D: ComputeDevice> {
    pub(super) words: D::Words,
    count: u32,
    classes: u32,
}

/// Where the elements of a batch of matrices lie, in values: element (row, column) of matrix (outer, inner)
/// and group g is at `offset + row * row_stride + column * column_stride + outer * outer_stride +
/// inner * inner_stride + g * group_stride`.
///
/// # Units
/// Values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Layout {
    /// Where the first element lies.
    pub offset: u32,
    /// From row to row.
    pub row_stride: u32,
    /// From column to column.
    pub column_stride: u32,
    /// From matrix to matrix of the outer batch, such as examples.
    pub outer_stride: u32,
    /// From matrix to matrix of the inner batch, such as heads.
    pub inner_stride: u32,
    /// From group to group of K.
    pub group_stride: u32,
}

impl<D: ComputeDevice> Tensor<D> {
    /// How many values there are.
    pub fn value_count(&self) -> u32 {
        self.value_count
    }

    /// Refuses another number of values.
    pub(super) fn check(
        &self,
        operator: &'static str,
        operand: &'static str,
        wanted: u32,
    ) -> Result<(), OperatorError> {
        check_length(operator, operand, (wanted, self.value_count))
    }
}

impl<D: ComputeDevice> Labels<D> {
    /// How many labels there are.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// How many classes there are.
    pub fn classes(&self) -> u32 {
        self.classes
    }
}

impl Layout {
    /// Dense rows.
    pub fn dense(columns: u32) -> Self {
        Self { row_stride: columns, column_stride: 1, ..Self::default() }
    }

    /// The same elements with rows and columns swapped.
    #[must_use]
    pub fn transposed(self) -> Self {
        Self { row_stride: self.column_stride, column_stride: self.row_stride, ..self }
    }

    /// Values that are reached over by so many rows, columns, outer and inner matrices and groups.
    pub(super) fn reach(self, counts: [u32; 5]) -> u64 {
        if counts.contains(&0) {
            return 0;
        }
        let strides = [
            self.row_stride,
            self.column_stride,
            self.outer_stride,
            self.inner_stride,
            self.group_stride,
        ];
        let steps = counts.iter().zip(strides);
        // Six products of 32 bits each fit no 64 bits together; a sum that saturates is out of bounds.
        steps.fold(u64::from(self.offset) + 1, |reach, (count, stride)| {
            reach.saturating_add(u64::from(count - 1) * u64::from(stride))
        })
    }

    /// As the kernels read it.
    pub(super) fn words(self) -> [u32; 6] {
        let Self { offset, row_stride, column_stride, outer_stride, inner_stride, group_stride } =
            self;
        [offset, row_stride, column_stride, outer_stride, inner_stride, group_stride]
    }
}

impl<D: ComputeDevice> Operators<'_, D> {
    /// Makes room for values, all +0.
    ///
    /// # Errors
    /// [`OperatorError::Device`] when there is no room.
    pub fn zeros(&self, value_count: u32) -> Result<Tensor<D>, OperatorError> {
        let failed = |source| OperatorError::Device { operator: "zeros", source };
        let words = self.device.allocate("tensor", u64::from(value_count)).map_err(failed)?;
        Ok(Tensor { words, value_count })
    }

    /// Brings values to the device.
    ///
    /// # Errors
    /// [`OperatorError::Device`] when there is no room, [`OperatorError::TooLarge`] for 2^32 values.
    pub fn upload(&self, values: &[f32]) -> Result<Tensor<D>, OperatorError> {
        let value_count = count_of("upload", values.len())?;
        let failed = |source| OperatorError::Device { operator: "upload", source };
        let words = self.device.upload("tensor", bytemuck::cast_slice(values)).map_err(failed)?;
        Ok(Tensor { words, value_count })
    }

    /// Overwrites all values of a tensor.
    ///
    /// # Errors
    /// [`OperatorError::WrongLength`] when there is another number of them; as [`Self::upload`].
    pub fn overwrite(&self, tensor: &Tensor<D>, values: &[f32]) -> Result<(), OperatorError> {
        tensor.check("overwrite", "tensor", count_of("overwrite", values.len())?)?;
        let failed = |source| OperatorError::Device { operator: "overwrite", source };
        self.device.write(&tensor.words, 0, bytemuck::cast_slice(values)).map_err(failed)
    }

    /// The BLAKE3 root of the little-endian bytes of all values, computed on the device.
    ///
    /// # Errors
    /// [`OperatorError::Device`] when the device fails or does not hash so many bytes.
    pub fn root(&self, tensor: &Tensor<D>) -> Result<[u8; 32], OperatorError> {
        let byte_count = usize::try_from(tensor.value_count).unwrap_or(usize::MAX);
        let byte_count = byte_count.saturating_mul(size_of::<f32>());
        let failed = |source| OperatorError::Device { operator: "root", source };
        root_of_words(self.device, &tensor.words, byte_count).map_err(failed)
    }

    /// Brings labels or tokens to the device.
    ///
    /// # Errors
    /// [`OperatorError::LabelOutOfRange`] with the first that names no class; as [`Self::upload`].
    pub fn upload_labels(&self, labels: &[u32], classes: u32) -> Result<Labels<D>, OperatorError> {
        let count = count_of("labels", labels.len())?;
        if let Some(index) = labels.iter().position(|&label| label >= classes) {
            return Err(OperatorError::LabelOutOfRange { index, label: labels[index], classes });
        }
        let failed = |source| OperatorError::Device { operator: "labels", source };
        let words = self.device.upload("labels", labels).map_err(failed)?;
        Ok(Labels { words, count, classes })
    }

    /// Waits for everything that was started and copies values back.
    ///
    /// # Errors
    /// [`OperatorError::Device`] when the device fails.
    pub fn download(&self, tensor: &Tensor<D>) -> Result<Vec<f32>, OperatorError> {
        let count = u64::from(tensor.value_count);
        let words = read_words(self.device, "tensor", &tensor.words, count);
        let failed = |source| OperatorError::Device { operator: "download", source };
        Ok(words.map_err(failed)?.into_iter().map(f32::from_bits).collect())
    }
}

/// A length as the kernels count it.
fn count_of(operator: &'static str, length: usize) -> Result<u32, OperatorError> {
    let (size, max) = (length as u64, u64::from(u32::MAX));
    u32::try_from(length).map_err(|_| OperatorError::TooLarge { operator, size, max })
}

/// Compares the wanted with the actual length.
fn check_length(
    operator: &'static str,
    operand: &'static str,
    (wanted, actual): (u32, u32),
) -> Result<(), OperatorError> {
    if wanted == actual {
        return Ok(());
    }
    let (wanted, actual) = (u64::from(wanted), u64::from(actual));
    Err(OperatorError::WrongLength { operator, operand, wanted, actual })
}
