//! Networks that really talk, over loopback, each test with its own ports.

mod artefacts;
mod connections;
mod gossip;
mod node;
