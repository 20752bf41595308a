//! Every decoder that meets bytes of strangers, as a plain function: the one list of fuzz targets.
//!
//! A target must come back from any bytes: no panic, no hang, no memory beyond its bounds. What it
//! accepts it also checks, for instance that encoding it again gives the same bytes.
//! `tests/fuzz.rs` runs the list on seeds and simple mutations of them; `scripts/fuzz` runs one
//! target under libFuzzer, guided by coverage. A new target is one row here and one function.

mod artefact;
mod game;
mod importing;
mod model;
mod network;
mod order;
mod plotter;
mod runtime;
mod state;
mod trace;
mod training;
mod worker;

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
    Target { name: "challenge_proof", accepts: runtime::accepts_proof, seeds: runtime::proofs },
    Target {
        name: "checkpoint",
        accepts: training::accepts_checkpoint,
        seeds: training::checkpoints,
    },
    Target { name: "data_csv", accepts: training::accepts_lines, seeds: training::lines },
    Target { name: "data_file", accepts: training::accepts_data, seeds: training::data },
    Target { name: "data_idx", accepts: importing::accepts_idx, seeds: importing::idx_files },
    Target {
        name: "data_json_lines",
        accepts: importing::accepts_json_lines,
        seeds: importing::json_lines,
    },
    Target { name: "data_npy", accepts: importing::accepts_npy, seeds: importing::npy_files },
    Target { name: "data_npz", accepts: importing::accepts_npz, seeds: importing::npz_files },
    Target { name: "data_table", accepts: importing::accepts_table, seeds: importing::tables },
    Target {
        name: "data_tensors",
        accepts: importing::accepts_tensors,
        seeds: importing::tensor_files,
    },
    Target { name: "game_move", accepts: game::accepts_move, seeds: game::moves },
    Target {
        name: "genesis_file",
        accepts: runtime::accepts_genesis,
        seeds: runtime::genesis_files,
    },
    Target { name: "model_file", accepts: training::accepts_model, seeds: training::models },
    Target { name: "model_onnx", accepts: model::accepts_onnx, seeds: model::onnx_files },
    Target { name: "order_encoding", accepts: order::accepts_encoding, seeds: order::encodings },
    Target { name: "order_json", accepts: order::accepts_json, seeds: order::json_texts },
    Target { name: "order_toml", accepts: order::accepts_toml, seeds: order::toml_texts },
    Target {
        name: "plotter_acknowledgement",
        accepts: plotter::accepts_acknowledgement,
        seeds: plotter::acknowledgements,
    },
    Target {
        name: "plotter_find_pieces",
        accepts: plotter::accepts_find_pieces,
        seeds: plotter::questions_for_pieces,
    },
    Target {
        name: "plotter_found_piece",
        accepts: plotter::accepts_found_piece,
        seeds: plotter::places_of_a_piece,
    },
    Target {
        name: "plotter_found_pieces",
        accepts: plotter::accepts_found_pieces,
        seeds: plotter::places_of_pieces,
    },
    Target {
        name: "plotter_free_instance",
        accepts: plotter::accepts_free_instance,
        seeds: plotter::answers_about_room,
    },
    Target { name: "plotter_piece", accepts: plotter::accepts_piece, seeds: plotter::no_piece },
    Target { name: "plotter_pieces", accepts: plotter::accepts_pieces, seeds: plotter::no_pieces },
    Target {
        name: "plotter_plotting",
        accepts: plotter::accepts_plotting,
        seeds: plotter::plotting_messages,
    },
    Target {
        name: "plotter_read_piece",
        accepts: plotter::accepts_read_piece,
        seeds: plotter::answers_of_a_cache,
    },
    Target {
        name: "plotter_read_pieces",
        accepts: plotter::accepts_read_pieces,
        seeds: plotter::answers_of_caches,
    },
    Target { name: "plotter_request", accepts: plotter::accepts_request, seeds: plotter::requests },
    Target {
        name: "protocol_information",
        accepts: plotter::accepts_information,
        seeds: plotter::protocol_informations,
    },
    Target {
        name: "sector_metadata",
        accepts: plotter::accepts_metadata,
        seeds: plotter::metadata_patches,
    },
    Target {
        name: "sector_piece",
        accepts: plotter::accepts_sector_piece,
        seeds: plotter::piece_patches,
    },
    Target {
        name: "signed_call",
        accepts: runtime::accepts_signed_call,
        seeds: runtime::signed_calls,
    },
    Target { name: "state_proof", accepts: state::accepts_proof, seeds: state::proofs },
    Target { name: "trace_file", accepts: trace::accepts_trace, seeds: trace::traces },
    Target { name: "worker_job", accepts: worker::accepts_job, seeds: worker::jobs },
    Target { name: "worker_pipe", accepts: worker::accepts_pipe, seeds: worker::pipes },
    Target { name: "worker_said", accepts: worker::accepts_said, seeds: worker::said },
    Target { name: "worker_told", accepts: worker::accepts_told, seeds: worker::told },
];
