//! Layers against their peers.

mod cut;
mod language;
