//! Layers against their peers.

mod cut;
mod images;
mod language;
