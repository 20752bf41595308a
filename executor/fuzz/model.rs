//! Models that were made elsewhere: networks in ONNX, and the base that an order gets of them.

use aipot_trainer::base_file::read_own_base;
use aipot_trainer::import::read_onnx;

/// Reads a network; what is written of it is read again as the order's own base.
pub(crate) fn accepts_onnx(bytes: &[u8]) -> bool {
    let Ok(written) = read_onnx(bytes).and_then(aipot_trainer::import::Imported::write) else {
        return false;
    };
    let base = read_own_base(&written.base, &written.specification);
    assert!(base.is_ok_and(|base| base.is_some()), "a base that its own order refuses");
    true
}

pub(crate) fn onnx_files() -> Vec<Vec<u8>> {
    vec![include_bytes!("../../trainer/src/import/fixtures/operators.onnx").to_vec()]
}
