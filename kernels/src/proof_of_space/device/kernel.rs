//! The kernels of tables, in both languages.

use aipot_shaders::{cuda, space};

use crate::device::Kernel;

/// A kernel of 256 invocations a workgroup.
const fn wide(name: &'static str, wgsl: &'static str, cuda: &'static str) -> Kernel {
    Kernel { name, wgsl: Some(wgsl), cuda, workgroup_size: 256 }
}

pub(super) const FIRST_VALUES: Kernel =
    wide("space_first_values", space::FIRST_VALUES, cuda::SPACE_FIRST_VALUES);
pub(super) const SCATTER: Kernel = wide("space_scatter", space::SCATTER, cuda::SPACE_SCATTER);
pub(super) const SORT_BUCKETS: Kernel =
    wide("space_sort_buckets", space::SORT_BUCKETS, cuda::SPACE_SORT_BUCKETS);
pub(super) const MATCH: Kernel = wide("space_match", space::MATCH, cuda::SPACE_MATCH);
pub(super) const CHOOSE: Kernel = wide("space_choose", space::CHOOSE, cuda::SPACE_CHOOSE);
pub(super) const WINNERS: Kernel = wide("space_winners", space::WINNERS, cuda::SPACE_WINNERS);
pub(super) const RANK: Kernel = wide("space_rank", space::RANK, cuda::SPACE_RANK);
pub(super) const TRACE: Kernel = Kernel {
    name: "space_trace",
    wgsl: Some(space::TRACE),
    cuda: cuda::SPACE_TRACE,
    workgroup_size: 64,
};
