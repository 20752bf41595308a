//! Every decoder that meets bytes of strangers, as a plain function: the one list of fuzz targets.
//!
//! A target must come back from any bytes: no panic, no hang, no memory beyond its bounds. What it
//! accepts it also checks, for instance that encoding it again gives the same bytes.
//! `tests/fuzz.rs` runs the list on seeds and simple mutations of them; `scripts/fuzz` runs one
//! target under libFuzzer, guided by coverage. A new target is one row here and one function.

mod artefact;
mod network;
mod order;
mod runtime;
mod state;
mod training;

/// One decoder under test.
#[derive(Debug)]
pub(crate) struct Target {
    /// What `scripts/fuzz` calls it; the folder of its former failures in `tests/corpus`.
    pub(crate) name: &'static str,
    /// Decodes, checks what was accepted, and says whether it was.
    pub(crate) accepts: fn(&[u8]) -> bool,
    /// Inputs that are accepted, from which mutations reach deeper than noise would.
    pub(crate) seeds: fn() -> Vec<Vec<u8>>,
}

/// All targets, by name.
pub(crate) const TARGETS: &[Target] = &[
    Target { name: "artefact_range", accepts: artefact::accepts_range, seeds: artefact::ranges },
    Target {
        name: "artefact_request",
        accepts: network::accepts_request,
        seeds: network::requests,
    },
    Target {
        name: "artefact_response",
        accepts: network::accepts_response,
        seeds: network::responses,
    },
    Target { name: "bundle", accepts: network::accepts_bundle, seeds: network::bundles },
    Target {
        name: "call_sequence",
        accepts: runtime::accepts_calls,
        seeds: runtime::call_sequences,
    },
    Target {
        name: "checkpoint",
        accepts: training::accepts_checkpoint,
        seeds: training::checkpoints,
    },
    Target { name: "data_csv", accepts: training::accepts_data, seeds: training::data },
    Target {
        name: "genesis_file",
        accepts: runtime::accepts_genesis,
        seeds: runtime::genesis_files,
    },
    Target { name: "model_file", accepts: training::accepts_model, seeds: training::models },
    Target { name: "order_encoding", accepts: order::accepts_encoding, seeds: order::encodings },
    Target { name: "order_json", accepts: order::accepts_json, seeds: order::json_texts },
    Target { name: "order_toml", accepts: order::accepts_toml, seeds: order::toml_texts },
    Target {
        name: "signed_call",
        accepts: runtime::accepts_signed_call,
        seeds: runtime::signed_calls,
    },
    Target { name: "state_proof", accepts: state::accepts_proof, seeds: state::proofs },
];
