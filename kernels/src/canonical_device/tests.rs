//! What the tests of all operators share, and what holds for all of them.

mod step;

use super::*;
use crate::blake3_tree::root;
use crate::canonical::canonical;
#[cfg(not(feature = "cuda-emulation"))]
use crate::cuda::device::CudaDevice;
#[cfg(feature = "cuda-emulation")]
use crate::cuda::emulation::EmulatedDevice;
use crate::fixtures::{self, bits};
use crate::gpu::Gpu;

/// Counts around the edges of warps, workgroups and blocks of K.
pub(super) const EDGES: &[u32] = &[0, 1, 2, 31, 32, 33, 255, 256, 257, 511, 512, 513];

/// Normal numbers from a stream named by `counter`.
pub(super) fn normals(counter: u32, count: u32) -> Vec<f32> {
    fixtures::normals("canonical device", size(counter), size(count))
}

/// Normal numbers with an awkward one in every place whose index divides by `every`.
pub(super) fn awkward(counter: u32, count: u32, every: usize) -> Vec<f32> {
    fixtures::awkward("canonical device", size(counter), size(count), every)
}

pub(super) fn size(size: u32) -> usize {
    usize::try_from(size).unwrap()
}

/// The canonical product of terms: blocks of 512 of each group, each summed from +0, then added in order.
pub(super) fn product_of(groups: &[Vec<(f32, f32)>]) -> f32 {
    let blocks = groups.iter().flat_map(|terms| terms.chunks(512));
    let sums = blocks.map(|block| block.iter().fold(0.0, |sum, (l, r)| l.mul_add(*r, sum)));
    canonical(sums.reduce(|total: f32, sum| total + sum).unwrap_or(0.0))
}

/// Fails with the first place that differs.
pub(super) fn assert_same(actual: &[f32], expected: &[f32], case: &str) {
    let (actual, expected) = (bits(actual), bits(expected));
    assert_eq!(actual.len(), expected.len(), "{case}");
    let first = actual.iter().zip(&expected).position(|(left, right)| left != right);
    let shown = first.map(|place| (place, actual[place], expected[place]));
    assert_eq!(shown, None, "{case}: place, actual and expected bits");
}

/// The device of all these tests: this process, or without the emulation the first NVIDIA device.
#[cfg(feature = "cuda-emulation")]
pub(super) type TestDevice = EmulatedDevice;
#[cfg(not(feature = "cuda-emulation"))]
pub(super) type TestDevice = CudaDevice;

#[cfg(feature = "cuda-emulation")]
pub(super) fn device() -> TestDevice {
    EmulatedDevice::new()
}

#[cfg(not(feature = "cuda-emulation"))]
pub(super) fn device() -> TestDevice {
    CudaDevice::open(0).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs `work` over operators on a device.
pub(super) fn with_operators<T>(work: impl FnOnce(Operators<'_, TestDevice>) -> T) -> T {
    let device = device();
    work(Operators::new(&device))
}

#[test]
fn cuda_values_come_back_as_they_went() {
    let device = device();
    let operators = Operators::new(&device);
    let values = awkward(0, 300, 7);
    let tensor = operators.upload(&values).unwrap();
    assert_eq!(tensor.value_count(), 300);
    assert_same(&operators.download(&tensor).unwrap(), &values, "round trip");
    assert_eq!(bits(&operators.download(&operators.zeros(3).unwrap()).unwrap()), [0; 3]);
}

#[test]
fn cuda_tensors_are_overwritten_as_a_whole_and_hashed_where_they_are() {
    with_operators(|operators| {
        for &count in &[0, 1, 256, 257, 5000] {
            let tensor = operators.zeros(count).unwrap();
            let values = awkward(count, count, 3);
            operators.overwrite(&tensor, &values).unwrap();
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            assert_eq!(operators.root(&tensor).unwrap(), root(&bytes), "{count} values");
            let error = operators.overwrite(&tensor, &[1.0; 3]).unwrap_err();
            assert!(
                matches!(error, OperatorError::WrongLength { actual, .. } if actual == u64::from(count)),
                "{error}"
            );
        }
    });
}

#[test]
fn cuda_labels_that_name_no_class_are_refused() {
    let device = device();
    let operators = Operators::new(&device);
    let error = operators.upload_labels(&[0, 2, 3], 3).unwrap_err();
    let OperatorError::LabelOutOfRange { index, label, classes } = error else { panic!("{error}") };
    assert_eq!((index, label, classes), (2, 3, 3));
}

#[test]
fn cuda_tensors_of_other_lengths_are_refused_with_both_sides() {
    let device = device();
    let operators = Operators::new(&device);
    let (short, long) = (operators.zeros(3).unwrap(), operators.zeros(4).unwrap());
    let error = operators.unary(Unary::Exp, &long, &short).unwrap_err();
    let OperatorError::WrongLength { operand, wanted, actual, .. } = error else {
        panic!("{error}")
    };
    assert_eq!((operand, wanted, actual), ("output", 4, 3));
}

#[test]
fn wgpu_devices_are_refused_by_name() {
    let gpu = Gpu::open().unwrap_or_else(|error| panic!("{error}"));
    let operators = Operators::new(&gpu);
    let values = operators.zeros(1).unwrap();
    let error = operators.unary(Unary::Exp, &values, &values).unwrap_err();
    let OperatorError::Device { source, .. } = error else { panic!("{error}") };
    assert!(matches!(source, GpuError::OnlyInCuda { kernel: "canonical_elements" }), "{source}");
}
