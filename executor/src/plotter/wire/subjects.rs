//! Where messages go: the subjects and queue groups of a farming cluster.

use ulid::Ulid;

/// Where farmers ask for a plotter with room.
pub const FREE_INSTANCE: &str = "subspace.plotter.free-instance";

/// The queue group in which plotters listen there, so that one of them answers.
pub const PLOTTER_QUEUE: &str = "subspace.plotter";

/// Where a controller is asked for a piece.
pub const PIECE: &str = "subspace.controller.piece";

/// Where a controller is asked for many pieces.
pub const PIECES: &str = "subspace.controller.pieces";

/// The group of caches that stands for none in particular.
pub const ANY_CACHE_GROUP: &str = "_";

/// Where a plotter is given sectors.
pub fn plot_sector(plotter: Ulid) -> String {
    format!("subspace.plotter.{plotter}.plot-sector")
}

/// Where a controller is asked which cache has a piece.
pub fn find_piece_in_cache(cache_group: &str) -> String {
    format!("subspace.controller.{cache_group}.find-piece-in-cache")
}

/// Where a controller is asked which caches have pieces.
pub fn find_pieces_in_cache(cache_group: &str) -> String {
    format!("subspace.controller.{cache_group}.find-pieces-in-cache")
}

/// Where a cache is asked for a piece.
pub fn read_piece(cache: Ulid) -> String {
    format!("subspace.cache.{cache}.read-piece")
}

/// Where a cache is asked for many pieces.
pub fn read_pieces(cache: Ulid) -> String {
    format!("subspace.cache.{cache}.read-pieces")
}

/// Where a stream of responses is received that nobody else receives.
pub fn response_inbox() -> String {
    format!("stream-response.{}", Ulid::generate())
}

/// Where acknowledgements of a stream of responses are received.
pub fn acknowledgement_inbox() -> String {
    format!("stream-response-ack.{}", Ulid::generate())
}
